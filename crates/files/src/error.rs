//! Why something could not be done with an entry of a file system.

use std::fmt;
use std::io;

use rustix::io::Errno;
use strongroom_base::{Class, Classified};

/// What functions of this crate return.
pub type Result<T> = std::result::Result<T, Error>;

/// Why something could not be done with an entry of a file system.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused.
    #[error("cannot {action} {}", Shown(name))]
    Failed {
        /// What was tried.
        action: Action,
        /// The name of the entry below its directory; empty for something already open.
        name: Box<[u8]>,
        /// The answer of the operating system.
        #[source]
        source: io::Error,
    },
    /// Only a privileged user may do this.
    #[error("no right to {action} {}", Shown(name))]
    NeedsPrivilege {
        /// What was tried.
        action: Action,
        /// The name of the entry below its directory.
        name: Box<[u8]>,
        /// The answer of the operating system.
        #[source]
        source: io::Error,
    },
    /// The bytes do not name an entry of a directory.
    #[error("{} does not name an entry of a directory", Shown(name))]
    UnsafeName {
        /// The name in question.
        name: Box<[u8]>,
    },
    /// The entry is not, or is no longer, of the kind it was.
    #[error("{} has become something else", Shown(name))]
    Replaced {
        /// The name of the entry below its directory.
        name: Box<[u8]>,
    },
    /// A symbolic link is on the way to a folder, and neither root nor this user made it.
    #[error(
        "{} is a symbolic link that user {uid} made, and is not followed",
        Shown(name)
    )]
    ForeignLink {
        /// The name of the link below its directory.
        name: Box<[u8]>,
        /// Who made it.
        uid: u32,
    },
    /// Another file system is mounted where something is to be removed.
    #[error("another file system is mounted at {}", Shown(name))]
    MountPoint {
        /// The name of the entry below its directory.
        name: Box<[u8]>,
    },
}

/// What was tried when an [`Error`] came up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// Opening a file or directory.
    Open,
    /// Listing a directory.
    List,
    /// Asking for the state of an entry.
    Stat,
    /// Reading a file or the text of a symbolic link.
    Read,
    /// Finding the holes of a file.
    FindHoles,
    /// Reading extended attributes.
    ReadXattrs,
    /// Reading file flags.
    ReadFlags,
    /// Making an entry.
    Create,
    /// Writing a file.
    Write,
    /// Renaming an entry.
    Rename,
    /// Removing an entry.
    Remove,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "open",
            Self::List => "list",
            Self::Stat => "ask for the state of",
            Self::Read => "read",
            Self::FindHoles => "find the holes of",
            Self::ReadXattrs => "read the extended attributes of",
            Self::ReadFlags => "read the file flags of",
            Self::Create => "create",
            Self::Write => "write",
            Self::Rename => "rename",
            Self::Remove => "remove",
        })
    }
}

impl Error {
    /// Makes the error of an `action` on `name` that the operating system answered with `errno`.
    pub(crate) fn new(action: Action, name: &[u8], errno: Errno) -> Self {
        Self::Failed {
            action,
            name: name.into(),
            source: errno.into(),
        }
    }

    /// Says whether the entry is not there (any more), which is no failure of a backup.
    pub fn is_gone(&self) -> bool {
        self.source_kind() == Some(io::ErrorKind::NotFound)
    }

    /// Says whether an entry of that name exists already.
    pub fn is_taken(&self) -> bool {
        self.source_kind() == Some(io::ErrorKind::AlreadyExists)
    }

    /// Says whether there is no room left, on the disk or for the user, and what the operating system answered.
    pub fn full(&self) -> Option<io::Error> {
        match self {
            Self::Failed { source, .. } => full(source),
            _ => None,
        }
    }

    fn source_kind(&self) -> Option<io::ErrorKind> {
        match self {
            Self::Failed { source, .. } => Some(source.kind()),
            _ => None,
        }
    }
}

impl Classified for Error {
    fn class(&self) -> Class {
        match self {
            Self::Failed { source, .. } => class_of(source),
            Self::NeedsPrivilege { .. }
            | Self::UnsafeName { .. }
            | Self::ForeignLink { .. }
            | Self::MountPoint { .. } => Class::Caller,
            Self::Replaced { .. } => Class::Retry,
        }
    }
}

/// Returns the answer of the operating system again, if it was that there is no room left.
pub(crate) fn full(source: &io::Error) -> Option<io::Error> {
    let errno = Errno::from_io_error(source)?;
    matches!(errno, Errno::NOSPC | Errno::DQUOT).then(|| errno.into())
}

fn class_of(source: &io::Error) -> Class {
    match Errno::from_io_error(source) {
        Some(Errno::IO | Errno::UCLEAN | Errno::BADMSG) => Class::Damage,
        Some(
            Errno::NOSPC
            | Errno::DQUOT
            | Errno::NOMEM
            | Errno::MFILE
            | Errno::NFILE
            | Errno::AGAIN
            | Errno::BUSY
            | Errno::INTR
            | Errno::STALE
            | Errno::TXTBSY
            | Errno::TIMEDOUT
            | Errno::NOTCONN
            | Errno::HOSTDOWN
            | Errno::NXIO,
        ) => Class::Retry,
        _ => Class::Caller,
    }
}

/// Shows a name that may hold anything, on one line.
struct Shown<'a>(&'a [u8]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("an open file");
        }
        f.write_str("`")?;
        for chunk in self.0.utf8_chunks() {
            write!(f, "{}", chunk.valid().escape_debug())?;
            write!(f, "{}", chunk.invalid().escape_ascii())?;
        }
        f.write_str("`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_stays_on_one_line_and_leaves_the_cause_to_source() {
        let error = Error::new(Action::Open, b"a\n\xff\xc3\xa4", Errno::ACCESS);
        assert_eq!(error.to_string(), "cannot open `a\\n\\xffä`");
        assert_eq!(error.class(), Class::Caller);
    }

    #[test]
    fn classes_tell_a_full_disk_from_a_broken_one() {
        let class = |errno| Error::new(Action::Write, b"x", errno).class();
        assert_eq!(class(Errno::NOSPC), Class::Retry);
        assert_eq!(class(Errno::IO), Class::Damage);
        assert!(
            Error::new(Action::Write, b"x", Errno::DQUOT)
                .full()
                .is_some()
        );
        assert!(Error::new(Action::Write, b"x", Errno::IO).full().is_none());
        assert_eq!(class(Errno::NOENT), Class::Caller);
    }
}
