//! Trees of small files, and what is saved in them.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::random::Rng;

/// What was changed so shortly before it was backed up may change once more without another time, and is read again.
const UNSETTLED: Duration = Duration::from_secs(4);
/// How many files a folder has, and how many folders the one above.
const EACH: u32 = 100;

/// A tree of so many files of 20 bytes, a hundred in each folder.
pub(crate) struct Tree {
    pub(crate) path: PathBuf,
    n_files: u32,
}

impl Tree {
    /// Makes it where nothing is.
    pub(crate) fn make(path: PathBuf, n_files: u32) -> Result<Self> {
        let tree = Self { path, n_files };
        for number in 0..tree.n_folders() {
            let folder = tree.folder(number);
            fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        }
        for number in 0..n_files {
            let folder = tree.folder(number / EACH);
            put(&folder.join(name(number)), content(number).as_bytes())?;
        }
        Ok(tree)
    }

    /// Returns how many folders have files.
    pub(crate) fn n_folders(&self) -> u32 {
        self.n_files.div_ceil(EACH).max(1)
    }

    fn folder(&self, number: u32) -> PathBuf {
        let above = format!("{:03}", number / EACH);
        self.path.join(above).join(format!("{:02}", number % EACH))
    }

    /// Returns a folder by lot.
    pub(crate) fn any_folder(&self, random: &mut impl Rng) -> PathBuf {
        self.folder(random.next_u32() % self.n_folders())
    }
}

fn name(number: u32) -> String {
    format!("file-{number:07}")
}

fn content(number: u32) -> String {
    format!("the number {number:08}\n")
}

/// Waits until what was just written is old enough to be known by its times.
pub(crate) fn let_settle() {
    std::thread::sleep(UNSETTLED);
}

/// Bytes that do not compress.
pub(crate) fn noise(random: &mut impl Rng, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    random.fill_bytes(&mut bytes);
    bytes
}

/// Writes a file as any program does, and closes it.
pub(crate) fn put(path: &Path, bytes: &[u8]) -> Result<()> {
    let write = || File::create(path)?.write_all(bytes);
    write().with_context(|| format!("{} cannot be written", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folders::extent;
    use crate::random::seeded;

    #[test]
    fn a_tree_has_all_its_files_in_folders_of_a_hundred() {
        let folder = tempfile::tempdir().unwrap();
        let tree = Tree::make(folder.path().join("tree"), 250).unwrap();
        let found = extent(&tree.path).unwrap();
        assert_eq!((found.files, found.bytes), (250, 250 * 20));
        assert_eq!(tree.n_folders(), 3);
        let mut random = seeded(1);
        for _ in 0..20 {
            assert!(tree.any_folder(&mut random).is_dir());
        }
    }
}
