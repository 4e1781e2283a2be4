//! Closes a registration key.

use strongroom_api::v1;
use strongroom_db::registration_keys::{self, Stored};

use super::shown;
use crate::app::audit::Event;
use crate::app::{Deed, Fault};

/// Closes the key of the organisation of the path: nobody registers with it any more.
pub async fn close(deed: &mut Deed) -> Result<v1::RegistrationKey, Fault> {
    let organisation = deed.organisation()?;
    let found = registration_keys::find(&deed.writing, organisation.id).await?;
    let stored = found.ok_or(Fault::Unseen)?;
    if stored.key.closed.is_some() {
        return Err(Fault::refused("the registration key is closed already"));
    }
    let closed = Stored {
        key: stored.key.closed(deed.now),
        ..stored
    };
    let stored = registration_keys::store(&deed.writing, &closed).await?;
    let event = Event::of_organisation("registration-key.closed", &organisation)
        .with("key", stored.masked.clone());
    deed.record(event).await?;
    Ok(shown(&stored, deed.tree.state(organisation.id), deed.now))
}
