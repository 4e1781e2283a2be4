//! Enrolling a computer: with a registration key, which makes the account too, or by who has signed in.
//!
//! Whatever is wrong with a key, whoever shows it learns that it is not good and no more. Of a key that was good once the
//! audit log has the reason. Each enrolment that is begun is charged to its network before the key is looked at, and paid
//! back when it ended well.

mod computer;
mod finish;
mod start;

use std::collections::BTreeMap;

use strongroom_base::clock::Timestamp;
use strongroom_base::ids::ComputerId;
use strongroom_crypto::hash::hash;
use strongroom_custody::audit::{Actor, ActorKind, Outcome, Subject};
use strongroom_db::organisations::Organisation;
use strongroom_db::registration_keys::{self, Stored};
use strongroom_db::users::User;
use strongroom_db::{Reading, Writing, audit, computers, organisations};
use strongroom_domain::computer::{Computer, Credential, Life};
use strongroom_domain::name::PersonName;
use strongroom_domain::registration::{KeyRefusal, RegistrationSecret};

use super::audit::Event;
use super::sign_in::Stranger;
use super::words::named;
use super::{App, Fault, NewSecret, SecretKind, Tree};
use strongroom_api::v1;

pub use computer::add;
pub use finish::finish;
pub use start::start;

/// A registration key that is good, and whose it is.
struct Good {
    stored: Stored,
    organisation: Organisation,
    tree: Tree,
}

/// Why a key is not good.
enum NotGood {
    /// Nobody has it.
    Unknown,
    /// This organisation has it.
    Of(Box<Organisation>, Box<Stored>, KeyRefusal),
}

/// Returns the key that was typed, if it is good.
async fn look(
    app: &App,
    reading: &Reading,
    typed: &str,
    now: Timestamp,
) -> Result<Result<Good, NotGood>, Fault> {
    let secret = RegistrationSecret::from_typed(typed);
    let secret = secret.map_err(|error| Fault::invalid("key", error))?;
    let hash = hash(&*secret.expose_symbols());
    let found = registration_keys::find_by_secret(reading, &hash).await?;
    let Some(stored) = found else {
        return Ok(Err(NotGood::Unknown));
    };
    let organisation = organisations::find(reading, stored.organisation).await?;
    let organisation = organisation.ok_or(Fault::Program("a key is nobody's"))?;
    let tree = Tree::read(reading).await?;
    let registration = app.policies(&tree, organisation.id).registration;
    let checked = stored.key.check(tree.state(organisation.id), now);
    let checked = match checked {
        Ok(()) if !registration.is_open() => Err(KeyRefusal::RegistrationClosed),
        checked => checked,
    };
    Ok(match checked {
        Ok(()) => Ok(Good {
            stored,
            organisation,
            tree,
        }),
        Err(refusal) => Err(NotGood::Of(
            Box::new(organisation),
            Box::new(stored),
            refusal,
        )),
    })
}

/// Refuses a key that is not good: puts on record which one it was and why, if it ever was one.
async fn refuse(stranger: &Stranger, why: NotGood) -> Fault {
    let NotGood::Of(organisation, stored, refusal) = why else {
        return Fault::KeyNotGood;
    };
    match put_refusal_on_record(stranger, &organisation, &stored, refusal).await {
        Ok(()) => Fault::KeyNotGood,
        Err(fault) => fault,
    }
}

async fn put_refusal_on_record(
    stranger: &Stranger,
    organisation: &Organisation,
    stored: &Stored,
    refusal: KeyRefusal,
) -> Result<(), Fault> {
    let (app, now) = (&stranger.app, stranger.app.now());
    let writing = app.database.write().await?;
    if refusal == KeyRefusal::Expired {
        // A clock that is set back opens it no more.
        let mut seen = stored.clone();
        seen.key.last_seen = seen.key.last_seen.max(now);
        registration_keys::store(&writing, &seen).await?;
    }
    let event = audit_event_of_refusal(stranger, organisation, stored, refusal);
    audit::append(&writing, &event, None, now).await?;
    writing.commit().await?;
    Ok(())
}

fn audit_event_of_refusal(
    stranger: &Stranger,
    organisation: &Organisation,
    stored: &Stored,
    refusal: KeyRefusal,
) -> strongroom_custody::audit::Event {
    strongroom_custody::audit::Event {
        actor: Actor {
            kind: ActorKind::Nobody,
            id: String::new(),
            name: String::new(),
        },
        action: "registration-key.used".to_owned(),
        outcome: Outcome::Refused,
        organisation: Some(organisation.id),
        subject: Some(Subject {
            kind: "organisation".to_owned(),
            id: organisation.id.to_string(),
            name: organisation.name.as_str().to_owned(),
        }),
        address: stranger.address.to_string(),
        reason: String::new(),
        details: BTreeMap::from([
            ("key".to_owned(), stored.masked.clone()),
            ("because".to_owned(), refusal.to_string()),
        ]),
    }
}

/// Adds a computer of a user with a credential of its own; returns the event for the log too.
async fn add_computer(
    app: &App,
    writing: &Writing,
    owner: &User,
    new: &v1::NewComputer,
    now: Timestamp,
) -> Result<(v1::Enrolled, Event), Fault> {
    let line = |at, text: &str| named(at, text, PersonName::new);
    let stored = computers::Stored {
        computer: Computer {
            id: ComputerId::random(&*app.random),
            owner: owner.account.user,
            life: Life::Active,
            credential: Credential::Good,
        },
        name: line("computer.name", &new.name)?,
        operating_system: line("computer.operating_system", &new.operating_system)?
            .as_str()
            .to_owned(),
        program_version: line("computer.program_version", &new.program_version)?
            .as_str()
            .to_owned(),
        last_seen: Some(now),
        report: computers::Report::default(),
        heads: computers::Heads::default(),
        made: now,
        version: 1,
    };
    let secret = NewSecret::random(SecretKind::Computer, &*app.random);
    computers::add(writing, &stored, &secret.hash).await?;
    let (id, name) = (stored.computer.id, stored.name.as_str());
    let event = Event::of_thing("computer.enrolled", "computer", id, name, owner);
    let enrolled = v1::Enrolled {
        user: owner.account.user.to_string(),
        name: owner.name.as_str().to_owned(),
        organisation: owner.organisation.to_string(),
        organisation_key: organisation_key(),
        computer: super::computers::shown(&stored),
        secret: Some(secret.expose_text().to_owned()),
    };
    Ok((enrolled, event))
}

/// Returns the fingerprint of the key to which an organisation has the keys of its users sealed. No server has one yet.
fn organisation_key() -> Option<String> {
    None
}
