//! Why what a server was needed for did not happen.

use strongroom_base::{Class, Classified};
use strongroom_client::ClientError;
use strongroom_custody::account_password::AccountPasswordError;
use strongroom_domain::password::PasswordError;

/// Why what a server was needed for did not happen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The server did not do what it was asked.
    #[error(transparent)]
    Client(#[from] Box<ClientError>),
    /// What was typed is no password of an account.
    #[error(transparent)]
    AccountPassword(#[from] AccountPasswordError),
    /// A new password of an account is not good enough.
    #[error(transparent)]
    WeakPassword(PasswordError),
    /// The account asks for a code too, and there was none.
    #[error("the account asks for a code of its authenticator app")]
    CodeNeeded,
    /// Nobody is signed in to a server.
    #[error("nobody is signed in")]
    NotSignedIn,
    /// This computer is enrolled at another server.
    #[error("this profile belongs to the server {known}")]
    OtherServer {
        /// The server.
        known: String,
    },
    /// Another certificate was named than the one that is pinned.
    #[error("another certificate of {server} is pinned: {pinned}")]
    OtherPin {
        /// The server.
        server: String,
        /// The fingerprint that is pinned.
        pinned: String,
    },
    /// This computer is enrolled.
    #[error("this computer is enrolled at {server} already, as `{computer}`")]
    EnrolledAlready {
        /// What it is called.
        computer: String,
        /// The server.
        server: String,
    },
    /// There is no registration key to enrol with.
    #[error("there is no registration key")]
    NoRegistrationKey,
}

impl From<ClientError> for ServerError {
    fn from(error: ClientError) -> Self {
        Self::Client(Box::new(error))
    }
}

impl Classified for ServerError {
    fn class(&self) -> Class {
        match self {
            Self::Client(source) => source.class(),
            Self::AccountPassword(source) => source.class(),
            Self::WeakPassword(source) => source.class(),
            Self::OtherPin { .. } => Class::WrongKey,
            Self::NotSignedIn
            | Self::CodeNeeded
            | Self::OtherServer { .. }
            | Self::EnrolledAlready { .. }
            | Self::NoRegistrationKey => Class::Caller,
        }
    }
}
