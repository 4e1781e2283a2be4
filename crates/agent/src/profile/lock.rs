//! Locks of a profile, so that two programs never write one archive or one file of settings at a time.
//!
//! A lock is the kernel's, on an open file: it ends with the process, however that ends. The file stays and
//! names the last holder.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rustix::fs::FlockOperation;
use rustix::io::Errno;

use crate::AgentError;

/// A lock that is held until it is dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
    more: Vec<File>,
}

/// How often a lock is tried while somebody waits for it.
const TRY_EVERY: Duration = Duration::from_millis(20);
/// How long nobody wonders what a program waits for.
const TELL_AFTER: Duration = Duration::from_secs(1);

/// Who is told of waiting.
static TELL: OnceLock<fn(&AgentError)> = OnceLock::new();

/// Lets somebody be told, whenever this program waits for a lock for long, who holds it. Only the first one counts.
pub fn tell_of_waiting(tell: fn(&AgentError)) {
    let _ = TELL.set(tell);
}

impl Lock {
    /// Takes a lock at once, or says who holds it. `what` is what the lock guards, for people.
    pub fn take(path: &Path, what: &str) -> Result<Self, AgentError> {
        Ok(Self {
            _file: take(path, what)?,
            more: Vec::new(),
        })
    }

    /// Takes a lock, waiting for it for a while.
    pub(crate) fn await_turn(
        path: &Path,
        what: &str,
        patience: Duration,
    ) -> Result<Self, AgentError> {
        Ok(Self {
            _file: take_patiently(path, what, patience)?,
            more: Vec::new(),
        })
    }

    /// Takes another lock along with this one, waiting for it for a while.
    pub(crate) fn take_more(
        &mut self,
        path: &Path,
        what: &str,
        patience: Duration,
    ) -> Result<(), AgentError> {
        self.more.push(take_patiently(path, what, patience)?);
        Ok(())
    }

    /// Takes a lock that several may hold; `None` where one holds it alone.
    pub(crate) fn share(path: &Path) -> Result<Option<Self>, AgentError> {
        let mut file = open(path)?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Ok(None),
            Err(errno) => return Err(failed(path, errno.into())),
        }
        name_holder(&mut file);
        Ok(Some(Self {
            _file: file,
            more: Vec::new(),
        }))
    }
}

fn failed(path: &Path, source: std::io::Error) -> AgentError {
    AgentError::Local {
        op: "lock",
        path: path.display().to_string(),
        source,
    }
}

fn open(path: &Path) -> Result<File, AgentError> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(|source| failed(path, source))
}

/// Notes who holds a lock, for messages. It is held without that, too: a disk that is full keeps nobody from working.
fn name_holder(file: &mut File) {
    let name = format!("{:<10}\n", std::process::id());
    let mut there = String::new();
    let read = (&mut *file).take(32).read_to_string(&mut there);
    if read.is_ok() && there == name {
        return;
    }
    // In place, so that a full disk can take it. The name is as long as any other one.
    let _ = file.rewind().and_then(|()| file.write_all(name.as_bytes()));
}

fn take_patiently(path: &Path, what: &str, patience: Duration) -> Result<File, AgentError> {
    let begun = Instant::now();
    let mut tell = TELL.get();
    loop {
        match take(path, what) {
            Err(held @ AgentError::Locked { .. }) if begun.elapsed() < patience => {
                if begun.elapsed() >= TELL_AFTER
                    && let Some(tell) = tell.take()
                {
                    tell(&held);
                }
                std::thread::sleep(TRY_EVERY);
            }
            result => return result,
        }
    }
}

fn take(path: &Path, what: &str) -> Result<File, AgentError> {
    let mut file = open(path)?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => {
            let mut holder = String::new();
            let _ = (&mut file).take(32).read_to_string(&mut holder);
            return Err(AgentError::Locked {
                what: what.to_owned(),
                pid: holder.trim().parse().ok(),
            });
        }
        Err(errno) => return Err(failed(path, errno.into())),
    }
    name_holder(&mut file);
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_is_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let first = Lock::take(&path, "the archive").unwrap();
        let refused = Lock::take(&path, "the archive").unwrap_err();
        let pid = std::process::id();
        assert_eq!(
            refused.to_string(),
            format!("the archive is in use by process {pid}")
        );
        let short = Duration::from_millis(1);
        let refused = Lock::await_turn(&path, "the archive", short).unwrap_err();
        assert!(matches!(refused, AgentError::Locked { .. }));
        let waits = std::thread::spawn({
            let path = path.clone();
            move || Lock::await_turn(&path, "the archive", Duration::from_mins(1))
        });
        drop(first);
        waits.join().unwrap().unwrap();
    }
}
