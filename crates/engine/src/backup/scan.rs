//! Lists directories ahead of the walk, on several threads.
//!
//! Directories wait on a stack, so that what is listed first is what the walk needs next. The walk
//! takes a listing that is done, waits for one that is under way, and makes one itself that nobody has
//! begun: so it never waits for its turn.

use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use strongroom_base::clock::Clock;
use strongroom_catalogue::{Catalogue, CatalogueError, Lookup};
use strongroom_files::{Dir, Error, Kind, NameList, Stat};

use super::batch::join;
use super::hints::{Hints, Visit};
use super::identity_of;
use super::listing::{Kept, Listing};
use super::named::Named;
use super::options::{BackupOptions, Excludes};
use crate::monitor::Progress;

/// How many entries may be listed ahead.
const ENTRIES_AHEAD: usize = 16_384;
/// How many directories may be listed ahead; each holds a file descriptor.
const LISTINGS_AHEAD: usize = 128;
pub(crate) type JobId = u64;

pub(super) struct Job {
    id: JobId,
    pub(super) parent: Option<Arc<Dir>>,
    pub(super) dir: Option<Arc<Dir>>,
    pub(super) path: Arc<[u8]>,
    pub(super) name: Box<[u8]>,
    pub(super) visit: Visit,
}

#[derive(Default)]
struct State {
    stack: Vec<Job>,
    done: HashMap<JobId, Result<Listing, ScanError>>,
    entries_done: usize,
    next_id: JobId,
    closed: bool,
}

/// Why a directory has no listing.
pub(crate) enum ScanError {
    /// The file system said no.
    Files(Error),
    /// The catalogue failed, which ends the backup.
    Catalogue(CatalogueError),
}

/// Lists directories.
pub(crate) struct Scanner<'a> {
    pub(crate) catalogue: &'a Catalogue,
    pub(crate) excludes: &'a Excludes,
    never: Vec<(u64, u64)>,
    /// The same as paths: the directory that each is in, and its name there.
    never_named: Vec<(Vec<u8>, Vec<u8>)>,
    /// Device and number of folders that are destinations.
    destinations: Vec<(u64, u64)>,
    /// What was named below a root.
    pub(super) named: Named,
    pub(crate) one_file_system: bool,
    /// What may have changed; none where everything may have.
    pub(crate) hints: Option<&'a Hints>,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) progress: &'a Progress,
    state: Mutex<State>,
    changed: Condvar,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(
        catalogue: &'a Catalogue,
        excludes: &'a Excludes,
        clock: &'a dyn Clock,
        progress: &'a Progress,
    ) -> Self {
        Self {
            catalogue,
            excludes,
            never: Vec::new(),
            never_named: Vec::new(),
            destinations: Vec::new(),
            named: Named::default(),
            one_file_system: false,
            hints: None,
            clock,
            progress,
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// Enters none of the folders that are never entered, and no archive at a destination. Those with a known identity are not
    /// asked for it, since they may hang.
    pub(super) fn leave_out(&mut self, options: &BackupOptions) {
        self.named = Named::new(&options.roots, &options.named);
        let (never, known) = (&options.never, &options.identities);
        let identity = |path: &PathBuf| known.get(path).map_or_else(|| identity_of(path), |id| *id);
        self.never = never.iter().filter_map(identity).collect();
        let named = |path: &PathBuf| {
            let (above, name) = (path.parent()?, path.file_name()?);
            Some((
                above.as_os_str().as_bytes().to_vec(),
                name.as_bytes().to_vec(),
            ))
        };
        self.never_named = never.iter().filter_map(named).collect();
        let destinations = options.destinations.iter();
        self.destinations = destinations.filter_map(|path| identity_of(path)).collect();
    }

    /// Returns the names in a directory that are left out.
    pub(super) fn never_in(&self, path: &[u8]) -> Vec<&[u8]> {
        let named = self.never_named.iter();
        let here = named.filter(|(above, _)| above == path);
        here.map(|(_, name)| &name[..]).collect()
    }

    /// Says whether a folder is a destination.
    pub(super) fn is_destination(&self, stat: &Stat) -> bool {
        self.destinations.contains(&(stat.dev, stat.ino))
    }

    /// Says whether something is a folder that is left out.
    pub(super) fn is_never(&self, stat: &Stat) -> bool {
        self.never.contains(&(stat.dev, stat.ino))
    }

    /// Lists directories until [`close`](Self::close).
    pub(crate) fn run(&self) {
        let Ok(lookup) = self.catalogue.lookup() else {
            return;
        };
        loop {
            let mut state = self.state();
            while !state.closed && (state.stack.is_empty() || state.is_full()) {
                state = self
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            if state.closed {
                return;
            }
            let Some(job) = state.stack.pop() else {
                continue;
            };
            drop(state);
            let (id, listing) = (job.id, self.list(job, &lookup));
            let mut state = self.state();
            state.entries_done += listing.as_ref().map_or(0, |listing| listing.kept.len());
            state.done.insert(id, listing);
            drop(state);
            self.changed.notify_all();
        }
    }

    /// Ends [`run`](Self::run) on every thread.
    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.changed.notify_all();
    }

    /// Asks for the listing of a root that is open already.
    pub(crate) fn root(&self, dir: Arc<Dir>, path: Arc<[u8]>) -> JobId {
        let visit = self.hints.map_or(Visit::All, |hints| hints.visit(&path));
        self.ask(Job {
            id: 0,
            parent: None,
            dir: Some(dir),
            path,
            name: Box::default(),
            visit,
        })
    }

    /// Asks for the listing of a directory that was to be passed by.
    pub(crate) fn child(&self, parent: Arc<Dir>, path: Arc<[u8]>, name: &[u8]) -> JobId {
        self.ask(Job {
            id: 0,
            parent: Some(parent),
            dir: None,
            path,
            name: name.into(),
            visit: Visit::All,
        })
    }

    fn ask(&self, job: Job) -> JobId {
        let mut state = self.state();
        let id = state.new_id();
        state.stack.push(Job { id, ..job });
        drop(state);
        self.changed.notify_one();
        id
    }

    /// Returns a listing that was asked for, and makes it where nobody has begun to.
    pub(crate) fn take(&self, id: JobId, lookup: &Lookup) -> Result<Listing, ScanError> {
        let mut state = self.state();
        loop {
            if let Some(listing) = state.done.remove(&id) {
                state.entries_done -= listing.as_ref().map_or(0, |listing| listing.kept.len());
                drop(state);
                self.changed.notify_all();
                return listing;
            }
            if let Some(at) = state.stack.iter().rposition(|job| job.id == id) {
                let job = state.stack.remove(at);
                drop(state);
                return self.list(job, lookup);
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts the directories among the entries on the stack, the first one on top.
    pub(super) fn add_jobs(
        &self,
        kept: &mut [Kept],
        names: &NameList,
        dir: &Arc<Dir>,
        path: &[u8],
        (visit, lookup): (Visit, &Lookup),
    ) -> Result<(), ScanError> {
        let is_directory = |entry: &Kept| {
            entry
                .state
                .as_ref()
                .is_ok_and(|stat| stat.kind == Kind::Directory)
        };
        let mut jobs = Vec::new();
        for (at, entry) in kept
            .iter()
            .enumerate()
            .filter(|(_, entry)| is_directory(entry))
        {
            let (Some(name), Ok(stat)) = (names.get(entry.name as usize), &entry.state) else {
                continue;
            };
            let path: Arc<[u8]> = join(path, name.name).into();
            let Some(visit) = self.visit_of(visit, &path, stat, lookup)? else {
                continue;
            };
            let job = Job {
                id: 0,
                parent: Some(dir.clone()),
                dir: None,
                path,
                name: name.name.into(),
                visit,
            };
            jobs.push((at, job));
        }
        if jobs.is_empty() {
            return Ok(());
        }
        let mut state = self.state();
        for (at, job) in &mut jobs {
            job.id = state.new_id();
            kept[*at].job = Some(job.id);
        }
        state
            .stack
            .extend(jobs.into_iter().rev().map(|(_, job)| job));
        drop(state);
        self.changed.notify_all();
        Ok(())
    }
}

impl State {
    fn is_full(&self) -> bool {
        self.entries_done > ENTRIES_AHEAD || self.done.len() > LISTINGS_AHEAD
    }

    fn new_id(&mut self) -> JobId {
        self.next_id += 1;
        self.next_id - 1
    }
}
