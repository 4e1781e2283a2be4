//! The side that stores records and never learns a password.

use opaque_ke::ServerSetup as LibrarySetup;
use opaque_ke::{ServerLogin, ServerLoginParameters, ServerRegistration};
use strongroom_base::ids::UserId;
use strongroom_base::random::RandomSource;
use zeroize::Zeroize as _;

use super::client::refused;
use super::message::check_length;
use super::randomness::Randomness;
use super::suite::{V1, Version};
use super::{
    LoginFinal, LoginRequest, LoginResponse, OpaqueError, RegistrationRequest,
    RegistrationResponse, RegistrationUpload, SessionKey,
};
use crate::hash::keyed_hash;
use crate::kdf::hkdf_expand_sha512;
use crate::label;
use crate::secret::{Secret, SecretBytes};

/// Selects the key under which the server blinds one account's password. It is no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CredentialId([u8; 32]);

impl CredentialId {
    /// Returns the one of an account. It stays when the account gets another name or password.
    pub fn of_user(user: &UserId) -> Self {
        let mut id = [0; 32];
        id[..16].copy_from_slice(&user.0);
        Self(id)
    }

    #[cfg(test)]
    pub(super) fn from_raw(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

/// The server's part of every record: who has it and a record can guess the password of that record.
/// All nodes share it, it needs an offline copy, and without it nobody signs in any more.
pub struct ServerSetup(LibrarySetup<V1>);

impl ServerSetup {
    /// The length of its stored form.
    pub const LEN: usize = 1 + 128;

    /// Draws a new one.
    pub fn random(random: &dyn RandomSource) -> Self {
        Self(LibrarySetup::new(&mut Randomness(random)))
    }

    /// Reads the stored form.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, OpaqueError> {
        let what = "the server's set-up for sign-in";
        check_length(bytes, Self::LEN, what)?;
        let Version::V1 = Version::from_code(bytes[0])?;
        LibrarySetup::deserialize(&bytes[1..])
            .map(Self)
            .map_err(|_| OpaqueError::Malformed { what })
    }

    /// Gives out the stored form: the version, the seed of the OPRF keys, the private key, and the public key
    /// of nobody.
    pub fn expose_bytes(&self) -> SecretBytes {
        let mut bytes = Vec::with_capacity(Self::LEN);
        bytes.push(Version::V1.code());
        let mut body = self.0.serialize();
        bytes.extend_from_slice(&body);
        body.as_mut_slice().zeroize();
        SecretBytes::new(bytes)
    }

    /// Returns the public key, which clients may remember.
    pub fn public_key(&self) -> [u8; 32] {
        self.0.keypair().public().serialize().into()
    }

    /// Returns the credential of an account that does not exist: always the same for the same name.
    pub fn credential_of_nobody(&self, sign_in_name: &str) -> CredentialId {
        let setup = self.expose_bytes();
        let key = Secret::fill_with(|key| {
            let info: &[&[u8]] = &[label::SIGN_IN_NOBODY.as_bytes()];
            let seed = &setup.expose_bytes()[1..65];
            hkdf_expand_sha512(seed, info, key);
        });
        CredentialId(keyed_hash(&key, sign_in_name.as_bytes()))
    }

    /// Answers the first message of a registration. The client must stretch with [`Version::CURRENT`].
    pub fn answer_registration(
        &self,
        request: RegistrationRequest,
        credential: &CredentialId,
    ) -> Result<RegistrationResponse, OpaqueError> {
        ServerRegistration::start(&self.0, request.0, &credential.0)
            .map(|started| RegistrationResponse(started.message))
            .map_err(refused)
    }

    /// Answers the first message of a login to whoever typed `sign_in_name`, in the form in which names are
    /// compared.
    ///
    /// `found` is the account with that name and its stored record, if there are both. All the work is done in
    /// either case, so that the time tells nothing. A stored record that cannot be read is answered as nobody's, and is in
    /// [`LoginAnswer::damage`].
    pub fn answer_sign_in(
        &self,
        sign_in_name: &str,
        found: Option<(&UserId, &[u8])>,
        request: LoginRequest,
        random: &dyn RandomSource,
    ) -> Result<LoginAnswer, OpaqueError> {
        let nobody = self.credential_of_nobody(sign_in_name);
        let decoy = Record::decoy(&self.public_key());
        let stored = found.map_or(decoy.as_slice(), |(_, stored)| stored);
        let read = Record::from_bytes(stored);
        let (credential, record) = match (found, &read) {
            (Some((user, _)), Ok(record)) => (CredentialId::of_user(user), Some(record)),
            _ => (nobody, None),
        };
        let answer = self.answer_login(record, request, &credential, random)?;
        Ok(LoginAnswer {
            damage: read.err(),
            ..answer
        })
    }

    /// Answers the first message of a login.
    ///
    /// Without a record the answer looks like any other and takes the same work; no password fits it.
    pub fn answer_login(
        &self,
        record: Option<&Record>,
        request: LoginRequest,
        credential: &CredentialId,
        random: &dyn RandomSource,
    ) -> Result<LoginAnswer, OpaqueError> {
        let version = record.map_or(Version::CURRENT, |record| record.version);
        let started = ServerLogin::start(
            &mut Randomness(random),
            &self.0,
            record.map(|record| record.registration.clone()),
            request.0,
            &credential.0,
            ServerLoginParameters::default(),
        );
        let started = started.map_err(refused)?;
        Ok(LoginAnswer {
            version,
            response: LoginResponse(started.message),
            state: LoginState(started.state),
            damage: None,
        })
    }
}

/// What the server stores of one account: nothing that signs in, and nothing that shows which accounts have
/// equal passwords.
#[derive(Clone)]
pub struct Record {
    version: Version,
    registration: ServerRegistration<V1>,
}

impl Record {
    /// The length of its stored form.
    pub const LEN: usize = 1 + RegistrationUpload::LEN;

    /// Makes the record of what a client uploaded.
    pub fn from_upload(version: Version, upload: RegistrationUpload) -> Self {
        Self {
            version,
            registration: ServerRegistration::finish(upload.0),
        }
    }

    /// Reads the stored form.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, OpaqueError> {
        let what = "a sign-in record";
        let code = bytes.first().ok_or(OpaqueError::Length {
            what,
            expected: Self::LEN,
            found: 0,
        })?;
        let version = Version::from_code(*code)?;
        check_length(bytes, Self::LEN, what)?;
        let registration = ServerRegistration::deserialize(&bytes[1..])
            .map_err(|_| OpaqueError::Malformed { what })?;
        Ok(Self {
            version,
            registration,
        })
    }

    /// Returns bytes that take as long to read as a record, and are none of anybody.
    fn decoy(public_key: &[u8; 32]) -> [u8; Self::LEN] {
        let mut bytes = [Version::CURRENT.code(); Self::LEN];
        bytes[1..33].copy_from_slice(public_key);
        bytes
    }

    /// Returns the stored form: the version and what was uploaded.
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut bytes = [self.version.code(); Self::LEN];
        bytes[1..].copy_from_slice(&self.registration.serialize());
        bytes
    }

    /// Returns the version; one below [`Version::CURRENT`] is due for a new registration.
    pub fn version(&self) -> Version {
        self.version
    }
}

/// The answer to the first message of a login.
pub struct LoginAnswer {
    /// Goes to the client, with the response.
    pub version: Version,
    /// Goes to the client.
    pub response: LoginResponse,
    /// Stays at the server until the last message.
    pub state: LoginState,
    /// Why the stored record could not be read; the client is not told.
    pub damage: Option<OpaqueError>,
}

/// A login under way, at the server.
///
/// It is good for one last message: whoever stores it takes it away before checking that.
pub struct LoginState(ServerLogin<V1>);

impl LoginState {
    /// The length of its stored form.
    pub const LEN: usize = 1 + 128;

    /// Reads the stored form.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, OpaqueError> {
        let what = "a login under way";
        check_length(bytes, Self::LEN, what)?;
        let Version::V1 = Version::from_code(bytes[0])?;
        ServerLogin::deserialize(&bytes[1..])
            .map(Self)
            .map_err(|_| OpaqueError::Malformed { what })
    }

    /// Gives out the stored form. It does not sign in, but it holds the keys of this one login.
    pub fn expose_bytes(&self) -> SecretBytes {
        let mut bytes = Vec::with_capacity(Self::LEN);
        bytes.push(Version::V1.code());
        let mut body = self.0.serialize();
        bytes.extend_from_slice(&body);
        body.as_mut_slice().zeroize();
        SecretBytes::new(bytes)
    }

    /// Checks the last message: from here on the client has proved that it knows the password.
    pub fn finish(self, message: LoginFinal) -> Result<SessionKey, OpaqueError> {
        self.0
            .finish(message.0, ServerLoginParameters::default())
            .map(|done| SessionKey::new(done.session_key.into()))
            .map_err(refused)
    }
}
