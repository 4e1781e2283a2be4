//! Extended attributes and file flags.

use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::fs::{IFlags, XattrFlags};
use rustix::io::{Errno, Result};

use crate::metadata::XATTR_VALUE_LEN_MAX;

/// Room for a list of names that needs no allocation.
const NAMES_LEN_SMALL: usize = 1024;

/// The longest list of names that the kernel gives.
const NAMES_LEN_MAX: usize = 64 * 1024;

/// Room for a value that needs no second call.
const VALUE_LEN_SMALL: usize = 512;

/// The flags that a user may set and a restore can bring back; the others tell how the file system keeps
/// the entry.
const FLAGS_KEPT: IFlags = IFlags::all();

/// The flags of a file or directory, cut to those worth keeping.
pub(crate) fn flags_of(fd: BorrowedFd<'_>) -> Result<u32> {
    match rustix::fs::ioctl_getflags(fd) {
        Ok(flags) => Ok((flags & FLAGS_KEPT).bits()),
        Err(errno) if is_unsupported(errno) => Ok(0),
        Err(errno) => Err(errno),
    }
}

/// Sets the flags worth keeping to `flags` and leaves the others as they are.
pub(crate) fn set_flags(fd: BorrowedFd<'_>, flags: u32) -> Result<()> {
    let wanted = IFlags::from_bits_retain(flags) & FLAGS_KEPT;
    let before = match rustix::fs::ioctl_getflags(fd) {
        Err(errno) if is_unsupported(errno) && wanted.is_empty() => return Ok(()),
        result => result?,
    };
    let after = (before - FLAGS_KEPT) | wanted;
    if before == after {
        return Ok(());
    }
    rustix::fs::ioctl_setflags(fd, after)
}

/// A list of names, each followed by NUL.
pub(crate) struct XattrNames(Vec<u8>);

impl XattrNames {
    /// Goes through the names in the order of the kernel.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.0
            .split(|byte| *byte == 0)
            .filter(|name| !name.is_empty())
    }
}

/// Lists the extended attributes of something open.
pub(crate) fn list_xattrs(fd: BorrowedFd<'_>) -> Result<XattrNames> {
    list(|buffer| rustix::fs::flistxattr(fd, buffer))
}

/// Lists the extended attributes of the entry `name` of a directory, without following it.
pub(crate) fn list_xattrs_of_child(dir: BorrowedFd<'_>, name: &[u8]) -> Result<XattrNames> {
    let path = path_of(dir, name);
    list(|buffer| rustix::fs::llistxattr(path.as_slice(), buffer))
}

/// Reads an extended attribute of something open; `None` where it is not there.
pub(crate) fn get_xattr(fd: BorrowedFd<'_>, xattr: &[u8]) -> Result<Option<Vec<u8>>> {
    get(|buffer| rustix::fs::fgetxattr(fd, xattr, buffer))
}

/// Reads an extended attribute of the entry `name` of a directory, without following it.
pub(crate) fn get_xattr_of_child(
    dir: BorrowedFd<'_>,
    name: &[u8],
    xattr: &[u8],
) -> Result<Option<Vec<u8>>> {
    let path = path_of(dir, name);
    get(|buffer| rustix::fs::lgetxattr(path.as_slice(), xattr, buffer))
}

/// Lists the extended attributes of what `path` leads to.
pub(crate) fn list_xattrs_at(path: &[u8]) -> Result<XattrNames> {
    list(|buffer| rustix::fs::listxattr(path, buffer))
}

/// Sets an extended attribute of something open.
pub(crate) fn set_xattr(fd: BorrowedFd<'_>, xattr: &[u8], value: &[u8]) -> Result<()> {
    rustix::fs::fsetxattr(fd, xattr, value, XattrFlags::empty())
}

/// Sets an extended attribute of what `path` leads to.
pub(crate) fn set_xattr_at(path: &[u8], xattr: &[u8], value: &[u8]) -> Result<()> {
    rustix::fs::setxattr(path, xattr, value, XattrFlags::empty())
}

/// Removes an extended attribute of something open.
pub(crate) fn remove_xattr(fd: BorrowedFd<'_>, xattr: &[u8]) -> Result<()> {
    rustix::fs::fremovexattr(fd, xattr)
}

/// Removes an extended attribute of what `path` leads to.
pub(crate) fn remove_xattr_at(path: &[u8], xattr: &[u8]) -> Result<()> {
    rustix::fs::removexattr(path, xattr)
}

/// Names an entry through the table of open files, which no rename can redirect. The calls on extended
/// attributes know no directory to start from.
fn path_of(dir: BorrowedFd<'_>, name: &[u8]) -> Vec<u8> {
    let mut path = format!("/proc/self/fd/{}/", dir.as_raw_fd()).into_bytes();
    path.extend_from_slice(name);
    path
}

fn list(mut call: impl FnMut(&mut [u8]) -> Result<usize>) -> Result<XattrNames> {
    let mut small = [0; NAMES_LEN_SMALL];
    match call(&mut small) {
        Ok(len) => Ok(XattrNames(small[..len].to_vec())),
        Err(Errno::RANGE) => {
            let mut large = vec![0; NAMES_LEN_MAX];
            let len = call(&mut large)?;
            large.truncate(len);
            Ok(XattrNames(large))
        }
        Err(errno) if is_unsupported(errno) => Ok(XattrNames(Vec::new())),
        Err(errno) => Err(errno),
    }
}

fn get(mut call: impl FnMut(&mut [u8]) -> Result<usize>) -> Result<Option<Vec<u8>>> {
    let mut small = [0; VALUE_LEN_SMALL];
    match call(&mut small) {
        Ok(len) => Ok(Some(small[..len].to_vec())),
        Err(Errno::RANGE) => {
            let mut large = vec![0; XATTR_VALUE_LEN_MAX];
            let len = call(&mut large)?;
            large.truncate(len);
            large.shrink_to_fit();
            Ok(Some(large))
        }
        Err(Errno::NODATA | Errno::OPNOTSUPP) => Ok(None),
        Err(errno) => Err(errno),
    }
}

fn is_unsupported(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::NOTTY | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL
    )
}
