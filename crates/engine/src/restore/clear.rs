//! Takes away what the snapshot does not have, and what is in the way of what it has.

use std::io::ErrorKind;
use std::path::Path;

use strongroom_files::{Action, Dir, Error, Kind, Stat, remove_single};
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
    ) -> Result<bool, Error> {
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
    ) -> Result<(), Error> {
        let dir = here.task.target.dir();
        if let Some(deletion) = self.deletion
            && found.kind == Kind::Directory
        {
            let path = here.task.path.join(to_path(name));
            self.clear(deletion, &dir.open_child(name)?, &path, &[])?;
        }
        remove_single(dir, name)
    }

    /// Refuses a folder in the way that has something in it, where that stays.
    pub(super) fn check_way(&self, dir: &Dir, name: &[u8]) -> Result<(), Error> {
        match self.deletion {
            None => check_empty(dir, name),
            Some(_) => Ok(()),
        }
    }

    /// Gives what was made under a temporary name its own, when what is in the way has gone.
    pub(super) fn settle(
        &self,
        here: &Here<'a>,
        temporary: &[u8],
        name: &[u8],
        in_the_way: Option<&Stat>,
    ) -> Result<(), Error> {
        let target = &here.task.target;
        let clear = || in_the_way.map_or(Ok(()), |found| self.clear_way(here, name, found));
        let result = clear().and_then(|()| target.replace(temporary, name));
        if result.is_err() {
            // A later restore tries again.
            let _ = remove_single(target.dir(), temporary);
        }
        result
    }
}

/// Refuses a folder that has something in it, as removing it would.
pub(super) fn check_empty(dir: &Dir, name: &[u8]) -> Result<(), Error> {
    if dir.open_child(name)?.names()?.is_empty() {
        return Ok(());
    }
    Err(Error::Failed {
        action: Action::Remove,
        name: name.into(),
        source: ErrorKind::DirectoryNotEmpty.into(),
    })
}
