//! Sessions: listed, and ended.

use strongroom_api::v1;
use strongroom_db::sessions::{self, Stored};
use strongroom_db::users::User;

use super::audit::Event;
use super::words::moment;
use super::{Deed, Fault, View};

/// Returns the sessions of the user of the path that may still be used, the newest first.
pub async fn list(view: &View) -> Result<v1::Page<v1::Session>, Fault> {
    let User {
        account,
        organisation,
        ..
    } = view.user()?;
    let own = view.caller.session().map(|session| session.id);
    let policies = view.app.policies(&view.tree, organisation);
    let terms = policies.sessions.terms();
    let found = sessions::of_user(&view.reading, account.user).await?;
    let good = found
        .into_iter()
        .filter(|stored| stored.session.check(terms, view.epoch, view.now).is_ok());
    Ok(v1::Page {
        items: good
            .map(|stored| {
                let is_current = Some(stored.session.id) == own;
                shown(stored, is_current)
            })
            .collect(),
        next: None,
    })
}

/// Ends the session of the path.
pub async fn end(deed: &mut Deed) -> Result<(), Fault> {
    let (stored, owner) = deed.session()?;
    if stored.session.ended.is_some() {
        return Err(Fault::refused("the session was ended already"));
    }
    sessions::end(&deed.writing, stored.session.id, deed.now).await?;
    let event = Event::of_thing(
        "session.ended",
        "session",
        stored.session.id,
        &stored.program,
        &owner,
    );
    deed.record(event).await
}

/// Ends all sessions of the user of the path, but the one that asks.
pub async fn end_all(deed: &mut Deed) -> Result<v1::Ended, Fault> {
    let user = deed.user()?;
    let own = deed.caller.session().map(|session| session.id);
    let ended = sessions::end_all(&deed.writing, user.account.user, own, deed.now).await?;
    let event = Event::of_user("session.all-ended", &user).with("sessions", ended);
    deed.record(event).await?;
    Ok(v1::Ended { ended })
}

/// Ends the session that asks.
pub async fn sign_out(deed: &mut Deed) -> Result<(), Fault> {
    let user = deed.user()?;
    let Some(session) = deed.caller.session().copied() else {
        return Err(Fault::refused("only a session can be signed out"));
    };
    sessions::end(&deed.writing, session.id, deed.now).await?;
    let event = Event::of_thing("session.signed-out", "session", session.id, "", &user);
    deed.record(event).await
}

fn shown(stored: Stored, current: bool) -> v1::Session {
    let session = stored.session;
    v1::Session {
        id: session.id.to_string(),
        user: session.user.to_string(),
        began: moment(session.began),
        signed_in: moment(session.signed_in),
        last_used: moment(session.last_used),
        address: stored.address,
        program: stored.program,
        second_factor: session.second_factor.map(moment),
        current,
    }
}
