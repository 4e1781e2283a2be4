//! Opening for reading, without a trace in access times where the system allows that.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::{Errno, Result};

const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);

const HELD_DIRECTORY: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// `NONBLOCK` keeps a named pipe or a device that took the place of a file from holding us up.
const FILE: OFlags = OFlags::RDONLY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

/// Opens the directory at `path`, the one place where symbolic links are followed.
pub(crate) fn open_root(path: &Path) -> Result<OwnedFd> {
    quietly(|extra| rustix::fs::openat(CWD, path, DIRECTORY | extra, Mode::empty()))
}

/// Opens the directory `name` below `dir`.
pub(crate) fn open_child_dir(dir: BorrowedFd<'_>, name: &[u8]) -> Result<OwnedFd> {
    quietly(|extra| {
        let flags = DIRECTORY | OFlags::NOFOLLOW | extra;
        rustix::fs::openat(dir, name, flags, Mode::empty())
    })
}

/// Takes hold of the directory at `path` as a place to start from; it need not be one that may be listed.
pub(crate) fn hold_root(path: &Path) -> Result<OwnedFd> {
    rustix::fs::openat(CWD, path, HELD_DIRECTORY, Mode::empty())
}

/// As [`hold_root`], for the directory `name` below `dir`.
pub(crate) fn hold_child_dir(dir: BorrowedFd<'_>, name: &[u8]) -> Result<OwnedFd> {
    rustix::fs::openat(dir, name, HELD_DIRECTORY | OFlags::NOFOLLOW, Mode::empty())
}

/// Takes hold of the entry `name` without following or opening it.
pub(crate) fn hold_entry(dir: BorrowedFd<'_>, name: &[u8]) -> Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(dir, name, flags, Mode::empty())
}

/// Opens the file `name` below `dir` for reading.
pub(crate) fn open_child_file(dir: BorrowedFd<'_>, name: &[u8]) -> Result<OwnedFd> {
    quietly(|extra| rustix::fs::openat(dir, name, FILE | extra, Mode::empty()))
}

/// Tries without a change of access times first, which only owners and the privileged may ask for.
fn quietly(open: impl Fn(OFlags) -> Result<OwnedFd>) -> Result<OwnedFd> {
    match open(OFlags::NOATIME) {
        Err(Errno::PERM) => open(OFlags::empty()),
        result => result,
    }
}
