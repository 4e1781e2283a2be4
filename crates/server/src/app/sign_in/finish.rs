//! The last message of a sign-in.

use std::collections::BTreeMap;
use std::time::Duration;

use strongroom_api::v1;
use strongroom_base::ids::{UserId, from_hex};
use strongroom_crypto::hash::hash;
use strongroom_crypto::opaque::{LoginFinal, LoginState};
use strongroom_custody::audit::{self as custody_audit, Actor, ActorKind, Outcome};
use strongroom_db::{Writing, attempts, audit, users};
use strongroom_domain::moment::elapsed;

use super::session::begin;
use super::{Stranger, message};
use crate::app::Fault;
use crate::app::audit::Event;
use crate::app::throttle::Door;

/// How long a sign-in may take from its first message to its last.
const ATTEMPT_MAX: Duration = Duration::from_mins(2);

/// Begins a session, if the client has proved that it knows the password. An attempt is gone before its last message is
/// looked at: there is one guess to each.
pub async fn finish(stranger: &Stranger, request: v1::FinishSignIn) -> Result<v1::SignedIn, Fault> {
    let app = &stranger.app;
    let sent = message("message", &request.message, LoginFinal::from_bytes)?;
    let id = from_hex::<32>(&request.attempt)
        .ok_or_else(|| Fault::invalid("attempt", "this is no attempt"))?;
    let writing = app.database.note().await?;
    let attempt = attempts::take(&writing, &hash(&id)).await?;
    writing.commit().await?;
    let attempt = attempt.ok_or(Fault::WrongPassword)?;
    if elapsed(attempt.made, app.now()) > ATTEMPT_MAX {
        return Err(Fault::WrongPassword);
    }
    let state = LoginState::from_bytes(&attempt.state);
    let state = state.map_err(|_damaged| Fault::Program("an attempt cannot be read"))?;
    let proved = state.finish(sent);
    let Some(user) = attempt.user.filter(|_| proved.is_ok()) else {
        // A name that nobody has takes as long as one that somebody has.
        let writing = app.database.write().await?;
        match attempt.user {
            Some(user) => refuse(stranger, &writing, user, "password", None).await?,
            None => refuse_unknown(stranger, &writing, "name").await?,
        }
        writing.commit().await?;
        return Err(Fault::WrongPassword);
    };
    let writing = app.database.write().await?;
    let begun = begin(stranger, &writing, user, &request.program).await?;
    writing.commit().await?;
    let signed_in = begun.session()?;
    stranger.pay_back(&Door::Account(user)).await;
    Ok(signed_in)
}

/// Puts on record that somebody did not know what signs a user in.
pub(super) async fn refuse(
    stranger: &Stranger,
    writing: &Writing,
    user: UserId,
    wrong: &str,
    because: Option<String>,
) -> Result<(), Fault> {
    let app = &stranger.app;
    let Some(user) = users::find(writing, user).await? else {
        return Ok(());
    };
    let event = Event::of_user("session.begun", &user)
        .with("wrong", wrong)
        .with("because", because);
    let mut event = event.by(nobody(), stranger.address.to_string());
    event.outcome = Outcome::Refused;
    let id = user.account.user;
    audit::append(writing, &event, Some(id), app.now()).await?;
    Ok(())
}

/// Puts on record that somebody named a user, or showed a passkey, whom there is not. What they typed is not kept: it may be
/// a password.
pub(super) async fn refuse_unknown(
    stranger: &Stranger,
    writing: &Writing,
    wrong: &str,
) -> Result<(), Fault> {
    let app = &stranger.app;
    let found = users::find(writing, UserId([0; 16])).await?;
    debug_assert!(found.is_none(), "ids are drawn");
    let event = custody_audit::Event {
        actor: nobody(),
        action: "session.begun".to_owned(),
        outcome: Outcome::Refused,
        organisation: None,
        subject: None,
        address: stranger.address.to_string(),
        reason: String::new(),
        details: BTreeMap::from([("wrong".to_owned(), wrong.to_owned())]),
    };
    audit::append(writing, &event, None, app.now()).await?;
    Ok(())
}

fn nobody() -> Actor {
    Actor {
        kind: ActorKind::Nobody,
        id: String::new(),
        name: String::new(),
    }
}
