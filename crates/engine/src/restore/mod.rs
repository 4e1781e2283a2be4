//! Restores a snapshot: walks its trees, and writes files on all cores.
//!
//! Nothing is ever written outside the target: every name is checked when it is decoded, and every entry
//! is made in a directory that is open, so that no symbolic link is followed.

mod clear;
mod closed;
mod decide;
mod delete;
mod file;
mod jobs;
mod names;
mod options;
mod place;
mod rehearse;
mod select;
mod special;
mod task;
mod temporary;
mod write;

use std::collections::HashMap;
use std::num::NonZero;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use crossbeam_channel::bounded;
use strongroom_files::{Kind, Target};
use strongroom_format::body::Snapshot;
use strongroom_format::limits::DEPTH_MAX;
use strongroom_format::tree::{Entry, Meta, Node};
use strongroom_read::{Archive, ReadError};

pub use options::{Conflict, Keep, RestoreOptions, RestorePlace, RestoreSummary};

use crate::error::EngineError;
use crate::monitor::{Monitor, Progress, Stop, count};
use clear::refuse_kept;
use closed::{Closed, leave_out};
use decide::{Around, Decision, Judge};
use delete::Deletion;
use jobs::JobSender;
use names::Names;
use place::Base;
use rehearse::rehearse;
use select::{Selected, select, to_path};
use task::{Context, DirTask, Totals};

/// Jobs that wait for a thread.
const JOBS: usize = 4;
/// How many threads fetch and write where every answer takes long: they wait, most of the time.
const THREADS_FAR: usize = 16;
/// A job of small files has at most so many bytes and files.
const JOB_BYTES: u64 = 4 << 20;
const JOB_FILES: usize = 256;
/// A file above this length is divided among threads.
const LARGE: u64 = 8 << 20;
/// The most of such a file that one thread writes at a time, in bytes.
const STRETCH_BYTES_MAX: u64 = 16 << 20;

/// Restores what `options` names of a snapshot.
///
/// What is damaged or cannot be written is told to `monitor`, counted, and left out; the rest is restored.
pub fn restore(
    archive: &Archive,
    snapshot: &Snapshot,
    options: &RestoreOptions,
    monitor: &dyn Monitor,
    progress: &Progress,
    stop: &Stop,
) -> Result<RestoreSummary, EngineError> {
    let mut context = Context {
        archive,
        names: strongroom_files::Names::new(),
        monitor,
        progress,
        totals: Totals::default(),
        verify: options.verify,
        stop,
        full: OnceLock::new(),
    };
    refuse_incomplete(snapshot, options)?;
    let deletion = options.delete.as_ref().map(Deletion::new);
    let selected = select(archive, snapshot, options)?;
    if let Some(deletion) = &deletion {
        refuse_kept(deletion, &selected)?;
    }
    let closed = Closed::new(&options.closed, &options.closed_archives);
    closed.refuse(&selected)?;
    if options.dry_run {
        rehearse(&context, options, &selected, (deletion.as_ref(), &closed))?;
        return Ok(context.totals.summary());
    }
    count(&progress.entries_total, snapshot.statistics.files);
    count(&progress.bytes_total, snapshot.statistics.bytes);
    let (sender, jobs) = bounded(JOBS);
    let result = std::thread::scope(|scope| {
        for _ in 0..threads(archive) {
            let jobs = jobs.clone();
            let context = &context;
            scope.spawn(move || write::run(&jobs, context, stop));
        }
        drop(jobs);
        let links = HashMap::new();
        let mut restore = Restore {
            context: &context,
            options,
            deletion: deletion.as_ref(),
            closed: &closed,
            stop,
            jobs: JobSender::new(sender),
            links,
            judge: Judge::new(&context, options),
            temporaries: 0,
        };
        let result = selected
            .iter()
            .try_for_each(|selected| restore.selected(selected));
        restore.jobs.flush();
        result
    });
    if let Some((path, source)) = context.full.take() {
        let path = path.display().to_string();
        return Err(EngineError::TargetFull { path, source });
    }
    result?;
    context.tell_unowned(&selected);
    if stop.is_requested() {
        return Err(EngineError::Interrupted);
    }
    Ok(context.totals.summary())
}

/// Refuses to delete what the snapshot lacks where something could not be read when it was made.
fn refuse_incomplete(snapshot: &Snapshot, options: &RestoreOptions) -> Result<(), EngineError> {
    match snapshot.statistics.failed {
        failed @ 1.. if options.delete.is_some() => Err(EngineError::IncompleteSnapshot { failed }),
        _ => Ok(()),
    }
}

/// Returns how many threads write files.
fn threads(archive: &Archive) -> usize {
    let cores = std::thread::available_parallelism().map_or(2, NonZero::get);
    let least = if archive.is_far() { THREADS_FAR } else { 2 };
    cores.max(least)
}

/// Returns how much of a file of `len` bytes one thread writes at a time: several segments, since two that work in the
/// same one wait for each other, but so little that each thread has a part.
fn stretch(len: u64, archive: &Archive) -> u64 {
    let parts = 2 * threads(archive) as u64;
    (len / parts).clamp(JOB_BYTES, STRETCH_BYTES_MAX)
}

struct Restore<'a> {
    context: &'a Context<'a>,
    options: &'a RestoreOptions,
    deletion: Option<&'a Deletion<'a>>,
    closed: &'a Closed,
    stop: &'a Stop,
    jobs: JobSender<'a>,
    links: HashMap<u64, Names>,
    judge: Judge<'a>,
    /// How many temporary names were tried.
    temporaries: u64,
}

/// A directory, and the way to it from the folder that was selected.
struct Here<'a> {
    task: Arc<DirTask<'a>>,
    base: Arc<Base>,
    way: Vec<Vec<u8>>,
    /// Whether it was made just now.
    is_new: bool,
}

impl<'a> Restore<'a> {
    fn selected(&mut self, selected: &Selected) -> Result<(), EngineError> {
        let path = selected.folder.path();
        let failed = |source| EngineError::target(path.as_path(), source);
        let (target, is_new) = selected.folder.make().map_err(failed)?;
        let base = Base {
            folder: selected.folder.clone(),
            target: target.open_below([]).map_err(failed)?,
        };
        let mut entry = selected.entry.clone();
        let contents = match (&selected.name, &entry.node) {
            (None, Node::Directory { tree }) => Some(tree.clone()),
            _ => None,
        };
        let mut meta = None;
        if contents.is_some() {
            count(&self.context.totals.directories, 1);
            let is_empty = || {
                target
                    .dir()
                    .names()
                    .is_ok_and(|names| names.iter().next().is_none())
            };
            if self.takes_metadata(&target, is_new, &entry.meta) || is_empty() {
                target.mark_unfinished().map_err(failed)?;
                meta = Some(entry.meta.clone());
            }
        }
        let task = DirTask {
            context: self.context,
            target,
            path,
            meta,
            _above: None,
        };
        let here = Here {
            task: Arc::new(task),
            base: Arc::new(base),
            way: Vec::new(),
            is_new,
        };
        if let Some(tree) = contents {
            let (entries, is_whole) = self.context.entries(&tree, &here.task.path)?;
            return self.directory(&here, &entries, is_whole);
        }
        entry.name = selected.name.clone().unwrap_or(entry.name);
        if !is_new {
            self.remove_remainders(&here, std::slice::from_ref(&entry));
        }
        self.entry(&here, &[], &entry)
    }

    /// Says whether a folder gets the metadata of its entry. One that was there keeps its own, unless what is
    /// restored takes its place.
    fn takes_metadata(&self, target: &Target, is_new: bool, meta: &Meta) -> bool {
        let is_newer = || {
            let found = target.dir().stat();
            found.is_ok_and(|found| meta.mtime > found.mtime())
        };
        is_new
            || match self.options.on_conflict {
                Conflict::Overwrite => true,
                Conflict::Newer => is_newer() || target.is_unfinished(),
                Conflict::Rename | Conflict::Skip => target.is_unfinished(),
            }
    }

    /// Restores what is in a directory; `is_whole` says whether all its entries could be read.
    fn directory(
        &mut self,
        here: &Here<'a>,
        entries: &[Entry],
        is_whole: bool,
    ) -> Result<(), EngineError> {
        if let Some(deletion) = self.deletion
            && is_whole
        {
            self.delete_others(here, deletion, entries);
        }
        if !here.is_new {
            self.remove_remainders(here, entries);
        }
        for entry in entries {
            if self.stop.is_requested() || self.context.is_full() {
                return Err(EngineError::Interrupted);
            }
            self.entry(here, entries, entry)?;
        }
        Ok(())
    }

    fn entry(
        &mut self,
        here: &Here<'a>,
        siblings: &[Entry],
        entry: &Entry,
    ) -> Result<(), EngineError> {
        let path = here.task.path.join(to_path(&entry.name));
        let result = match &entry.node {
            Node::Directory { tree } => {
                if here.way.len() >= DEPTH_MAX {
                    self.context.damaged(&path, &ReadError::TooDeep);
                    return Ok(());
                }
                let (entries, is_whole) = self.context.entries(tree, &path)?;
                match self.open_directory(here, siblings, (entry, is_whole), &path) {
                    Ok(Some(below)) => return self.directory(&below, &entries, is_whole),
                    Ok(None) => return Ok(()),
                    Err(error) => Err(error),
                }
            }
            Node::File { content } => self.file(here, siblings, (entry, content), path.clone()),
            _ => self.special(here, siblings, entry, &path),
        };
        if let Err(error) = result {
            self.context.failed(&path, &error);
        }
        Ok(())
    }

    /// Makes a directory, or opens the one that is there; `None` where something else has its place and stays.
    fn open_directory(
        &mut self,
        here: &Here<'a>,
        siblings: &[Entry],
        (entry, is_whole): (&Entry, bool),
        path: &Path,
    ) -> Result<Option<Here<'a>>, strongroom_files::Error> {
        let (mut name, above) = (entry.name.clone(), &here.task.target);
        let (target, is_new) = match above.make_unfinished_dir(&name) {
            Ok(made) => made,
            Err(error) => {
                let found = above.dir().stat_child(&name);
                let Some(found) = found.ok().filter(|found| found.kind != Kind::Directory) else {
                    return Err(error);
                };
                let dir = above.dir();
                let decision = self.judge.decide(Around { dir, siblings }, entry, &found)?;
                let Decision::At(taken, in_the_way) = decision else {
                    count(&self.context.totals.skipped, 1);
                    return Ok(None);
                };
                name = taken;
                match in_the_way {
                    None => above.make_unfinished_dir(&name)?,
                    // Nothing goes for the sake of what cannot be read.
                    Some(_) if !is_whole => return Ok(None),
                    Some(found) => {
                        let make = |name: &[u8]| above.make_unfinished_dir(name);
                        let (folder, temporary) = self.make_temporary(above, make)?;
                        self.settle(here, &temporary, &name, Some(&found))?;
                        folder
                    }
                }
            }
        };
        if !is_new && self.closed.has(target.dir(), &name) {
            leave_out(self.context, path);
            return Ok(None);
        }
        count(&self.context.totals.directories, 1);
        let takes_metadata = self.takes_metadata(&target, is_new, &entry.meta);
        let task = DirTask {
            context: self.context,
            target,
            path: path.to_owned(),
            meta: takes_metadata.then(|| entry.meta.clone()),
            _above: Some(here.task.clone()),
        };
        let mut way = here.way.clone();
        way.push(name);
        Ok(Some(Here {
            task: Arc::new(task),
            base: here.base.clone(),
            way,
            is_new,
        }))
    }
}
