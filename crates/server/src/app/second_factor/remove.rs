//! Taking a second factor away.

use strongroom_db::users::{self, User};
use strongroom_db::{Writing, audit, passkeys, second_factors, sessions};
use strongroom_domain::name::UserName;

use crate::app::audit::Event;
use crate::app::{App, Deed, Fault, system};

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
    let taken = take_all(&deed.writing, &user).await?;
    let event = Event::of_user("user.second-factor-removed", &user)
        .with("by", "an administrator")
        .with("passkeys", taken.passkeys);
    deed.record(event).await
}

/// What was taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Whether there was an authenticator app.
    pub app: bool,
    /// How many passkeys there were.
    pub passkeys: u64,
}

/// Takes all second factors of a user away, by the name or the id, for whoever runs the server: where nobody gets in any more
/// who could do it, as after another public address.
pub async fn remove_beside(app: &App, name: &str) -> Result<Taken, Fault> {
    let writing = app.database.write().await?;
    let found = match (name.parse(), UserName::new(name)) {
        (Ok(id), _) => users::find(&writing, id).await?,
        (Err(_), Ok(name)) => users::find_by_name(&writing, &name).await?,
        (Err(_), Err(_)) => None,
    };
    let user = found.ok_or_else(|| Fault::refused(format!("there is no user `{name}`")))?;
    let taken = take_all(&writing, &user).await?;
    let event = Event::of_user("user.second-factor-removed", &user)
        .with("by", "whoever runs the server")
        .with("passkeys", taken.passkeys);
    let event = event.by(system::actor(&writing).await?, String::new());
    audit::append(&writing, &event, Some(user.account.user), app.now()).await?;
    writing.commit().await?;
    Ok(taken)
}

async fn take_all(writing: &Writing, user: &User) -> Result<Taken, Fault> {
    let id = user.account.user;
    let taken = Taken {
        app: second_factors::remove(writing, id).await?,
        passkeys: passkeys::remove_all(writing, id).await?,
    };
    if !taken.app && taken.passkeys == 0 {
        return Err(Fault::refused("the account has no second factor"));
    }
    second_factors::remove_codes(writing, id).await?;
    sessions::second_factor_gone(writing, id, None).await?;
    Ok(taken)
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
