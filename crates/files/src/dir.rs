//! An open directory, and the names that may be looked up in it.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::error::{Action, Error, Result};
use crate::linux;
use crate::list::NameList;
use crate::read::OpenFile;
use crate::stat::{Kind, Stat};
use crate::way;

/// Longest name of an entry, in bytes. File systems allow less; they say so themselves.
pub const NAME_LEN_MAX: usize = 4095;

/// Says whether `name` names an entry of a directory and nothing else: not the directory itself, not the
/// one above, and no path.
pub fn name_is_safe(name: &[u8]) -> bool {
    !name.is_empty()
        && name.len() <= NAME_LEN_MAX
        && name != b"."
        && name != b".."
        && !name.iter().any(|byte| matches!(byte, b'/' | 0))
}

/// Refuses a name that is not safe.
pub(crate) fn check_name(name: &[u8]) -> Result<()> {
    if name_is_safe(name) {
        Ok(())
    } else {
        Err(Error::UnsafeName { name: name.into() })
    }
}

/// An open directory. It may be shared between threads.
#[derive(Debug)]
pub struct Dir {
    fd: OwnedFd,
    position: Mutex<Position>,
}

/// Where the next listing through the open directory would begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Position {
    Start,
    Elsewhere,
}

impl AsFd for Dir {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Dir {
    /// Opens the directory at `path`, following symbolic links, whoever made them.
    pub fn open_root(path: &Path) -> Result<Self> {
        linux::open_root(path)
            .map(Self::new)
            .map_err(|errno| Error::new(Action::Open, path.as_os_str().as_encoded_bytes(), errno))
    }

    /// Opens the directory at `path`. A symbolic link on the way, the last name included, is followed where root or this
    /// user made it. Anybody else's is [`Error::ForeignLink`].
    pub fn open_way(path: &Path) -> Result<Self> {
        way::open(path)
    }

    pub(crate) fn new(fd: OwnedFd) -> Self {
        Self {
            fd,
            position: Mutex::new(Position::Start),
        }
    }

    /// Opens the directory `name`; a symbolic link in its place is an error.
    pub fn open_child(&self, name: &[u8]) -> Result<Self> {
        check_name(name)?;
        linux::open_child_dir(self.as_fd(), name)
            .map(Self::new)
            .map_err(|errno| Error::new(Action::Open, name, errno))
    }

    /// Opens the file `name`, which was found to be in the state `expected`.
    ///
    /// Fails with [`Error::Replaced`] where something other than a regular file has taken its place. A
    /// change of content is no error: [`OpenFile::stat_at_open`] has the state then.
    pub fn open_file(&self, name: &[u8], expected: &Stat) -> Result<OpenFile> {
        check_name(name)?;
        let replaced = || Error::Replaced { name: name.into() };
        if expected.kind != Kind::File {
            return Err(replaced());
        }
        let fd = linux::open_child_file(self.as_fd(), name)
            .map_err(|errno| Error::new(Action::Open, name, errno))?;
        let stat =
            linux::stat(fd.as_fd()).map_err(|errno| Error::new(Action::Stat, name, errno))?;
        if stat.kind != Kind::File {
            return Err(replaced());
        }
        Ok(OpenFile::new(fd, stat))
    }

    /// Returns the state of this directory.
    pub fn stat(&self) -> Result<Stat> {
        linux::stat(self.as_fd()).map_err(|errno| Error::new(Action::Stat, b"", errno))
    }

    /// Returns the state of the entry `name`, without following a symbolic link.
    pub fn stat_child(&self, name: &[u8]) -> Result<Stat> {
        check_name(name)?;
        linux::stat_child(self.as_fd(), name).map_err(|errno| Error::new(Action::Stat, name, errno))
    }

    /// Returns the text of the symbolic link `name`.
    pub fn read_link(&self, name: &[u8]) -> Result<Vec<u8>> {
        check_name(name)?;
        rustix::fs::readlinkat(self.as_fd(), name, Vec::new())
            .map(std::ffi::CString::into_bytes)
            .map_err(|errno| Error::new(Action::Read, name, errno))
    }

    /// Returns the names of all entries, in the order of their bytes.
    pub fn names(&self) -> Result<NameList> {
        // The kernel keeps one position per open directory, so listings take turns.
        let mut position = self.position.lock().unwrap_or_else(PoisonError::into_inner);
        self.list_from(&mut position)
            .map_err(|errno| Error::new(Action::List, b"", errno))
    }

    fn list_from(&self, position: &mut Position) -> rustix::io::Result<NameList> {
        if *position != Position::Start {
            rustix::fs::seek(self.as_fd(), rustix::fs::SeekFrom::Start(0))?;
        }
        *position = Position::Elsewhere;
        let mut list = NameList::new();
        linux::read_entries(self.as_fd(), |name, kind, ino| list.push(name, kind, ino))?;
        list.sort();
        Ok(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_single_components_are_names() {
        for name in [
            &b"a"[..],
            b"...",
            b" ",
            b"\xff\n",
            b".a",
            &[b'x'; NAME_LEN_MAX],
        ] {
            assert!(name_is_safe(name), "{name:?}");
        }
        let long = [b'x'; NAME_LEN_MAX + 1];
        for name in [&b""[..], b".", b"..", b"/", b"a/b", b"a/", b"a\0b", &long] {
            assert!(!name_is_safe(name), "{name:?}");
        }
    }
}
