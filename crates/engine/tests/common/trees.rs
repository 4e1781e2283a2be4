//! Trees of files as values, so that two of them compare fast and strictly.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// What a name in a tree stands for.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Item {
    mode: u32,
    mtime: (i64, i64),
    /// How many names a file has.
    names: u64,
    content: Vec<u8>,
}

/// A tree by relative paths; the root has the empty one.
pub type Tree = BTreeMap<PathBuf, Item>;

/// Reads a tree; files above a mebibyte are kept as their hash.
pub fn read_tree(root: &Path) -> Tree {
    let mut tree = Tree::new();
    add(root, Path::new(""), &mut tree);
    tree
}

fn add(root: &Path, below: &Path, tree: &mut Tree) {
    let path = root.join(below);
    let metadata = std::fs::symlink_metadata(&path).unwrap();
    let mut content = Vec::new();
    if metadata.is_dir() {
        for entry in std::fs::read_dir(&path).unwrap() {
            add(root, &below.join(entry.unwrap().file_name()), tree);
        }
    } else if metadata.is_symlink() {
        content = std::fs::read_link(&path)
            .unwrap()
            .into_os_string()
            .into_encoded_bytes();
    } else {
        content = std::fs::read(&path).unwrap();
        if content.len() > 1 << 20 {
            content = strongroom_crypto::hash::hash(&content).to_vec();
        }
    }
    let item = Item {
        mode: metadata.mode(),
        mtime: (metadata.mtime(), metadata.mtime_nsec()),
        names: if metadata.is_dir() {
            1
        } else {
            metadata.nlink()
        },
        content,
    };
    tree.insert(below.to_owned(), item);
}

/// Names what differs between two trees.
pub fn differing(a: &Tree, b: &Tree) -> Vec<PathBuf> {
    let names: std::collections::BTreeSet<_> = a.keys().chain(b.keys()).collect();
    names
        .into_iter()
        .filter(|name| a.get(*name) != b.get(*name))
        .cloned()
        .collect()
}

/// Names what is in `restored` and not as in `source`; what is missing is no matter.
pub fn wrong(source: &Tree, restored: &Tree) -> Vec<PathBuf> {
    restored
        .iter()
        .filter(|(name, item)| source.get(*name) != Some(*item))
        .map(|(name, _)| name.clone())
        .collect()
}

/// Makes a folder where files cost no disk, if there is such a place.
pub fn fast_folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap())
}
