//! Where it storms: a tree with a file system of its own within it, and what blows there.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use anyhow::{Context as _, Result, anyhow};

use super::checkout::Repository;
use super::mount::{Mounted, unmount};
use super::watchman::Watchman;
use super::winds::Winds;
use crate::options::Options;
use crate::place::Place;
use crate::say;
use crate::tree::Tree;

/// Where the kernel says how many events it keeps, for each way of noticing changes.
const QUEUES: [&str; 2] = [
    "/proc/sys/fs/fanotify/max_queued_events",
    "/proc/sys/fs/inotify/max_queued_events",
];

/// Where it storms.
pub(super) struct Field<'a> {
    place: &'a Place,
    pub(super) root: PathBuf,
    repository: Repository<'a>,
    mounted: Option<Mounted>,
    /// More events than the kernel keeps.
    too_many: u32,
}

impl<'a> Field<'a> {
    /// Makes the tree.
    pub(super) fn make(place: &'a Place, options: &Options) -> Result<Self> {
        let root = place.path("tree");
        let n_files = options.files(10_000);
        say::progress(&format!("storm: writing {n_files} files"));
        Tree::make(root.join("calm"), n_files)?;
        let repository = root.join("repository");
        let repository = Repository::clone(place, &options.repository, repository)?;
        fs::create_dir_all(root.join("winds"))?;
        fs::create_dir_all(root.join("flood"))?;
        let mounted = Mounted::at(&root.join(MOUNTED))?;
        if mounted.is_some() {
            Tree::make(root.join(MOUNTED).join("calm"), n_files / 10)?;
            fs::create_dir_all(root.join(MOUNTED).join("winds"))?;
            fs::create_dir_all(root.join(MOUNTED).join("flood"))?;
        } else {
            say::progress("storm: nothing is mounted within the tree, since only root may do that");
        }
        Ok(Self {
            place,
            root,
            repository,
            mounted,
            too_many: queue_len()? + queue_len()? / 10 + 1_000,
        })
    }

    /// Unmounts what a run that was killed has left.
    pub(super) fn clear(options: &Options, part: &str) {
        unmount(&options.work.join(part).join("tree").join(MOUNTED));
    }

    /// Returns the tops of all file systems.
    pub(super) fn tops(&self) -> Vec<PathBuf> {
        let mut tops = vec![self.root.clone()];
        if self.mounted.is_some() {
            tops.push(self.root.join(MOUNTED));
        }
        tops
    }

    /// Returns folders of the other file systems than this one, where nothing changes.
    pub(super) fn calm_beside(&self, top: &Path) -> Vec<PathBuf> {
        let others = self.tops().into_iter().filter(|other| other != top);
        others.map(|other| other.join("calm")).collect()
    }

    /// Lets more happen in a file system than its queue holds: one file gets many names, one after another.
    pub(super) fn flood(&self, top: &Path) -> Result<()> {
        let folder = top.join("flood");
        let mut name = folder.join("file");
        crate::tree::put(&name, b"")?;
        for number in 0..self.too_many {
            let next = folder.join(number.to_string());
            fs::rename(&name, &next)?;
            name = next;
        }
        Ok(fs::remove_file(name)?)
    }

    /// Lets it storm while something is done; returns how many things happened.
    pub(super) fn storm_during(
        &self,
        options: &Options,
        watchman: &Watchman,
        work: impl FnOnce() -> Result<()>,
    ) -> Result<usize> {
        let (is_over, deeds) = (AtomicBool::new(false), AtomicUsize::new(0));
        let tops = self.tops();
        let rate = (options.rate / u32::try_from(tops.len())?).max(1);
        std::thread::scope(|scope| {
            let ending = Ending(&is_over);
            for (top, seed) in std::iter::zip(&tops, options.seed..) {
                let winds = Winds::new(top.join("winds"), self.outside(top), seed);
                let mut winds = winds.context("the storm cannot begin")?;
                let (is_over, deeds) = (&is_over, &deeds);
                scope.spawn(move || winds.blow_until(is_over, rate, deeds));
            }
            let switching = scope.spawn(|| self.repository.switch_until(&is_over, &deeds));
            scope.spawn(|| watchman.look_until(&is_over));
            let done = work();
            drop(ending);
            let switched = switching.join();
            done?;
            switched.unwrap_or_else(|_| Err(anyhow!("the thread that runs git panicked")))
        })?;
        Ok(deeds.into_inner())
    }

    /// Returns a folder of the same file system that is not backed up.
    fn outside(&self, top: &Path) -> PathBuf {
        if top == self.root {
            return self.place.path("outside");
        }
        // All of that file system is within the tree.
        top.join("outside")
    }
}

/// Says that it is over, however the work ends.
struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The name of the folder at which another file system is mounted.
const MOUNTED: &str = "mounted";

/// Returns how many events the kernel keeps.
fn queue_len() -> Result<u32> {
    let mut most = 0;
    for path in QUEUES {
        let text = fs::read_to_string(path).with_context(|| path.to_owned())?;
        let len: u32 = text.trim().parse().with_context(|| path.to_owned())?;
        most = most.max(len);
    }
    Ok(most)
}
