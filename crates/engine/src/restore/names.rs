//! Restores the further names of what has several.

use std::sync::Arc;

use strongroom_files::{Dir, Error, Kind, Target};
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

impl Named {
    /// Says whether a name in a folder is one of the same file.
    fn is(&self, dir: &Dir, name: &[u8]) -> bool {
        let (found, own) = (
            dir.stat_child(name),
            self.folder.dir().stat_child(&self.name),
        );
        matches!((found, own), (Ok(found), Ok(own)) if found.is_same_entry(&own))
    }

    fn link_to(&self, target: &Target, name: &[u8]) -> Result<(), Error> {
        target.create_hard_link(name, &self.folder, &self.name)
    }
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
        if first.is(target.dir(), &entry.name) {
            count(&self.context.totals.skipped, 1);
            return Ok(true);
        }
        // Length and time do for leaving a file alone, but not for putting it in the place of another.
        if !is_certain {
            if !self.judge.holds(first.folder.dir(), &first.name, entry) {
                return Ok(false);
            }
            let certain = |names: &mut Names| names.is_certain = true;
            self.links.entry(link).and_modify(certain);
        }
        match first.link_to(target, &entry.name) {
            Ok(()) => self.note_link(here, link, &entry.name),
            Err(error) if error.is_taken() => {
                self.link_where_taken(here, siblings, (link, entry), &first)?;
            }
            Err(_) => return Ok(false),
        }
        Ok(true)
    }

    /// As [`link`](Self::link), where something else has the name.
    fn link_where_taken(
        &mut self,
        here: &Here<'a>,
        siblings: &[Entry],
        (link, entry): (u64, &Entry),
        first: &Named,
    ) -> Result<(), Error> {
        let target = &here.task.target;
        let dir = target.dir();
        let found = dir.stat_child(&entry.name)?;
        let (name, in_the_way) = match self.judge.decide(Around { dir, siblings }, entry, &found)? {
            Decision::At(name, in_the_way) => (name, in_the_way),
            // The same, but a file of its own.
            Decision::There(name)
                if self.options.on_conflict == Conflict::Overwrite && !first.is(dir, &name) =>
            {
                (name, Some(found))
            }
            Decision::There(name) => {
                self.join(here, link, entry, &name);
                count(&self.context.totals.skipped, 1);
                return Ok(());
            }
            Decision::Leave => {
                count(&self.context.totals.skipped, 1);
                return Ok(());
            }
        };
        match in_the_way {
            None => first.link_to(target, &name)?,
            Some(found) => {
                let folder = (found.kind == Kind::Directory).then_some(&found);
                if folder.is_some() {
                    self.check_way(dir, &name)?;
                }
                let make = |name: &[u8]| first.link_to(target, name);
                let ((), temporary) = self.make_temporary(target, make)?;
                self.settle(here, &temporary, &name, folder)?;
            }
        }
        self.note_link(here, link, &name);
        Ok(())
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
