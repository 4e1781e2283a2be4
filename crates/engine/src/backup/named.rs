//! Paths that were named though they lie below a root: they are backed up whatever is left out on the way to them.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::identity_of;
use super::options::Excludes;

/// Paths that were named, and the folders on the way to those of them that lie below a root.
#[derive(Default)]
pub(super) struct Named {
    /// Roots and other paths that were named, each with the device of a folder.
    named: BTreeMap<PathBuf, Option<u64>>,
    ways: BTreeSet<PathBuf>,
}

impl Named {
    pub(super) fn new(roots: &[PathBuf], below: &[PathBuf]) -> Self {
        if below.is_empty() {
            return Self::default();
        }
        let all = roots.iter().chain(below);
        let device = |path: &PathBuf| (path.clone(), identity_of(path).map(|(dev, _)| dev));
        let ways = below.iter().flat_map(|path| path.ancestors().skip(1));
        Self {
            named: all.map(device).collect(),
            ways: ways.map(Path::to_owned).collect(),
        }
    }

    /// Says whether a path was named, or is on the way to one that was.
    pub(super) fn leads(&self, path: &[u8]) -> bool {
        if self.ways.is_empty() {
            return false;
        }
        let path = Path::new(OsStr::from_bytes(path));
        self.named.contains_key(path) || self.ways.contains(path)
    }

    /// Says whether a folder is looked into for what was named alone: it is left out itself, or lies in what is, or, where
    /// that counts, on another file system than what was named above it.
    pub(super) fn is_only_way(
        &self,
        path: &[u8],
        excludes: &Excludes,
        device: Option<u64>,
    ) -> bool {
        let path = Path::new(OsStr::from_bytes(path));
        if self.ways.is_empty() || self.named.contains_key(path) || !self.ways.contains(path) {
            return false;
        }
        for above in path.ancestors() {
            if let Some(theirs) = self.named.get(above) {
                return device.is_some_and(|device| *theirs != Some(device));
            }
            let name = above.file_name().unwrap_or_default();
            if excludes.matches(above, Path::new(name)) {
                return true;
            }
        }
        false
    }
}
