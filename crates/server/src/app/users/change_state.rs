//! Changes the state of an account.

use strongroom_api::v1;
use strongroom_db::users;
use strongroom_domain::access::{Removal, SysadminRemains};
use strongroom_domain::account::{AccountChange, Who};

use super::shown;
use crate::app::audit::Event;
use crate::app::{Deed, Fault, effects, sysadmins};

/// What is done to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountDeed {
    /// It is put to rest.
    Deactivate,
    /// It is closed.
    Block,
    /// It is active again.
    Reactivate,
    /// It is no longer blocked, but at rest.
    Unblock,
    /// Nobody signs in any more.
    Suspend,
    /// Its user may sign in again.
    Resume,
}

/// Changes the state of the account of the path.
pub async fn change_state(deed: &mut Deed, what: AccountDeed) -> Result<v1::User, Fault> {
    let user = deed.user()?;
    let remains = async || -> Result<SysadminRemains, Fault> {
        let mut who = sysadmins::who_can_sign_in(&deed.writing, &deed.tree).await?;
        who.remove(Removal::Account(user.account.user))
            .map_err(Fault::refused)
    };
    let (change, name) = match what {
        AccountDeed::Deactivate => (
            AccountChange::Deactivate(remains().await?),
            "user.deactivated",
        ),
        AccountDeed::Block => (AccountChange::Block(remains().await?), "user.blocked"),
        AccountDeed::Reactivate => (AccountChange::Reactivate, "user.reactivated"),
        AccountDeed::Unblock => (AccountChange::Unblock, "user.unblocked"),
        AccountDeed::Suspend => (AccountChange::Suspend(remains().await?), "user.suspended"),
        AccountDeed::Resume => (AccountChange::Resume, "user.resumed"),
    };
    carry_out(deed, &change, name).await
}

/// Takes the caller's own account up again, which is at rest.
pub async fn reactivate_own(deed: &mut Deed) -> Result<v1::User, Fault> {
    carry_out(deed, &AccountChange::Reactivate, "user.reactivated-own").await
}

async fn carry_out(
    deed: &mut Deed,
    change: &AccountChange,
    name: &'static str,
) -> Result<v1::User, Fault> {
    let mut user = deed.user()?;
    let was = shown(&user, &deed.tree);
    let above = deed.tree.levels(user.organisation);
    let who = Who::Person(deed.permit()?);
    let changed = user.account.change(change, who, &above, deed.now);
    let changed = changed.map_err(Fault::refused)?;
    user.account = changed.account;
    let stored = users::store(&deed.writing, &user).await?;
    let id = stored.account.user;
    effects::carry_out(&deed.writing, id, &changed.effects, deed.now).await?;
    let is = shown(&stored, &deed.tree);
    let text = |state| serde_json::to_value(state).unwrap_or_default();
    let event = Event::of_user(name, &stored)
        .changed("state", text(was.state), text(is.state))
        .changed(
            "sign_in",
            serde_json::to_value(was.sign_in).unwrap_or_default(),
            serde_json::to_value(is.sign_in).unwrap_or_default(),
        );
    deed.record(event).await?;
    Ok(is)
}
