//! Changing the metadata of an entry, and making the special ones.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::{
    AtFlags, CWD, FileType, Gid, Mode, OFlags, Timespec, Timestamps, UTIME_OMIT, Uid,
};
use rustix::io::{Errno, Result};

use super::attributes::{self, XattrNames};
use super::entries;
use super::open;
use crate::stat::{Kind, Moment, Stat};

/// Something whose metadata is to change.
pub(crate) enum Handle<'a> {
    /// A file or directory that is open.
    Open(BorrowedFd<'a>),
    /// An entry that is held, but not open: it may be a symbolic link or a device.
    Held(Held),
}

/// An entry that is held without being open, and the path that leads to it whatever its name is now.
pub(crate) struct Held {
    fd: OwnedFd,
    path: Vec<u8>,
    kind: Kind,
}

impl Handle<'_> {
    /// Takes hold of the entry `name` without following or opening it.
    pub(crate) fn hold(dir: BorrowedFd<'_>, name: &[u8]) -> Result<Self> {
        let fd = open::hold_entry(dir, name)?;
        let kind = entries::stat(fd.as_fd())?.kind;
        let path = format!("/proc/self/fd/{}", fd.as_raw_fd()).into_bytes();
        Ok(Self::Held(Held { fd, path, kind }))
    }

    /// Asks for the state of the entry.
    pub(crate) fn stat(&self) -> Result<Stat> {
        match self {
            Self::Open(fd) => entries::stat(*fd),
            Self::Held(held) => entries::stat(held.fd.as_fd()),
        }
    }

    /// Says whether the entry is a symbolic link, which has no mode of its own.
    pub(crate) fn is_symlink(&self) -> bool {
        matches!(self, Self::Held(held) if held.kind == Kind::Symlink)
    }

    /// Gives the entry to a user, a group or both.
    pub(crate) fn set_owner(&self, uid: Option<u32>, gid: Option<u32>) -> Result<()> {
        // The largest number means "leave as it is" to the system, so nothing can belong to it.
        if uid == Some(u32::MAX) || gid == Some(u32::MAX) {
            return Err(Errno::INVAL);
        }
        let (user, group) = (uid.map(Uid::from_raw), gid.map(Gid::from_raw));
        match self {
            Self::Open(fd) => rustix::fs::fchown(fd, user, group),
            Self::Held(held) => {
                rustix::fs::chownat(&held.fd, c"", user, group, AtFlags::EMPTY_PATH)
            }
        }
    }

    /// Sets the permission bits; not for symbolic links.
    pub(crate) fn set_mode(&self, mode: u32) -> Result<()> {
        let mode = Mode::from_raw_mode(mode & 0o7777);
        match self {
            Self::Open(fd) => rustix::fs::fchmod(fd, mode),
            Self::Held(held) => {
                rustix::fs::chmodat(CWD, held.path.as_slice(), mode, AtFlags::empty())
            }
        }
    }

    /// Sets the time of the last change of content and leaves the time of access.
    pub(crate) fn set_mtime(&self, moment: Moment) -> Result<()> {
        let times = Timestamps {
            last_access: Timespec {
                tv_sec: 0,
                tv_nsec: UTIME_OMIT,
            },
            last_modification: Timespec {
                tv_sec: moment.seconds(),
                tv_nsec: moment.nanoseconds().into(),
            },
        };
        match self {
            Self::Open(fd) => rustix::fs::futimens(fd, &times),
            Self::Held(held) => rustix::fs::utimensat(&held.fd, c"", &times, AtFlags::EMPTY_PATH),
        }
    }

    /// Lists the extended attributes.
    pub(crate) fn list_xattrs(&self) -> Result<XattrNames> {
        match self {
            Self::Open(fd) => attributes::list_xattrs(*fd),
            Self::Held(held) => attributes::list_xattrs_at(&held.path),
        }
    }

    /// Sets an extended attribute.
    pub(crate) fn set_xattr(&self, xattr: &[u8], value: &[u8]) -> Result<()> {
        match self {
            Self::Open(fd) => attributes::set_xattr(*fd, xattr, value),
            Self::Held(held) => attributes::set_xattr_at(&held.path, xattr, value),
        }
    }

    /// Removes an extended attribute.
    pub(crate) fn remove_xattr(&self, xattr: &[u8]) -> Result<()> {
        match self {
            Self::Open(fd) => attributes::remove_xattr(*fd, xattr),
            Self::Held(held) => attributes::remove_xattr_at(&held.path, xattr),
        }
    }

    /// Sets the file flags; only files and directories have any.
    pub(crate) fn set_flags(&self, flags: u32) -> Result<()> {
        match self {
            Self::Open(fd) => attributes::set_flags(*fd, flags),
            Self::Held(held) => match held.kind {
                Kind::File | Kind::Directory => held.set_flags(flags),
                _ if flags == 0 => Ok(()),
                _ => Err(Errno::OPNOTSUPP),
            },
        }
    }
}

impl Held {
    fn set_flags(&self, flags: u32) -> Result<()> {
        let how = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(CWD, self.path.as_slice(), how, Mode::empty())?;
        attributes::set_flags(fd.as_fd(), flags)
    }
}

/// Makes a pipe, a socket or a device that only the owner may use.
pub(crate) fn make_special(
    dir: BorrowedFd<'_>,
    name: &[u8],
    kind: Kind,
    device: (u32, u32),
) -> Result<()> {
    let file_type = match kind {
        Kind::Fifo => FileType::Fifo,
        Kind::Socket => FileType::Socket,
        Kind::CharDevice => FileType::CharacterDevice,
        Kind::BlockDevice => FileType::BlockDevice,
        Kind::File | Kind::Directory | Kind::Symlink => return Err(Errno::INVAL),
    };
    let (major, minor) = device;
    if MAJOR_MAX < major || MINOR_MAX < minor {
        return Err(Errno::INVAL);
    }
    let device = rustix::fs::makedev(major, minor);
    rustix::fs::mknodat(dir, name, file_type, Mode::RUSR | Mode::WUSR, device)
}

/// The system keeps 12 bits of the major and 20 bits of the minor number of a device.
const MAJOR_MAX: u32 = (1 << 12) - 1;
const MINOR_MAX: u32 = (1 << 20) - 1;
