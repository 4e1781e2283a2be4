//! The notices of inotify.

use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;

use rustix::fs::inotify;
use rustix::io::{Errno, Result};

pub(crate) use inotify::ReadFlags;

/// How many bytes of notices one call may fetch.
const NOTICES_LEN: usize = 64 * 1024;

/// A notice.
#[derive(Debug)]
pub(crate) struct OwnEvent {
    /// The number of the watch.
    pub(crate) watch: i32,
    pub(crate) flags: ReadFlags,
    /// The name of the entry, where that is a directory.
    pub(crate) directory: Option<Box<[u8]>>,
    /// Whether it is about the watched directory itself.
    pub(crate) is_of_itself: bool,
}

/// Fetches notices.
pub(crate) struct Reader {
    buffer: Vec<MaybeUninit<u8>>,
}

impl Reader {
    pub(crate) fn new() -> Self {
        let buffer = vec![MaybeUninit::uninit(); NOTICES_LEN];
        Self { buffer }
    }

    /// Returns the notices that one call gives; none where there are none now.
    pub(crate) fn read(&mut self, fd: BorrowedFd<'_>) -> Result<Vec<OwnEvent>> {
        let mut events = Vec::new();
        let mut reader = inotify::Reader::new(fd, &mut self.buffer);
        loop {
            match reader.next() {
                Ok(event) => events.push(own(&event)),
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => return Ok(events),
                Err(errno) => return Err(errno),
            }
            if reader.is_buffer_empty() {
                return Ok(events);
            }
        }
    }
}

fn own(event: &inotify::Event<'_>) -> OwnEvent {
    let (flags, name) = (event.events(), event.file_name());
    let directory = name.filter(|_| flags.contains(ReadFlags::ISDIR));
    OwnEvent {
        watch: event.wd(),
        flags,
        directory: directory.map(|name| name.to_bytes().into()),
        is_of_itself: name.is_none(),
    }
}
