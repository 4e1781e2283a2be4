//! Folders that nothing is restored into.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use strongroom_base::ids::ArchiveId;
use strongroom_files::Dir;

use super::delete::identity;
use super::select::Selected;
use super::task::Context;
use crate::backup::{OF_ARCHIVES, is_archive};
use crate::error::EngineError;
use crate::monitor::count;

/// Folders that nothing is restored into.
pub(super) struct Closed {
    /// As they are named without links.
    ways: Vec<PathBuf>,
    /// Device and inode of each.
    identities: HashSet<(u64, u64)>,
    /// Archives, known by the names of their folders: a destination may be one that does not answer.
    archives: HashSet<Vec<u8>>,
}

impl Closed {
    /// Looks at the folders as they are now.
    pub(super) fn new(folders: &[PathBuf], archives: &[ArchiveId]) -> Self {
        let ways = folders.iter().filter_map(|way| way.canonicalize().ok());
        let ways: Vec<PathBuf> = ways.collect();
        let identities = ways.iter().filter_map(|way| identity(way)).collect();
        let archives = archives.iter().map(|id| id.to_string().into_bytes());
        Self {
            ways,
            identities,
            archives: archives.collect(),
        }
    }

    /// Refuses what would be restored into one of them, or below.
    pub(super) fn refuse(&self, selected: &[Selected]) -> Result<(), EngineError> {
        for selected in selected {
            let path = selected.folder.path();
            let there = path.ancestors().find_map(|way| way.canonicalize().ok());
            let is_around = |way: &&PathBuf| there.as_ref().is_some_and(|at| at.starts_with(way));
            let mut above = there.iter().flat_map(|at| at.ancestors());
            let archive = above.find(|way| self.is_archive_at(way));
            let closed = self.ways.iter().find(is_around).map(PathBuf::as_path);
            if let Some(closed) = closed.or(archive) {
                return Err(EngineError::ClosedTarget {
                    path: path.display().to_string(),
                    closed: closed.display().to_string(),
                });
            }
        }
        Ok(())
    }

    /// Says whether an open folder of this name is one of them.
    pub(super) fn has(&self, dir: &Dir, name: &[u8]) -> bool {
        let is_known = || {
            let stat = dir.stat();
            stat.is_ok_and(|stat| self.identities.contains(&(stat.dev, stat.ino)))
        };
        (!self.identities.is_empty() && is_known())
            || (self.archives.contains(name) && is_archive(dir))
    }

    fn is_archive_at(&self, way: &Path) -> bool {
        let name = way.file_name().unwrap_or_default().as_bytes();
        self.archives.contains(name)
            && OF_ARCHIVES
                .iter()
                .any(|name| way.join(OsStr::from_bytes(name)).exists())
    }
}

/// Tells of such a folder that was met, and leaves it out.
pub(super) fn leave_out(context: &Context<'_>, path: &Path) {
    let message = "belongs to an archive or to the profile in use: nothing is restored into it";
    count(&context.totals.failed, 1);
    context.warn(path, message.to_owned(), true);
}
