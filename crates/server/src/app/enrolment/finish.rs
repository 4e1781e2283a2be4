//! The last message of somebody who makes an account with a registration key.

use std::time::Duration;

use strongroom_api::v1;
use strongroom_base::ids::{UserId, from_hex};
use strongroom_crypto::hash::Hasher;
use strongroom_custody::audit::{Actor, ActorKind};
use strongroom_db::registration_keys::{self, Stored};
use strongroom_db::users::{self, User};
use strongroom_db::{Writing, attempts, audit, grants};
use strongroom_domain::access::Grant;
use strongroom_domain::account::{Account, AccountState, Origin, SignIn};
use strongroom_domain::moment::elapsed;
use strongroom_domain::name::UserName;

use super::{Good, add_computer, look, refuse};
use crate::app::Fault;
use crate::app::audit::Event;
use crate::app::sign_in::{PASSWORD, Stranger, record};
use crate::app::throttle::Door;
use crate::app::words::named;

/// How long an enrolment may take from its first message to its last.
const ATTEMPT_MAX: Duration = Duration::from_mins(5);

/// Makes the account, its password, its rights and its first computer, uses the key, and puts all of it on record, in one
/// transaction. The key is looked at anew: it may have been rotated since.
pub async fn finish(
    stranger: &Stranger,
    request: v1::FinishEnrolment,
) -> Result<v1::Enrolled, Fault> {
    let app = &stranger.app;
    let upload = record(&request.upload)?;
    let name = named("name", &request.name, UserName::new)?;
    let id = from_hex::<32>(&request.attempt)
        .ok_or_else(|| Fault::invalid("attempt", "this is no attempt"))?;
    let writing = app.database.note().await?;
    let attempt = attempts::take(&writing, &attempt_hash(&id)).await?;
    writing.commit().await?;
    let attempt = attempt
        .filter(|attempt| elapsed(attempt.made, app.now()) <= ATTEMPT_MAX)
        .filter(|attempt| attempt.state == name.key().as_bytes());
    let user = attempt.and_then(|attempt| attempt.user);
    let user = user.ok_or_else(|| Fault::refused("the enrolment took too long; begin again"))?;

    let now = app.now();
    let writing = app.database.write().await?;
    let good = match look(app, &writing, &request.key, now).await? {
        Ok(good) => good,
        Err(why) => {
            drop(writing);
            return Err(refuse(stranger, why).await);
        }
    };
    if users::find_by_name(&writing, &name).await?.is_some() {
        return Err(Fault::NameTaken(name.as_str().to_owned()));
    }
    let state = good.tree.state(good.organisation.id);
    let key = good.stored.key.used(state, now);
    let stored = Stored {
        key: key.map_err(|_checked| Fault::KeyNotGood)?,
        ..good.stored.clone()
    };
    registration_keys::store(&writing, &stored).await?;
    let user = make_user(stranger, &writing, user, name, &good).await?;
    let id = user.account.user;
    users::set_credential(&writing, id, PASSWORD, &upload, now).await?;
    let (enrolled, event) = add_computer(app, &writing, &user, &request.computer, now).await?;
    put_on_record(stranger, &writing, event, &user).await?;
    writing.commit().await?;
    stranger.pay_back(&Door::Secret).await;
    Ok(enrolled)
}

async fn make_user(
    stranger: &Stranger,
    writing: &Writing,
    id: UserId,
    name: UserName,
    good: &Good,
) -> Result<User, Fault> {
    let now = stranger.app.now();
    let user = User {
        account: Account {
            user: id,
            origin: Origin::Internal,
            state: AccountState::Active,
            sign_in: SignIn::Open,
        },
        organisation: good.organisation.id,
        name,
        person: None,
        email: None,
        made: now,
        version: 1,
    };
    users::add(writing, &user).await?;
    for grant in Grant::SELF_REGISTERED {
        grants::add(writing, id, grant, now).await?;
    }
    let event = Event::of_user("user.registered", &user)
        .with("key", good.stored.masked.clone())
        .with("uses", good.stored.key.uses + 1);
    put_on_record(stranger, writing, event, &user).await?;
    Ok(user)
}

async fn put_on_record(
    stranger: &Stranger,
    writing: &Writing,
    event: Event,
    user: &User,
) -> Result<(), Fault> {
    let id = user.account.user;
    let actor = Actor {
        kind: ActorKind::User,
        id: id.to_string(),
        name: user.name.as_str().to_owned(),
    };
    let event = event.by(actor, stranger.address.to_string());
    audit::append(writing, &event, Some(id), stranger.app.now()).await?;
    Ok(())
}

/// An attempt to enrol is no attempt to sign in: the same bytes find one or the other.
pub(super) fn attempt_hash(id: &[u8; 32]) -> [u8; 32] {
    let mut hasher = Hasher::new();
    hasher.update(b"strongroom enrolment").update(id);
    hasher.finalize()
}
