//! Lists directories ahead of the walk, on several threads.
//!
//! Directories wait on a stack, so that what is listed first is what the walk needs next. The walk
//! takes a listing that is done, waits for one that is under way, and makes one itself that nobody has
//! begun: so it never waits for its turn.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use strongroom_base::clock::{Clock, Timestamp};
use strongroom_catalogue::{Catalogue, CatalogueError, DirectoryRow, Lookup};
use strongroom_crypto::hash::Hasher;
use strongroom_files::{Dir, Error, Kind, NameList, Stat};

use super::batch::join;
use super::options::Excludes;
use crate::monitor::{Progress, count};

/// How many entries may be listed ahead.
const ENTRIES_AHEAD: usize = 16_384;
/// How many directories may be listed ahead; each holds a file descriptor.
const LISTINGS_AHEAD: usize = 128;
/// A change within this time before a scan may not show in the time of change.
const RACY_NANOSECONDS: i128 = 2_000_000_000;

/// Says whether a state last changed at `changed` can be trusted by a scan after the one at `scanned`.
pub(crate) fn is_settled(changed: Timestamp, scanned: Timestamp) -> bool {
    changed.0 + RACY_NANOSECONDS <= scanned.0
}

/// A directory and its entries.
pub(crate) struct Listing {
    pub(crate) path: Arc<[u8]>,
    pub(crate) dir: Arc<Dir>,
    pub(crate) stat: Stat,
    pub(crate) names: NameList,
    /// The entries that are not left out, in the order of their names.
    pub(crate) kept: Vec<Kept>,
    pub(crate) row: Option<DirectoryRow>,
    pub(crate) clean: bool,
    pub(crate) fingerprint: [u8; 32],
    pub(crate) newest: Timestamp,
    pub(crate) scanned: Timestamp,
}

/// An entry of a listing.
pub(crate) struct Kept {
    /// Its number in the list of names.
    pub(crate) name: u32,
    /// Its state, or why it has none.
    pub(crate) state: Result<Stat, Error>,
    /// The listing of a directory.
    pub(crate) job: Option<JobId>,
}

pub(crate) type JobId = u64;

struct Job {
    id: JobId,
    parent: Option<Arc<Dir>>,
    dir: Option<Arc<Dir>>,
    path: Arc<[u8]>,
    name: Box<[u8]>,
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
    pub(crate) never: Vec<(u64, u64)>,
    pub(crate) one_file_system: bool,
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
            one_file_system: false,
            clock,
            progress,
            state: Mutex::default(),
            changed: Condvar::new(),
        }
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
        let mut state = self.state();
        let id = state.new_id();
        state.stack.push(Job {
            id,
            parent: None,
            dir: Some(dir),
            path,
            name: Box::default(),
        });
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

    fn list(&self, job: Job, lookup: &Lookup) -> Result<Listing, ScanError> {
        let dir = match (job.dir, &job.parent) {
            (Some(dir), _) => dir,
            (None, Some(parent)) => {
                Arc::new(parent.open_child(&job.name).map_err(ScanError::Files)?)
            }
            (None, None) => unreachable!("a directory is open or has one above it"),
        };
        let scanned = self.clock.now();
        let stat = dir.stat().map_err(ScanError::Files)?;
        let names = dir.names().map_err(ScanError::Files)?;
        let mut kept = self.keep(&dir, &job.path, &names);
        count(&self.progress.directories, 1);
        self.add_jobs(&mut kept, &names, &dir, &job.path, stat.dev);
        let (fingerprint, newest) = fingerprint(&names, &kept);
        let row = lookup.directory(&job.path).map_err(ScanError::Catalogue)?;
        let all_have_states = kept.iter().all(|entry| entry.state.is_ok());
        let clean = all_have_states
            && row.as_ref().is_some_and(|row| {
                row.fingerprint == Some(fingerprint)
                    && row.dev == stat.dev
                    && is_settled(row.newest, row.scanned)
            });
        Ok(Listing {
            path: job.path,
            dir,
            stat,
            names,
            kept,
            row,
            clean,
            fingerprint,
            newest,
            scanned,
        })
    }

    /// Asks for the state of every entry that is not left out.
    fn keep(&self, dir: &Dir, path: &[u8], names: &NameList) -> Vec<Kept> {
        let mut kept = Vec::with_capacity(names.len());
        for (number, name) in (0_u32..).zip(names.iter()) {
            if !self.excludes.is_empty() {
                let full = join(path, name.name);
                let (full, name) = (OsStr::from_bytes(&full), OsStr::from_bytes(name.name));
                if self.excludes.matches(Path::new(full), Path::new(name)) {
                    continue;
                }
            }
            let state = dir.stat_child(name.name);
            if state
                .as_ref()
                .is_ok_and(|stat| self.never.contains(&(stat.dev, stat.ino)))
            {
                continue;
            }
            kept.push(Kept {
                name: number,
                state,
                job: None,
            });
        }
        kept
    }

    /// Puts the directories among the entries on the stack, the first one on top.
    fn add_jobs(
        &self,
        kept: &mut Vec<Kept>,
        names: &NameList,
        dir: &Arc<Dir>,
        path: &[u8],
        dev: u64,
    ) {
        let is_directory = |entry: &Kept| {
            entry
                .state
                .as_ref()
                .is_ok_and(|stat| stat.kind == Kind::Directory)
        };
        if self.one_file_system {
            kept.retain(|entry| {
                !is_directory(entry) || entry.state.as_ref().is_ok_and(|stat| stat.dev == dev)
            });
        }
        if !kept.iter().any(is_directory) {
            return;
        }
        let mut state = self.state();
        let first = state.next_id;
        let mut jobs = Vec::new();
        for entry in kept.iter_mut().filter(|entry| is_directory(entry)) {
            let Some(name) = names.get(entry.name as usize) else {
                continue;
            };
            let id = first + jobs.len() as u64;
            entry.job = Some(id);
            jobs.push(Job {
                id,
                parent: Some(dir.clone()),
                dir: None,
                path: join(path, name.name).into(),
                name: name.name.into(),
            });
        }
        state.next_id += jobs.len() as u64;
        state.stack.extend(jobs.into_iter().rev());
        drop(state);
        self.changed.notify_all();
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

/// Hashes names and states of the entries; of a directory only name and number, since it is looked at
/// itself. Returns the newest time of change, too.
fn fingerprint(names: &NameList, kept: &[Kept]) -> ([u8; 32], Timestamp) {
    let mut bytes = Vec::with_capacity(kept.len().min(4_096) * 96);
    let mut hasher = Hasher::new();
    let mut newest = Timestamp(i128::MIN / 2);
    for entry in kept {
        let name = names
            .get(entry.name as usize)
            .map_or(&b""[..], |name| name.name);
        bytes.extend_from_slice(&(name.len() as u64).to_le_bytes());
        bytes.extend_from_slice(name);
        if let Ok(stat) = &entry.state {
            bytes.push(stat.kind as u8);
            bytes.extend_from_slice(&stat.ino.to_le_bytes());
            if stat.kind != Kind::Directory {
                put_state(stat, &mut bytes);
                newest = newest.max(stat.mtime()).max(stat.ctime());
            }
        }
        if bytes.len() > 65_536 {
            hasher.update(&bytes);
            bytes.clear();
        }
    }
    hasher.update(&bytes);
    (hasher.finalize(), newest)
}

fn put_state(stat: &Stat, out: &mut Vec<u8>) {
    out.extend_from_slice(&stat.dev.to_le_bytes());
    out.extend_from_slice(&stat.size.to_le_bytes());
    for moment in [Some(stat.mtime), Some(stat.ctime), stat.btime]
        .into_iter()
        .flatten()
    {
        out.extend_from_slice(&moment.seconds().to_le_bytes());
        out.extend_from_slice(&moment.nanoseconds().to_le_bytes());
    }
}
