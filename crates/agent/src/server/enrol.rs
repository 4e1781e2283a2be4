//! Enrolling this computer: an account if there is none, a computer, and its credential, which stays here.

use strongroom_client::{
    Client, Enrolment, EnrolmentAnswer, NewComputer, ServerAddress, endpoints, v1,
};
use strongroom_crypto::secret::SecretBytes;

use super::memory::client;
use super::{Proof, Remembered, RememberedComputer, ServerError, ServerMemory, check_new_password};
use crate::AgentError;

/// What is to be enrolled.
pub struct EnrolRequest<'a> {
    /// The server and the registration key.
    pub enrolment: &'a Enrolment,
    /// The name to sign in with.
    pub user: &'a str,
    /// The password of the account, or of the one that is made, and a code if the account asks for one.
    pub proof: Proof<'a>,
    /// This computer.
    pub computer: v1::NewComputer,
}

/// This computer, enrolled.
#[derive(Debug)]
pub struct Enrolled {
    /// The server.
    pub server: ServerAddress,
    /// The name of the user.
    pub user: String,
    /// Whether the account was made.
    pub is_new: bool,
    /// The computer.
    pub computer: RememberedComputer,
}

/// Enrols this computer. Nothing is stored here before the server has done its part, and nothing there where a fingerprint is
/// not the one that was named.
pub fn enrol(memory: &ServerMemory, request: &EnrolRequest<'_>) -> Result<Enrolled, AgentError> {
    refuse_if_enrolled(memory)?;
    let server = memory.meet(request.enrolment.server.clone())?;
    let Some(key) = &request.enrolment.key else {
        return Err(ServerError::NoRegistrationKey.into());
    };
    let stranger = client(server.clone(), None)?;
    let new = NewComputer {
        key,
        organisation_key: request.enrolment.organisation_key,
        name: request.user,
        computer: request.computer.clone(),
    };
    // Of an account that is there, the password may be older than what is asked for today: it is not checked.
    let check = |length_min| -> Result<(), AgentError> {
        let password = request.proof.password;
        let checked = check_new_password(password, length_min, request.user, &server.place());
        Ok(checked?)
    };
    let answer = strongroom_client::enrol(&stranger, &new, request.proof.password, check)?;
    let (enrolled, is_new) = match answer {
        EnrolmentAnswer::Made(enrolled) => (*enrolled, true),
        EnrolmentAnswer::NameTaken => (by_owner(&stranger, request)?, false),
    };
    store(memory, &server, request, enrolled, is_new)
}

/// Fails where this computer has a credential that is good. One that was revoked stands in nobody's way.
fn refuse_if_enrolled(memory: &ServerMemory) -> Result<(), AgentError> {
    let known = memory.remembered()?;
    let Some((computer, server)) = known.and_then(|known| Some((known.computer?, known.server)))
    else {
        return Ok(());
    };
    let Some(client) = memory.computer_client()? else {
        return Ok(());
    };
    match client.ask(&endpoints::ME, &[]) {
        Err(error) if error.status() == Some(401) => Ok(()),
        Err(error) => Err(error.into()),
        Ok(_still_good) => Err(ServerError::EnrolledAlready {
            computer: computer.name,
            server,
        }
        .into()),
    }
}

/// Enrols a computer of an account that is there: whoever knows its password may. The session ends at once.
fn by_owner(stranger: &Client, request: &EnrolRequest<'_>) -> Result<v1::Enrolled, AgentError> {
    let signed_in = request.proof.sign_in(stranger, request.user)?;
    let secret = SecretBytes::new(signed_in.secret.into_bytes());
    let owner = client(stranger.server().clone(), Some(secret))?;
    let enrolled = owner.call(&endpoints::COMPUTER_ENROL, &[], &request.computer);
    let checked = enrolled.and_then(|enrolled| {
        let named = request.enrolment.organisation_key;
        let shown = enrolled.organisation_key.as_deref();
        let is_same = strongroom_client::check_organisation_key(named, shown);
        if is_same.is_err() {
            owner.ask(&endpoints::COMPUTER_REVOKE, &[&enrolled.computer.id])?;
        }
        is_same.map(|()| enrolled)
    });
    // If this fails, the session ends by itself.
    let _ended = owner.ask(&endpoints::SIGN_OUT, &[]);
    Ok(checked?)
}

fn store(
    memory: &ServerMemory,
    server: &ServerAddress,
    request: &EnrolRequest<'_>,
    enrolled: v1::Enrolled,
    is_new: bool,
) -> Result<Enrolled, AgentError> {
    let secret = enrolled
        .secret
        .ok_or(strongroom_client::ClientError::SecretLost { field: "secret" })?;
    let secret = SecretBytes::new(secret.into_bytes());
    let computer = RememberedComputer {
        id: enrolled.computer.id,
        name: enrolled.computer.name,
        organisation: enrolled.organisation,
        organisation_key_verified: request.enrolment.organisation_key.is_some(),
        organisation_key: enrolled.organisation_key,
    };
    let _lock = memory.lock()?;
    // The credential first: what is remembered says that there is one.
    memory.set_computer(secret.expose_bytes())?;
    memory.remember(&Remembered {
        server: server.to_string(),
        certificate: server.pin.map(|pin| pin.to_string()),
        user: Some(enrolled.name.clone()),
        // The first check-in tells it.
        epoch: None,
        computer: Some(computer.clone()),
    })?;
    Ok(Enrolled {
        server: server.clone(),
        user: enrolled.name,
        is_new,
        computer,
    })
}
