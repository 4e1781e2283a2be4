//! The side that knows the password.

use opaque_ke::errors::{InternalError, ProtocolError};
use opaque_ke::{
    ClientLogin, ClientLoginFinishParameters, ClientRegistration,
    ClientRegistrationFinishParameters, Identifiers,
};
use strongroom_base::random::RandomSource;

use super::randomness::Randomness;
use super::suite::{StretchingV1, V1, Version};
use super::{
    ExportKey, LoginFinal, LoginRequest, LoginResponse, OpaqueError, RegistrationRequest,
    RegistrationResponse, RegistrationUpload, SessionKey,
};

/// The longest password that is taken, in bytes of UTF-8.
///
/// A password is given as UTF-8 in NFC, so that every device makes the same bytes of it.
pub const SIGN_IN_PASSWORD_LEN_MAX: usize = 512;

/// A registration under way, at the client.
pub struct Registration(ClientRegistration<V1>);

/// What the client has at the end of a registration.
pub struct RegistrationDone {
    /// Goes to the server.
    pub upload: RegistrationUpload,
    /// Stays at the client.
    pub export_key: ExportKey,
    /// The server's public key, which a client may remember and compare at every login.
    pub server_public_key: [u8; 32],
}

impl Registration {
    /// Begins to register `password`.
    pub fn start(
        password: &[u8],
        random: &dyn RandomSource,
    ) -> Result<(Self, RegistrationRequest), OpaqueError> {
        check_password(password)?;
        let started = ClientRegistration::start(&mut Randomness(random), password);
        let started = started.map_err(refused)?;
        Ok((Self(started.state), RegistrationRequest(started.message)))
    }

    /// Ends it, after stretching the password: that takes a part of a second and the memory of
    /// [`Version::costs`].
    pub fn finish(
        self,
        password: &[u8],
        version: Version,
        response: RegistrationResponse,
        random: &dyn RandomSource,
    ) -> Result<RegistrationDone, OpaqueError> {
        let Version::V1 = version;
        let stretching = StretchingV1;
        let parameters =
            ClientRegistrationFinishParameters::new(Identifiers::default(), Some(&stretching));
        let done = self
            .0
            .finish(&mut Randomness(random), password, response.0, parameters)
            .map_err(refused)?;
        Ok(RegistrationDone {
            upload: RegistrationUpload(done.message),
            export_key: ExportKey::new(done.export_key.into()),
            server_public_key: done.server_s_pk.serialize().into(),
        })
    }
}

/// A login under way, at the client.
pub struct Login(pub(super) ClientLogin<V1>);

/// What the client has at the end of a login.
pub struct LoginDone {
    /// Goes to the server, and proves to it that the client knows the password.
    pub message: LoginFinal,
    /// The same at the server.
    pub session_key: SessionKey,
    /// The same as at the registration.
    pub export_key: ExportKey,
    /// The server's public key. It proved that it has the private one.
    pub server_public_key: [u8; 32],
}

impl Login {
    /// Begins to sign in.
    pub fn start(
        password: &[u8],
        random: &dyn RandomSource,
    ) -> Result<(Self, LoginRequest), OpaqueError> {
        check_password(password)?;
        let started = ClientLogin::start(&mut Randomness(random), password).map_err(refused)?;
        Ok((Self(started.state), LoginRequest(started.message)))
    }

    /// Ends it, after stretching the password at the costs of `version`, which the server named.
    ///
    /// [`OpaqueError::Refused`] says that the password is wrong or the account unknown; the server learns
    /// of it only by the last message that never comes.
    pub fn finish(
        self,
        password: &[u8],
        version: Version,
        response: LoginResponse,
        random: &dyn RandomSource,
    ) -> Result<LoginDone, OpaqueError> {
        let Version::V1 = version;
        let stretching = StretchingV1;
        let parameters =
            ClientLoginFinishParameters::new(None, Identifiers::default(), Some(&stretching));
        let done = self
            .0
            .finish(&mut Randomness(random), password, response.0, parameters)
            .map_err(refused)?;
        Ok(LoginDone {
            message: LoginFinal(done.message),
            session_key: SessionKey::new(done.session_key.into()),
            export_key: ExportKey::new(done.export_key.into()),
            server_public_key: done.server_s_pk.serialize().into(),
        })
    }
}

fn check_password(password: &[u8]) -> Result<(), OpaqueError> {
    if password.len() > SIGN_IN_PASSWORD_LEN_MAX {
        return Err(OpaqueError::PasswordTooLong {
            max: SIGN_IN_PASSWORD_LEN_MAX,
        });
    }
    Ok(())
}

/// Says no more than a client may know: whatever fails looks like a wrong password, but for the memory.
pub(super) fn refused(error: ProtocolError) -> OpaqueError {
    match error {
        ProtocolError::LibraryError(InternalError::KsfError) => OpaqueError::OutOfMemory,
        _ => OpaqueError::Refused,
    }
}
