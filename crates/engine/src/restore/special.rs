//! Restores what has no content: symbolic links, pipes, devices, and second names of files.

use std::path::Path;

use strongroom_files::{Kind, Place};
use strongroom_format::tree::Entry;

use super::decide::{Around, Decision};
use super::place::create_special;
use super::{Here, Restore};
use crate::monitor::count;

impl<'a> Restore<'a> {
    pub(super) fn special(
        &mut self,
        here: &Here<'a>,
        siblings: &[Entry],
        entry: &Entry,
        path: &Path,
    ) -> Result<(), strongroom_files::Error> {
        if let Some(link) = entry.meta.link
            && self.link(here, link, &entry.name)?
        {
            return Ok(());
        }
        let target = &here.task.target;
        let dir = target.dir();
        let mut name = entry.name.clone();
        if let Err(error) = create_special(target, &name, &entry.node) {
            if !error.is_taken() {
                return Err(error);
            }
            let found = dir.stat_child(&name)?;
            let around = Around { dir, siblings };
            match self.judge.decide(around, entry, &found)? {
                Decision::Leave => {
                    count(&self.context.totals.skipped, 1);
                    return Ok(());
                }
                Decision::At(free, None) => {
                    create_special(target, &free, &entry.node)?;
                    name = free;
                }
                Decision::At(taken, Some(found)) => {
                    let make = |name: &[u8]| create_special(target, name, &entry.node);
                    let ((), temporary) = self.make_temporary(target, make)?;
                    // Anything but a folder is replaced by what takes its name.
                    let in_the_way = (found.kind == Kind::Directory).then_some(&found);
                    self.settle(here, &temporary, &taken, in_the_way)?;
                    name = taken;
                }
            }
        }
        self.context
            .apply(Place::Entry(dir, &name), &entry.meta, path);
        count(&self.context.totals.others, 1);
        if let Some(link) = entry.meta.link {
            let mut way = here.way.clone();
            way.push(name);
            self.links.insert(link, (here.base.clone(), way));
        }
        Ok(())
    }

    /// Gives a file that was restored under another name this one; says whether it could.
    pub(super) fn link(
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
        if base.folder != here.base.folder {
            return Ok(false);
        }
        let folder = base.target.open_below(folders.iter().map(Vec::as_slice))?;
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
}
