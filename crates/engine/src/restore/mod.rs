//! Restores a snapshot: walks its trees, and writes files on all cores.
//!
//! Nothing is ever written outside the target: every name is checked when it is decoded, and every entry
//! is made in a directory that is open, so that no symbolic link is followed.

mod clear;
mod delete;
mod jobs;
mod options;
mod place;
mod rehearse;
mod select;
mod task;
mod write;

use std::collections::HashMap;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::bounded;
use strongroom_files::{FileWriter, Names, Place, Stat, Target};
use strongroom_format::body::Snapshot;
use strongroom_format::content::{Content, ListItem};
use strongroom_format::limits::DEPTH_MAX;
use strongroom_format::tree::{Entry, Meta, Node};
use strongroom_read::{Archive, ReadError};

pub use options::{Conflict, Keep, RestoreOptions, RestorePlace, RestoreSummary};

use crate::error::EngineError;
use crate::monitor::{Monitor, Progress, Stop, count};
use clear::refuse_kept;
use delete::Deletion;
use jobs::JobSender;
use place::{Folder, create_special, free_name};
use rehearse::rehearse;
use select::{Selected, select, to_path};
use task::{Context, DirTask, FileTask, Totals};
use write::Job;

/// Jobs that wait for a thread.
const JOBS: usize = 4;
/// How many threads fetch and write where every answer takes long: they wait, most of the time.
const THREADS_FAR: usize = 16;
/// A job of small files has at most so many bytes and files.
const JOB_BYTES: u64 = 4 << 20;
const JOB_FILES: usize = 256;
/// A file above this length is divided among threads.
const LARGE: u64 = 8 << 20;

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
    let context = Context {
        archive,
        names: Names::new(),
        monitor,
        progress,
        totals: Totals::default(),
        verify: options.verify,
    };
    if options.delete.is_some() && snapshot.statistics.failed > 0 {
        let failed = snapshot.statistics.failed;
        return Err(EngineError::IncompleteSnapshot { failed });
    }
    let deletion = options.delete.as_ref().map(Deletion::new);
    let selected = select(archive, snapshot, options)?;
    if let Some(deletion) = &deletion {
        refuse_kept(deletion, &selected)?;
    }
    if options.dry_run {
        rehearse(&context, &selected, deletion.as_ref())?;
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
            stop,
            jobs: JobSender::new(sender),
            links,
        };
        let result = selected
            .iter()
            .try_for_each(|selected| restore.selected(selected));
        restore.jobs.flush();
        result
    });
    result?;
    if stop.is_requested() {
        return Err(EngineError::Interrupted);
    }
    Ok(context.totals.summary())
}

/// Returns how many threads write files.
fn threads(archive: &Archive) -> usize {
    let cores = std::thread::available_parallelism().map_or(2, NonZero::get);
    let least = if archive.is_far() { THREADS_FAR } else { 2 };
    cores.max(least)
}

struct Restore<'a> {
    context: &'a Context<'a>,
    options: &'a RestoreOptions,
    deletion: Option<&'a Deletion<'a>>,
    stop: &'a Stop,
    jobs: JobSender<'a>,
    /// Where the first name of a file with several was restored: the selected folder and the way below it.
    links: HashMap<u64, (Arc<Folder>, Vec<Vec<u8>>)>,
}

/// A new file, the name it is written under, and the one it gets when it is complete.
type Created = (FileWriter, Vec<u8>, Vec<u8>);

/// A directory, and the way to it from the folder that was selected.
struct Here<'a> {
    task: Arc<DirTask<'a>>,
    base: Arc<Folder>,
    way: Vec<Vec<u8>>,
}

impl<'a> Restore<'a> {
    fn selected(&mut self, selected: &Selected) -> Result<(), EngineError> {
        let path = selected.folder.path();
        let failed = |source| EngineError::Target {
            path: path.display().to_string(),
            source,
        };
        let (target, is_new) = selected.folder.make().map_err(failed)?;
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
            base: Arc::new(selected.folder.clone()),
            way: Vec::new(),
        };
        if let Some(tree) = contents {
            return self.directory(&here, &tree);
        }
        entry.name = selected.name.clone().unwrap_or(entry.name);
        self.entry(&here, &entry)
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

    fn directory(&mut self, here: &Here<'a>, tree: &Content) -> Result<(), EngineError> {
        let damaged_before = self.context.totals.damaged.load(Ordering::Relaxed);
        let entries = self.context.entries(tree, &here.task.path)?;
        let complete = damaged_before == self.context.totals.damaged.load(Ordering::Relaxed);
        if let Some(deletion) = self.deletion
            && complete
        {
            self.delete_others(here, deletion, &entries);
        }
        for entry in entries {
            if self.stop.is_requested() {
                return Err(EngineError::Interrupted);
            }
            self.entry(here, &entry)?;
        }
        Ok(())
    }

    fn entry(&mut self, here: &Here<'a>, entry: &Entry) -> Result<(), EngineError> {
        let path = here.task.path.join(to_path(&entry.name));
        let result = match &entry.node {
            Node::Directory { tree } => {
                if here.way.len() >= DEPTH_MAX {
                    self.context.damaged(&path, &ReadError::TooDeep);
                    return Ok(());
                }
                let below = match self.open_directory(here, entry, &path) {
                    Ok(Some(below)) => below,
                    Ok(None) => return Ok(()),
                    Err(error) => {
                        self.context.failed(&path, &error);
                        return Ok(());
                    }
                };
                return self.directory(&below, tree);
            }
            Node::File { content } => self.file(here, entry, content, path.clone()),
            _ => self.special(here, entry, &path),
        };
        if let Err(error) = result {
            self.context.failed(&path, &error);
        }
        Ok(())
    }

    fn open_directory(
        &self,
        here: &Here<'a>,
        entry: &Entry,
        path: &Path,
    ) -> Result<Option<Here<'a>>, strongroom_files::Error> {
        let mut name = entry.name.clone();
        let (target, is_new) = match here.task.target.make_unfinished_dir(&name) {
            Ok(made) => made,
            Err(error) => match here.task.target.dir().stat_child(&name) {
                Ok(found) if found.kind != strongroom_files::Kind::Directory => {
                    let Some(resolved) = self.resolve(here, &name, &found, &entry.meta)? else {
                        return Ok(None);
                    };
                    if resolved == name {
                        self.clear_way(here, &name, &found)?;
                    }
                    name = resolved;
                    here.task.target.make_unfinished_dir(&name)?
                }
                _ => return Err(error),
            },
        };
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
        }))
    }

    /// Decides under which name an entry is restored where something has its name: the same name where it
    /// takes its place, none where it is left out.
    fn resolve(
        &self,
        here: &Here<'a>,
        name: &[u8],
        found: &Stat,
        meta: &Meta,
    ) -> Result<Option<Vec<u8>>, strongroom_files::Error> {
        match self.options.on_conflict {
            Conflict::Overwrite => Ok(Some(name.to_vec())),
            Conflict::Newer if meta.mtime > found.mtime() => Ok(Some(name.to_vec())),
            Conflict::Skip | Conflict::Newer => {
                count(&self.context.totals.skipped, 1);
                Ok(None)
            }
            Conflict::Rename => free_name(&here.task.target, name).map(Some),
        }
    }

    fn file(
        &mut self,
        here: &Here<'a>,
        entry: &Entry,
        content: &Content,
        path: PathBuf,
    ) -> Result<(), strongroom_files::Error> {
        if let Some(link) = entry.meta.link
            && self.link(here, link, &entry.name)?
        {
            return Ok(());
        }
        let target = &here.task.target;
        let (writer, written_as, name) = match target.create_file(&entry.name) {
            Ok(writer) => (writer, entry.name.clone(), entry.name.clone()),
            Err(error) if error.is_taken() => {
                let found = target.dir().stat_child(&entry.name)?;
                if self.is_same(&found, entry, content) {
                    count(&self.context.totals.skipped, 1);
                    return Ok(());
                }
                match self.options.on_conflict {
                    Conflict::Rename => Self::create_beside(target, &entry.name)?,
                    _ => match self.create_to_replace(here, entry, &found)? {
                        Some(created) => created,
                        None => return Ok(()),
                    },
                }
            }
            Err(error) => return Err(error),
        };
        let mut way = here.way.clone();
        way.push(name.clone());
        let task = FileTask {
            dir: here.task.clone(),
            writer,
            path,
            written_as,
            name,
            meta: entry.meta.clone(),
            len: content.len(),
            spoilt: AtomicBool::new(false),
        };
        match entry.meta.link {
            None => self.write(task, content.clone()),
            Some(link) => {
                // Its other names are made only when it is complete, so it is written at once.
                if write::write_now(self.context, &task, content) {
                    drop(task);
                    self.links.insert(link, (here.base.clone(), way));
                }
            }
        }
        Ok(())
    }

    /// Makes a file of a name like `name` that nothing has.
    fn create_beside(target: &Target, name: &[u8]) -> Result<Created, strongroom_files::Error> {
        loop {
            let free = free_name(target, name)?;
            match target.create_file(&free) {
                Ok(writer) => return Ok((writer, free.clone(), free)),
                // Somebody took it, perhaps an entry of the snapshot that has this name itself.
                Err(error) if error.is_taken() => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Makes a file that takes the place of what is there when it is complete; `None` where that stays.
    fn create_to_replace(
        &self,
        here: &Here<'a>,
        entry: &Entry,
        found: &Stat,
    ) -> Result<Option<Created>, strongroom_files::Error> {
        let target = &here.task.target;
        let Some(name) = self.resolve(here, &entry.name, found, &entry.meta)? else {
            return Ok(None);
        };
        if found.kind == strongroom_files::Kind::Directory && name == entry.name {
            self.clear_way(here, &name, found)?;
        }
        let temporary = free_name(target, b".strongroom-restore")?;
        Ok(Some((target.create_file(&temporary)?, temporary, name)))
    }

    /// A file that is there with the same length and time needs no writing; with `verify` nothing is
    /// taken for granted.
    fn is_same(&self, found: &Stat, entry: &Entry, content: &Content) -> bool {
        !self.options.verify
            && found.kind == strongroom_files::Kind::File
            && found.size == content.len()
            && found.mtime() == entry.meta.mtime
    }

    fn write(&mut self, task: FileTask<'a>, content: Content) {
        if content.len() <= LARGE {
            return self.jobs.push(task, content);
        }
        if let Err(error) = task.writer.set_len(content.len()) {
            return task.spoil_by_failure(&error);
        }
        let task = Arc::new(task);
        let (mut chunks, mut bytes, mut offset) = (Vec::new(), 0, 0);
        let jobs = &self.jobs;
        let archive = self.context.archive;
        let result = archive.visit_items(&content, &mut |item| {
            if let ListItem::Part { len, id } = item {
                chunks.push((offset, u32::try_from(len).unwrap_or(u32::MAX), id));
                bytes += len;
            }
            offset += item.len();
            if bytes >= JOB_BYTES {
                bytes = 0;
                jobs.send(Job::Chunks(task.clone(), std::mem::take(&mut chunks)));
            }
            Ok::<(), ReadError>(())
        });
        if !chunks.is_empty() {
            jobs.send(Job::Chunks(task.clone(), chunks));
        }
        if let Err(error) = result {
            task.spoil_by_damage(&error);
        }
    }

    /// Gives a file that was restored under another name this one; says whether it could.
    fn link(
        &self,
        here: &Here<'a>,
        link: u64,
        name: &[u8],
    ) -> Result<bool, strongroom_files::Error> {
        let Some((base, way)) = self.links.get(&link) else {
            return Ok(false);
        };
        let Some((first_name, folders)) = way.split_last() else {
            return Ok(false);
        };
        if **base != *here.base {
            return Ok(false);
        }
        let (folder, _) = base.make()?;
        let folder = folder.open_below(folders.iter().map(Vec::as_slice))?;
        match here.task.target.create_hard_link(name, &folder, first_name) {
            Ok(()) => {
                count(&self.context.totals.others, 1);
                Ok(true)
            }
            Err(error) if error.is_taken() => {
                let found = here.task.target.dir().stat_child(name)?;
                let first = folder.dir().stat_child(first_name)?;
                if found.is_same_entry(&first) {
                    count(&self.context.totals.skipped, 1);
                    return Ok(true);
                }
                Ok(false)
            }
            Err(_) => Ok(false),
        }
    }

    fn special(
        &mut self,
        here: &Here<'a>,
        entry: &Entry,
        path: &Path,
    ) -> Result<(), strongroom_files::Error> {
        if let Some(link) = entry.meta.link
            && self.link(here, link, &entry.name)?
        {
            return Ok(());
        }
        let target = &here.task.target;
        let mut name = entry.name.clone();
        if let Err(error) = create_special(target, &name, &entry.node) {
            if !error.is_taken() {
                return Err(error);
            }
            let found = target.dir().stat_child(&name)?;
            let Some(resolved) = self.resolve(here, &name, &found, &entry.meta)? else {
                return Ok(());
            };
            if resolved == name {
                self.clear_way(here, &name, &found)?;
            }
            name = resolved;
            create_special(target, &name, &entry.node)?;
        }
        self.context
            .apply(Place::Entry(target.dir(), &name), &entry.meta, path);
        count(&self.context.totals.others, 1);
        if let Some(link) = entry.meta.link {
            let mut way = here.way.clone();
            way.push(name);
            self.links.insert(link, (here.base.clone(), way));
        }
        Ok(())
    }
}
