//! Takes away what the snapshot does not have, and what is in the way of what it has.

use std::path::Path;

use strongroom_files::{Dir, Stat, remove_single};
use strongroom_format::tree::Entry;

use super::delete::{Deletion, Hand};
use super::select::{Selected, to_path};
use super::{Here, Restore};
use crate::error::EngineError;
use crate::monitor::count;

/// Refuses to delete in a folder that is kept, or below one.
pub(super) fn refuse_kept(
    deletion: &Deletion<'_>,
    selected: &[Selected],
) -> Result<(), EngineError> {
    for selected in selected {
        let path = selected.folder.path();
        if let Some(kept) = deletion.kept_around(&path) {
            return Err(EngineError::KeptTarget {
                path: path.display().to_string(),
                kept: kept.display().to_string(),
            });
        }
    }
    Ok(())
}

impl<'a> Restore<'a> {
    pub(super) fn delete_others(
        &self,
        here: &Here<'a>,
        deletion: &Deletion<'_>,
        entries: &[Entry],
    ) {
        let target = &here.task.target;
        let path = &here.task.path;
        if let Err(error) = self.clear(deletion, target.dir(), path, entries) {
            self.context.failed(path, &error);
        }
    }

    fn clear(
        &self,
        deletion: &Deletion<'_>,
        dir: &Dir,
        path: &Path,
        entries: &[Entry],
    ) -> Result<bool, strongroom_files::Error> {
        let hand = Hand {
            take: &|dir, name, _| {
                remove_single(dir, name)?;
                count(&self.context.totals.deleted, 1);
                Ok(())
            },
            failed: &|at, error| self.context.failed(at, error),
        };
        deletion.clear(dir, path, entries, &hand)
    }

    /// Removes what is in the way of an entry. A folder with something in it stays, and that is an error: no conflict rule
    /// speaks of what is in it. Where what the snapshot lacks is deleted, it is emptied first, but for what is kept.
    pub(super) fn clear_way(
        &self,
        here: &Here<'a>,
        name: &[u8],
        found: &Stat,
    ) -> Result<(), strongroom_files::Error> {
        let dir = here.task.target.dir();
        if let Some(deletion) = self.deletion
            && found.kind == strongroom_files::Kind::Directory
        {
            let path = here.task.path.join(to_path(name));
            self.clear(deletion, &dir.open_child(name)?, &path, &[])?;
        }
        remove_single(dir, name)
    }
}
