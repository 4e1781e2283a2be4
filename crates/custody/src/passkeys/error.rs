//! Why a passkey was not taken.

use strongroom_base::{Class, Classified};

/// Why a passkey was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PasskeyError {
    /// What the client says that it did cannot be read.
    #[error("the client data cannot be read")]
    ClientData,
    /// The client did something else.
    #[error("the client data is of something else")]
    OtherCeremony,
    /// The client was at another place.
    #[error("the origin is another one")]
    OtherOrigin,
    /// The client was in a frame of another place.
    #[error("it was asked for in a frame of another site")]
    InFrame,
    /// What the authenticator says cannot be read.
    #[error("the authenticator data cannot be read")]
    AuthenticatorData,
    /// The passkey is one of another site.
    #[error("the passkey is one of another site")]
    OtherSite,
    /// Nobody touched the authenticator.
    #[error("the authenticator saw nobody")]
    NobodyPresent,
    /// The authenticator did not check who touched it.
    #[error("the authenticator did not verify its user")]
    UserNotVerified,
    /// What the authenticator says of copies contradicts itself, or what it said at the registration.
    #[error("what the authenticator says of copies is contradictory")]
    Copies,
    /// The attestation cannot be read.
    #[error("the attestation cannot be read")]
    Attestation,
    /// The attestation is of a kind that was not asked for.
    #[error("the attestation is of a kind that was not asked for")]
    OtherAttestation,
    /// The public key is none, or of a kind that was not offered.
    #[error("the public key is of a kind that was not offered")]
    PublicKey,
    /// The id of the passkey is empty, too long, or not the same in both places.
    #[error("the id of the passkey is none")]
    CredentialId,
    /// The passkey says that it is somebody else's.
    #[error("the passkey is somebody else's")]
    OtherUser,
    /// The signature does not fit.
    #[error("the signature does not fit")]
    Signature,
    /// The authenticator has signed less often than before: there may be a copy of it.
    #[error("the counter of the authenticator went back: there may be a copy of it")]
    CounterWentBack,
}

impl Classified for PasskeyError {
    fn class(&self) -> Class {
        Class::Caller
    }
}
