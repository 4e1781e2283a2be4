//! Begins a session for somebody who has proved who they are.

use strongroom_api::v1;
use strongroom_base::ids::{SessionId, UserId};
use strongroom_custody::audit::{Actor, ActorKind};
use strongroom_db::users::User;
use strongroom_db::{Writing, audit, server, sessions, users};
use strongroom_domain::access::Denial;
use strongroom_domain::moment::after;
use strongroom_domain::name::PersonName;
use strongroom_domain::session::Session;

use super::Stranger;
use crate::app::audit::Event;
use crate::app::words::{moment, named};
use crate::app::{Fault, NewSecret, SecretKind, Tree};

/// Begins a session, if the account is such that its user may sign in, or take it up again.
pub(super) async fn begin(
    stranger: &Stranger,
    writing: &Writing,
    user: UserId,
    program: &str,
) -> Result<v1::SignedIn, Fault> {
    let app = &stranger.app;
    let program = named("program", program, PersonName::new)?;
    let user = users::find(writing, user)
        .await?
        .ok_or(Fault::WrongPassword)?;
    let tree = Tree::read(writing).await?;
    let standing = tree.standing(&user.account, user.organisation);
    if !standing.may_sign_in() && !standing.may_reactivate_itself() {
        return Err(Fault::Denied(Denial::NotActive));
    }
    let known = server::known(writing).await?;
    let id = SessionId::random(&*app.random);
    let session = Session::begin(id, user.account.user, app.now(), known.epoch);
    let stored = sessions::Stored {
        session,
        address: stranger.address.to_string(),
        program: program.as_str().to_owned(),
    };
    let secret = NewSecret::random(SecretKind::Session, &*app.random);
    sessions::add(writing, &stored, &secret.hash).await?;
    let event = Event::of_thing("session.begun", "session", id, program.as_str(), &user);
    record(stranger, writing, event, &user).await?;
    Ok(v1::SignedIn {
        session: id.to_string(),
        secret: secret.expose_text().to_owned(),
        user: user.account.user.to_string(),
        expires: moment(after(app.now(), app.settings.sessions.absolute)),
    })
}

/// Puts on record what a user did who has just proved who they are.
pub(super) async fn record(
    stranger: &Stranger,
    writing: &Writing,
    event: Event,
    user: &User,
) -> Result<(), Fault> {
    let actor = Actor {
        kind: ActorKind::User,
        id: user.account.user.to_string(),
        name: user.name.as_str().to_owned(),
    };
    let event = event.by(actor, stranger.address.to_string());
    let id = user.account.user;
    audit::append(writing, &event, Some(id), stranger.app.now()).await?;
    Ok(())
}
