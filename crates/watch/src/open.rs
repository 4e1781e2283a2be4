//! Opening, listing and naming directories.

use std::ffi::OsStr;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RawDir, ResolveFlags, StatxFlags};
use rustix::io::{Errno, Result};

/// How many bytes of directory entries one call may fetch.
const ENTRIES_LEN: usize = 64 * 1024;

const FLAGS: OFlags = OFlags::DIRECTORY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// Which directory it is that is found at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    device: (u32, u32),
    inode: u64,
    /// When it was made, if the file system knows: the number of a deleted one is soon used again.
    birth: (i64, u32),
    /// The number of the mount it is on, from Linux 5.8 on.
    pub(crate) mount: Option<u64>,
}

/// Looks which directory is at an absolute path.
pub(crate) fn identify(path: &[u8]) -> Result<Identity> {
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
    let mask = StatxFlags::TYPE | StatxFlags::INO | StatxFlags::BTIME | StatxFlags::MNT_ID;
    let found = rustix::fs::statx(CWD, path, flags, mask)?;
    if !FileType::from_raw_mode(found.stx_mode.into()).is_dir() {
        return Err(Errno::NOTDIR);
    }
    let knows_mount = found.stx_mask & StatxFlags::MNT_ID.bits() != 0;
    Ok(Identity {
        device: (found.stx_dev_major, found.stx_dev_minor),
        inode: found.stx_ino,
        birth: (found.stx_btime.tv_sec, found.stx_btime.tv_nsec),
        mount: knows_mount.then_some(found.stx_mnt_id),
    })
}

/// Opens the directory at an absolute path without symbolic links.
///
/// It must not stay open while nothing happens: what is open cannot be unmounted.
pub(crate) fn open_top(path: &[u8]) -> Result<OwnedFd> {
    rustix::fs::open(path, OFlags::RDONLY | FLAGS, Mode::empty())
}

/// Opens the directory at `path` below `top`; a symbolic link on the way is an error.
pub(crate) fn open_below(top: BorrowedFd<'_>, path: &[u8]) -> Result<OwnedFd> {
    let path = if path.is_empty() { b"." } else { path };
    let (flags, resolve) = (
        OFlags::RDONLY | FLAGS,
        ResolveFlags::NO_SYMLINKS | ResolveFlags::BENEATH,
    );
    match rustix::fs::openat2(top, path, flags, Mode::empty(), resolve) {
        // The kernel also asks to try again when something on the way is being renamed.
        Err(Errno::NAMETOOLONG | Errno::NOSYS | Errno::AGAIN) => open_by_names(top, path),
        answer => answer,
    }
}

fn open_by_names(top: BorrowedFd<'_>, path: &[u8]) -> Result<OwnedFd> {
    let mut here = rustix::fs::openat(top, c".", OFlags::RDONLY | FLAGS, Mode::empty())?;
    for name in path.split(|byte| *byte == b'/') {
        here = rustix::fs::openat(&here, name, OFlags::RDONLY | FLAGS, Mode::empty())?;
    }
    Ok(here)
}

/// Calls `each` with the name of every directory in `dir`.
pub(crate) fn directories_in(dir: BorrowedFd<'_>, mut each: impl FnMut(&[u8])) -> Result<()> {
    let mut buffer: Vec<u8> = Vec::with_capacity(ENTRIES_LEN);
    let mut entries = RawDir::new(dir, buffer.spare_capacity_mut());
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let is_directory = match entry.file_type() {
            FileType::Unknown => {
                let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
                let found = rustix::fs::statx(dir, name, flags, StatxFlags::TYPE);
                found.is_ok_and(|found| FileType::from_raw_mode(found.stx_mode.into()).is_dir())
            }
            known => known.is_dir(),
        };
        if is_directory {
            each(name.to_bytes());
        }
    }
    Ok(())
}

/// Returns the name by which the kernel finds something open, which is no path for people.
pub(crate) fn name_of_open(fd: BorrowedFd<'_>) -> String {
    format!("/proc/self/fd/{}", fd.as_raw_fd())
}

/// Returns the path of something open, as its mount shows it.
pub(crate) fn path_of_open(fd: BorrowedFd<'_>) -> Result<Vec<u8>> {
    let path = rustix::fs::readlink(name_of_open(fd), Vec::new())?;
    Ok(path.into_bytes())
}

/// Returns the path of an open directory; where it is too long for the kernel, that of the nearest one above of which it is
/// not, and says whether it is the directory itself.
pub(crate) fn path_or_above(fd: &OwnedFd) -> Result<(Vec<u8>, bool)> {
    let mut above: Option<OwnedFd> = None;
    loop {
        let here = above.as_ref().unwrap_or(fd);
        match path_of_open(here.as_fd()) {
            Err(Errno::NAMETOOLONG) => {
                let up = rustix::fs::openat(here, c"..", OFlags::PATH | FLAGS, Mode::empty())?;
                above = Some(up);
            }
            answer => return answer.map(|path| (path, above.is_none())),
        }
    }
}

/// Says whether something open has been deleted.
pub(crate) fn is_deleted(fd: BorrowedFd<'_>) -> bool {
    let found = rustix::fs::statx(fd, c"", AtFlags::EMPTY_PATH, StatxFlags::NLINK);
    found.is_ok_and(|found| found.stx_nlink == 0)
}

/// Shows bytes as a path.
pub(crate) fn as_path(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}
