//! Locks of a profile, so that two programs never write one archive or one file of settings at a time.
//!
//! A lock is the kernel's, on an open file: it ends with the process, however that ends. The file stays and
//! names the last holder.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::FlockOperation;
use rustix::io::Errno;

use crate::AgentError;

/// A lock that is held until it is dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes a lock at once, or says who holds it. `what` is what the lock guards, for people.
    pub fn take(path: &Path, what: &str) -> Result<Self, AgentError> {
        let failed = |source: std::io::Error| AgentError::Local {
            op: "lock",
            path: path.display().to_string(),
            source,
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(failed)?;
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
            Err(errno) => return Err(failed(errno.into())),
        }
        let write_pid = || {
            file.set_len(0)?;
            writeln!(file, "{}", std::process::id())
        };
        let mut write_pid = write_pid;
        write_pid().map_err(failed)?;
        Ok(Self { _file: file })
    }
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
        drop(first);
        Lock::take(&path, "the archive").unwrap();
    }
}
