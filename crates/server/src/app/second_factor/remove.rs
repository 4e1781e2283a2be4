//! Taking a second factor away.

use strongroom_db::users::User;
use strongroom_db::{passkeys, second_factors, sessions};

use crate::app::audit::Event;
use crate::app::{Deed, Fault};

/// Takes the caller's authenticator app away.
pub async fn remove_own(deed: &mut Deed) -> Result<(), Fault> {
    let user = deed.user()?;
    if !second_factors::remove(&deed.writing, user.account.user).await? {
        return Err(Fault::refused("the account has no authenticator app"));
    }
    taken(deed, &user).await?;
    let event = Event::of_user("user.second-factor-removed", &user).with("by", "the user");
    deed.record(event).await
}

/// Takes all second factors of a user away who has lost them. Where one is required, whoever signs in next sets one up
/// before anything else.
pub async fn remove(deed: &mut Deed) -> Result<(), Fault> {
    let user = deed.user()?;
    let id = user.account.user;
    let had_app = second_factors::remove(&deed.writing, id).await?;
    let n_passkeys = passkeys::remove_all(&deed.writing, id).await?;
    if !had_app && n_passkeys == 0 {
        return Err(Fault::refused("the account has no second factor"));
    }
    second_factors::remove_codes(&deed.writing, id).await?;
    sessions::second_factor_gone(&deed.writing, id, None).await?;
    let event = Event::of_user("user.second-factor-removed", &user)
        .with("by", "an administrator")
        .with("passkeys", n_passkeys);
    deed.record(event).await
}

/// Looks at what is left, when one was taken away: other sessions may have shown that one, so they count as if they had shown
/// none; the recovery codes go with the last one, and the last one does not go where one is required.
pub(crate) async fn taken(deed: &Deed, owner: &User) -> Result<(), Fault> {
    let id = owner.account.user;
    let own = deed.caller.session().map(|session| session.id);
    sessions::second_factor_gone(&deed.writing, id, own).await?;
    if super::is_asked_for(&deed.writing, id).await? {
        return Ok(());
    }
    if deed
        .tree
        .requires_second_factor(&owner.account, owner.organisation)
    {
        let detail = "your organisation requires a second factor, and this is your last one: set another one up first";
        return Err(Fault::refused(detail));
    }
    second_factors::remove_codes(&deed.writing, id).await?;
    Ok(())
}
