//! What the harness itself does to folders: counting, reading into the cache, making new, removing.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result};
use walkdir::WalkDir;

/// What a folder's regular files amount to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extent {
    /// How many there are.
    pub(crate) files: u64,
    /// The sum of their lengths.
    pub(crate) bytes: u64,
}

/// Counts the regular files below `folder`; a folder that is not there is empty.
pub(crate) fn extent(folder: &Path) -> Result<Extent> {
    let mut extent = Extent::default();
    if !folder.exists() {
        return Ok(extent);
    }
    for entry in WalkDir::new(folder) {
        let entry = entry?;
        if entry.file_type().is_file() {
            extent.files += 1;
            extent.bytes += entry.metadata()?.len();
        }
    }
    Ok(extent)
}

/// Reads every regular file below `folder` once, so that it is in the page cache.
pub(crate) fn warm(folder: &Path) -> Result<()> {
    let mut buffer = vec![0; 1 << 20];
    for entry in WalkDir::new(folder) {
        let entry = entry?;
        if entry.file_type().is_file() {
            let mut file = File::open(entry.path())?;
            while file.read(&mut buffer)? > 0 {}
        }
    }
    Ok(())
}

/// Writes everything back and empties the page cache.
pub(crate) fn drop_caches() -> Result<()> {
    rustix::fs::sync();
    let mut file = File::options().write(true).open("/proc/sys/vm/drop_caches");
    let written = file
        .as_mut()
        .map_err(|error| io::Error::new(error.kind(), error.to_string()));
    written
        .and_then(|file| file.write_all(b"3"))
        .context("the page cache can be dropped by root only")
}

/// Writes back everything of the file system that holds `folder`, as `sync -f` does.
pub(crate) fn sync(folder: &Path) -> Result<()> {
    let folder = File::open(folder).with_context(|| folder.display().to_string())?;
    Ok(rustix::fs::syncfs(folder)?)
}

/// Makes an empty folder, removing what was there.
pub(crate) fn make_new(folder: &Path) -> Result<()> {
    remove(folder)?;
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())
}

/// Removes a folder if it is there.
pub(crate) fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| folder.display().to_string())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_regular_files_at_any_depth() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("a")).unwrap();
        File::create(folder.path().join("a/b"))
            .unwrap()
            .write_all(b"1234")
            .unwrap();
        File::create(folder.path().join("c"))
            .unwrap()
            .write_all(b"5")
            .unwrap();
        std::os::unix::fs::symlink("c", folder.path().join("d")).unwrap();
        assert_eq!(
            extent(folder.path()).unwrap(),
            Extent { files: 2, bytes: 5 }
        );
        assert_eq!(
            extent(&folder.path().join("none")).unwrap(),
            Extent::default()
        );
    }
}
