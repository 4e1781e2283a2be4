//! Taking a second factor away.

use strongroom_db::second_factors;

use crate::app::audit::Event;
use crate::app::{Deed, Fault};

/// Takes the caller's own away, with the recovery codes.
pub async fn remove_own(deed: &mut Deed) -> Result<(), Fault> {
    take(deed, "the user").await
}

/// Takes that of a user away who has lost it.
pub async fn remove(deed: &mut Deed) -> Result<(), Fault> {
    take(deed, "an administrator").await
}

async fn take(deed: &mut Deed, by: &str) -> Result<(), Fault> {
    let user = deed.user()?;
    if !second_factors::remove(&deed.writing, user.account.user).await? {
        return Err(Fault::refused("the account has no second factor"));
    }
    let event = Event::of_user("user.second-factor-removed", &user).with("by", by);
    deed.record(event).await
}
