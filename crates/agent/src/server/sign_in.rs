//! Signing in and out, and who one is.

use strongroom_client::{
    Client, ClientError, ServerAddress, SetUpLink, SignInAnswer, endpoints, v1,
};
use strongroom_crypto::secret::SecretBytes;

use super::memory::client;
use super::{Remembered, ServerError, ServerMemory, check_new_password};
use crate::AgentError;
use crate::custody::account_password::AccountPassword;

/// Somebody who has signed in.
#[derive(Debug)]
pub struct SignedIn {
    /// The server.
    pub server: String,
    /// The name of the user.
    pub user: String,
    /// When the session or token ends by itself, if that is known.
    pub expires: Option<String>,
    /// Whether the account must set up a second factor before the session is good for anything else.
    pub second_factor_missing: bool,
}

/// What somebody signs in with.
pub struct Proof<'a> {
    /// The password.
    pub password: &'a AccountPassword,
    /// Gives a code of the authenticator app, where the account asks for one.
    pub code: &'a dyn Fn() -> Option<String>,
}

impl Proof<'_> {
    pub(super) fn sign_in(
        &self,
        stranger: &Client,
        user: &str,
    ) -> Result<v1::SignedIn, AgentError> {
        let answer = strongroom_client::sign_in(stranger, user, self.password)?;
        self.finish(stranger, answer)
    }

    fn finish(&self, stranger: &Client, answer: SignInAnswer) -> Result<v1::SignedIn, AgentError> {
        match answer {
            SignInAnswer::Done(signed_in) => Ok(signed_in),
            SignInAnswer::CodeNeeded(attempt) => {
                let code = (self.code)().ok_or(ServerError::CodeNeeded)?;
                let finished = strongroom_client::finish_by_code(stranger, &attempt, code.trim());
                Ok(finished?)
            }
        }
    }
}

/// Somebody who has signed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedOut {
    /// Whether the server knows of it. If not, the session ends there by itself.
    pub is_told: bool,
}

/// Signs in with a password, and remembers the server and the session.
pub fn sign_in(
    memory: &ServerMemory,
    server: ServerAddress,
    user: &str,
    proof: &Proof<'_>,
) -> Result<SignedIn, AgentError> {
    let server = memory.meet(server)?;
    let stranger = client(server.clone(), None)?;
    let signed_in = proof.sign_in(&stranger, user)?;
    remember(memory, &server, user, signed_in)
}

/// Returns whose account a one-time link is for, and which server it is.
pub fn open_link(
    memory: &ServerMemory,
    link: &SetUpLink,
) -> Result<(String, ServerAddress), AgentError> {
    let server = memory.meet(link.server.clone())?;
    let stranger = client(server.clone(), None)?;
    let name = strongroom_client::link_owner(&stranger, &link.secret)?;
    Ok((name, server))
}

/// Chooses a password by a one-time link, signs in, and remembers the server and the session.
pub fn sign_in_by_link(
    memory: &ServerMemory,
    link: &SetUpLink,
    proof: &Proof<'_>,
) -> Result<SignedIn, AgentError> {
    let (user, server) = open_link(memory, link)?;
    let check = |length_min| -> Result<(), AgentError> {
        let checked = check_new_password(proof.password, length_min, &user, &server.place());
        Ok(checked?)
    };
    let stranger = client(server.clone(), None)?;
    let answer = strongroom_client::set_by_link(&stranger, &link.secret, proof.password, check)?;
    let signed_in = proof.finish(&stranger, answer)?;
    remember(memory, &server, &user, signed_in)
}

/// Acts by an API token from now on, if the server knows it.
pub fn sign_in_by_token(
    memory: &ServerMemory,
    server: ServerAddress,
    token: &SecretBytes,
) -> Result<SignedIn, AgentError> {
    let server = memory.meet(server)?;
    let copy = SecretBytes::new(token.expose_bytes().to_vec());
    let bearer = client(server.clone(), Some(copy))?;
    // A token need not be for anything by which its owner could be named.
    let user = match bearer.ask(&endpoints::ME, &[]) {
        Ok(profile) => profile.user.name,
        Err(error) if error.status() == Some(403) => String::new(),
        Err(error) => return Err(error.into()),
    };
    let _lock = memory.lock()?;
    memory.remember(&merged(memory, &server, Some(user.clone()))?)?;
    memory.set_session(token.expose_bytes().trim_ascii())?;
    Ok(SignedIn {
        server: server.to_string(),
        user,
        expires: None,
        second_factor_missing: false,
    })
}

/// Gives the user another password, who has signed in just now; returns how many other sessions that ended.
pub fn change_password(
    memory: &ServerMemory,
    user: &str,
    password: &AccountPassword,
) -> Result<u64, AgentError> {
    let client = memory.client()?;
    strongroom_client::set_password(&client, password, |length_min| {
        let place = client.server().place();
        Ok(check_new_password(password, length_min, user, &place)?)
    })
}

/// Ends the session at the server and forgets it. It is forgotten even where the server does not answer.
pub fn sign_out(memory: &ServerMemory) -> Result<SignedOut, AgentError> {
    let _lock = memory.lock()?;
    let client = memory.client()?;
    let told: Result<strongroom_client::Nothing, ClientError> =
        client.ask(&endpoints::SIGN_OUT, &[]);
    memory.forget_session()?;
    match told {
        Ok(_) => Ok(SignedOut { is_told: true }),
        // It was over already, or is one that cannot end itself, such as a token.
        Err(error) if matches!(error.status(), Some(401 | 403)) => Ok(SignedOut { is_told: true }),
        Err(_unreached) => Ok(SignedOut { is_told: false }),
    }
}

/// Returns who the server says one is: by the session, or as this computer where nobody is signed in.
pub fn who_am_i(memory: &ServerMemory) -> Result<(v1::Profile, String), AgentError> {
    let client: Client = if memory.has_session()? {
        memory.client()?
    } else {
        memory.computer_client()?.ok_or(ServerError::NotSignedIn)?
    };
    let profile = client.ask(&endpoints::ME, &[])?;
    Ok((profile, client.server().to_string()))
}

fn remember(
    memory: &ServerMemory,
    server: &ServerAddress,
    user: &str,
    signed_in: v1::SignedIn,
) -> Result<SignedIn, AgentError> {
    let _lock = memory.lock()?;
    memory.remember(&merged(memory, server, Some(user.to_owned()))?)?;
    let secret = SecretBytes::new(signed_in.secret.into_bytes());
    memory.set_session(secret.expose_bytes())?;
    Ok(SignedIn {
        server: server.to_string(),
        user: user.to_owned(),
        expires: Some(signed_in.expires),
        second_factor_missing: signed_in.second_factor_missing,
    })
}

/// What is to be remembered, with the computer that was enrolled.
fn merged(
    memory: &ServerMemory,
    server: &ServerAddress,
    user: Option<String>,
) -> Result<Remembered, AgentError> {
    let known = memory.remembered()?;
    let (epoch, computer) = known.map_or((None, None), |known| (known.epoch, known.computer));
    Ok(Remembered {
        server: server.to_string(),
        certificate: server.pin.map(|pin| pin.to_string()),
        user: user.filter(|user| !user.is_empty()),
        epoch: epoch.filter(|_| computer.is_some()),
        computer,
    })
}
