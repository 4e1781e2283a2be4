//! Counts who opens and reads files and folders of a tree: what an agent does without its source shows here.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::ScopedJoinHandle;
use std::time::Duration;

use anyhow::{Result, anyhow};
use rustix::fs::inotify::{ReadFlags, WatchFlags};
use walkdir::WalkDir;

use crate::notices::Notices;

/// How long to wait for more before looking whether counting is over.
const TURN: Duration = Duration::from_millis(20);

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    /// How often a file was opened.
    pub(crate) files_opened: usize,
    /// How often something was read from one.
    pub(crate) reads: usize,
    /// How often a folder was opened.
    pub(crate) folders_opened: usize,
}

/// A tree in which everybody is counted.
pub(crate) struct Openings(Notices<()>);

impl Openings {
    /// Counts in every folder of some trees from now on.
    pub(crate) fn of<P: AsRef<Path>>(trees: &[P]) -> Result<Self> {
        let mut notices = Notices::new()?;
        let flags = WatchFlags::OPEN | WatchFlags::ACCESS;
        for entry in trees.iter().flat_map(WalkDir::new) {
            let entry = entry?;
            if entry.file_type().is_dir() {
                notices.watch(entry.path(), flags, ())?;
            }
        }
        let mut openings = Self(notices);
        // What was just walked was opened by this program.
        openings.add_to(&mut Count::default())?;
        Ok(openings)
    }

    /// Counts while something is done.
    pub(crate) fn during<R>(mut self, work: impl FnOnce() -> Result<R>) -> Result<(R, Count)> {
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let counting = scope.spawn(|| self.count_until(&is_over));
            let result = work();
            is_over.store(true, Ordering::Relaxed);
            let count = joined(counting);
            Ok((result?, count?))
        })
    }

    fn count_until(&mut self, is_over: &AtomicBool) -> Result<Count> {
        let mut count = Count::default();
        // What happened before it was over has been told by then.
        while !is_over.load(Ordering::Relaxed) {
            self.0.wait(TURN)?;
            self.add_to(&mut count)?;
        }
        self.add_to(&mut count)?;
        Ok(count)
    }

    fn add_to(&mut self, count: &mut Count) -> Result<()> {
        self.0.take(|(), name, what| {
            let is_folder = what.contains(ReadFlags::ISDIR);
            if what.contains(ReadFlags::ACCESS) {
                count.reads += usize::from(!is_folder);
            } else if !is_folder {
                count.files_opened += 1;
            } else if name.is_empty() {
                // The folder above, if it is watched, tells of the same once more, with the name.
                count.folders_opened += 1;
            }
        })
    }
}

fn joined<R>(thread: ScopedJoinHandle<'_, Result<R>>) -> Result<R> {
    let ended = thread.join();
    ended.unwrap_or_else(|_| Err(anyhow!("the thread that counts panicked")))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::Read as _;

    use super::*;

    #[test]
    fn files_that_are_opened_and_read_are_counted() {
        let tree = tempfile::tempdir().unwrap();
        let deep = tree.path().join("a/b");
        fs::create_dir_all(&deep).unwrap();
        crate::tree::put(&deep.join("file"), b"text").unwrap();
        let openings = Openings::of(&[tree.path()]).unwrap();
        let (_, count) = openings
            .during(|| {
                File::open(deep.join("file"))?.read_to_end(&mut Vec::new())?;
                Ok(fs::read_dir(&deep)?.count())
            })
            .unwrap();
        assert_eq!((count.files_opened, count.folders_opened), (1, 1));
        assert!(count.reads > 0);
        let openings = Openings::of(&[tree.path()]).unwrap();
        let renamed = || Ok(fs::rename(deep.join("file"), tree.path().join("c"))?);
        let ((), count) = openings.during(renamed).unwrap();
        assert_eq!(count, Count::default());
    }
}
