//! Small files of this machine that must survive a crash whole: state, keys, settings.

use std::io;
use std::os::fd::AsFd as _;
use std::path::Path;

use rustix::fs::{CWD, Mode};
use rustix::io::Errno;

use crate::StoreError;
use crate::files::{self, Temporary};

/// Writes a file, durable and with exactly this mode, in place of the one that may be there.
///
/// After an error or a crash the file is the old one or the new one.
pub fn write_atomic(path: &Path, bytes: &[u8], mode: u32) -> Result<(), StoreError> {
    let write = || {
        let name = path
            .file_name()
            .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        let dir = files::open_dir(parent(path))?;
        let mut temporary = Temporary::create(dir.as_fd())?;
        let mode = Mode::from_raw_mode(mode);
        if mode != files::PRIVATE_FILE {
            rustix::fs::fchmod(temporary.file(), mode)?;
        }
        temporary.write(bytes)?;
        rustix::fs::renameat(&dir, temporary.name(), &dir, name)?;
        temporary.keep();
        files::sync_dir(&dir)
    };
    write().map_err(|error| StoreError::from_io("write", &path.display(), error))
}

/// Reads a file of at most `len_max` bytes; links are followed.
pub fn read(path: &Path, len_max: u64) -> Result<Vec<u8>, StoreError> {
    let (file, size) = files::open_regular(CWD, path, files::Links::Follow)
        .map_err(|error| StoreError::from_read("open", &path.display(), error))?;
    files::read_limited(file, size, len_max, &path.display())
}

/// Makes a folder for its owner alone, and the folders above it, durably; one that is there is left as it
/// is.
pub fn create_private_dir(path: &Path) -> Result<(), StoreError> {
    make(path).map_err(|error| StoreError::from_io("create", &path.display(), error))
}

fn make(path: &Path) -> io::Result<()> {
    match rustix::fs::mkdirat(CWD, path, files::PRIVATE_FOLDER) {
        Ok(()) => {}
        Err(Errno::NOENT) if parent(path) != path => {
            make(parent(path))?;
            return make(path);
        }
        // Also where the folder above cannot be written, as long as the folder is there.
        Err(errno) => return files::open_dir(path).map(drop).map_err(|_| errno.into()),
    }
    files::sync_dir(files::open_dir(path)?)?;
    files::sync_dir(files::open_dir(parent(path))?)
}

/// Returns the folder that holds `path`.
fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => path,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn a_file_is_replaced_whole_with_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        write_atomic(&path, b"old and longer", 0o600).unwrap();
        assert_eq!(mode(&path), 0o600);
        write_atomic(&path, b"new", 0o644).unwrap();
        assert_eq!(mode(&path), 0o644);
        assert_eq!(read(&path, 3).unwrap(), b"new");
        assert!(matches!(
            read(&path, 2),
            Err(StoreError::TooLarge { size: 3, .. })
        ));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("folder");
        std::fs::create_dir(&path).unwrap();
        assert!(write_atomic(&path, b"new", 0o600).is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(matches!(
            read(&folder.path().join("absent"), 9),
            Err(StoreError::NotFound { .. })
        ));
    }

    #[test]
    fn folders_are_made_private_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/c");
        create_private_dir(&path).unwrap();
        create_private_dir(&path).unwrap();
        assert_eq!(mode(&path), 0o700);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        write_atomic(&path.join("file"), b"", 0o600).unwrap();
        assert!(create_private_dir(&path.join("file")).is_err());
    }
}
