//! Two releases of the kernel source, the second unpacked over the first.
//!
//! Both states are unpacked once, as `old` and `new`; the one that is measured is renamed to `tree`.
//! So the path stays, every file is another one after the change, as after unpacking, and the page
//! cache keeps what was read.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::{Set, is_ready, mark_ready, run};
use crate::folders;
use crate::options::Options;
use crate::say;

/// The kernel source in two releases.
pub(super) struct Linux {
    folder: PathBuf,
    tree: PathBuf,
}

/// Unpacks the tarballs, unless that was done; `None` if there are none.
pub(super) fn prepare(options: &Options, folder: &Path) -> Result<Option<Linux>> {
    if !is_ready(folder, "") {
        let (Some(old), Some(new)) = (&options.linux_old, &options.linux_new) else {
            return Ok(None);
        };
        say::progress("linux: unpacking");
        folders::make_new(folder)?;
        unpack(old, &folder.join("tree"))?;
        unpack(old, &folder.join("new"))?;
        unpack(new, &folder.join("new"))?;
        mark_ready(folder, "")?;
    }
    Ok(Some(Linux {
        folder: folder.to_owned(),
        tree: folder.join("tree"),
    }))
}

/// The tree at rest, for others to copy from.
pub(super) fn tree_if_ready(folder: &Path) -> Option<PathBuf> {
    is_ready(folder, "").then(|| folder.join("tree"))
}

fn unpack(tarball: &Path, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    run(Command::new("tar")
        .arg("-xf")
        .arg(tarball)
        .arg("-C")
        .arg(folder)
        .arg("--strip-components=1"))
}

impl Linux {
    /// Puts `wanted` in place of `other`; the one that is missing under its own name is in place.
    fn put_in_place(&self, wanted: &str, other: &str) -> Result<()> {
        let (wanted, other) = (self.folder.join(wanted), self.folder.join(other));
        if wanted.exists() {
            if self.tree.exists() {
                fs::rename(&self.tree, other)?;
            }
            fs::rename(wanted, &self.tree)?;
        }
        Ok(())
    }
}

impl Set for Linux {
    fn name(&self) -> &'static str {
        "linux"
    }

    fn path(&self) -> &Path {
        &self.tree
    }

    fn rewind(&self) -> Result<()> {
        self.put_in_place("old", "new")
    }

    fn advance(&self) -> Result<bool> {
        self.put_in_place("new", "old").map(|()| true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_change_at_one_path_and_repeating_is_harmless() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("tree/first")).unwrap();
        fs::create_dir_all(folder.path().join("new/second")).unwrap();
        let set = Linux {
            folder: folder.path().to_owned(),
            tree: folder.path().join("tree"),
        };
        for _ in 0..2 {
            set.rewind().unwrap();
            set.rewind().unwrap();
            assert!(set.path().join("first").exists());
            assert!(set.advance().unwrap());
            assert!(set.advance().unwrap());
            assert!(set.path().join("second").exists());
        }
    }

    #[test]
    fn an_interrupted_change_is_mended() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("old/first")).unwrap();
        fs::create_dir_all(folder.path().join("new/second")).unwrap();
        let set = Linux {
            folder: folder.path().to_owned(),
            tree: folder.path().join("tree"),
        };
        set.rewind().unwrap();
        assert!(set.path().join("first").exists());
    }
}
