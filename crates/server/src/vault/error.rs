//! Why a secret is not there.

use std::io;
use std::path::PathBuf;

use strongroom_base::{Class, Classified};
use strongroom_custody::ring::{FileError, OpenError, Place, RingError, RingRefusal};
use strongroom_db::DbError;

/// Why a secret cannot be sealed or opened, or a key cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// The folder of keys, or a file in it, cannot be made, read or written.
    #[error("`{path}` cannot be used")]
    Io {
        /// What.
        path: PathBuf,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
    /// Others may look into the folder or a file of keys.
    #[error("`{0}` is open to other users: take their rights away")]
    Exposed(PathBuf),
    /// A key file is none.
    #[error("`{path}` holds no key")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: FileError,
    },
    /// The master key is gone.
    #[error("the master key `{0}` is missing: put back the copy that was kept of it")]
    NoMaster(PathBuf),
    /// The database was sealed under another master key.
    #[error(
        "the database belongs to another master key than `{0}`: put back the one that was kept"
    )]
    OtherMaster(PathBuf),
    /// A value does not open.
    #[error("{place} does not open")]
    Closed {
        /// Where.
        place: Box<Place>,
        /// Why.
        #[source]
        source: OpenError,
    },
    /// What opened is not what it should be.
    #[error("{0} holds something else")]
    Unreadable(&'static str),
    /// Something cannot be sealed, or a step cannot be done.
    #[error(transparent)]
    Ring(#[from] RingError),
    /// A change of the ring does not begin.
    #[error(transparent)]
    Refused(#[from] RingRefusal),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl VaultError {
    pub(super) fn closed(place: &Place, source: OpenError) -> Self {
        Self::Closed {
            place: Box::new(place.clone()),
            source,
        }
    }
}

impl Classified for VaultError {
    fn class(&self) -> Class {
        match self {
            Self::Io { .. } => Class::Retry,
            Self::Exposed(_) => Class::Caller,
            Self::NoMaster(_) | Self::OtherMaster(_) => Class::WrongKey,
            Self::Unreadable(_) => Class::Damage,
            Self::File { source, .. } => source.class(),
            Self::Closed { source, .. } => source.class(),
            Self::Ring(source) => source.class(),
            Self::Refused(source) => source.class(),
            Self::Database(source) => source.class(),
        }
    }
}
