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
            && self.link(here, siblings, link, entry)?
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
                Decision::There(there) => {
                    count(&self.context.totals.skipped, 1);
                    self.note_found(here, entry, &there);
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
        self.note_made(here, entry, &name);
        Ok(())
    }
}
