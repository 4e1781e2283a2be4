//! Makes a registration key, in the place of the one before.

use strongroom_api::v1;
use strongroom_crypto::hash::hash;
use strongroom_db::registration_keys::{self, Stored};
use strongroom_domain::moment::Days;
use strongroom_domain::registration::{KeyTerms, RegistrationKey, RegistrationSecret};

use super::shown;
use crate::app::audit::Event;
use crate::app::{Deed, Fault};

/// Most days of a key that ends: ten years.
const DAYS_MAX: u16 = 3660;

/// Makes a key for the organisation of the path. It is shown this once.
pub async fn rotate(
    deed: &mut Deed,
    request: v1::RotateRegistrationKey,
) -> Result<v1::RegistrationKey, Fault> {
    let organisation = deed.organisation()?;
    let policies = deed.app.policies(&deed.tree, organisation.id);
    let terms = terms(&request, policies.registration.key_terms())?;
    let before = registration_keys::find(&deed.writing, organisation.id).await?;
    let secret = RegistrationSecret::random(&*deed.app.random);
    let key = match &before {
        Some(before) => before.key.rotated(terms, deed.now).new,
        None => RegistrationKey::issue(terms, deed.now),
    };
    let stored = Stored {
        organisation: organisation.id,
        key,
        masked: secret.masked(),
        secret_hash: hash(&*secret.expose_symbols()),
        version: before.as_ref().map_or(0, |before| before.version),
    };
    let stored = registration_keys::store(&deed.writing, &stored).await?;
    let event = Event::of_organisation("registration-key.rotated", &organisation)
        .with("was", before.map(|before| before.masked))
        .with("is", stored.masked.clone())
        .with("days", request.days)
        .with("uses_max", request.uses_max);
    deed.record(event).await?;
    let state = deed.tree.state(organisation.id);
    Ok(v1::RegistrationKey {
        key: Some(secret.expose_text().to_string()),
        ..shown(&stored, state, deed.now)
    })
}

/// Takes what was asked for; what was not, and the most there is, are the organisation's settings.
fn terms(request: &v1::RotateRegistrationKey, most: KeyTerms) -> Result<KeyTerms, Fault> {
    if request
        .days
        .is_some_and(|days| days == 0 || days > DAYS_MAX)
    {
        let detail = format!("a key is good for 1 to {DAYS_MAX} days, or until it is rotated");
        return Err(Fault::invalid("days", detail));
    }
    if request.uses_max == Some(0) {
        return Err(Fault::invalid(
            "uses_max",
            "a key is good for at least one account",
        ));
    }
    let life = request.days.map(|days| Days::new(days).length());
    if life.zip(most.life).is_some_and(|(life, most)| life > most) {
        let detail = "the settings of the organisation let no key be good for so long";
        return Err(Fault::invalid("days", detail));
    }
    let uses_max = request.uses_max;
    if uses_max
        .zip(most.uses_max)
        .is_some_and(|(uses, most)| uses > most)
    {
        let detail = "the settings of the organisation let no key be good for so many accounts";
        return Err(Fault::invalid("uses_max", detail));
    }
    Ok(KeyTerms {
        life: life.or(most.life),
        uses_max: uses_max.or(most.uses_max),
    })
}
