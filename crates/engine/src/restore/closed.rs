//! Folders that nothing is restored into.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use strongroom_files::Dir;

use super::delete::identity;
use super::select::Selected;
use super::task::Context;
use crate::error::EngineError;
use crate::monitor::count;

/// Folders that nothing is restored into.
pub(super) struct Closed {
    /// As they are named without links.
    ways: Vec<PathBuf>,
    /// Device and inode of each.
    identities: HashSet<(u64, u64)>,
}

impl Closed {
    /// Looks at the folders as they are now.
    pub(super) fn new(folders: &[PathBuf]) -> Self {
        let ways = folders.iter().filter_map(|way| way.canonicalize().ok());
        let ways: Vec<PathBuf> = ways.collect();
        let identities = ways.iter().filter_map(|way| identity(way)).collect();
        Self { ways, identities }
    }

    /// Refuses what would be restored into one of them, or below.
    pub(super) fn refuse(&self, selected: &[Selected]) -> Result<(), EngineError> {
        for selected in selected {
            let path = selected.folder.path();
            let there = path.ancestors().find_map(|way| way.canonicalize().ok());
            let is_around = |way: &&PathBuf| there.as_ref().is_some_and(|at| at.starts_with(way));
            if let Some(closed) = self.ways.iter().find(is_around) {
                return Err(EngineError::ClosedTarget {
                    path: path.display().to_string(),
                    closed: closed.display().to_string(),
                });
            }
        }
        Ok(())
    }

    /// Says whether an open folder is one of them.
    pub(super) fn has(&self, dir: &Dir) -> bool {
        !self.identities.is_empty()
            && dir
                .stat()
                .is_ok_and(|stat| self.identities.contains(&(stat.dev, stat.ino)))
    }
}

/// Tells of such a folder that was met, and leaves it out.
pub(super) fn leave_out(context: &Context<'_>, path: &Path) {
    let message = "belongs to an archive or to the profile in use: nothing is restored into it";
    count(&context.totals.failed, 1);
    context.warn(path, message.to_owned(), true);
}
