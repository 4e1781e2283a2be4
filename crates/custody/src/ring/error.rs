//! Why a secret does not open, and why a change of the ring was refused.

use strongroom_base::wire::WireError;
use strongroom_base::{Class, Classified};

use super::{KeyId, Place};

/// Why a stored value does not give its secret. Nobody may take the value for the secret then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The key that it names is not there.
    #[error("the key {key} is missing")]
    MissingKey {
        /// The key.
        key: KeyId,
    },
    /// It was sealed for another place, or is not as it was.
    #[error("the secret under the key {key} was sealed for another place or is damaged")]
    Damaged {
        /// The key.
        key: KeyId,
    },
    /// It is not sealed, although the ring seals.
    #[error("the secret is not sealed, as it should be")]
    NotSealed,
    /// It is no value.
    #[error("the stored secret cannot be read")]
    Malformed(#[from] WireError),
    /// A newer program wrote it.
    #[error("a newer program stored this secret (version {version})")]
    TooNew {
        /// The version.
        version: u8,
    },
}

impl Classified for OpenError {
    fn class(&self) -> Class {
        match self {
            Self::MissingKey { .. } => Class::WrongKey,
            Self::TooNew { .. } => Class::Caller,
            Self::Damaged { .. } | Self::NotSealed | Self::Malformed(_) => Class::Damage,
        }
    }
}

/// Why something could not be sealed, or a step could not be done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RingError {
    /// The key that new values need is not there.
    #[error("the key {key} is missing")]
    MissingKey {
        /// The key.
        key: KeyId,
    },
    /// The secret is too long to be one.
    #[error("a secret has at most {max} bytes")]
    TooLong {
        /// The most bytes that are taken.
        max: usize,
    },
    /// A part of the place is too long.
    #[error("the place {place} has a name that is too long")]
    LongPlace {
        /// The place.
        place: Place,
    },
    /// The step is not the one that is next.
    #[error("this is not the next step of the change")]
    NotNext,
    /// The stored ring cannot be read.
    #[error("the key ring cannot be read")]
    Malformed(#[from] WireError),
    /// A newer program wrote the ring.
    #[error("a newer program wrote the key ring (version {version})")]
    TooNew {
        /// The version.
        version: u8,
    },
}

impl Classified for RingError {
    fn class(&self) -> Class {
        match self {
            Self::MissingKey { .. } => Class::WrongKey,
            Self::TooLong { .. } | Self::LongPlace { .. } | Self::TooNew { .. } => Class::Caller,
            Self::NotNext => Class::Retry,
            Self::Malformed(_) => Class::Damage,
        }
    }
}

/// Why a change of the ring does not begin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RingRefusal {
    /// Another change is under way.
    #[error("another change of the key ring is under way")]
    Busy,
    /// Nothing is sealed, so there is no key to change.
    #[error("nothing is sealed; choose an algorithm first")]
    Plain,
    /// The change needs a new key, and got none or one that the ring knows.
    #[error("the change needs a new key")]
    NoNewKey,
    /// The ring has as many keys as it can name.
    #[error("the ring has {max} keys; delete inactive ones")]
    TooMany {
        /// The most keys.
        max: usize,
    },
    /// The ring knows no such key.
    #[error("the ring has no key {key}")]
    UnknownKey {
        /// The key.
        key: KeyId,
    },
    /// The key is the one in use.
    #[error("the key {key} is in use")]
    InUse {
        /// The key.
        key: KeyId,
    },
    /// Values name the key.
    #[error("{values} stored secrets need the key {key}")]
    Needed {
        /// The key.
        key: KeyId,
        /// How many values name it.
        values: u64,
    },
    /// A backup of the database may name the key.
    #[error("a backup that is kept may need the key {key}")]
    InBackup {
        /// The key.
        key: KeyId,
    },
}

impl Classified for RingRefusal {
    fn class(&self) -> Class {
        match self {
            Self::Busy => Class::Retry,
            _ => Class::Caller,
        }
    }
}

/// Why a key file was refused. No message holds a part of a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The name is not that of a key file.
    #[error("`{name}` is not the name of a key file")]
    Name {
        /// The name.
        name: String,
    },
    /// The content is something else.
    #[error("the file does not start with `{expected}`")]
    NotAKey {
        /// How it should start.
        expected: &'static str,
    },
    /// A newer program wrote it.
    #[error("a newer program wrote this key file")]
    TooNew,
    /// The length, a digit or the checksum is not as it was written.
    #[error("the key in the file is not as it was written")]
    Damaged,
    /// The name is that of another key.
    #[error("the file holds the key {found}, which is not that of its name")]
    OtherKey {
        /// The key in it.
        found: KeyId,
    },
}

impl Classified for FileError {
    fn class(&self) -> Class {
        match self {
            Self::TooNew | Self::Name { .. } => Class::Caller,
            Self::NotAKey { .. } | Self::Damaged | Self::OtherKey { .. } => Class::Damage,
        }
    }
}
