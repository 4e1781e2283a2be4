//! `strongroom init`

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::json;
use strongroom_agent::access::Credential;
use strongroom_agent::profile::{KeyPlace, Profile, WantedPlace, read_exported_key};
use strongroom_agent::{AdoptRequest, AgentError, Initialized, Progress, Suite, init};
use strongroom_base::ids::ArchiveId;

use crate::commands::repair::tools;
use crate::commands::reports;
use crate::context::Context;
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::progress::Printer;
use crate::secrets;

/// Arguments of `init`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// How archives are sealed: aes-128, aes-256, chacha20 or blowfish-448
    #[arg(long, value_name = "SUITE", default_value_t = Suite::Aes256)]
    suite: Suite,
    /// Let the private password in this file open the archives too; - is the standard input
    #[arg(long, value_name = "FILE")]
    private_password_file: Option<PathBuf>,
    /// Go on with the archive at this destination, a name or a URL, in place of who wrote it before; the
    /// exported key or the private password opens it
    #[arg(long, value_name = "NAME|URL", conflicts_with = "suite")]
    adopt: Option<String>,
    /// With --adopt: open the archive with the exported key in this file
    #[arg(
        long,
        value_name = "FILE",
        requires = "adopt",
        conflicts_with = "private_password_file"
    )]
    key_file: Option<PathBuf>,
    /// With --adopt: adopt this archive, where there are several
    #[arg(long, value_name = "ID", requires = "adopt")]
    archive: Option<ArchiveId>,
    /// Where this computer has its copy of the key
    #[arg(long, value_enum, default_value = "auto")]
    keystore: Keystore,
}

/// Where this computer has its copy of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Keystore {
    /// In the keystore of the operating system where there is one that is unlocked, else in a file
    Auto,
    /// In the keystore of the operating system
    Os,
    /// In a file that only you can read
    File,
}

impl From<Keystore> for WantedPlace {
    fn from(keystore: Keystore) -> Self {
        match keystore {
            Keystore::Auto => Self::Any,
            Keystore::Os => Self::Only(KeyPlace::Keystore),
            Keystore::File => Self::Only(KeyPlace::File),
        }
    }
}

pub(crate) fn run(context: &Context<'_>, arguments: &Arguments) -> Result<Outcome, Failure> {
    if let Some(from) = &arguments.adopt {
        return adopt(context, arguments, from);
    }
    let dir = context.environment.profile()?;
    let file = arguments.private_password_file.as_deref();
    let password = file
        .map(|file| secrets::password_to_guard(Some(file)))
        .transpose()?;
    let made = init(
        dir,
        arguments.suite,
        password.as_ref(),
        arguments.keystore.into(),
        &context.random,
    )?;
    if context.output.is_json() {
        context.output.object(&json!({
            "profile": dir.display().to_string(),
            "custody_key_id": made.custody_key_id,
            "place": place(&made.profile, made.place),
        }))?;
        return Ok(Outcome::Done);
    }
    context
        .output
        .done(&format!("made the profile {}", dir.display()))?;
    context
        .output
        .done(&format!("custody key {}", made.custody_key_id))?;
    advise(context, &made);
    Ok(Outcome::Done)
}

fn adopt(context: &Context<'_>, arguments: &Arguments, from: &str) -> Result<Outcome, Failure> {
    let dir = context.environment.profile()?;
    let held = context.profile_if_any()?;
    let held = held
        .map(|profile| profile.custody_key())
        .transpose()?
        .flatten();
    let credential = match (&arguments.key_file, &arguments.private_password_file, held) {
        (Some(file), ..) => Credential::Key(read_exported_key(file)?),
        (None, None, Some(held)) => Credential::Key(held),
        (None, file, _) if file.is_some() || secrets::can_ask() => {
            Credential::Password(secrets::password_to_open(file.as_deref())?)
        }
        _ => return Err(AgentError::NoCredential.into()),
    };
    let counters = Progress::default();
    let printer = Printer(context.output);
    let tools = tools(context, &counters, &printer);
    let request = AdoptRequest {
        from,
        current: context.environment.current(),
        archive: arguments.archive,
        credential: &credential,
    };
    let adopted = strongroom_agent::adopt(dir, &request, &tools)?;
    if let Some(fault) = &adopted.descriptor {
        context.output.warning_of("", fault);
        let hint = "hint: `strongroom destination heal` makes it again";
        context.output.note(hint);
    }
    for fault in &adopted.unread {
        context.output.warning_of("", fault);
    }
    let destinations = reports::tell(context, &adopted.destinations);
    if context.output.is_json() {
        context.output.object(&json!({
            "profile": dir.display().to_string(),
            "archive": adopted.archive.to_string(),
            "generation": adopted.head.generation.0,
            "seq": adopted.head.seq.0,
            "destinations": destinations,
        }))?;
        return Ok(reports::outcome(&adopted.destinations));
    }
    context.output.done(&format!(
        "adopted archive {} (generation {})",
        adopted.archive, adopted.head.generation.0
    ))?;
    context
        .output
        .note("Whoever wrote it before stops when it meets this record.");
    context
        .output
        .note("Add its other destinations with `strongroom destination add NAME URL`.");
    Ok(reports::outcome(&adopted.destinations))
}

/// Tells how to keep the key safe: without it, nothing can ever be restored.
pub(crate) fn advise(context: &Context<'_>, made: &Initialized) {
    let output = context.output;
    output.note("");
    output.note("Keep a copy of the key away from this computer: without it, no backup opens.");
    let program = output.program();
    for (form, what) in [
        ("--words         ", "24 words to write on paper"),
        (
            "--file FILE     ",
            "a file for a stick or a password manager",
        ),
        ("--qr --svg FILE ", "a picture to print"),
    ] {
        output.note(&format!("  {program} key export {form}    {what}"));
    }
    output.note(&format!(
        "This computer has its copy in {}.",
        place(&made.profile, made.place)
    ));
}

/// Returns the words for where the custody key is.
pub(crate) fn place(profile: &Profile, place: KeyPlace) -> String {
    match place {
        KeyPlace::File => profile.custody_path().display().to_string(),
        KeyPlace::Keystore => "the keystore of the operating system".to_owned(),
    }
}
