//! Renames passkeys, and takes them away.

use strongroom_api::v1;
use strongroom_db::passkeys;
use strongroom_domain::name::PersonName;

use super::shown;
use crate::app::audit::Event;
use crate::app::words::named;
use crate::app::{Deed, Fault, second_factor};

/// Gives the passkey of the path another name.
pub async fn rename(deed: &mut Deed, request: v1::RenamePasskey) -> Result<v1::Passkey, Fault> {
    let (mut passkey, owner) = deed.passkey()?;
    let was = passkey.name.clone();
    passkey.name = named("name", &request.name, PersonName::new)?;
    passkeys::rename(&deed.writing, passkey.id, &passkey.name).await?;
    let name = passkey.name.as_str();
    let event = Event::of_thing("passkey.renamed", "passkey", passkey.id, name, &owner);
    deed.record(event.changed("name", was.as_str(), name))
        .await?;
    Ok(shown(&passkey))
}

/// Takes the passkey of the path away. Where a second factor is required, the last one stays.
pub async fn remove(deed: &mut Deed) -> Result<(), Fault> {
    let (passkey, owner) = deed.passkey()?;
    passkeys::remove(&deed.writing, passkey.id).await?;
    second_factor::taken(deed, &owner).await?;
    let name = passkey.name.as_str();
    let event = Event::of_thing("passkey.removed", "passkey", passkey.id, name, &owner);
    deed.record(event).await
}
