//! What a restore deletes because the snapshot does not have it, and what it never deletes.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use strongroom_files::{Dir, Error, Kind};
use strongroom_format::limits::DEPTH_MAX;
use strongroom_format::tree::Entry;

use super::options::Keep;
use super::select::to_path;

/// Decides what goes.
pub(super) struct Deletion<'a> {
    keep: &'a Keep,
    /// The folders that are kept, as they are named without links.
    ways: Vec<PathBuf>,
    /// Device and inode of every folder that is kept, and of those above it.
    kept: HashSet<(u64, u64)>,
}

/// Takes an entry of a folder away: no directory, or one of which everything has gone.
type Take<'a> = dyn Fn(&Dir, &[u8], &Path) -> Result<(), Error> + 'a;

/// What is done with what goes.
pub(super) struct Hand<'a> {
    pub(super) take: &'a Take<'a>,
    /// Is told what could not go.
    pub(super) failed: &'a dyn Fn(&Path, &Error),
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
        let kept = folders.filter_map(identity).collect();
        Self { keep, ways, kept }
    }

    /// Returns the kept folder that a path is, or lies in: nothing there may be deleted.
    pub(super) fn kept_around(&self, path: &Path) -> Option<&Path> {
        let there = path.ancestors().find_map(|way| way.canonicalize().ok())?;
        let around = self.ways.iter().find(|way| there.starts_with(way));
        around.map(PathBuf::as_path)
    }

    /// Takes away what a folder has and no entry names, but for what is kept, what is mounted there, and sockets, which no
    /// snapshot has. A folder goes when everything in it has gone. Says whether everything has.
    pub(super) fn clear(
        &self,
        dir: &Dir,
        path: &Path,
        entries: &[Entry],
        hand: &Hand<'_>,
    ) -> Result<bool, Error> {
        let wanted = entries.iter().map(|entry| entry.name.as_slice()).collect();
        self.clear_below(dir, path, (&wanted, 0), hand)
    }

    fn clear_below(
        &self,
        dir: &Dir,
        path: &Path,
        (wanted, depth): (&HashSet<&[u8]>, usize),
        hand: &Hand<'_>,
    ) -> Result<bool, Error> {
        let device = dir.stat()?.dev;
        let mut is_clear = true;
        for found in dir.names()?.iter() {
            let at = path.join(to_path(found.name));
            if wanted.contains(found.name) {
                is_clear = false;
                continue;
            }
            match self.take((dir, device), found.name, (&at, depth), hand) {
                Ok(has_gone) => is_clear &= has_gone,
                Err(error) if error.is_gone() => {}
                Err(error) => {
                    is_clear = false;
                    (hand.failed)(&at, &error);
                }
            }
        }
        Ok(is_clear)
    }

    /// Takes one entry away, with what is in it; says whether it has gone.
    fn take(
        &self,
        (dir, device): (&Dir, u64),
        name: &[u8],
        (at, depth): (&Path, usize),
        hand: &Hand<'_>,
    ) -> Result<bool, Error> {
        if self.keep.excludes.matches(at, &to_path(name)) {
            return Ok(false);
        }
        let stat = dir.stat_child(name)?;
        let is_kept = stat.kind == Kind::Socket
            || stat.dev != device
            || self.kept.contains(&(stat.dev, stat.ino));
        if is_kept {
            return Ok(false);
        }
        if stat.kind == Kind::Directory && depth < DEPTH_MAX {
            let below = dir.open_child(name)?;
            if !self.clear_below(&below, at, (&HashSet::new(), depth + 1), hand)? {
                return Ok(false);
            }
        }
        (hand.take)(dir, name, at)?;
        Ok(true)
    }
}

pub(super) fn identity(folder: &Path) -> Option<(u64, u64)> {
    let stat = Dir::open_root(folder).and_then(|dir| dir.stat()).ok()?;
    Some((stat.dev, stat.ino))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

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
        let deletion = Deletion::new(&keep);
        assert!(!clears(&deletion, &dir, folder.path()));
        let left: BTreeSet<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(
            left,
            ["disk", "config", ".cache", "socket"]
                .map(Into::into)
                .into()
        );
        assert_eq!(
            deletion.kept_around(&at("disk/below/not there")),
            Some(&*at("disk"))
        );
        assert_eq!(deletion.kept_around(&at("disk")), Some(&*at("disk")));
        assert_eq!(deletion.kept_around(&at("config")), None);
    }

    fn clears(deletion: &Deletion<'_>, dir: &Dir, path: &Path) -> bool {
        let hand = Hand {
            take: &|dir, name, _| strongroom_files::remove_single(dir, name),
            failed: &|at, error| panic!("{}: {error}", at.display()),
        };
        deletion.clear(dir, path, &[], &hand).unwrap()
    }

    #[test]
    fn what_is_kept_stays_in_a_folder_that_goes() {
        let folder = tempfile::tempdir().unwrap();
        let at = |way: &str| folder.path().join(way);
        for way in ["extra/films/old", "extra/.cache/x", "gone/deep/er"] {
            std::fs::create_dir_all(at(way)).unwrap();
        }
        for way in ["extra/films/a.iso", "extra/films/b.txt", "gone/deep/file"] {
            std::fs::File::create(at(way)).unwrap();
        }
        let _socket = std::os::unix::net::UnixListener::bind(at("extra/socket")).unwrap();
        let keep = Keep {
            folders: Vec::new(),
            excludes: Excludes::new([".cache", "*.iso"]).unwrap(),
        };
        let dir = Dir::open_root(folder.path()).unwrap();
        assert!(!clears(&Deletion::new(&keep), &dir, folder.path()));
        for way in ["extra/films/a.iso", "extra/.cache/x", "extra/socket"] {
            assert!(at(way).exists(), "{way}");
        }
        for way in ["extra/films/b.txt", "extra/films/old", "gone"] {
            assert!(!at(way).exists(), "{way}");
        }
    }
}
