//! Tells when a root goes away or is replaced.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Result;

use crate::inotify::Reader;
use crate::place::way;
use crate::root::{Root, State};

const FLAGS: WatchFlags = WatchFlags::MOVE_SELF
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::ONLYDIR)
    .union(WatchFlags::DONT_FOLLOW)
    .union(WatchFlags::MASK_ADD);

/// Watches over the roots and all directories above them. What is in them is not told of, so this never overflows.
#[derive(Debug)]
pub(crate) struct Sentinel {
    fd: OwnedFd,
    is_complete: bool,
}

impl AsFd for Sentinel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Sentinel {
    /// Begins to watch over the roots that are there.
    pub(crate) fn new(roots: &[Root]) -> Result<Self> {
        let fd = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let mut is_complete = true;
        for root in roots {
            // One that is not local is not touched.
            let State::Present {
                path,
                identity: Some(_),
            } = root.state()
            else {
                continue;
            };
            for above in way(path) {
                let above = if above.is_empty() { b"/" } else { above };
                is_complete &= inotify::add_watch(&fd, above, FLAGS).is_ok();
            }
        }
        Ok(Self { fd, is_complete })
    }

    /// Says whether all directories could be watched; else the roots have to be looked at now and then.
    pub(crate) fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// Says whether something has happened to a root or a directory above it.
    pub(crate) fn read(&self, reader: &mut Reader) -> Result<bool> {
        let mut happened = false;
        while !reader.read(self.fd.as_fd())?.is_empty() {
            happened = true;
        }
        Ok(happened)
    }
}
