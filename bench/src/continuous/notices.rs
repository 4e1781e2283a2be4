//! What the kernel tells this program of folders, by inotify.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;

/// How many bytes of notices one call fetches.
const NOTICES_LEN: usize = 64 * 1024;

/// Folders of which the kernel tells.
pub(crate) struct Notices<T> {
    fd: OwnedFd,
    folders: HashMap<i32, T>,
}

impl<T> Notices<T> {
    /// Begins with no folder.
    pub(crate) fn new() -> Result<Self> {
        let fd = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK);
        let fd = fd.context("there is no inotify left for this program")?;
        let folders = HashMap::new();
        Ok(Self { fd, folders })
    }

    /// Is told of a folder from now on, under the name `known`.
    pub(crate) fn watch(&mut self, folder: &Path, flags: WatchFlags, known: T) -> Result<()> {
        let number = inotify::add_watch(&self.fd, folder, flags)
            .with_context(|| format!("{} cannot be watched", folder.display()))?;
        self.folders.insert(number, known);
        Ok(())
    }

    /// Waits until there is something to take, and says whether there is.
    pub(crate) fn wait(&self, timeout: Duration) -> Result<bool> {
        let timeout = Timespec::try_from(timeout).context("the time is too long")?;
        let mut fds = [PollFd::new(&self.fd, PollFlags::IN)];
        match poll(&mut fds, Some(&timeout)) {
            Ok(ready) => Ok(ready > 0),
            Err(Errno::INTR) => Ok(false),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Takes all that was told so far: of which folder, of which name in it, and what.
    pub(crate) fn take(&mut self, mut told: impl FnMut(&T, &OsStr, ReadFlags)) -> Result<()> {
        let mut buffer = vec![MaybeUninit::uninit(); NOTICES_LEN];
        let mut reader = Reader::new(self.fd.as_fd(), &mut buffer);
        loop {
            let event = match reader.next() {
                Ok(event) => event,
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::INTR) => continue,
                Err(errno) => return Err(errno.into()),
            };
            if event.events().contains(ReadFlags::QUEUE_OVERFLOW) {
                bail!("so much happened that the kernel dropped some of what this program counts");
            }
            let name = event.file_name().map_or(&b""[..], |name| name.to_bytes());
            if let Some(known) = self.folders.get(&event.wd()) {
                told(known, OsStr::from_bytes(name), event.events());
            }
        }
    }
}
