//! A file that entries are appended to. It is opened anew each time, so that it may be moved away.

use std::fs::OpenOptions;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::oneshot;

use super::SinkError;

/// A file.
pub(super) struct File {
    path: PathBuf,
    /// What is being written, on a thread of its own: a disk may hang for as long as it likes, and neither the server nor its
    /// end waits for it.
    writing: Option<Writing>,
}

struct Writing {
    last: u64,
    answer: oneshot::Receiver<io::Result<()>>,
}

impl File {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            writing: None,
        }
    }

    /// Appends a text whose last entry has this number. Where an earlier one is still being written, that one is waited for in
    /// its place.
    pub(super) async fn append(
        &mut self,
        text: String,
        last: u64,
        patience: Duration,
    ) -> Result<u64, SinkError> {
        let mut writing = match self.writing.take() {
            Some(writing) => writing,
            None => self.begin(text, last)?,
        };
        match tokio::time::timeout(patience, &mut writing.answer).await {
            Ok(Ok(written)) => {
                written?;
                Ok(writing.last)
            }
            Ok(Err(_thread_gone)) => Err(io::Error::other("the thread that writes is gone").into()),
            Err(_elapsed) => {
                self.writing = Some(writing);
                Err(SinkError::Hangs(patience))
            }
        }
    }

    fn begin(&self, text: String, last: u64) -> Result<Writing, SinkError> {
        let (tell, answer) = oneshot::channel();
        let path = self.path.clone();
        let thread = std::thread::Builder::new().name("audit-sink".to_owned());
        thread.spawn(move || {
            // Whoever asked may have gone.
            let _ = tell.send(append(&path, text.as_bytes()));
        })?;
        Ok(Writing { last, answer })
    }
}

/// Appends to a file so that it is on the disk, or not at all as far as that can be had.
fn append(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options.append(true).create(true).mode(0o600).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return file.write_all(bytes);
    }
    // As long as it is written, also by a thread that nobody waits for any more, no other node writes.
    file.try_lock()?;
    let before = file.metadata()?.len();
    if !ends_with_line(path, before)? {
        // What was cut off by a kill is a line of its own, and comes whole after it.
        file.write_all(b"\n")?;
    }
    let written = file.write_all(bytes).and_then(|()| file.sync_data());
    if written.is_err() && file.metadata()?.len() > before {
        let _ = file.set_len(before);
    }
    written
}

fn ends_with_line(path: &Path, length: u64) -> io::Result<bool> {
    if length == 0 {
        return Ok(true);
    }
    let mut file = std::fs::File::open(path)?;
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_cut_off_does_not_spoil_what_follows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        append(&path, b"one\n").unwrap();
        append(&path, b"two\nthr").unwrap();
        append(&path, b"three\n").unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, "one\ntwo\nthr\nthree\n");
    }

    #[test]
    fn two_never_write_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        append(&path, b"one\n").unwrap();
        let other = std::fs::File::open(&path).unwrap();
        other.lock().unwrap();
        let error = append(&path, b"two\n").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        drop(other);
        append(&path, b"three\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\nthree\n");
    }

    #[test]
    fn a_full_one_says_so() {
        let error = append(Path::new("/dev/full"), b"x\n").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert!(append(Path::new("/"), b"x\n").is_err());
    }
}
