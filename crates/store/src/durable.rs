//! Small files of this machine that must survive a crash whole: state, keys, settings.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, FlockOperation, Mode};
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
        let mut temporary = create_locked(dir.as_fd())?;
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

/// Makes a temporary file that is locked as long as it is written, so that nobody takes it for a leftover.
fn create_locked(dir: BorrowedFd<'_>) -> io::Result<Temporary<'_>> {
    loop {
        let temporary = Temporary::create(dir)?;
        // Where files cannot be locked, none is taken for a leftover.
        let is_taken = lock(temporary.file()) == Err(Errno::WOULDBLOCK);
        // Whoever looks for leftovers may have come first.
        if !is_taken && rustix::fs::fstat(temporary.file())?.st_nlink > 0 {
            return Ok(temporary);
        }
    }
}

fn lock(file: &File) -> rustix::io::Result<()> {
    rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive)
}

/// Removes from a folder the halves of files that [`write_atomic`] left where it was killed, and counts them. What is
/// being written now stays.
pub fn remove_leftovers(folder: &Path) -> Result<u64, StoreError> {
    let remove = || {
        let dir = files::open_dir(folder)?;
        let mut removed = 0;
        for entry in Dir::read_from(&dir)? {
            let entry = entry?;
            let name = entry.file_name().to_str().unwrap_or_default();
            if files::is_temporary(name) && remove_leftover(dir.as_fd(), name)? {
                removed += 1;
            }
        }
        Ok(removed)
    };
    remove().map_err(|error| StoreError::from_io("list", &folder.display(), error))
}

fn remove_leftover(dir: BorrowedFd<'_>, name: &str) -> io::Result<bool> {
    let file = match files::open_regular(dir, Path::new(name), files::Links::Refuse) {
        Ok((file, _)) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    if lock(&file).is_err() {
        return Ok(false);
    }
    match rustix::fs::unlinkat(dir, name, AtFlags::empty()) {
        Ok(()) => Ok(true),
        // It has its own name now, or somebody else removed it.
        Err(Errno::NOENT) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
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
    fn what_a_killed_writer_left_is_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let dir = files::open_dir(folder.path()).unwrap();
        Temporary::create(dir.as_fd()).unwrap().keep();
        let written_now = create_locked(dir.as_fd()).unwrap();
        write_atomic(&folder.path().join("state"), b"", 0o600).unwrap();
        for other in ["tmp-1", "tmp-0123456789abcdef0123456789abcdeg"] {
            File::create(folder.path().join(other)).unwrap();
        }
        assert_eq!(remove_leftovers(folder.path()).unwrap(), 1);
        assert!(folder.path().join(written_now.name()).exists());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 4);
        assert_eq!(remove_leftovers(folder.path()).unwrap(), 0);
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
