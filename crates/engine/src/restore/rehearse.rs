//! What a restore would do, without doing it. It decides as the restore does, by what is there now.

use std::collections::HashMap;
use std::path::Path;

use strongroom_files::{Dir, Error, Kind, Stat};
use strongroom_format::content::Content;
use strongroom_format::limits::DEPTH_MAX;
use strongroom_format::tree::{Entry, Node};
use strongroom_read::ReadError;

use super::clear::check_empty;
use super::decide::{Around, Decision, Judge};
use super::delete::{Deletion, Hand};
use super::options::RestoreOptions;
use super::place::Folder;
use super::select::{Selected, to_path};
use super::task::Context;
use crate::error::EngineError;
use crate::monitor::count;

/// Counts what would be restored, and names what would be deleted.
pub(super) fn rehearse(
    context: &Context<'_>,
    options: &RestoreOptions,
    selected: &[Selected],
    deletion: Option<&Deletion<'_>>,
) -> Result<(), EngineError> {
    let mut rehearsal = Rehearsal {
        context,
        deletion,
        judge: Judge::new(context.archive, options),
        links: HashMap::new(),
    };
    for selected in selected {
        let path = selected.folder.path();
        // Where there is no folder, nothing is in the way, and nothing could be deleted.
        let failed = |source| EngineError::target(path.as_path(), source);
        let dir = selected.folder.open().map_err(failed)?;
        let here = Here {
            base: &selected.folder,
            dir: dir.as_ref(),
            path: &path,
            depth: 0,
        };
        match &selected.entry.node {
            Node::Directory { tree } if selected.name.is_none() => {
                count(&context.totals.directories, 1);
                let (entries, is_whole) = context.entries(tree, &path)?;
                rehearsal.contents(here, &entries, is_whole)?;
            }
            _ => {
                let mut entry = selected.entry.clone();
                entry.name = selected.name.clone().unwrap_or(entry.name);
                rehearsal.entry(here, &[], &entry)?;
            }
        }
    }
    Ok(())
}

struct Rehearsal<'a> {
    context: &'a Context<'a>,
    deletion: Option<&'a Deletion<'a>>,
    judge: Judge<'a>,
    /// The selected folder in which the first name of a file with several would be restored.
    links: HashMap<u64, Folder>,
}

/// A folder that is being restored to.
#[derive(Clone, Copy)]
struct Here<'h> {
    base: &'h Folder,
    /// `None` where it is not there.
    dir: Option<&'h Dir>,
    path: &'h Path,
    depth: usize,
}

/// What would become of an entry.
enum Fate {
    /// It would be made under this name, in the place of what has it.
    Made(Vec<u8>, Option<Stat>),
    /// It would be left out.
    Left,
}

impl Rehearsal<'_> {
    fn contents(
        &mut self,
        here: Here<'_>,
        entries: &[Entry],
        is_whole: bool,
    ) -> Result<(), EngineError> {
        if let (Some(deletion), Some(dir), true) = (self.deletion, here.dir, is_whole)
            && let Err(error) = self.clear(deletion, dir, here.path, entries)
        {
            self.context.failed(here.path, &error);
        }
        for entry in entries {
            self.entry(here, entries, entry)?;
        }
        Ok(())
    }

    fn entry(
        &mut self,
        here: Here<'_>,
        siblings: &[Entry],
        entry: &Entry,
    ) -> Result<(), EngineError> {
        let path = here.path.join(to_path(&entry.name));
        let result = match &entry.node {
            Node::Directory { tree } => return self.directory(here, siblings, entry, tree),
            Node::File { content } => self.single(here, siblings, entry, Some(content)),
            _ => self.single(here, siblings, entry, None),
        };
        if let Err(error) = result {
            self.context.failed(&path, &error);
        }
        Ok(())
    }

    fn directory(
        &mut self,
        here: Here<'_>,
        siblings: &[Entry],
        entry: &Entry,
        tree: &Content,
    ) -> Result<(), EngineError> {
        let path = here.path.join(to_path(&entry.name));
        if here.depth >= DEPTH_MAX {
            self.context.damaged(&path, &ReadError::TooDeep);
            return Ok(());
        }
        let (entries, is_whole) = self.context.entries(tree, &path)?;
        let name = match self.fate(here, siblings, entry) {
            Ok(Fate::Made(_, Some(_))) if !is_whole => return Ok(()),
            Ok(Fate::Made(name, _)) => name,
            Ok(Fate::Left) => return Ok(()),
            Err(error) => {
                self.context.failed(&path, &error);
                return Ok(());
            }
        };
        count(&self.context.totals.directories, 1);
        let dir = here.dir.and_then(|dir| dir.open_child(&name).ok());
        let below = Here {
            dir: dir.as_ref(),
            path: &path,
            depth: here.depth + 1,
            ..here
        };
        self.contents(below, &entries, is_whole)
    }

    /// Counts an entry that is no directory; `content` is that of a file.
    fn single(
        &mut self,
        here: Here<'_>,
        siblings: &[Entry],
        entry: &Entry,
        content: Option<&Content>,
    ) -> Result<(), Error> {
        let totals = &self.context.totals;
        if let Some(link) = entry.meta.link
            && self.links.get(&link) == Some(here.base)
            && is_free(here, &entry.name)
        {
            count(&totals.others, 1);
            return Ok(());
        }
        let Fate::Made(name, in_the_way) = self.fate(here, siblings, entry)? else {
            return Ok(());
        };
        if let (Some(dir), Some(found)) = (here.dir, in_the_way)
            && found.kind == Kind::Directory
        {
            self.clear_way(dir, &here.path.join(to_path(&name)), &name)?;
        }
        match content {
            Some(content) => {
                count(&totals.files, 1);
                count(&totals.bytes, content.len());
            }
            None => count(&totals.others, 1),
        }
        if let Some(link) = entry.meta.link {
            self.links.insert(link, here.base.clone());
        }
        Ok(())
    }

    fn fate(&self, here: Here<'_>, siblings: &[Entry], entry: &Entry) -> Result<Fate, Error> {
        let free = || Fate::Made(entry.name.clone(), None);
        let Some(dir) = here.dir else {
            return Ok(free());
        };
        let found = match dir.stat_child(&entry.name) {
            Err(error) if error.is_gone() => return Ok(free()),
            found => found?,
        };
        if found.kind == Kind::Directory && matches!(entry.node, Node::Directory { .. }) {
            return Ok(free());
        }
        match self.judge.decide(Around { dir, siblings }, entry, &found)? {
            Decision::At(name, in_the_way) => Ok(Fate::Made(name, in_the_way)),
            Decision::Leave => {
                count(&self.context.totals.skipped, 1);
                Ok(Fate::Left)
            }
        }
    }

    /// Says what would go with a folder that is in the way, if it could.
    fn clear_way(&self, dir: &Dir, path: &Path, name: &[u8]) -> Result<(), Error> {
        let Some(deletion) = self.deletion else {
            return check_empty(dir, name);
        };
        if self.clear(deletion, &dir.open_child(name)?, path, &[])? {
            return Ok(());
        }
        // Something in it is kept.
        check_empty(dir, name)
    }

    fn clear(
        &self,
        deletion: &Deletion<'_>,
        dir: &Dir,
        path: &Path,
        entries: &[Entry],
    ) -> Result<bool, Error> {
        let hand = Hand {
            take: &|_, _, at| {
                count(&self.context.totals.deleted, 1);
                let bytes = at.as_os_str().as_encoded_bytes();
                self.context.monitor.would_delete(bytes);
                Ok(())
            },
            failed: &|at, error| self.context.failed(at, error),
        };
        deletion.clear(dir, path, entries, &hand)
    }
}

fn is_free(here: Here<'_>, name: &[u8]) -> bool {
    let found = here.dir.map(|dir| dir.stat_child(name));
    found.is_none_or(|found| found.is_err_and(|error| error.is_gone()))
}
