//! What a restore would do, without doing it. It decides as the restore does, by what is there now.

use std::collections::HashMap;
use std::path::Path;

use strongroom_files::{Dir, Error, Kind, Stat};
use strongroom_format::content::Content;
use strongroom_format::limits::DEPTH_MAX;
use strongroom_format::tree::{Entry, Node};
use strongroom_read::ReadError;

use super::clear::check_empty;
use super::closed::{Closed, leave_out};
use super::decide::{Around, Decision, Judge};
use super::delete::{Deletion, Hand};
use super::options::{Conflict, RestoreOptions};
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
    (deletion, closed): (Option<&Deletion<'_>>, &Closed),
) -> Result<(), EngineError> {
    let mut rehearsal = Rehearsal {
        context,
        deletion,
        closed,
        judge: Judge::new(context, options),
        on_conflict: options.on_conflict,
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
    closed: &'a Closed,
    judge: Judge<'a>,
    on_conflict: Conflict,
    /// The selected folder in which the first name of a file with several would be, and what is there if it would stay.
    links: HashMap<u64, (Folder, Option<Stat>)>,
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
    /// It is there, under this name.
    There(Vec<u8>),
}

/// What is known of an entry after looking for other names of it.
enum Second {
    /// It was counted.
    Told,
    /// It is no other name.
    Fate(Fate),
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
            Ok(Fate::Left | Fate::There(_)) => {
                count(&self.context.totals.skipped, 1);
                return Ok(());
            }
            Err(error) => {
                self.context.failed(&path, &error);
                return Ok(());
            }
        };
        let dir = here.dir.and_then(|dir| dir.open_child(&name).ok());
        if dir.as_ref().is_some_and(|dir| self.closed.has(dir, &name)) {
            leave_out(self.context, &path);
            return Ok(());
        }
        count(&self.context.totals.directories, 1);
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
        let fate = match self.second_name(here, siblings, entry)? {
            Second::Told => return Ok(()),
            Second::Fate(fate) => fate,
        };
        let (name, in_the_way) = match fate {
            Fate::Made(name, in_the_way) => (name, in_the_way),
            Fate::Left => {
                count(&totals.skipped, 1);
                return Ok(());
            }
            Fate::There(name) => {
                count(&totals.skipped, 1);
                self.note(here, entry, &name);
                return Ok(());
            }
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
            self.links.insert(link, (here.base.clone(), None));
        }
        Ok(())
    }

    /// Takes note of a name that is there and would stay.
    fn note(&mut self, here: Here<'_>, entry: &Entry, name: &[u8]) {
        let found = here.dir.and_then(|dir| dir.stat_child(name).ok());
        if let (Some(link), Some(found)) = (entry.meta.link, found) {
            self.links.insert(link, (here.base.clone(), Some(found)));
        }
    }

    /// Counts an entry that would become another name of one that was met before.
    fn second_name(
        &mut self,
        here: Here<'_>,
        siblings: &[Entry],
        entry: &Entry,
    ) -> Result<Second, Error> {
        let first = entry.meta.link.and_then(|link| self.links.get(&link));
        let Some((_, first)) = first.filter(|(base, _)| base == here.base) else {
            return self.fate(here, siblings, entry).map(Second::Fate);
        };
        let first = *first;
        let totals = &self.context.totals;
        let is_first = |name: &[u8]| {
            let found = here.dir.and_then(|dir| dir.stat_child(name).ok());
            found
                .zip(first)
                .is_some_and(|(found, first)| found.is_same_entry(&first))
        };
        if is_first(&entry.name) {
            count(&totals.skipped, 1);
            return Ok(Second::Told);
        }
        match self.fate(here, siblings, entry)? {
            Fate::Made(name, in_the_way) => {
                if let (Some(dir), Some(Kind::Directory)) =
                    (here.dir, in_the_way.map(|found| found.kind))
                {
                    self.clear_way(dir, &here.path.join(to_path(&name)), &name)?;
                }
                count(&totals.others, 1);
            }
            Fate::There(name) if self.on_conflict == Conflict::Overwrite && !is_first(&name) => {
                count(&totals.others, 1);
            }
            Fate::There(name) => {
                count(&totals.skipped, 1);
                if first.is_none() {
                    self.note(here, entry, &name);
                }
            }
            Fate::Left => count(&totals.skipped, 1),
        }
        Ok(Second::Told)
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
            Decision::Leave => Ok(Fate::Left),
            Decision::There(name) => Ok(Fate::There(name)),
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
