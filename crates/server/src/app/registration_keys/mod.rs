//! Registration keys: one for each organisation.

mod close;
mod rotate;

use strongroom_api::v1;
use strongroom_base::clock::Timestamp;
use strongroom_db::registration_keys::{self, Stored};
use strongroom_domain::organisation::OrganisationState;
use strongroom_domain::registration::KeyRefusal;

use super::words::moment;
use super::{Fault, View};

pub use close::close;
pub use rotate::rotate;

/// Returns the key of the organisation of the path, masked.
pub async fn read(view: &View) -> Result<v1::RegistrationKey, Fault> {
    let organisation = view.organisation()?.id;
    let found = registration_keys::find(&view.reading, organisation).await?;
    let stored = found.ok_or(Fault::Unseen)?;
    Ok(shown(&stored, view.tree.state(organisation), view.now))
}

fn shown(stored: &Stored, organisation: OrganisationState, now: Timestamp) -> v1::RegistrationKey {
    let key = stored.key;
    v1::RegistrationKey {
        organisation: stored.organisation.to_string(),
        masked: stored.masked.clone(),
        key: None,
        state: match key.check(organisation, now) {
            Ok(()) => v1::RegistrationKeyState::Good,
            Err(KeyRefusal::Expired) => v1::RegistrationKeyState::Expired,
            Err(KeyRefusal::UsedUp) => v1::RegistrationKeyState::UsedUp,
            Err(KeyRefusal::OrganisationNotActive) => {
                v1::RegistrationKeyState::OrganisationNotActive
            }
            Err(_closed) => v1::RegistrationKeyState::Closed,
        },
        made: moment(key.made),
        expires: key.expires.map(moment),
        uses_max: key.uses_max,
        uses: key.uses,
        version: stored.version,
    }
}
