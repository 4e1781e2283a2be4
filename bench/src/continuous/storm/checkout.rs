//! A git repository in the tree, in which one revision takes the place of another.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::place::{Place, succeeded};

/// How many revisions there are between two that are switched between.
const STEP: usize = 7;
/// So long one stays.
const STAY: Duration = Duration::from_millis(700);

/// A checkout, and the revisions that it may have.
pub(super) struct Repository<'a> {
    place: &'a Place,
    path: PathBuf,
    revisions: Vec<String>,
}

impl<'a> Repository<'a> {
    /// Clones a repository into the tree.
    pub(super) fn clone(place: &'a Place, from: &Path, path: PathBuf) -> Result<Self> {
        let from = from
            .canonicalize()
            .with_context(|| from.display().to_string())?;
        let mut clone = place.command_of("git");
        // It may be another user's.
        clone.args([
            "-c",
            "safe.directory=*",
            "clone",
            "--quiet",
            "--no-hardlinks",
            "--no-local",
        ]);
        succeeded(clone.arg(&from).arg(&path))?;
        let mut repository = Self {
            place,
            path,
            revisions: Vec::new(),
        };
        let listed = succeeded(repository.git().args(["rev-list", "HEAD"]))?;
        let listed = String::from_utf8(listed.stdout)?;
        repository.revisions = listed.lines().step_by(STEP).map(str::to_owned).collect();
        ensure!(
            repository.revisions.len() > 1,
            "{} has too few revisions to switch between",
            from.display()
        );
        Ok(repository)
    }

    fn git(&self) -> Command {
        let mut git = self.place.command_of("git");
        git.arg("-C").arg(&self.path).args(["-c", "gc.auto=0"]);
        git
    }

    /// Switches between revisions, near and far, until it is over.
    pub(super) fn switch_until(&self, is_over: &AtomicBool, deeds: &AtomicUsize) -> Result<()> {
        let n = self.revisions.len();
        let mut at = 0;
        for turn in 1.. {
            if is_over.load(Ordering::Relaxed) {
                break;
            }
            // Every third time it is a leap across half of the history.
            at = (at + if turn % 3 == 0 { n / 2 } else { 1 }) % n;
            let mut git = self.git();
            git.args(["checkout", "--quiet", "--force", "--detach"]);
            succeeded(git.arg(&self.revisions[at]))?;
            deeds.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(STAY);
        }
        Ok(())
    }
}
