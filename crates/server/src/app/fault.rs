//! Why a use case did not do what it was asked.

use std::time::Duration;

use strongroom_base::{Class, Classified};
use strongroom_db::DbError;
use strongroom_domain::access::Denial;

use crate::vault::VaultError;

/// Why a use case did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// Nobody showed a credential that is good.
    #[error("sign in first")]
    NotSignedIn,
    /// Nobody has this name and this password. Which of them is wrong is not said.
    #[error("the name or the password is wrong")]
    WrongPassword,
    /// The password was right, and is not enough; the next step names this attempt.
    #[error(
        "a second factor is needed: a code of the authenticator app, a passkey, or a recovery code"
    )]
    SecondFactorNeeded(String),
    /// The code of a second factor is none that counts now.
    #[error("the code is wrong, or was used already")]
    WrongCode,
    /// A passkey signs nobody in. Why, is not said.
    #[error("this passkey signs nobody in here")]
    WrongPasskey,
    /// A one-time link opens nothing. Why, is not said.
    #[error("the link is not good, or not any more")]
    LinkNotGood,
    /// A registration key takes nobody in. Why, is not said.
    #[error("the registration key is not good, or not any more")]
    KeyNotGood,
    /// There is somebody of this name already.
    #[error("there is a user `{0}` already")]
    NameTaken(String),
    /// Too much was asked for; it may be asked again after this long.
    #[error("too many requests")]
    TooMany(Duration),
    /// There is nothing of that kind, or the caller may not know that there is.
    #[error("there is nothing of that kind")]
    Unseen,
    /// The caller may not do it.
    #[error(transparent)]
    Denied(Denial),
    /// The caller must have signed in just now.
    #[error("sign in again for this: it needs a sign-in of the last ten minutes")]
    NotFresh,
    /// It was changed since the caller saw it.
    #[error("it was changed since: it has version {0} now")]
    ChangedSince(i64),
    /// The caller did not say which version they saw.
    #[error("this needs `If-Match` with the version that you saw")]
    VersionMissing,
    /// The program that asks is too old for this server.
    #[error(transparent)]
    TooOld(strongroom_domain::release::TooOld),
    /// A part of the request is wrong.
    #[error("{detail}")]
    Invalid {
        /// Which part.
        at: &'static str,
        /// What is wrong with it.
        detail: String,
    },
    /// It cannot be done as things stand.
    #[error("{0}")]
    Refused(String),
    /// The key was used for another request.
    #[error("this idempotency key was used for another request")]
    KeyOfAnother,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
    /// A secret that the server keeps cannot be used.
    #[error("a secret of the server cannot be used")]
    Vault(#[source] VaultError),
    /// The program is wrong.
    #[error("the server is at fault: {0}")]
    Program(&'static str),
}

impl Classified for Fault {
    fn class(&self) -> Class {
        match self {
            Self::TooMany(_) => Class::Retry,
            Self::Database(source) => source.class(),
            Self::Vault(source) => source.class(),
            Self::Program(_) => Class::Damage,
            Self::NotSignedIn
            | Self::WrongPassword
            | Self::SecondFactorNeeded(_)
            | Self::WrongCode
            | Self::WrongPasskey
            | Self::LinkNotGood
            | Self::KeyNotGood
            | Self::NameTaken(_)
            | Self::Unseen
            | Self::Denied(_)
            | Self::NotFresh
            | Self::ChangedSince(_)
            | Self::VersionMissing
            | Self::TooOld(_)
            | Self::Invalid { .. }
            | Self::Refused(_)
            | Self::KeyOfAnother => Class::Caller,
        }
    }
}

impl Fault {
    /// Makes the fault for a part of a request that a rule refuses.
    pub(crate) fn invalid(at: &'static str, rule: impl std::fmt::Display) -> Self {
        Self::Invalid {
            at,
            detail: rule.to_string(),
        }
    }

    /// Makes the fault for what a rule refuses as things stand.
    pub(crate) fn refused(rule: impl std::fmt::Display) -> Self {
        Self::Refused(rule.to_string())
    }
}

impl From<VaultError> for Fault {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::Database(error) => Self::Database(error),
            error => Self::Vault(error),
        }
    }
}

impl From<Denial> for Fault {
    fn from(denial: Denial) -> Self {
        match denial {
            Denial::Unseen | Denial::WrongKind => Self::Unseen,
            other => Self::Denied(other),
        }
    }
}
