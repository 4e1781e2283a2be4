//! Makes passkeys.

use strongroom_api::v1;
use strongroom_base::ids::PasskeyId;
use strongroom_crypto::passkey::Algorithm;
use strongroom_custody::passkeys::{Registration, verify_registration};
use strongroom_db::challenges::{Challenge, Purpose};
use strongroom_db::passkeys::{self, Passkey};
use strongroom_db::users::User;
use strongroom_domain::account::Origin;
use strongroom_domain::name::PersonName;

use super::{
    KIND, PATIENCE_MILLISECONDS, VERIFIED, bytes, challenge, client_data, descriptors, shown, site,
    take_challenge, text,
};
use crate::app::audit::Event;
use crate::app::words::named;
use crate::app::{Deed, Fault, second_factor};

/// What the site is called.
const SITE: &str = "Strongroom";

/// Most passkeys of an account.
const PASSKEYS_MAX: usize = 20;

/// Draws what an authenticator of the caller signs to make a passkey.
pub async fn start(deed: &mut Deed) -> Result<v1::PasskeyCreation, Fault> {
    let (site, user) = (site(&deed.app)?, owner(deed)?);
    let id = user.account.user;
    let known = passkeys::of_user(&deed.writing, id).await?;
    if known.len() >= PASSKEYS_MAX {
        let detail = format!("an account has at most {PASSKEYS_MAX} passkeys");
        return Err(Fault::refused(detail));
    }
    let new = Challenge {
        purpose: Purpose::Registration(id),
        made: deed.now,
    };
    let challenge = challenge(&deed.writing, &*deed.app.random, &new).await?;
    deed.record(Event::of_user("user.passkey-started", &user))
        .await?;
    let name = user.name.as_str().to_owned();
    let person = user.person.map(|person| person.as_str().to_owned());
    let kind = |algorithm: Algorithm| v1::PasskeyParameters {
        kind: KIND.to_owned(),
        alg: algorithm.code(),
    };
    Ok(v1::PasskeyCreation {
        rp: v1::PasskeySite {
            id: site.id().to_owned(),
            name: SITE.to_owned(),
        },
        user: v1::PasskeyUser {
            id: text(&id.0),
            display_name: person.unwrap_or_else(|| name.clone()),
            name,
        },
        challenge,
        pub_key_cred_params: Algorithm::ALL.map(kind).to_vec(),
        timeout: PATIENCE_MILLISECONDS,
        exclude_credentials: descriptors(&known),
        authenticator_selection: v1::PasskeySelection {
            resident_key: "required".to_owned(),
            require_resident_key: true,
            user_verification: VERIFIED.to_owned(),
        },
        attestation: "none".to_owned(),
    })
}

/// Stores a passkey of the caller; it signs in from now on. Recovery codes are drawn where the account has none.
pub async fn add(deed: &mut Deed, request: v1::AddPasskey) -> Result<v1::PasskeyAdded, Fault> {
    let (site, user) = (site(&deed.app)?, owner(deed)?);
    let id = user.account.user;
    let name = named("name", &request.name, PersonName::new)?;
    let credential_id = bytes("credential.id", &request.credential.id)?;
    let response = &request.credential.response;
    let client_data = client_data(&response.client_data_json)?;
    let attestation = bytes(
        "credential.response.attestationObject",
        &response.attestation_object,
    )?;
    let challenge = take_challenge(&deed.writing, &client_data, deed.now).await?;
    let mine = Purpose::Registration(id);
    if !challenge.is_some_and(|challenge| challenge.purpose == mine) {
        let detail =
            "no passkey waits to be made with this challenge, or not any more: begin again";
        return Err(Fault::refused(detail));
    }
    let sent = Registration {
        id: &credential_id,
        client_data: &client_data,
        attestation: &attestation,
    };
    let registered = verify_registration(&site, &sent);
    let registered = registered.map_err(|error| Fault::invalid("credential", error))?;
    if passkeys::find_by_credential(&deed.writing, &registered.id)
        .await?
        .is_some()
    {
        return Err(Fault::refused("there is this passkey already"));
    }
    let passkey = Passkey {
        id: PasskeyId::random(&*deed.app.random),
        user: id,
        credential_id: registered.id,
        public_key: registered.public_key.to_bytes(),
        counter: registered.counter,
        may_be_copied: registered.may_be_copied,
        name,
        made: deed.now,
        last_used: None,
        after_password: None,
    };
    passkeys::add(&deed.writing, &passkey).await?;
    let codes = second_factor::added(deed).await?;
    let name = passkey.name.as_str();
    let event = Event::of_thing("passkey.added", "passkey", passkey.id, name, &user);
    deed.record(event).await?;
    Ok(v1::PasskeyAdded {
        passkey: shown(&passkey),
        codes,
    })
}

/// Returns the caller, whose account may have passkeys.
fn owner(deed: &Deed) -> Result<User, Fault> {
    let user = deed.user()?;
    if user.account.origin == Origin::External {
        let detail = "the account lives in a directory, and signs in by it";
        return Err(Fault::refused(detail));
    }
    Ok(user)
}
