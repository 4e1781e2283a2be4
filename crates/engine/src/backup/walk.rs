//! Walks directories in the order of their names, and compares them with what the last snapshot saw.

use std::sync::Arc;

use strongroom_catalogue::{DirectoryRow, Lookup, PageEntry};
use strongroom_files::{Dir, Kind, Stat};
use strongroom_format::limits::DEPTH_MAX;
use strongroom_format::tree::Node;

use super::batch::{Enter, Step, ToRead, join};
use super::hints::Hints;
use super::listing::{Kept, Listing, is_settled};
use super::old_entries::OldEntries;
use super::scan::{JobId, ScanError, Scanner};
use super::sender::BatchSender;
use super::summary::Counts;
use super::worker::local;
use crate::error::EngineError;
use crate::monitor::{Monitor, Stop, Warning, count};

/// Walks and hands out batches.
pub(crate) struct Walk<'a> {
    pub(crate) scanner: &'a Scanner<'a>,
    pub(crate) lookup: Lookup,
    pub(crate) monitor: &'a dyn Monitor,
    pub(crate) stop: &'a Stop,
    pub(crate) counts: Counts,
    /// Files with several names that were not known to have them.
    pub(crate) linked: Hints,
    pub(crate) out: BatchSender,
}

/// What a walk saw.
pub(crate) struct Seen {
    pub(crate) counts: Counts,
    pub(crate) linked: Hints,
}

struct OpenDir {
    listing: Listing,
    next: usize,
    old: OldEntries,
}

/// A directory that is to be entered.
struct Ahead {
    job: JobId,
    path: Vec<u8>,
    name: Vec<u8>,
}

impl Walk<'_> {
    /// Walks a root that is a directory.
    pub(crate) fn directory(
        &mut self,
        dir: Arc<Dir>,
        path: &[u8],
        name: &[u8],
    ) -> Result<(), EngineError> {
        let job = self.scanner.root(dir, path.into());
        let mut stack = Vec::new();
        self.enter(job, path, name, &mut stack)?;
        while let Some(open) = stack.last_mut() {
            self.stop.await_turn()?;
            if open.next >= open.listing.kept.len() {
                self.leave(open)?;
                stack.pop();
                continue;
            }
            open.next += 1;
            if let Some(ahead) = self.next_directory(open)? {
                let Ahead { job, path, name } = ahead;
                self.enter(job, &path, &name, &mut stack)?;
            }
        }
        Ok(())
    }

    /// Hands out what is to be done with the next entry of a directory. Returns the directory to enter, where it is one.
    fn next_directory(&mut self, open: &mut OpenDir) -> Result<Option<Ahead>, EngineError> {
        let at = open.next - 1;
        let (listing, old) = (&open.listing, &mut open.old);
        let entry = &listing.kept[at];
        let state = entry.state.as_ref();
        let is_directory = state.is_ok_and(|stat| stat.kind == Kind::Directory);
        if !is_directory {
            if !listing.clean
                && let Some(step) = self.step(listing, at, old)?
            {
                self.out.push(step)?;
            }
            return Ok(None);
        }
        let name = name_of(listing, entry).to_vec();
        let path = join(&listing.path, &name);
        if listing.clean {
            return Ok(entry.job.map(|job| Ahead { job, path, name }));
        }
        let known = old.find(&name, &self.lookup)?;
        if let Some(job) = entry.job {
            return Ok(Some(Ahead { job, path, name }));
        }
        let row = self.lookup.directory(&path)?;
        if let Some((known, row)) = known.zip(row)
            && matches!(known.entry.node, Node::Directory { .. })
        {
            self.out
                .push(Step::SameDirectory(Box::new(known), row.below))?;
            return Ok(None);
        }
        let parent = listing.dir.clone();
        let job = self.scanner.child(parent, path.clone().into(), &name);
        Ok(Some(Ahead { job, path, name }))
    }

    /// Ends a directory, and tells which of those in it are gone.
    fn leave(&mut self, open: &mut OpenDir) -> Result<(), EngineError> {
        // What a directory that moved had at its old path goes with that path.
        if !open.listing.clean && open.listing.moved_from.is_none() {
            for name in open.old.rest(&self.lookup)? {
                let path = join(&open.listing.path, &name);
                self.out.push(Step::Removed(path.into()))?;
            }
        }
        self.out.push(Step::Leave)
    }

    /// Walks a root that is not a directory.
    ///
    /// The catalogue knows it under its own path, as a directory that has no entry but this one.
    pub(crate) fn other(
        &mut self,
        dir: Arc<Dir>,
        path: &[u8],
        name: &[u8],
        stat: Stat,
    ) -> Result<(), EngineError> {
        self.count_seen(&stat);
        let known = self
            .lookup
            .page(path, 0)?
            .and_then(|page| page.into_iter().next());
        let scanned = self
            .lookup
            .directory(path)?
            .filter(|row| row.dev == stat.dev);
        let is_file = u64::from(stat.kind == Kind::File);
        if let (Some(known), Some(row)) = (&known, scanned)
            && is_same(known, &stat)
            && is_settled(stat.mtime().max(stat.ctime()), row.scanned)
        {
            self.counts.unmodified += is_file;
            return self.out.push(Step::Same(Box::new(known.clone())));
        }
        self.counts.new += if known.is_none() { is_file } else { 0 };
        self.counts.changed += if known.is_some() { is_file } else { 0 };
        let parent = path.len() - name.len();
        let to_read = ToRead {
            dir,
            dir_path: path[..parent].into(),
            name: name.into(),
            stat,
            known: known.map(|known| Box::new(known.entry)),
        };
        self.out.push(Step::Read(Box::new(to_read)))
    }

    /// Hands out the last batch.
    pub(crate) fn finish(mut self) -> Result<Seen, EngineError> {
        self.out.flush()?;
        let Self { counts, linked, .. } = self;
        Ok(Seen { counts, linked })
    }

    fn enter(
        &mut self,
        job: JobId,
        path: &[u8],
        name: &[u8],
        stack: &mut Vec<OpenDir>,
    ) -> Result<(), EngineError> {
        let listing = match self.scanner.take(job, &self.lookup) {
            Ok(_) if stack.len() >= DEPTH_MAX => {
                let message = format!("deeper than {DEPTH_MAX} directories");
                return self.lost(path, name, message);
            }
            Ok(listing) => listing,
            Err(ScanError::Catalogue(error)) => return Err(error.into()),
            Err(ScanError::Files(error)) => {
                return self.lost(path, name, super::explain(&error));
            }
        };
        let enter = Enter {
            path: listing.path.clone(),
            name: name.into(),
            dir: listing.dir.clone(),
            stat: listing.stat,
            row: listing.row.clone(),
            moved_from: listing.moved_from.clone(),
            clean: listing.clean,
            all: listing.all,
            fingerprint: listing.fingerprint,
            newest: listing.newest,
            scanned: listing.scanned,
        };
        if listing.clean {
            let totals = listing
                .row
                .as_ref()
                .map(|row| row.totals)
                .unwrap_or_default();
            self.counts.unmodified += totals.files;
            count(&self.scanner.progress.entries, totals.files + totals.others);
            count(&self.scanner.progress.bytes_scanned, totals.bytes);
        }
        self.out.push(Step::Enter(Box::new(enter)))?;
        let from = listing.moved_from.as_ref().unwrap_or(&listing.path);
        let path = listing.row.as_ref().map(|_| from.clone());
        stack.push(OpenDir {
            listing,
            next: 0,
            old: OldEntries::of(path),
        });
        Ok(())
    }

    fn lost(&mut self, path: &[u8], name: &[u8], message: String) -> Result<(), EngineError> {
        self.monitor.warning(Warning {
            subject: path.to_vec(),
            message,
            left_out: true,
        });
        self.out.push(Step::Lost(name.into()))
    }

    /// Decides what is to be done with an entry that is not a directory.
    fn step(
        &mut self,
        listing: &Listing,
        at: usize,
        old: &mut OldEntries,
    ) -> Result<Option<Step>, EngineError> {
        let entry = &listing.kept[at];
        let name = name_of(listing, entry);
        let stat = match &entry.state {
            Ok(stat) => stat,
            Err(error) if error.is_gone() => return Ok(None),
            Err(error) => {
                self.lost(&join(&listing.path, name), name, super::explain(error))?;
                return Ok(None);
            }
        };
        if stat.kind == Kind::Socket {
            return Ok(None);
        }
        self.count_seen(stat);
        let is_file = stat.kind == Kind::File;
        let known = old.find(name, &self.lookup)?;
        let is_new = known.is_none();
        let is_as_before = |known: &PageEntry, row: &DirectoryRow| {
            row.dev == stat.dev
                && is_same(known, stat)
                && is_settled(stat.mtime().max(stat.ctime()), row.scanned)
        };
        let known = match (known, &listing.row) {
            (Some(known), Some(row)) if is_as_before(&known, row) => {
                self.counts.unmodified += u64::from(is_file);
                return Ok(Some(Step::Same(Box::new(known))));
            }
            (known, _) => known,
        };
        let is_known = |hints: &Hints| stat.nlink < 2 || hints.is_linked(stat.dev, stat.ino);
        let is_unknown = self.scanner.hints.is_some_and(|hints| !is_known(hints));
        if is_unknown {
            self.linked.file(stat.ino);
        }
        self.counts.new += u64::from(is_file && is_new);
        self.counts.changed += u64::from(is_file && !is_new);
        Ok(Some(Step::Read(Box::new(ToRead {
            dir: listing.dir.clone(),
            dir_path: listing.path.clone(),
            name: name.into(),
            stat: *stat,
            known: known.map(|known| Box::new(known.entry)),
        }))))
    }

    fn count_seen(&self, stat: &Stat) {
        count(&self.scanner.progress.entries, 1);
        if stat.kind == Kind::File {
            count(&self.scanner.progress.bytes_scanned, stat.size);
        }
    }
}

fn name_of<'l>(listing: &'l Listing, entry: &Kept) -> &'l [u8] {
    listing
        .names
        .get(entry.name as usize)
        .map_or(&[], |name| name.name)
}

/// Says whether an entry is as the last snapshot saw it.
fn is_same(known: &PageEntry, stat: &Stat) -> bool {
    let meta = &known.entry.meta;
    let kind = match known.entry.node {
        Node::File { .. } => Kind::File,
        Node::Directory { .. } => Kind::Directory,
        Node::Symlink { .. } => Kind::Symlink,
        Node::Fifo => Kind::Fifo,
        Node::CharDevice { .. } => Kind::CharDevice,
        Node::BlockDevice { .. } => Kind::BlockDevice,
    };
    known.local == local(stat)
        && kind == stat.kind
        && meta.mtime == stat.mtime()
        && meta.btime == stat.btime()
        && !meta.unsettled
}
