//! What can go wrong at a destination.

use std::fmt;
use std::io;

use rustix::io::Errno;
use strongroom_base::{Class, Classified};

/// Why a store could not do what it was asked.
///
/// A path is the object's, or that of a file or folder of this machine for the functions of
/// [`durable`](crate::durable) and for the folder that a store lives in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no such object.
    #[error("`{path}` is not there")]
    NotFound {
        /// What was asked for.
        path: String,
    },
    /// The object is larger than the caller takes.
    #[error("`{path}` has {size} bytes; at most {len_max} are allowed")]
    TooLarge {
        /// What was asked for.
        path: String,
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        len_max: u64,
    },
    /// The object ends before the range that was asked for does.
    #[error("`{path}` ends after {size} bytes; {end} were expected")]
    Truncated {
        /// What was asked for.
        path: String,
        /// Its size in bytes.
        size: u64,
        /// Where the range ends.
        end: u64,
    },
    /// Something that is not a regular file stands where the object should be.
    #[error("`{path}` is not a regular file")]
    NotAnObject {
        /// What was asked for.
        path: String,
    },
    /// The prefix to list is neither empty nor a folder ending in a slash.
    #[error("`{prefix}` is not a folder of objects")]
    InvalidPrefix {
        /// What was given.
        prefix: String,
    },
    /// The destination or the quota on it is full.
    #[error("there is no space left for `{path}`")]
    Full {
        /// What was written.
        path: String,
        /// The cause.
        source: io::Error,
    },
    /// The destination is read-only.
    #[error("`{path}` is on a read-only destination")]
    ReadOnly {
        /// What was written.
        path: String,
        /// The cause.
        source: io::Error,
    },
    /// The destination does not permit it.
    #[error("no permission to {op} `{path}`")]
    Denied {
        /// What was done.
        op: &'static str,
        /// What it was done to.
        path: String,
        /// The cause.
        source: io::Error,
    },
    /// The server refuses whoever asks, or what is asked; asking again does not help.
    #[error("{server} refuses to {op} `{path}`: {why}")]
    Refused {
        /// The server.
        server: String,
        /// What was to be done.
        op: &'static str,
        /// What it was to be done to.
        path: String,
        /// What the server said, and to whom.
        why: String,
    },
    /// The destination itself is missing, for example a disk that is not mounted.
    #[error("the destination at `{path}` is missing")]
    Gone {
        /// Where the destination was.
        path: String,
        /// The cause.
        source: io::Error,
    },
    /// The disk does not give back what is stored on it, though it takes what is new: a bad sector.
    #[error("the disk cannot read `{path}`")]
    Unreadable {
        /// What was read.
        path: String,
        /// The cause.
        source: io::Error,
    },
    /// Anything else went wrong.
    #[error("cannot {op} `{path}`")]
    Io {
        /// What was done.
        op: &'static str,
        /// What it was done to.
        path: String,
        /// The cause.
        source: io::Error,
    },
    /// A [`FaultPlan`](crate::fault::FaultPlan) stopped the store.
    #[error("the store was stopped")]
    Stopped,
}

/// Marks an I/O error that says that something is not a regular file.
#[derive(Debug, thiserror::Error)]
#[error("not a regular file")]
pub(crate) struct NotRegular;

impl From<NotRegular> for io::Error {
    fn from(error: NotRegular) -> Self {
        Self::other(error)
    }
}

impl StoreError {
    /// Says whether trying again soon, with nobody doing anything, may help.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Io { .. } | Self::Gone { .. })
    }

    /// Says whether the device or its file system failed to give what is on it.
    pub(crate) fn is_of_device(&self) -> bool {
        matches!(self, Self::Io { source, .. } if is_of_device(source))
    }

    /// Returns that something cannot be read, where it is the device that failed.
    pub(crate) fn or_unreadable(self) -> Self {
        match self {
            Self::Io { path, source, .. } if is_of_device(&source) => {
                Self::Unreadable { path, source }
            }
            other => other,
        }
    }

    /// Names what failed by the cause; a missing file is no special case.
    pub(crate) fn from_io(op: &'static str, path: &dyn fmt::Display, source: io::Error) -> Self {
        let path = path.to_string();
        if matches!(source.get_ref(), Some(cause) if cause.is::<NotRegular>()) {
            return Self::NotAnObject { path };
        }
        match Errno::from_io_error(&source) {
            Some(Errno::NOSPC | Errno::DQUOT) => Self::Full { path, source },
            Some(Errno::ROFS) => Self::ReadOnly { path, source },
            Some(Errno::ACCESS | Errno::PERM) => Self::Denied { op, path, source },
            _ => Self::Io { op, path, source },
        }
    }

    /// As [`from_io`](Self::from_io), and a missing file is [`NotFound`](Self::NotFound).
    pub(crate) fn from_read(op: &'static str, path: &dyn fmt::Display, source: io::Error) -> Self {
        if source.kind() == io::ErrorKind::NotFound {
            return Self::NotFound {
                path: path.to_string(),
            };
        }
        Self::from_io(op, path, source)
    }
}

fn is_of_device(source: &io::Error) -> bool {
    let errno = Errno::from_io_error(source);
    matches!(errno, Some(Errno::IO | Errno::UCLEAN | Errno::BADMSG))
}

impl Classified for StoreError {
    fn class(&self) -> Class {
        match self {
            Self::InvalidPrefix { .. } | Self::Refused { .. } => Class::Caller,
            Self::NotFound { .. }
            | Self::TooLarge { .. }
            | Self::Truncated { .. }
            | Self::NotAnObject { .. }
            | Self::Unreadable { .. } => Class::Damage,
            Self::Full { .. }
            | Self::ReadOnly { .. }
            | Self::Denied { .. }
            | Self::Gone { .. }
            | Self::Io { .. }
            | Self::Stopped => Class::Retry,
        }
    }
}
