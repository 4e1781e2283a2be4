//! Lists one directory, and compares it with what the last snapshot saw: as much of it as hints ask for.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use strongroom_base::clock::Timestamp;
use strongroom_catalogue::{CatalogueError, DirectoryRow, Lookup};
use strongroom_crypto::hash::Hasher;
use strongroom_files::{Dir, Error, Kind, NameList, Stat};

use super::batch::join;
use super::hints::{Hints, Visit};
use super::scan::{Job, JobId, ScanError, Scanner};
use super::stored;
use super::worker::local;
use crate::monitor::count;

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
    /// Where the last snapshot saw it, if not here.
    pub(crate) moved_from: Option<Arc<[u8]>>,
    pub(crate) clean: bool,
    /// Whether every directory in it is looked at.
    pub(crate) all: bool,
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
    /// The listing of a directory; none of one that need not be looked at.
    pub(crate) job: Option<JobId>,
}

impl Scanner<'_> {
    pub(super) fn list(&self, job: Job, lookup: &Lookup) -> Result<Listing, ScanError> {
        let dir = match (job.dir, &job.parent) {
            (Some(dir), _) => dir,
            (None, Some(parent)) => {
                Arc::new(parent.open_child(&job.name).map_err(ScanError::Files)?)
            }
            (None, None) => unreachable!("a directory is open or has one above it"),
        };
        let scanned = self.clock.now();
        let stat = dir.stat().map_err(ScanError::Files)?;
        let is_beyond = self.is_beyond(&job.path, job.parent.as_deref(), &stat)?;
        if !is_beyond
            && matches!(job.visit, Visit::Pass | Visit::Skip)
            && let Some(listing) = self.pass(&job.path, &dir, stat, lookup)?
        {
            return Ok(listing);
        }
        let names = match NameList::of(&[]) {
            Ok(none) if is_beyond => none,
            _ => dir.names().map_err(ScanError::Files)?,
        };
        let mut kept = self.keep(&dir, &stat, &job.path, &names);
        count(&self.progress.directories, 1);
        self.add_jobs(&mut kept, &names, &dir, &job.path, (job.visit, lookup))?;
        let (fingerprint, newest) = fingerprint(&names, &kept);
        let Known { row, moved_from } =
            known(&job.path, &stat, lookup).map_err(ScanError::Catalogue)?;
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
            moved_from,
            clean,
            all: job.visit == Visit::All,
            fingerprint,
            newest,
            scanned,
        })
    }

    /// Returns the listing of a directory that is as it was, but for what hints say of directories below; `None` where
    /// it must be listed after all.
    fn pass(
        &self,
        path: &Arc<[u8]>,
        dir: &Arc<Dir>,
        stat: Stat,
        lookup: &Lookup,
    ) -> Result<Option<Listing>, ScanError> {
        let row = lookup.directory(path).map_err(ScanError::Catalogue)?;
        let is_as_it_was = |row: &DirectoryRow| row.dev == stat.dev && row.local == local(&stat);
        let Some((row, hints)) = row.filter(is_as_it_was).zip(self.hints) else {
            return Ok(None);
        };
        let Some(fingerprint) = row.fingerprint else {
            return Ok(None);
        };
        let Ok(names) = NameList::of(&hints.names_below(path)) else {
            return Ok(None);
        };
        let mut kept = self.keep(dir, &stat, path, &names);
        let is_directory = |entry: &Kept| {
            let state = entry.state.as_ref();
            state.is_ok_and(|stat| stat.kind == Kind::Directory)
        };
        if !kept.iter().all(is_directory) {
            return Ok(None);
        }
        self.add_jobs(&mut kept, &names, dir, path, (Visit::Pass, lookup))?;
        Ok(Some(Listing {
            path: path.clone(),
            dir: dir.clone(),
            stat,
            names,
            kept,
            moved_from: None,
            clean: true,
            all: false,
            fingerprint,
            newest: row.newest,
            scanned: row.scanned,
            row: Some(row),
        }))
    }

    /// Says how to look at a directory in one that was listed, or passed by; `None` where it is as it was.
    pub(super) fn visit_of(
        &self,
        above: Visit,
        path: &[u8],
        stat: &Stat,
        lookup: &Lookup,
    ) -> Result<Option<Visit>, ScanError> {
        let is_concerned = |hints: &&Hints| above != Visit::All || hints.is_edge(path);
        let Some(hints) = self.hints.filter(is_concerned) else {
            return Ok(Some(Visit::All));
        };
        let visit = hints.visit(path);
        if visit == Visit::All {
            return Ok(Some(Visit::All));
        }
        let row = lookup.directory(path).map_err(ScanError::Catalogue)?;
        Ok(match row {
            Some(row) if is_same_directory(&row, stat) => match visit {
                Visit::Skip if row.local == local(stat) => None,
                // Its own state changed, or its entries: something did not come as a hint.
                _ if row.local != local(stat) => Some(Visit::List),
                visit => Some(visit),
            },
            _ => Some(Visit::All),
        })
    }

    /// Says whether a directory is of another file system than the one it lies in, and none is entered: what is in it stays out.
    fn is_beyond(&self, path: &[u8], parent: Option<&Dir>, stat: &Stat) -> Result<bool, ScanError> {
        let Some(parent) = parent.filter(|_| self.one_file_system) else {
            return Ok(false);
        };
        let above = parent.stat().map_err(ScanError::Files)?;
        Ok(above.dev != stat.dev && !self.named.leads(path))
    }

    /// Says whether patterns leave an entry out, or only what was named is wanted, and it does not lead there.
    fn is_left_out(&self, is_only_way: bool, full: &[u8], name: &[u8]) -> bool {
        let (path, name) = (OsStr::from_bytes(full), OsStr::from_bytes(name));
        let is_unwanted = is_only_way || self.excludes.matches(Path::new(path), Path::new(name));
        is_unwanted && !self.named.leads(full)
    }

    /// Asks for the state of every entry that is not left out.
    fn keep(&self, dir: &Dir, stat: &Stat, path: &[u8], names: &NameList) -> Vec<Kept> {
        let mut kept = Vec::with_capacity(names.len());
        let never = self.never_in(path);
        let is_destination = self.is_destination(stat);
        let device = self.one_file_system.then_some(stat.dev);
        let is_only_way = self.named.is_only_way(path, self.excludes, device);
        for (number, name) in (0_u32..).zip(names.iter()) {
            if never.contains(&name.name) {
                // It is not even asked what it is: it may hang.
                continue;
            }
            if is_destination && stored::is_ours(dir, name.name) {
                continue;
            }
            if (is_only_way || !self.excludes.is_empty())
                && self.is_left_out(is_only_way, &join(path, name.name), name.name)
            {
                continue;
            }
            let state = dir.stat_child(name.name);
            if state.as_ref().is_ok_and(|stat| self.is_never(stat)) {
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
}

/// What the last snapshot saw of a directory.
struct Known {
    row: Option<DirectoryRow>,
    /// Where it was, if not here.
    moved_from: Option<Arc<[u8]>>,
}

/// Returns what the last snapshot saw of a directory, and where that was, if it has moved since.
fn known(path: &Arc<[u8]>, stat: &Stat, lookup: &Lookup) -> Result<Known, CatalogueError> {
    let here = lookup.directory(path)?;
    if here
        .as_ref()
        .is_some_and(|row| is_same_directory(row, stat))
    {
        return Ok(Known {
            row: here,
            moved_from: None,
        });
    }
    let same = lookup.directories_of(stat.dev, stat.ino)?.into_iter();
    let moved = same
        // Without a birth, another directory may have taken the number.
        .filter(|(from, _)| from[..] != path[..] && stat.btime().is_some())
        .filter(|(_, row)| is_same_directory(row, stat))
        // Where a root was left alone for a while, rows of it are old.
        .max_by_key(|(_, row)| row.scanned);
    Ok(match moved {
        Some((from, row)) => Known {
            row: Some(row),
            moved_from: Some(from.into()),
        },
        None => Known {
            row: here,
            moved_from: None,
        },
    })
}

/// Says whether a directory is the one that the last snapshot saw, whatever became of it: number and birth.
fn is_same_directory(row: &DirectoryRow, stat: &Stat) -> bool {
    row.dev == stat.dev && row.local.ino == stat.ino && row.entry.meta.btime == stat.btime()
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
