//! What an entry has beside its state: extended attributes (access control lists among them) and file
//! flags.

use std::os::fd::AsFd;

use rustix::io::Errno;

use crate::dir::{Dir, check_name};
use crate::error::{Action, Error, Result};
use crate::linux;

/// Longest value of an extended attribute, in bytes; the system allows no longer one.
pub const XATTR_VALUE_LEN_MAX: usize = 64 * 1024;

/// What an entry has beside its state.
#[derive(Debug, Default)]
pub struct Extra {
    /// The file flags that a user can set, such as "no dump", as `FS_IOC_GETFLAGS` numbers them.
    pub flags: u32,
    /// Extended attributes of all namespaces that may be read, ordered by name. POSIX access control
    /// lists are among them as `system.posix_acl_access` and `system.posix_acl_default`.
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    /// What is there but could not be read.
    pub unread: Vec<Error>,
}

/// Reads what an open file or directory has beside its state.
pub fn extra_of(file: &impl AsFd) -> Result<Extra> {
    let fd = file.as_fd();
    let mut extra = Extra::default();
    match linux::flags_of(fd) {
        Ok(flags) => extra.flags = flags,
        Err(errno) => extra.unread.push(Error::new(Action::ReadFlags, b"", errno)),
    }
    let names =
        linux::list_xattrs(fd).map_err(|errno| Error::new(Action::ReadXattrs, b"", errno))?;
    extra.collect(&names, |xattr| linux::get_xattr(fd, xattr));
    Ok(extra)
}

/// Reads what the entry `name`, which cannot be opened as a file can, has beside its state. Fails only
/// where there is no such entry.
pub fn extra_of_child(dir: &Dir, name: &[u8]) -> Result<Extra> {
    check_name(name)?;
    let fd = dir.as_fd();
    let mut extra = Extra::default();
    match linux::list_xattrs_of_child(fd, name) {
        Ok(names) => extra.collect(&names, |xattr| linux::get_xattr_of_child(fd, name, xattr)),
        Err(errno) => {
            // An entry that is still there has not vanished: the way to its attributes is missing.
            dir.stat_child(name)?;
            let errno = if errno == Errno::NOENT {
                Errno::OPNOTSUPP
            } else {
                errno
            };
            extra
                .unread
                .push(Error::new(Action::ReadXattrs, name, errno));
        }
    }
    Ok(extra)
}

impl Extra {
    fn collect(
        &mut self,
        names: &linux::XattrNames,
        get: impl Fn(&[u8]) -> std::result::Result<Option<Vec<u8>>, Errno>,
    ) {
        for name in names.iter() {
            match get(name) {
                Ok(Some(value)) => self.xattrs.push((name.to_vec(), value)),
                Ok(None) => {}
                Err(errno) => self
                    .unread
                    .push(Error::new(Action::ReadXattrs, name, errno)),
            }
        }
        self.xattrs.sort_unstable();
    }

    /// Says whether there is nothing to keep.
    pub fn is_empty(&self) -> bool {
        self.flags == 0 && self.xattrs.is_empty()
    }
}
