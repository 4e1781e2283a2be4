//! Why a step of signing in failed.

use strongroom_base::{Class, Classified};

/// Why a step of signing in failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpaqueError {
    /// Something has another length than it always has.
    #[error("{what} has {found} bytes; it should have {expected}")]
    Length {
        /// What it should have been.
        what: &'static str,
        /// The bytes it always has.
        expected: usize,
        /// The bytes it had.
        found: usize,
    },
    /// The bytes stand for nothing that this protocol sends.
    #[error("{what} holds bytes that nobody sends")]
    Malformed {
        /// What it should have been.
        what: &'static str,
    },
    /// The version is one of a newer program.
    #[error("version {version} of sign-in needs a newer program")]
    TooNew {
        /// The version.
        version: u8,
    },
    /// The password is longer than any that is taken.
    #[error("a password has at most {max} bytes")]
    PasswordTooLong {
        /// The most bytes that are taken.
        max: usize,
    },
    /// The password is wrong, there is no such account, or somebody changed a message. Nobody can tell which.
    #[error("the name or the password is wrong")]
    Refused,
    /// The device does not have the memory that stretching takes.
    #[error("there is not enough memory to stretch the password")]
    OutOfMemory,
}

impl Classified for OpaqueError {
    fn class(&self) -> Class {
        match self {
            Self::Length { .. }
            | Self::Malformed { .. }
            | Self::TooNew { .. }
            | Self::PasswordTooLong { .. } => Class::Caller,
            Self::Refused => Class::WrongKey,
            Self::OutOfMemory => Class::Retry,
        }
    }
}
