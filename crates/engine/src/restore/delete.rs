//! What a restore deletes because the snapshot does not have it, and what it never deletes.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use strongroom_files::{Dir, Kind};
use strongroom_format::tree::Entry;

use super::options::Keep;
use super::select::to_path;

/// Decides what goes.
pub(super) struct Deletion<'a> {
    keep: &'a Keep,
    /// Device and inode of every folder that is kept, and of those above it.
    kept: HashSet<(u64, u64)>,
}

impl<'a> Deletion<'a> {
    /// Looks at what is kept as it is now.
    pub(super) fn new(keep: &'a Keep) -> Self {
        let ways = keep
            .folders
            .iter()
            .filter_map(|folder| folder.canonicalize().ok());
        let ways: Vec<PathBuf> = ways.collect();
        let folders = ways.iter().flat_map(|way| way.ancestors());
        Self {
            keep,
            kept: folders.filter_map(identity).collect(),
        }
    }

    /// Returns the names in a folder that are to go: those of no entry, but for what is kept, what is mounted there,
    /// and sockets, which no snapshot has.
    pub(super) fn of(
        &self,
        dir: &Dir,
        path: &Path,
        entries: &[Entry],
    ) -> Result<Vec<Vec<u8>>, strongroom_files::Error> {
        let wanted: HashSet<&[u8]> = entries.iter().map(|entry| entry.name.as_slice()).collect();
        let own_device = dir.stat()?.dev;
        let mut going = Vec::new();
        for found in dir.names()?.iter() {
            let name = to_path(found.name);
            if wanted.contains(found.name) || self.keep.excludes.matches(&path.join(&name), &name) {
                continue;
            }
            let stat = match dir.stat_child(found.name) {
                Ok(stat) => stat,
                Err(error) if error.is_gone() => continue,
                Err(error) => return Err(error),
            };
            let is_kept = stat.kind == Kind::Socket
                || stat.dev != own_device
                || self.kept.contains(&(stat.dev, stat.ino));
            if !is_kept {
                going.push(found.name.to_vec());
            }
        }
        Ok(going)
    }
}

fn identity(folder: &Path) -> Option<(u64, u64)> {
    let stat = Dir::open_root(folder).and_then(|dir| dir.stat()).ok()?;
    Some((stat.dev, stat.ino))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::Excludes;

    #[test]
    fn what_leads_to_a_kept_folder_stays_and_so_do_sockets_and_excluded_names() {
        let folder = tempfile::tempdir().unwrap();
        let at = |way: &str| folder.path().join(way);
        for way in ["disk/archive", "config/strongroom", "old/inside", ".cache"] {
            std::fs::create_dir_all(at(way)).unwrap();
        }
        std::fs::File::create(at("file")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        let keep = Keep {
            folders: vec![at("disk"), at("config/strongroom"), at("not there")],
            excludes: Excludes::new([".cache"]).unwrap(),
        };
        let dir = Dir::open_root(folder.path()).unwrap();
        let going = Deletion::new(&keep).of(&dir, folder.path(), &[]).unwrap();
        assert_eq!(going, [b"file".to_vec(), b"old".to_vec()]);
    }
}
