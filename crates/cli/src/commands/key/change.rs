//! `strongroom key rotate` and `key password`

use std::path::Path;
use strongroom_base::with_causes;

use serde_json::json;
use strongroom_agent::Published;
use strongroom_agent::keys::{self, WhichPassword};
use strongroom_agent::profile::KeyPlace;

use super::{Password, Place};
use crate::commands::init::place;
use crate::context::Context;
use crate::failure::Failure;
use crate::secrets;

/// Makes a new custody key.
pub(super) fn rotate(
    context: &Context<'_>,
    password_file: Option<&Path>,
    drop_passwords: bool,
) -> Result<(), Failure> {
    let profile = context.profile()?;
    let password = password_file.map(|file| secrets::password_to_guard(Some(file)));
    let password = password.transpose()?;
    let published = keys::rotate(&profile, password.as_ref(), drop_passwords, &context.random)?;
    report(context, "the custody key is a new one", &published)?;
    context
        .output
        .note("Copies of the old key open what is new no more; export the new key now.");
    context
        .output
        .note("What the old key could read before may have been read.");
    Ok(())
}

/// Moves this computer's copy of the custody key.
pub(super) fn relocate(context: &Context<'_>, to: Place) -> Result<(), Failure> {
    let profile = context.profile()?;
    let to = match to {
        Place::Os => KeyPlace::Keystore,
        Place::File => KeyPlace::File,
    };
    let moved = profile.move_custody_key(to)?;
    let place = place(&profile, to);
    if context.output.is_json() {
        return context
            .output
            .object(&json!({ "place": place, "moved": moved }));
    }
    let there = if moved { "now" } else { "already" };
    context
        .output
        .done(&format!("the custody key is {there} in {place}"))
}

/// Sets, changes or removes a private password.
pub(super) fn password(context: &Context<'_>, command: Password) -> Result<(), Failure> {
    let profile = context.profile()?;
    let random = &context.random;
    match command {
        Password::Set {
            private_password_file,
        } => {
            let password = secrets::password_to_guard(private_password_file.as_deref())?;
            let published = keys::set_password(&profile, &password, random)?;
            report(context, "the private password is set", &published)
        }
        Password::Change {
            private_password_file,
            new_password_file,
        } => {
            let old = secrets::password_to_open(private_password_file.as_deref())?;
            let new = secrets::password_to_guard(new_password_file.as_deref())?;
            let published = keys::change_password(&profile, &old, &new, random)?;
            report(context, "the private password is changed", &published)
        }
        Password::Remove {
            private_password_file,
            slot,
            all,
        } => {
            let which = match (slot, all) {
                (Some(slot), _) => WhichPassword::Slot(slot),
                (None, true) => WhichPassword::All,
                (None, false) => {
                    let file = private_password_file.as_deref();
                    WhichPassword::Opened(secrets::password_to_open(file)?)
                }
            };
            let published = keys::remove_password(&profile, &which, random)?;
            report(context, "the private password is removed", &published)
        }
    }
}

/// Says where the change has arrived.
fn report(context: &Context<'_>, done: &str, published: &[Published]) -> Result<(), Failure> {
    let output = context.output;
    for change in published {
        for there in &change.unreached {
            let message = format!(
                "cannot be reached: what opened archive {} there opens it still, until the next backup \
                 reaches it ({})",
                change.archive,
                with_causes(&there.reason)
            );
            output.warning(&there.name, &message);
        }
        for name in &change.kept_old {
            output.warning(
                name,
                "keeps the old keys: what opened them opens them still",
            );
        }
    }
    if output.is_json() {
        let archives: Vec<_> = published
            .iter()
            .map(|change| {
                let unreached: Vec<_> = change.unreached.iter().map(|there| &there.name).collect();
                json!({
                    "archive": change.archive.to_string(),
                    "settled": change.settled,
                    "kept_old": change.kept_old,
                    "unreached": unreached,
                })
            })
            .collect();
        return output.object(&json!({ "archives": archives }));
    }
    output.done(done)
}
