//! Begins a session for somebody who has proved who they are.

use strongroom_api::v1;
use strongroom_base::ids::{SessionId, UserId, to_hex};
use strongroom_crypto::hash::hash;
use strongroom_crypto::secret::Secret;
use strongroom_custody::audit::{Actor, ActorKind};
use strongroom_db::second_factors::Waiting;
use strongroom_db::users::User;
use strongroom_db::{Writing, audit, second_factors, server, sessions, users};
use strongroom_domain::access::Denial;
use strongroom_domain::moment::after;
use strongroom_domain::name::PersonName;
use strongroom_domain::session::Session;

use super::Stranger;
use crate::app::audit::Event;
use crate::app::words::{moment, named};
use crate::app::{Fault, NewSecret, SecretKind, Tree, second_factor};

/// What a password that was right leads to.
pub(super) enum Begun {
    /// A session.
    Session(v1::SignedIn),
    /// An attempt that waits for a second factor.
    Waiting(String),
}

impl Begun {
    /// Returns the session; an attempt that waits is a fault that names it. The transaction was committed by now.
    pub(super) fn session(self) -> Result<v1::SignedIn, Fault> {
        match self {
            Self::Session(signed_in) => Ok(signed_in),
            Self::Waiting(attempt) => Err(Fault::SecondFactorNeeded(attempt)),
        }
    }
}

/// Begins a session for somebody who knew the password, or waits for the second factor of an account that has one.
pub(super) async fn begin(
    stranger: &Stranger,
    writing: &Writing,
    user: UserId,
    program: &str,
) -> Result<Begun, Fault> {
    let app = &stranger.app;
    let program = named("program", program, PersonName::new)?;
    let welcome = standing(writing, user).await?;
    let id = welcome.user.account.user;
    if second_factor::is_asked_for(writing, id).await? {
        let secret = Secret::<32>::random(&*app.random);
        let attempt = Waiting {
            user: id,
            program: program.as_str().to_owned(),
            tries: 0,
            made: app.now(),
        };
        let hash = hash(secret.expose_bytes());
        second_factors::add_waiting(writing, &hash, &attempt).await?;
        return Ok(Begun::Waiting(to_hex(secret.expose_bytes())));
    }
    let signed_in = begin_session(stranger, writing, &welcome, program.as_str(), None).await?;
    Ok(Begun::Session(signed_in))
}

/// Somebody who may sign in.
pub(super) struct Welcome {
    pub(super) user: User,
    is_second_factor_required: bool,
}

/// Returns the user, if the account is such that its user may sign in, or take it up again.
pub(super) async fn standing(writing: &Writing, user: UserId) -> Result<Welcome, Fault> {
    let user = users::find(writing, user)
        .await?
        .ok_or(Fault::WrongPassword)?;
    let tree = Tree::read(writing).await?;
    let standing = tree.standing(&user.account, user.organisation);
    if !standing.may_sign_in() && !standing.may_reactivate_itself() {
        return Err(Fault::Denied(Denial::NotActive));
    }
    Ok(Welcome {
        is_second_factor_required: tree.requires_second_factor(&user.account, user.organisation),
        user,
    })
}

/// Begins a session for somebody who has shown all that the account asks for.
pub(super) async fn begin_session(
    stranger: &Stranger,
    writing: &Writing,
    welcome: &Welcome,
    program: &str,
    second: Option<&str>,
) -> Result<v1::SignedIn, Fault> {
    let (app, user) = (&stranger.app, &welcome.user);
    let known = server::known(writing).await?;
    let tree = app.trees.of_version(writing, known.tree_version).await?;
    let terms = app.policies(&tree, user.organisation).sessions.terms();
    let id = SessionId::random(&*app.random);
    let session = Session::begin(id, user.account.user, app.now(), known.epoch);
    let stored = sessions::Stored {
        session: match second {
            Some(_) => session.with_second_factor(app.now()),
            None => session,
        },
        address: stranger.address.to_string(),
        program: program.to_owned(),
    };
    let secret = NewSecret::random(SecretKind::Session, &*app.random);
    sessions::add(writing, &stored, &secret.hash).await?;
    let event = Event::of_thing("session.begun", "session", id, program, user);
    record(stranger, writing, event.with("second-factor", second), user).await?;
    Ok(v1::SignedIn {
        session: id.to_string(),
        secret: secret.expose_text().to_owned(),
        user: user.account.user.to_string(),
        expires: moment(after(app.now(), terms.absolute)),
        // Who has one is asked for it before.
        second_factor_missing: welcome.is_second_factor_required && second.is_none(),
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
