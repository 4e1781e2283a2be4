//! Signing in with a passkey: as the second step after the password, or by itself, because its authenticator has verified
//! who uses it. Which of the reasons refused it nobody learns from the answer; the audit log has it.

use strongroom_api::v1;
use strongroom_base::ids::from_hex;
use strongroom_crypto::hash::hash;
use strongroom_crypto::passkey::PublicKey;
use strongroom_custody::passkeys::{
    Assertion, ClientData, Known, PasskeyError, PasskeySite, verify_assertion,
};
use strongroom_db::challenges::{Challenge, Purpose};
use strongroom_db::passkeys::Passkey;
use strongroom_db::second_factors::{self, Waiting};
use strongroom_db::{Writing, passkeys as stored};
use strongroom_domain::moment::elapsed;
use strongroom_domain::name::PersonName;

use super::Stranger;
use super::finish::{refuse, refuse_unknown};
use super::second::{TRIES_MAX, WAITING_MAX};
use super::session::{begin_session, standing};
use crate::app::passkeys::{self, PATIENCE_MILLISECONDS, VERIFIED, bytes};
use crate::app::throttle::Door;
use crate::app::words::named;
use crate::app::{Fault, passkeys::client_data};

/// What the audit log calls it.
const PASSKEY: &str = "passkey";

/// Why one does not sign in by itself.
const AFTER_PASSWORD: &str =
    "the password was chosen by a link, and the passkey was not shown after that one yet";

/// What was sent, with its parts read.
struct Sent {
    site: PasskeySite,
    credential_id: Vec<u8>,
    client_data: ClientData,
    authenticator_data: Vec<u8>,
    signature: Vec<u8>,
    user_handle: Option<Vec<u8>>,
}

/// Draws what a passkey signs to sign in. Without an attempt nothing names a user, and the answer says of nobody whether
/// they are there. It is no guess, and counts as none.
pub async fn start_passkey(
    stranger: &Stranger,
    request: v1::StartPasskeySignIn,
) -> Result<v1::PasskeyRequest, Fault> {
    let app = &stranger.app;
    let attempt = request.attempt.as_deref().map(attempt_hash).transpose()?;
    let site = passkeys::site(app)?;
    app.limits.draw(stranger.address, app.now())?;
    let (purpose, known) = if let Some(attempt) = attempt {
        let reading = app.database.read().await?;
        let waiting = second_factors::find_waiting(&reading, &attempt).await?;
        let waiting = waiting.filter(|waiting| elapsed(waiting.made, app.now()) <= WAITING_MAX);
        let user = waiting.ok_or(Fault::WrongPassword)?.user;
        let known = stored::of_user(&reading, user).await?;
        (Purpose::SecondFactor(attempt), known)
    } else {
        (Purpose::SignIn, Vec::new())
    };
    let new = Challenge {
        purpose,
        made: app.now(),
    };
    let writing = app.database.note().await?;
    let challenge = passkeys::challenge(&writing, &*app.random, &new).await?;
    writing.commit().await?;
    Ok(v1::PasskeyRequest {
        challenge,
        timeout: PATIENCE_MILLISECONDS,
        rp_id: site.id().to_owned(),
        allow_credentials: passkeys::descriptors(&known),
        user_verification: VERIFIED.to_owned(),
    })
}

/// Begins a session, if what was signed is good. Its challenge is gone before it is looked at. By the passkey alone it is
/// charged before, and paid back when it was good; as a second step, the password was charged, and is not paid back before.
pub async fn finish_passkey(
    stranger: &Stranger,
    request: v1::FinishPasskeySignIn,
) -> Result<v1::SignedIn, Fault> {
    let app = &stranger.app;
    let attempt = request.attempt.as_deref().map(attempt_hash).transpose()?;
    let sent = Sent::read(passkeys::site(app)?, &request.credential)?;
    let program = named("program", &request.program, PersonName::new)?;
    if attempt.is_none() {
        stranger.attempt(&Door::Secret).await?;
    }
    let writing = app.database.note().await?;
    let challenge = passkeys::take_challenge(&writing, &sent.client_data, app.now()).await?;
    writing.commit().await?;
    let challenge = challenge.ok_or(Fault::WrongPasskey)?;
    match (attempt, challenge.purpose) {
        (Some(attempt), Purpose::SecondFactor(challenged)) => {
            finish_second(stranger, &attempt, &challenged, &sent).await
        }
        (None, Purpose::SignIn) => finish_alone(stranger, &sent, program.as_str()).await,
        _ => Err(Fault::WrongPasskey),
    }
}

async fn finish_second(
    stranger: &Stranger,
    attempt: &[u8; 32],
    challenged: &[u8; 32],
    sent: &Sent,
) -> Result<v1::SignedIn, Fault> {
    let app = &stranger.app;
    let writing = app.database.write().await?;
    let pending = second_factors::take_waiting(&writing, attempt).await?;
    let pending = pending.ok_or(Fault::WrongPassword)?;
    if elapsed(pending.made, app.now()) > WAITING_MAX {
        writing.commit().await?;
        return Err(Fault::WrongPassword);
    }
    let id = pending.user;
    let found = stored::find_by_credential(&writing, &sent.credential_id).await?;
    let found = found.filter(|found| found.user == id && challenged == attempt);
    let checked = match &found {
        Some(passkey) => sent.check(passkey, true)?,
        None => Err(PasskeyError::OtherUser),
    };
    let (Some(passkey), Ok(counter)) = (found, checked) else {
        let tries = pending.tries + 1;
        if tries < TRIES_MAX {
            let pending = Waiting { tries, ..pending };
            second_factors::add_waiting(&writing, attempt, &pending).await?;
        }
        let because = checked.err().map(|error| error.to_string());
        refuse(stranger, &writing, id, PASSKEY, because).await?;
        writing.commit().await?;
        return Err(Fault::WrongPasskey);
    };
    stored::shown_after_password(&writing, passkey.id).await?;
    let signed_in = signed_in(stranger, &writing, (&passkey, counter), &pending.program).await?;
    writing.commit().await?;
    stranger.pay_back(&Door::Account(id)).await;
    Ok(signed_in)
}

async fn finish_alone(
    stranger: &Stranger,
    sent: &Sent,
    program: &str,
) -> Result<v1::SignedIn, Fault> {
    let writing = stranger.app.database.write().await?;
    let found = stored::find_by_credential(&writing, &sent.credential_id).await?;
    let Some(passkey) = found else {
        refuse_unknown(stranger, &writing, PASSKEY).await?;
        writing.commit().await?;
        return Err(Fault::WrongPasskey);
    };
    let checked = sent.check(&passkey, false)?;
    let checked = checked.map_err(|error| error.to_string());
    // Whoever has it may have put it there before the password was chosen anew.
    let checked = checked.and_then(|counter| match passkey.after_password {
        None => Ok(counter),
        Some(_since) => Err(AFTER_PASSWORD.to_owned()),
    });
    let counter = match checked {
        Ok(counter) => counter,
        Err(because) => {
            refuse(stranger, &writing, passkey.user, PASSKEY, Some(because)).await?;
            writing.commit().await?;
            return Err(Fault::WrongPasskey);
        }
    };
    let signed_in = signed_in(stranger, &writing, (&passkey, counter), program).await?;
    writing.commit().await?;
    stranger.pay_back(&Door::Secret).await;
    Ok(signed_in)
}

async fn signed_in(
    stranger: &Stranger,
    writing: &Writing,
    (passkey, counter): (&Passkey, u32),
    program: &str,
) -> Result<v1::SignedIn, Fault> {
    stored::used(writing, passkey.id, counter, stranger.app.now()).await?;
    let welcome = standing(writing, passkey.user).await?;
    begin_session(stranger, writing, &welcome, program, Some(PASSKEY)).await
}

impl Sent {
    fn read(site: PasskeySite, sent: &v1::SignedPasskey) -> Result<Self, Fault> {
        let response = &sent.response;
        let handle = response.user_handle.as_deref();
        Ok(Self {
            site,
            credential_id: bytes("credential.id", &sent.id)?,
            client_data: client_data(&response.client_data_json)?,
            authenticator_data: bytes(
                "credential.response.authenticatorData",
                &response.authenticator_data,
            )?,
            signature: bytes("credential.response.signature", &response.signature)?,
            user_handle: handle
                .map(|handle| bytes("credential.response.userHandle", handle))
                .transpose()?,
        })
    }

    /// Returns how often the authenticator has signed, or why the passkey is not taken.
    fn check(
        &self,
        passkey: &Passkey,
        is_user_known: bool,
    ) -> Result<Result<u32, PasskeyError>, Fault> {
        let public_key = PublicKey::from_bytes(&passkey.public_key);
        let public_key =
            public_key.map_err(|_damaged| Fault::Program("a passkey cannot be read"))?;
        let assertion = Assertion {
            client_data: &self.client_data,
            authenticator_data: &self.authenticator_data,
            signature: &self.signature,
            user_handle: self.user_handle.as_deref(),
        };
        let known = Known {
            public_key: &public_key,
            counter: passkey.counter,
            may_be_copied: passkey.may_be_copied,
            user_handle: &passkey.user.0,
            is_user_known,
        };
        Ok(verify_assertion(&self.site, &assertion, &known))
    }
}

/// What an attempt is found by.
fn attempt_hash(text: &str) -> Result<[u8; 32], Fault> {
    let id = from_hex::<32>(text);
    let id = id.ok_or_else(|| Fault::invalid("attempt", "this is no attempt"))?;
    Ok(hash(&id))
}
