//! A file system of its own within the tree.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::place::succeeded;

/// A file system in memory; it is not mounted any more when this is dropped.
pub(crate) struct Mounted(PathBuf);

impl Mounted {
    /// Mounts one at a folder; `None` where this user may not.
    pub(crate) fn at(folder: &Path) -> Result<Option<Self>> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        std::fs::create_dir_all(folder)?;
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=1g", "strongroom-continuous"]);
        succeeded(mount.arg(folder))?;
        Ok(Some(Self(folder.to_owned())))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        unmount(&self.0);
    }
}

/// Unmounts what a run that was killed has left there.
pub(crate) fn unmount(folder: &Path) {
    // Where nothing is mounted, it fails.
    let _ = Command::new("umount")
        .arg("--quiet")
        .arg("--lazy")
        .arg(folder)
        .output();
}
