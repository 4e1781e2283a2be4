//! A destination that is a folder of this machine: a disk, a stick, a network mount.
//!
//! An object is written under a temporary name, synced, and then given its own name in one step that does
//! not replace; the folder is synced last. All names are resolved from the open root, without following
//! links, and every call checks that the root is still what its path names: a disk that was unmounted
//! leaves an empty folder behind, and nothing must be written there. A store whose folder is gone has to be
//! opened again.

mod publish;
mod sector;
mod walk;

use std::collections::HashSet;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::fs::AtFlags;
use rustix::io::Errno;
use strongroom_base::clock::Timestamp;

use crate::files::{self, Links, Temporary};
use crate::{ObjectPath, Properties, PutOutcome, Store, StoreError, durable, prefix_folder};
use publish::Publisher;

/// When a file that the device does not give is read again, each time after the last one.
const READ_AGAIN_AFTER: [Duration; 3] = [
    Duration::from_millis(100),
    Duration::from_millis(400),
    Duration::from_millis(1_500),
];

/// Objects in a folder.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    root: OwnedFd,
    identity: Identity,
    /// Folders whose own entry is known to be on the disk.
    durable: Mutex<HashSet<String>>,
    publisher: Publisher,
}

/// Device and inode of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity(u64, u64);

impl From<rustix::fs::Stat> for Identity {
    fn from(stat: rustix::fs::Stat) -> Self {
        Self(stat.st_dev, stat.st_ino)
    }
}

impl Folder {
    /// Opens a folder that must be there.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let open = || {
            let path = std::path::absolute(path)?;
            let root = files::open_dir(&path)?;
            let identity = rustix::fs::fstat(&root)?.into();
            Ok((path, root, identity))
        };
        let (path, root, identity) = open().map_err(|error| missing(path, error))?;
        Ok(Self {
            path,
            root,
            identity,
            durable: Mutex::default(),
            publisher: Publisher::default(),
        })
    }

    /// Opens a folder and makes it, and the folders above it, if need be.
    pub fn create(path: &Path) -> Result<Self, StoreError> {
        durable::create_private_dir(path)?;
        Self::open(path)
    }

    /// Removes temporary files that were last written more than `age` before `now` and returns how many
    /// there were: what writers left that were killed.
    pub fn remove_stale_temporaries(
        &self,
        now: Timestamp,
        age: Duration,
    ) -> Result<u64, StoreError> {
        self.check_root()?;
        let newest = Timestamp(now.0.saturating_sub(age.as_nanos().cast_signed()));
        walk::remove_temporaries(self.root.as_fd(), newest)
            .map_err(|error| self.error("clean", "", error))
    }

    /// Refuses to work when the root is not what its path names any more.
    fn check_root(&self) -> Result<(), StoreError> {
        let stat =
            rustix::fs::stat(&self.path).map_err(|errno| missing(&self.path, errno.into()))?;
        if Identity::from(stat) == self.identity {
            return Ok(());
        }
        Err(StoreError::Gone {
            path: self.path.display().to_string(),
            source: io::Error::other("another folder is there now"),
        })
    }

    /// Names what failed while writing.
    fn error(&self, op: &'static str, path: &str, error: io::Error) -> StoreError {
        if let Err(gone) = self.check_root() {
            return gone;
        }
        match path {
            "" => StoreError::from_io(op, &self.path.display(), error),
            path => StoreError::from_io(op, &path, error),
        }
    }

    fn open_folder(&self, folder: &str) -> io::Result<OwnedFd> {
        let mut dir = self.root.try_clone()?;
        for name in folder.split('/').filter(|name| !name.is_empty()) {
            dir = files::open_dir_at(dir.as_fd(), name)?;
        }
        Ok(dir)
    }

    /// Opens a folder and makes sure once that a crash does not take it away.
    fn open_durable_folder(&self, folder: &str) -> io::Result<OwnedFd> {
        let known = self.durable_folders().contains(folder);
        if known {
            match self.open_folder(folder) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                opened => return opened,
            }
        }
        let mut dir = self.root.try_clone()?;
        for name in folder.split('/').filter(|name| !name.is_empty()) {
            match rustix::fs::mkdirat(&dir, name, files::PRIVATE_FOLDER) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno.into()),
            }
            let inner = files::open_dir_at(dir.as_fd(), name)?;
            files::sync_dir(&inner)?;
            files::sync_dir(&dir)?;
            dir = inner;
        }
        self.durable_folders().insert(folder.to_owned());
        Ok(dir)
    }

    fn durable_folders(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.durable.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, path: &ObjectPath, bytes: &[u8]) -> io::Result<PutOutcome> {
        let (folder, name) = path.split();
        let dir = self.open_durable_folder(folder)?;
        let outcome = if publish::is_taken(dir.as_fd(), name)? {
            PutOutcome::AlreadyThere
        } else {
            let mut temporary = Temporary::create(dir.as_fd())?;
            temporary.write(bytes)?;
            self.publisher.publish(temporary, name)?
        };
        // Also for an object that was there: its writer may not have come this far.
        files::sync_dir(&dir)?;
        Ok(outcome)
    }

    /// Opens an object and returns its size.
    fn open_object(&self, path: &ObjectPath) -> Result<(std::fs::File, u64), StoreError> {
        self.check_root()?;
        let (folder, name) = path.split();
        self.open_folder(folder)
            .and_then(|dir| files::open_regular(dir.as_fd(), Path::new(name), Links::Refuse))
            .map_err(|error| StoreError::from_read("open", path, error))
    }

    fn get_once(&self, path: &ObjectPath, len_max: u64) -> Result<Vec<u8>, StoreError> {
        let (file, size) = self.open_object(path)?;
        files::read_limited(file, size, len_max, path)
    }

    fn get_range_once(
        &self,
        path: &ObjectPath,
        offset: u64,
        len: usize,
    ) -> Result<Vec<u8>, StoreError> {
        let (file, size) = self.open_object(path)?;
        crate::store::check_range(path, size, offset, len)?;
        let read = || {
            let mut bytes = files::room_for(len)?;
            bytes.resize(len, 0);
            file.read_exact_at(&mut bytes, offset)?;
            Ok(bytes)
        };
        read().map_err(|error| StoreError::from_read("read", path, error))
    }

    /// Reads, and tells a bad sector from a disk that is not there any more: that one takes nothing new either.
    ///
    /// Only a file system on a device of this machine can tell: one that comes by a network, or is a program, gives the same
    /// error while it cannot get at its data. And only what fails for a while is no passing fault.
    fn read(&self, read: impl Fn() -> Result<Vec<u8>, StoreError>) -> Result<Vec<u8>, StoreError> {
        let mut result = read();
        for pause in READ_AGAIN_AFTER {
            match &result {
                Err(error) if error.is_of_device() && sector::is_of_device(&self.root) => {}
                _ => return result,
            }
            std::thread::sleep(pause);
            result = read();
        }
        if self.check_root().is_ok() && sector::takes_something_new(&self.root) {
            return result.map_err(StoreError::or_unreadable);
        }
        result
    }
}

impl Store for Folder {
    fn put_new(&self, path: &ObjectPath, bytes: &[u8]) -> Result<PutOutcome, StoreError> {
        self.check_root()?;
        self.put(path, bytes)
            .map_err(|error| self.error("write", path.as_str(), error))
    }

    fn get(&self, path: &ObjectPath, len_max: u64) -> Result<Vec<u8>, StoreError> {
        self.read(|| self.get_once(path, len_max))
    }

    fn get_range(&self, path: &ObjectPath, offset: u64, len: usize) -> Result<Vec<u8>, StoreError> {
        self.read(|| self.get_range_once(path, offset, len))
    }

    fn size(&self, path: &ObjectPath) -> Result<u64, StoreError> {
        self.open_object(path).map(|(_, size)| size)
    }

    fn modified(&self, path: &ObjectPath) -> Result<Timestamp, StoreError> {
        let (file, _) = self.open_object(path)?;
        let stat = rustix::fs::fstat(&file)
            .map_err(|error| StoreError::from_read("look at", path, error.into()))?;
        let nanoseconds = u32::try_from(stat.st_mtime_nsec).unwrap_or_default();
        Ok(Timestamp::from_parts(stat.st_mtime, nanoseconds))
    }

    fn list(&self, prefix: &str, visit: &mut dyn FnMut(ObjectPath, u64)) -> Result<(), StoreError> {
        let folder = prefix_folder(prefix)?;
        self.check_root()?;
        match self.open_folder(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            opened => opened.and_then(|dir| walk::list(dir.as_fd(), folder, visit)),
        }
        .map_err(|error| self.error("list", folder, error))
    }

    fn delete(&self, path: &ObjectPath) -> Result<(), StoreError> {
        self.check_root()?;
        let (folder, name) = path.split();
        let delete = || {
            let dir = self.open_folder(folder)?;
            rustix::fs::unlinkat(&dir, name, AtFlags::empty())?;
            files::sync_dir(&dir)
        };
        match delete() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            deleted => deleted.map_err(|error| self.error("delete", path.as_str(), error)),
        }
    }

    fn remove_empty(&self, prefix: &str) -> Result<(), StoreError> {
        let folder = prefix_folder(prefix)?;
        self.check_root()?;
        match rustix::fs::unlinkat(&self.root, folder, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST) => Ok(()),
            Err(errno) => Err(self.error("delete", folder, errno.into())),
        }
    }

    fn describe(&self) -> String {
        format!("folder {}", self.path.display())
    }

    fn properties(&self) -> Result<Properties, StoreError> {
        self.check_root()?;
        let space = rustix::fs::fstatvfs(&self.root)
            .map_err(|errno| self.error("measure", "", errno.into()))?;
        Ok(Properties {
            durable: "the file and its folder have been written through to the disk (fsync)",
            exclusive: self.publisher.is_exclusive(),
            free_bytes: Some(space.f_bavail.saturating_mul(space.f_frsize)),
            lock: None,
        })
    }
}

/// Names why the root of a store cannot be used.
fn missing(path: &Path, source: io::Error) -> StoreError {
    match Errno::from_io_error(&source) {
        Some(
            Errno::NOENT
            | Errno::NOTDIR
            | Errno::NODEV
            | Errno::NXIO
            | Errno::STALE
            | Errno::NOTCONN,
        ) => StoreError::Gone {
            path: path.display().to_string(),
            source,
        },
        _ => StoreError::from_io("open", &path.display(), source),
    }
}
