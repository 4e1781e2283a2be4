//! Why an archive could not be mounted.

use std::io;
use std::path::PathBuf;

use strongroom_base::{Class, Classified};
use strongroom_read::ReadError;

/// Why an archive could not be mounted or unmounted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MountError {
    /// The folder cannot be used.
    #[error("cannot use the folder {}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// What is in the folder would be hidden.
    #[error("the folder {} is not empty", path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// The system does not mount it.
    #[error("cannot mount at {}", path.display())]
    Mount {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The system does not unmount it.
    #[error("cannot unmount {}", path.display())]
    Unmount {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The snapshot that was asked for is not there.
    #[error("the archive has no such snapshot any more")]
    NoSuchSnapshot,
    /// The archive cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl Classified for MountError {
    fn class(&self) -> Class {
        match self {
            Self::Folder { .. } | Self::NotEmpty { .. } | Self::NoSuchSnapshot => Class::Caller,
            Self::Mount { .. } | Self::Unmount { .. } => Class::Retry,
            Self::Read(source) => source.class(),
        }
    }
}
