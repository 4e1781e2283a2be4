//! Gives a finished temporary file the name of its object, in one step that does not replace.

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fs::{AtFlags, RenameFlags};
use rustix::io::Errno;

use crate::PutOutcome;
use crate::files::{self, Temporary};

/// How a name is given without replacing; the best that the file system can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Way {
    /// `renameat2` with `RENAME_NOREPLACE`.
    #[default]
    RenameNoReplace,
    /// A second name for the file, and then the first one is removed (older network file systems).
    Link,
    /// Look, then rename (FAT and its like): exclusive among the threads of this store only.
    CheckThenRename,
}

impl Way {
    fn try_publish(self, temporary: &Temporary<'_>, name: &str) -> Result<(), Errno> {
        let (dir, from) = (temporary.dir(), temporary.name());
        match self {
            Self::RenameNoReplace => {
                rustix::fs::renameat_with(dir, from, dir, name, RenameFlags::NOREPLACE)
            }
            Self::Link => rustix::fs::linkat(dir, from, dir, name, AtFlags::empty()),
            Self::CheckThenRename => {
                match rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(_) => Err(Errno::EXIST),
                    Err(Errno::NOENT) => rustix::fs::renameat(dir, from, dir, name),
                    Err(errno) => Err(errno),
                }
            }
        }
    }

    /// Returns what to try instead when the file system does not know this way.
    fn instead(self, errno: Errno) -> Option<Self> {
        match (self, errno) {
            (Self::RenameNoReplace, Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                Some(Self::Link)
            }
            (Self::Link, Errno::PERM | Errno::NOSYS | Errno::OPNOTSUPP | Errno::MLINK) => {
                Some(Self::CheckThenRename)
            }
            _ => None,
        }
    }
}

/// Publishes the objects of one store.
#[derive(Debug, Default)]
pub(super) struct Publisher {
    way: Mutex<Way>,
}

impl Publisher {
    /// Says whether of two processes only one can be told `Stored`, as far as is known by now.
    pub(super) fn is_exclusive(&self) -> bool {
        *self.lock() != Way::CheckThenRename
    }

    /// Gives the file its name, or removes it if the name is taken.
    pub(super) fn publish(&self, temporary: Temporary<'_>, name: &str) -> io::Result<PutOutcome> {
        loop {
            let guard = self.lock();
            let way = *guard;
            // Only the last way needs the threads to take turns.
            let mut turn = (way == Way::CheckThenRename).then_some(guard);
            let published = way.try_publish(&temporary, name);
            drop(turn.take());
            match published {
                Ok(()) => {
                    if way != Way::Link {
                        temporary.keep();
                    }
                    return Ok(PutOutcome::Stored);
                }
                Err(Errno::EXIST) if is_taken(temporary.dir(), name)? => {
                    return Ok(PutOutcome::AlreadyThere);
                }
                Err(errno) => match way.instead(errno) {
                    Some(next) => *self.lock() = next,
                    None => return Err(errno.into()),
                },
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Way> {
        self.way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says whether an object of that name is there; something else of that name is an error.
pub(super) fn is_taken(dir: BorrowedFd<'_>, name: &str) -> io::Result<bool> {
    match rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => files::regular_size(&stat).map(|_| true),
        Err(Errno::NOENT) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn every_way_stores_once_and_leaves_no_temporary_file() {
        for way in [Way::RenameNoReplace, Way::Link, Way::CheckThenRename] {
            let folder = tempfile::tempdir().unwrap();
            let dir = files::open_dir(folder.path()).unwrap();
            let publisher = Publisher {
                way: Mutex::new(way),
            };
            let publish = |bytes: &[u8]| {
                let mut temporary = Temporary::create(dir.as_fd()).unwrap();
                temporary.write(bytes).unwrap();
                publisher.publish(temporary, "object").unwrap()
            };
            assert_eq!(publish(b"first"), PutOutcome::Stored, "{way:?}");
            assert_eq!(publish(b"second"), PutOutcome::AlreadyThere, "{way:?}");
            assert_eq!(
                std::fs::read(folder.path().join("object")).unwrap(),
                b"first"
            );
            assert_eq!(
                std::fs::read_dir(folder.path()).unwrap().count(),
                1,
                "{way:?}"
            );
            assert_eq!(*publisher.lock(), way);
        }
    }

    #[test]
    fn a_way_is_given_up_only_when_the_file_system_lacks_it() {
        let next = Way::RenameNoReplace.instead(Errno::INVAL);
        assert_eq!(next, Some(Way::Link));
        assert_eq!(Way::Link.instead(Errno::PERM), Some(Way::CheckThenRename));
        for way in [Way::RenameNoReplace, Way::Link, Way::CheckThenRename] {
            for errno in [Errno::EXIST, Errno::NOSPC, Errno::IO, Errno::ROFS] {
                assert_eq!(way.instead(errno), None);
            }
        }
    }
}
