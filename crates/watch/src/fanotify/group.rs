//! One file system that tells of its changes.

use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::{Errno, Result};

use crate::changes::Why;
use crate::fanotify::event::{Event, Garbled, next};
use crate::fanotify::resolve::{Resolver, Tops};
use crate::open::open_top;
use crate::platform::{fanotify_init, fanotify_mark_file_system, handle_of, open_by_handle};
use crate::scope::{Part, Scope};

/// How many bytes of notices one call may fetch.
const NOTICES_LEN: usize = 256 * 1024;
/// How many calls are made before somebody else has a turn.
const CALLS_MAX: usize = 16;

/// One file system that tells of its changes, by a descriptor of its own, so that what overflows concerns it alone.
#[derive(Debug)]
pub(crate) struct Group {
    fd: OwnedFd,
    device: String,
    resolver: Resolver,
}

impl AsFd for Group {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Group {
    /// Begins to watch the file system of `part`. Fails where this user may not, or the file system cannot.
    pub(crate) fn open(part: &Part) -> Result<Self> {
        let group = Self {
            fd: fanotify_init()?,
            device: part.device.clone(),
            resolver: Resolver::default(),
        };
        group.admit(part)?;
        Ok(group)
    }

    /// Says whether the file system of `part` is watched by this.
    pub(crate) fn has(&self, part: &Part) -> bool {
        self.device == part.device
    }

    /// Makes sure that `part` is watched, and that what is told of it can be understood.
    pub(crate) fn admit(&self, part: &Part) -> Result<()> {
        let path = CString::new(&part.top[..]).map_err(|_| Errno::INVAL)?;
        fanotify_mark_file_system(self.as_fd(), &path)?;
        let top = open_top(&part.top)?;
        open_by_handle(top.as_fd(), &handle_of(top.as_fd())?)?;
        Ok(())
    }

    /// Forgets where directories are.
    pub(crate) fn forget(&mut self) {
        self.resolver.forget();
    }

    /// Takes in notices, and says whether those were all.
    pub(crate) fn read(&mut self, parts: &[&Part], scope: &mut Scope<'_>) -> Result<bool> {
        let mut buffer = vec![0; NOTICES_LEN];
        for _ in 0..CALLS_MAX {
            let len = match rustix::io::read(&self.fd, &mut buffer) {
                Ok(len) => len,
                Err(Errno::AGAIN) => return Ok(true),
                Err(Errno::INTR) => continue,
                Err(errno) => return Err(errno),
            };
            self.take_in(&buffer[..len], parts, scope);
        }
        Ok(false)
    }

    fn take_in(&mut self, mut notices: &[u8], parts: &[&Part], scope: &mut Scope<'_>) {
        let mut tops = Tops::new(parts);
        while let Some(event) = next(&mut notices) {
            match event {
                Ok(event) if event.mask & libc::FAN_Q_OVERFLOW == 0 => {
                    self.apply(event, &mut tops, scope);
                }
                Ok(_) => {
                    // What was dropped may have moved directories.
                    self.resolver.forget();
                    walk_all(parts, Why::Overflow, scope);
                }
                Err(Garbled) => return walk_all(parts, Why::Lost, scope),
            }
        }
    }

    fn apply(&mut self, event: Event<'_>, tops: &mut Tops<'_>, scope: &mut Scope<'_>) {
        let of_directory = event.mask & libc::FAN_ONDIR != 0;
        if of_directory && event.mask & libc::FAN_MOVE != 0 {
            self.resolver.forget();
        }
        let Some((handle, name)) = event.entry else {
            return;
        };
        for found in self.resolver.find(handle, tops, scope).iter() {
            if !found.is_exact {
                scope.hints.tree(found.place.clone(), Why::Crowded);
                continue;
            }
            scope.hints.directory(&found.place);
            if name == b"." {
                // The state of the directory itself is an entry of the one above.
                if let Some(above) = found.place.parent() {
                    scope.hints.directory(&above);
                }
            } else if of_directory && event.mask & (libc::FAN_CREATE | libc::FAN_MOVED_TO) != 0 {
                let made = found.place.join(name);
                if (scope.wants)(&made) {
                    scope.hints.tree(made, Why::New);
                }
            }
        }
    }
}

fn walk_all(parts: &[&Part], why: Why, scope: &mut Scope<'_>) {
    for part in parts {
        scope.hints.tree(part.place.clone(), why);
    }
}
