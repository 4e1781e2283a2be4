//! Steps that folder stores and local durable files have in common.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use rustix::rand::{GetRandomFlags, getrandom};
use strongroom_base::ids::to_hex;

use crate::StoreError;
use crate::direct;
use crate::error::NotRegular;
use crate::path::TEMPORARY_PREFIX;

const TEMPORARY_RANDOM_LEN: usize = 16;

/// Mode of files nobody else may read.
pub(crate) const PRIVATE_FILE: Mode = Mode::from_raw_mode(0o600);

/// Mode of folders nobody else may enter.
pub(crate) const PRIVATE_FOLDER: Mode = Mode::from_raw_mode(0o700);

/// A file that is still being written; it is removed unless it is kept.
pub(crate) struct Temporary<'dir> {
    dir: BorrowedFd<'dir>,
    name: String,
    file: File,
    kept: bool,
}

impl<'dir> Temporary<'dir> {
    /// Creates an empty file under a name of its own.
    pub(crate) fn create(dir: BorrowedFd<'dir>) -> io::Result<Self> {
        let mut random = [0; TEMPORARY_RANDOM_LEN];
        getrandom(&mut random, GetRandomFlags::empty())?;
        let name = format!("{TEMPORARY_PREFIX}{}", to_hex(&random));
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(dir, &name, flags, PRIVATE_FILE)?.into();
        Ok(Self {
            dir,
            name,
            file,
            kept: false,
        })
    }

    /// Writes all of the file and brings it to the disk.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        direct::write_all(&mut self.file, bytes)?;
        self.file.sync_all()
    }

    pub(crate) fn dir(&self) -> BorrowedFd<'dir> {
        self.dir
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Leaves the file, which has another name now.
    pub(crate) fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if !self.kept {
            // A file that cannot be removed now is removed as a stale one later.
            let _ = rustix::fs::unlinkat(self.dir, &self.name, AtFlags::empty());
        }
    }
}

/// Says whether a name is one that [`Temporary`] gives.
pub(crate) fn is_temporary(name: &str) -> bool {
    name.strip_prefix(TEMPORARY_PREFIX).is_some_and(|random| {
        strongroom_base::ids::from_hex::<TEMPORARY_RANDOM_LEN>(random).is_some()
    })
}

/// Opens a folder by its path.
pub(crate) fn open_dir(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(CWD, path, flags, Mode::empty())?)
}

/// Opens a folder in a folder; a link is not followed.
pub(crate) fn open_dir_at(dir: BorrowedFd<'_>, name: &str) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(dir, name, flags, Mode::empty())?)
}

/// What to do with a symbolic link in place of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Links {
    Follow,
    Refuse,
}

/// Opens a regular file for reading and returns its size too.
pub(crate) fn open_regular(
    dir: BorrowedFd<'_>,
    name: &Path,
    links: Links,
) -> io::Result<(File, u64)> {
    // Without NONBLOCK the call would wait for the other end of a planted pipe.
    let mut flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    if links == Links::Refuse {
        flags |= OFlags::NOFOLLOW;
    }
    let fd = rustix::fs::openat(dir, name, flags, Mode::empty()).map_err(|errno| match errno {
        // A socket; or a link that is not to be followed.
        Errno::NXIO | Errno::LOOP => NotRegular.into(),
        errno => io::Error::from(errno),
    })?;
    let size = regular_size(&rustix::fs::fstat(&fd)?)?;
    Ok((fd.into(), size))
}

/// Returns the size of a regular file and refuses everything else.
pub(crate) fn regular_size(stat: &Stat) -> io::Result<u64> {
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(NotRegular.into());
    }
    u64::try_from(stat.st_size).map_err(io::Error::other)
}

/// Reads a file of `size` bytes, or refuses when there are more than `len_max`.
pub(crate) fn read_limited(
    file: File,
    size: u64,
    len_max: u64,
    path: &dyn fmt::Display,
) -> Result<Vec<u8>, StoreError> {
    let too_large = |size| StoreError::TooLarge {
        path: path.to_string(),
        size,
        len_max,
    };
    if size > len_max {
        return Err(too_large(size));
    }
    let read = || {
        let mut bytes = room_for(usize::try_from(size).map_err(io::Error::other)?)?;
        file.take(len_max.saturating_add(1))
            .read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().map_err(|error| StoreError::from_io("read", path, error))?;
    let len = bytes.len() as u64;
    if len > len_max {
        Err(too_large(len))
    } else {
        Ok(bytes)
    }
}

/// Returns an empty vector with room for `len` bytes, or an error where there is not so much memory.
pub(crate) fn room_for(len: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(len)?;
    Ok(bytes)
}

/// Brings the entries of a folder to the disk.
///
/// Some network file systems cannot do that and say so; there is nothing to be done then.
pub(crate) fn sync_dir(dir: impl AsFd) -> io::Result<()> {
    match rustix::fs::fsync(dir) {
        Ok(()) | Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}
