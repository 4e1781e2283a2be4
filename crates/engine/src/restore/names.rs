//! Restores the further names of what has several.

use std::sync::Arc;

use strongroom_files::{Error, Kind, Target};
use strongroom_format::tree::Entry;

use super::decide::{Around, Decision};
use super::options::Conflict;
use super::place::Base;
use super::{Here, Restore};
use crate::monitor::count;

/// How many names of one file are remembered. More than the first are needed only where a later name turns out to be
/// there already.
const REMEMBERED_MAX: usize = 16;

/// The names of a file that were met so far.
pub(super) struct Names {
    /// The selected folder that they are in.
    base: Arc<Base>,
    /// The ways to them below it.
    ways: Vec<Vec<Vec<u8>>>,
    /// Whether the file was there before.
    was_there: bool,
    /// Whether it is known to have the content, and not only length and time.
    is_certain: bool,
}

/// A name in an open folder.
struct Named {
    folder: Target,
    name: Vec<u8>,
}

impl Names {
    fn open(&self, way: &[Vec<u8>]) -> Result<Named, Error> {
        let (name, folders) = way
            .split_last()
            .map_or((&[][..], way), |(name, above)| (name, above));
        let folders = folders.iter().map(Vec::as_slice);
        Ok(Named {
            folder: self.base.target.open_below(folders)?,
            name: name.to_vec(),
        })
    }
}

impl<'a> Restore<'a> {
    /// Takes note of a name that was made.
    pub(super) fn note_made(&mut self, here: &Here<'a>, entry: &Entry, name: &[u8]) {
        self.note(here, entry, name, false);
    }

    /// Takes note of a name that was there with what it should have.
    pub(super) fn note_found(&mut self, here: &Here<'a>, entry: &Entry, name: &[u8]) {
        self.note(here, entry, name, true);
    }

    fn note(&mut self, here: &Here<'a>, entry: &Entry, name: &[u8], was_there: bool) {
        let Some(link) = entry.meta.link else {
            return;
        };
        let names = Names {
            base: here.base.clone(),
            ways: vec![way_to(here, name)],
            was_there,
            is_certain: !was_there,
        };
        self.links.insert(link, names);
    }

    /// Gives a file that was met under another name this one; says whether there is no more to do.
    pub(super) fn link(
        &mut self,
        here: &Here<'a>,
        siblings: &[Entry],
        link: u64,
        entry: &Entry,
    ) -> Result<bool, Error> {
        let Some(names) = self.links.get(&link) else {
            return Ok(false);
        };
        let Some(way) = names.ways.first() else {
            return Ok(false);
        };
        if names.base.folder != here.base.folder {
            return Ok(false);
        }
        let (first, is_certain) = (names.open(way)?, names.is_certain);
        let target = &here.task.target;
        let dir = target.dir();
        let is_first = |name: &[u8]| {
            let there = first.folder.dir().stat_child(&first.name);
            let found = dir.stat_child(name);
            matches!((found, there), (Ok(found), Ok(there)) if found.is_same_entry(&there))
        };
        if is_first(&entry.name) {
            count(&self.context.totals.skipped, 1);
            return Ok(true);
        }
        // Length and time do for leaving a file alone, but not for putting it in the place of another.
        if !is_certain {
            if !self.judge.holds(first.folder.dir(), &first.name, entry) {
                return Ok(false);
            }
            self.links
                .entry(link)
                .and_modify(|names| names.is_certain = true);
        }
        let make = |name: &[u8]| target.create_hard_link(name, &first.folder, &first.name);
        match make(&entry.name) {
            Ok(()) => {
                self.note_link(here, link, &entry.name);
                return Ok(true);
            }
            Err(error) if error.is_taken() => {}
            Err(_) => return Ok(false),
        }
        let found = dir.stat_child(&entry.name)?;
        let (name, in_the_way) = match self.judge.decide(Around { dir, siblings }, entry, &found)? {
            Decision::At(name, in_the_way) => (name, in_the_way),
            Decision::There(name)
                if self.options.on_conflict == Conflict::Overwrite && !is_first(&name) =>
            {
                // The same, but another file.
                (name, Some(found))
            }
            Decision::There(name) => {
                self.join(here, link, entry, &name);
                count(&self.context.totals.skipped, 1);
                return Ok(true);
            }
            Decision::Leave => {
                count(&self.context.totals.skipped, 1);
                return Ok(true);
            }
        };
        match in_the_way {
            None => make(&name)?,
            Some(found) => {
                let folder = (found.kind == Kind::Directory).then_some(&found);
                if folder.is_some() {
                    self.check_way(dir, &name)?;
                }
                let ((), temporary) = self.make_temporary(target, make)?;
                self.settle(here, &temporary, &name, folder)?;
            }
        }
        self.note_link(here, link, &name);
        Ok(true)
    }

    fn note_link(&mut self, here: &Here<'a>, link: u64, name: &[u8]) {
        count(&self.context.totals.others, 1);
        if let Some(names) = self.links.get_mut(&link)
            && !names.was_there
            && names.ways.len() < REMEMBERED_MAX
        {
            names.ways.push(way_to(here, name));
        }
    }

    /// Makes the names that were made names of the file that turned out to be there under `name`. What cannot be stays a
    /// file of its own.
    fn join(&mut self, here: &Here<'a>, link: u64, entry: &Entry, name: &[u8]) {
        let target = &here.task.target;
        let was_there = self.links.get(&link).is_none_or(|names| names.was_there);
        if was_there || !self.judge.holds(target.dir(), name, entry) {
            return;
        }
        let Some(names) = self.links.remove(&link) else {
            return;
        };
        for way in &names.ways {
            let _ = names.open(way).and_then(|made| {
                let make = |temporary: &[u8]| made.folder.create_hard_link(temporary, target, name);
                let ((), temporary) = self.make_temporary(&made.folder, make)?;
                made.folder.replace(&temporary, &made.name)
            });
        }
        let ways = vec![way_to(here, name)];
        self.links.insert(
            link,
            Names {
                base: names.base,
                ways,
                was_there: true,
                is_certain: true,
            },
        );
    }
}

fn way_to(here: &Here<'_>, name: &[u8]) -> Vec<Vec<u8>> {
    let mut way = here.way.clone();
    way.push(name.to_vec());
    way
}
