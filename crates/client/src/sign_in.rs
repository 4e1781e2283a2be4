//! The password of an account: signing in, choosing one by a link, changing it, and making an account with a registration
//! key. It never leaves this device (`spec/sign-in-v1.md`).

use strongroom_api::v1;
use strongroom_base::ids::to_hex;
use strongroom_crypto::opaque::{
    Login, LoginResponse, OpaqueError, Registration, RegistrationResponse, RegistrationUpload,
    Version,
};
use strongroom_crypto::secret::SecretBytes;
use strongroom_custody::account_password::AccountPassword;

use crate::{Client, ClientError, Pin, endpoints};

/// What the server calls this program in lists of sessions.
fn program() -> String {
    concat!("strongroom ", env!("CARGO_PKG_VERSION")).to_owned()
}

/// What a sign-in comes to.
pub enum SignInAnswer {
    /// A session has begun.
    Done(v1::SignedIn),
    /// A code is asked for too; this names the sign-in.
    CodeNeeded(String),
}

/// Signs in.
pub fn sign_in(
    client: &Client,
    name: &str,
    password: &AccountPassword,
) -> Result<SignInAnswer, ClientError> {
    let password = password.expose_bytes();
    let (login, request) = Login::start(password, client.random())?;
    let request = v1::StartSignIn {
        name: name.to_owned(),
        request: to_hex(&request.to_bytes()),
    };
    let started = client.call(&endpoints::SIGN_IN_START, &[], &request)?;
    let version = Version::from_code(started.version)?;
    let response = LoginResponse::from_bytes(&bytes(&started.response))?;
    let done = login.finish(password, version, response, client.random())?;
    let message = v1::FinishSignIn {
        attempt: started.attempt,
        message: to_hex(&done.message.to_bytes()),
        program: program(),
    };
    answer(client.call(&endpoints::SIGN_IN_FINISH, &[], &message))
}

/// Ends a sign-in by a code of an authenticator app, or a recovery code.
pub fn finish_by_code(
    client: &Client,
    attempt: &str,
    code: &str,
) -> Result<v1::SignedIn, ClientError> {
    let message = v1::FinishSecondFactor {
        attempt: attempt.to_owned(),
        code: code.to_owned(),
    };
    client.call(&endpoints::SIGN_IN_SECOND_FACTOR, &[], &message)
}

fn answer(answered: Result<v1::SignedIn, ClientError>) -> Result<SignInAnswer, ClientError> {
    match answered {
        Ok(signed_in) => Ok(SignInAnswer::Done(signed_in)),
        Err(ClientError::Refused { problem, .. }) if problem.attempt.is_some() => Ok(
            SignInAnswer::CodeNeeded(problem.attempt.unwrap_or_default()),
        ),
        Err(error) => Err(error),
    }
}

/// Returns the name of the account that a link is for.
pub fn link_owner(client: &Client, secret: &SecretBytes) -> Result<String, ClientError> {
    // Any password will do to ask: nothing is stored before the last message.
    let (_registration, request) = Registration::start(b"?", client.random())?;
    Ok(start_link(client, secret, request.to_bytes())?.name)
}

/// Chooses a password by a one-time link, which signs in too. `check` is given the fewest characters that it must have, before
/// anything is chosen.
pub fn set_by_link<E: From<ClientError>>(
    client: &Client,
    secret: &SecretBytes,
    password: &AccountPassword,
    check: impl FnOnce(u8) -> Result<(), E>,
) -> Result<SignInAnswer, E> {
    let (registration, request) = begin(client, password)?;
    let started = start_link(client, secret, request)?;
    check(started.length_min)?;
    let upload = finish(client, registration, password, &started)?;
    let message = v1::FinishLink {
        link: text(secret),
        upload: to_hex(&upload.to_bytes()),
        program: program(),
    };
    Ok(answer(client.call(&endpoints::LINK_FINISH, &[], &message))?)
}

/// Gives the caller, who has signed in just now, another password; returns how many other sessions that ended. `check` is given
/// the fewest characters that it must have, before anything is changed.
pub fn set_password<E: From<ClientError>>(
    client: &Client,
    password: &AccountPassword,
    check: impl FnOnce(u8) -> Result<(), E>,
) -> Result<u64, E> {
    let (registration, request) = begin(client, password)?;
    let request = v1::StartPassword {
        request: to_hex(&request),
    };
    let started = client.call(&endpoints::PASSWORD_START, &[], &request)?;
    check(started.length_min)?;
    let upload = finish(client, registration, password, &started)?;
    let message = v1::FinishPassword {
        upload: to_hex(&upload.to_bytes()),
    };
    Ok(client
        .call(&endpoints::PASSWORD_FINISH, &[], &message)?
        .ended)
}

/// A computer that is to be enrolled.
pub struct NewComputer<'a> {
    /// The registration key, as it was typed.
    pub key: &'a SecretBytes,
    /// The fingerprint that the organisation's key must have, if one was named.
    pub organisation_key: Option<Pin>,
    /// The name to sign in with.
    pub name: &'a str,
    /// The computer.
    pub computer: v1::NewComputer,
}

/// What the server says of an enrolment.
#[derive(Debug)]
pub enum EnrolmentAnswer {
    /// The account was made, with the computer.
    Made(Box<v1::Enrolled>),
    /// There is an account with the name already: its user signs in.
    NameTaken,
}

/// Makes an account with a registration key, and enrols a computer as its first. Nothing is made if the organisation's key is
/// not the one that was named, or `check` fails, which is given the fewest characters that the password must have.
pub fn enrol<E: From<ClientError>>(
    client: &Client,
    new: &NewComputer<'_>,
    password: &AccountPassword,
    check: impl FnOnce(u8) -> Result<(), E>,
) -> Result<EnrolmentAnswer, E> {
    let (registration, request) = begin(client, password)?;
    let started = match start_enrolment(client, new.key, new.name, request) {
        Err(error) if error.kind() == Some("name-taken") => return Ok(EnrolmentAnswer::NameTaken),
        other => other?,
    };
    check_organisation_key(new.organisation_key, started.organisation_key.as_deref())?;
    check(started.length_min)?;
    let begun = v1::PasswordStarted {
        name: new.name.to_owned(),
        version: started.version,
        length_min: started.length_min,
        response: started.response,
    };
    let upload = finish(client, registration, password, &begun)?;
    let message = v1::FinishEnrolment {
        attempt: started.attempt,
        key: text(new.key),
        name: new.name.to_owned(),
        upload: to_hex(&upload.to_bytes()),
        computer: new.computer.clone(),
    };
    let made = client.call(&endpoints::ENROL_FINISH, &[], &message)?;
    Ok(EnrolmentAnswer::Made(Box::new(made)))
}

/// Fails where the fingerprint of an organisation's key is not the one that was named.
pub fn check_organisation_key(named: Option<Pin>, shown: Option<&str>) -> Result<(), ClientError> {
    let is_same =
        named.is_none_or(|named| shown.and_then(|shown| shown.parse().ok()) == Some(named));
    if is_same {
        return Ok(());
    }
    Err(ClientError::OtherOrganisationKey {
        shown: shown.unwrap_or("none").to_owned(),
    })
}

/// Makes the first message of a new password.
fn begin(
    client: &Client,
    password: &AccountPassword,
) -> Result<(Registration, [u8; 32]), ClientError> {
    let (registration, request) = Registration::start(password.expose_bytes(), client.random())?;
    Ok((registration, request.to_bytes()))
}

fn start_enrolment(
    client: &Client,
    key: &SecretBytes,
    name: &str,
    request: [u8; 32],
) -> Result<v1::EnrolmentStarted, ClientError> {
    let message = v1::StartEnrolment {
        key: text(key),
        name: name.to_owned(),
        request: to_hex(&request),
    };
    client.call(&endpoints::ENROL_START, &[], &message)
}

fn start_link(
    client: &Client,
    secret: &SecretBytes,
    request: [u8; 32],
) -> Result<v1::PasswordStarted, ClientError> {
    let message = v1::StartLink {
        link: text(secret),
        request: to_hex(&request),
    };
    client.call(&endpoints::LINK_START, &[], &message)
}

fn finish(
    client: &Client,
    registration: Registration,
    password: &AccountPassword,
    started: &v1::PasswordStarted,
) -> Result<RegistrationUpload, ClientError> {
    let version = Version::from_code(started.version)?;
    let response = RegistrationResponse::from_bytes(&bytes(&started.response))?;
    let password = password.expose_bytes();
    let done = registration.finish(password, version, response, client.random());
    Ok(done
        .map_err(|error| match error {
            // It is a new one: it cannot be wrong.
            OpaqueError::Refused => OpaqueError::Malformed {
                what: "a registration response",
            },
            other => other,
        })?
        .upload)
}

/// Reads hexadecimal digits; what is none is no message, which its reader says.
fn bytes(text: &str) -> Vec<u8> {
    let pair = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    let pairs: Option<Vec<u8>> = (0..text.len()).step_by(2).map(pair).collect();
    pairs.unwrap_or_default()
}

fn text(secret: &SecretBytes) -> String {
    String::from_utf8_lossy(secret.expose_bytes())
        .trim()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_organisation_key_is_the_one_that_was_named() {
        let pin = Pin::new([7; 32]);
        let shown = pin.to_string();
        assert!(check_organisation_key(None, None).is_ok());
        assert!(check_organisation_key(None, Some("anything")).is_ok());
        assert!(check_organisation_key(Some(pin), Some(&shown)).is_ok());
        for other in [None, Some("no fingerprint"), Some("ab")] {
            let refused = check_organisation_key(Some(pin), other);
            assert!(matches!(
                refused,
                Err(ClientError::OtherOrganisationKey { .. })
            ));
        }
    }
}
