//! Making entries below a target folder.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use crate::apply::{Owner, is_label_of_security_module};
use crate::dir::{Dir, check_name};
use crate::error::{Action, Error, Result};
use crate::linux;
use crate::remove;
use crate::stat::{Kind, Stat};
use crate::way;

/// A folder that may be written to.
///
/// What is made in it is at first for its owner alone; [`apply_metadata`](crate::apply_metadata) opens it
/// to others once all else is in place. No call goes through a symbolic link, above it, or by a path, so
/// nothing lands outside the folder that [`Target::open_root`] opened.
#[derive(Debug)]
pub struct Target {
    pub(crate) dir: Dir,
    pub(crate) bequest: Bequest,
}

/// What a new file gets from the folder that it is made in, by access control lists for what is made in it, by flags
/// and by the group of the folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bequest {
    /// Perhaps something.
    Unknown,
    /// Neither extended attributes nor flags, and this owner. Labels of security modules do not count.
    Nothing(Owner),
}

impl Bequest {
    /// Asks a folder that was just made, and had no time to be given anything but by the one above.
    fn of_new(folder: BorrowedFd<'_>) -> Self {
        let is_plain = linux::flags_of(folder) == Ok(0)
            && linux::list_xattrs(folder)
                .is_ok_and(|names| names.iter().all(is_label_of_security_module));
        let user = rustix::process::geteuid().as_raw();
        let group = rustix::process::getegid().as_raw();
        let is_own = linux::stat(folder).is_ok_and(|stat| (stat.uid, stat.gid) == (user, group));
        if is_plain && is_own {
            let (uid, gid) = (user, group);
            Self::Nothing(Owner { uid, gid })
        } else {
            Self::Unknown
        }
    }
}

/// The mode of a folder that is being restored. Nobody gives a folder this one: the sticky bit has a meaning only
/// where others may write.
const UNFINISHED: Mode = Mode::RWXU.union(Mode::SVTX);

/// The mode of a file that is being written. The sticky bit means nothing on a file, so nobody gives one this mode.
const UNFINISHED_FILE: Mode = Mode::RUSR.union(Mode::WUSR).union(Mode::SVTX);

/// Says whether something is a file that a restore by this user made, and was interrupted before it was complete.
///
/// One that is being written at this moment looks the same.
pub fn is_unfinished_file(found: &Stat) -> bool {
    let user = rustix::process::geteuid().as_raw();
    // Root may have given it away before it was complete.
    let is_own = found.uid == user || user == 0;
    found.kind == Kind::File && found.mode == UNFINISHED_FILE.as_raw_mode() && is_own
}

/// An entry that has neither content nor a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Special {
    /// A named pipe.
    Fifo,
    /// A Unix socket that nobody listens at.
    Socket,
    /// A character device.
    CharDevice {
        /// Which driver.
        major: u32,
        /// Which device of that driver.
        minor: u32,
    },
    /// A block device.
    BlockDevice {
        /// Which driver.
        major: u32,
        /// Which device of that driver.
        minor: u32,
    },
}

impl AsFd for Target {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.dir.as_fd()
    }
}

impl Target {
    pub(crate) fn new(dir: Dir) -> Self {
        let bequest = Bequest::Unknown;
        Self { dir, bequest }
    }

    /// Takes a folder that was just made.
    pub(crate) fn made(dir: Dir) -> Self {
        let bequest = Bequest::of_new(dir.as_fd());
        Self { dir, bequest }
    }

    /// Opens the folder at `path`, following symbolic links, whoever made them.
    pub fn open_root(path: &Path) -> Result<Self> {
        Dir::open_root(path).map(Self::new)
    }

    /// Opens the folder at `path`, and makes what is missing of it; says whether the folder itself
    /// was made.
    ///
    /// A symbolic link on the way is followed where root or this user made it. Anybody else's is
    /// [`Error::ForeignLink`]: who may write to a folder on the way must not choose where things land.
    pub fn make_way(path: &Path) -> Result<(Self, bool)> {
        way::make(path)
    }

    /// Returns the folder for listing and looking up.
    pub fn dir(&self) -> &Dir {
        &self.dir
    }

    /// Opens the folder `name` that is there; a symbolic link in its place is an error.
    pub fn open_child(&self, name: &[u8]) -> Result<Self> {
        self.dir.open_child(name).map(Self::new)
    }

    /// Opens a folder some levels down, each of which must be there as a real directory.
    pub fn open_below<'a>(&self, names: impl IntoIterator<Item = &'a [u8]>) -> Result<Self> {
        let mut here = linux::open_child_dir(self.as_fd(), b".")
            .map(|fd| Self::new(Dir::new(fd)))
            .map_err(|errno| Error::new(Action::Open, b".", errno))?;
        for name in names {
            here = here.open_child(name)?;
        }
        Ok(here)
    }

    /// Makes the folder `name`, or opens it if it is there as a real directory; says whether it was made.
    pub fn make_dir(&self, name: &[u8]) -> Result<(Self, bool)> {
        self.make_dir_with(name, Mode::RWXU)
    }

    /// As [`make_dir`](Self::make_dir), for a folder that gets its metadata when all is in it. Until then its mode
    /// says so, also to a later restore: see [`is_unfinished`](Self::is_unfinished).
    pub fn make_unfinished_dir(&self, name: &[u8]) -> Result<(Self, bool)> {
        self.make_dir_with(name, UNFINISHED)
    }

    fn make_dir_with(&self, name: &[u8], mode: Mode) -> Result<(Self, bool)> {
        match create(name, || rustix::fs::mkdirat(self, name, mode)) {
            Ok(()) => {
                let dir = self.dir.open_child(name)?;
                Ok((Self::made(dir), true))
            }
            Err(error) if error.is_taken() => Ok((self.open_child(name)?, false)),
            Err(error) => Err(error),
        }
    }

    /// Marks the folder as one that has not got its metadata yet.
    pub fn mark_unfinished(&self) -> Result<()> {
        rustix::fs::fchmod(self, UNFINISHED).map_err(|errno| Error::new(Action::Write, b"", errno))
    }

    /// Says whether a restore by this user made the folder, and was interrupted before it got its metadata.
    pub fn is_unfinished(&self) -> bool {
        self.dir.stat().is_ok_and(|stat| {
            stat.mode == UNFINISHED.as_raw_mode() && stat.uid == rustix::process::geteuid().as_raw()
        })
    }

    /// Makes the file `name`; fails if anything of that name exists. Until it gets its metadata, its mode says that
    /// it is not complete: see [`is_unfinished_file`].
    pub fn create_file(&self, name: &[u8]) -> Result<FileWriter> {
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let open = || rustix::fs::openat(self, name, flags, UNFINISHED_FILE);
        create(name, open).map(|fd| FileWriter {
            fd,
            bequest: self.bequest,
        })
    }

    /// As [`create_file`](Self::create_file), for a file that gets another name when it is complete. Until it is
    /// dropped, [`remove_remainder`](Self::remove_remainder) leaves it alone.
    pub fn create_temporary(&self, name: &[u8]) -> Result<FileWriter> {
        let writer = self.create_file(name)?;
        if lock(writer.as_fd()) == Err(Errno::WOULDBLOCK) || is_unlinked(writer.as_fd()) {
            // Somebody took it for a remainder before it was locked.
            return Err(Error::new(Action::Create, name, Errno::EXIST));
        }
        Ok(writer)
    }

    /// Removes the entry `name`, which an interrupted restore left; says whether it has gone. What another restore is
    /// writing stays, and so does a directory with something in it.
    pub fn remove_remainder(&self, name: &[u8]) -> Result<bool> {
        let found = self.dir.stat_child(name)?;
        let file = match found.kind {
            Kind::File => Some(self.dir.open_file(name, &found)?),
            _ => None,
        };
        if file
            .as_ref()
            .is_some_and(|file| lock(file.as_fd()).is_err())
        {
            return Ok(false);
        }
        remove::remove_single(&self.dir, name)?;
        Ok(true)
    }

    /// Makes the symbolic link `name` with the given text, which is never looked up.
    pub fn create_symlink(&self, name: &[u8], text: &[u8]) -> Result<()> {
        create(name, || rustix::fs::symlinkat(text, self, name))
    }

    /// Makes a pipe, a socket or a device. Devices need a privileged user.
    pub fn create_special(&self, name: &[u8], special: Special) -> Result<()> {
        let (kind, device) = match special {
            Special::Fifo => (Kind::Fifo, (0, 0)),
            Special::Socket => (Kind::Socket, (0, 0)),
            Special::CharDevice { major, minor } => (Kind::CharDevice, (major, minor)),
            Special::BlockDevice { major, minor } => (Kind::BlockDevice, (major, minor)),
        };
        create(name, || {
            linux::make_special(self.as_fd(), name, kind, device)
        })
    }

    /// Gives the entry `existing_name` of `existing` the second name `name` here. A symbolic link gets the
    /// second name itself.
    pub fn create_hard_link(
        &self,
        name: &[u8],
        existing: &Self,
        existing_name: &[u8],
    ) -> Result<()> {
        check_name(existing_name)?;
        create(name, || {
            rustix::fs::linkat(existing, existing_name, self, name, AtFlags::empty())
        })
    }

    /// Gives the entry `from` the name `to`, in the place of what may have that name.
    pub fn replace(&self, from: &[u8], to: &[u8]) -> Result<()> {
        check_name(from)?;
        check_name(to)?;
        rustix::fs::renameat(self, from, self, to)
            .map_err(|errno| Error::new(Action::Rename, to, errno))
    }

    /// Removes the entry `name`, a directory with all that is in it. No symbolic link is followed, and
    /// what is on another file system stays.
    pub fn remove(&self, name: &[u8]) -> Result<()> {
        remove::remove(&self.dir, name)
    }
}

/// A file that is being written. It may be shared between threads.
#[derive(Debug)]
pub struct FileWriter {
    fd: OwnedFd,
    pub(crate) bequest: Bequest,
}

impl AsFd for FileWriter {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl FileWriter {
    /// Writes all of `bytes` from `offset` on.
    pub fn write_at(&self, mut bytes: &[u8], mut offset: u64) -> Result<()> {
        while !bytes.is_empty() {
            let count = rustix::io::retry_on_intr(|| rustix::io::pwrite(&self.fd, bytes, offset))
                .and_then(|count| {
                    if count == 0 {
                        Err(Errno::IO)
                    } else {
                        Ok(count)
                    }
                })
                .map_err(failed_write)?;
            bytes = &bytes[count..];
            offset = offset.saturating_add(count as u64);
        }
        Ok(())
    }

    /// Cuts or extends the file to `len` bytes. What is never written stays a hole.
    pub fn set_len(&self, len: u64) -> Result<()> {
        rustix::io::retry_on_intr(|| rustix::fs::ftruncate(&self.fd, len)).map_err(failed_write)
    }

    /// Waits until content and metadata are on the device.
    pub fn sync(&self) -> Result<()> {
        rustix::fs::fsync(&self.fd).map_err(failed_write)
    }
}

/// Locks an open file until it is closed, if nobody else has.
fn lock(file: BorrowedFd<'_>) -> rustix::io::Result<()> {
    rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive)
}

fn is_unlinked(file: BorrowedFd<'_>) -> bool {
    linux::stat(file).is_ok_and(|found| found.nlink == 0)
}

fn failed_write(errno: Errno) -> Error {
    Error::new(Action::Write, b"", errno)
}

pub(crate) fn create<T>(name: &[u8], make: impl FnOnce() -> rustix::io::Result<T>) -> Result<T> {
    check_name(name)?;
    make().map_err(|errno| match errno {
        Errno::PERM => Error::NeedsPrivilege {
            action: Action::Create,
            name: name.into(),
            source: errno.into(),
        },
        errno => Error::new(Action::Create, name, errno),
    })
}
