//! Listing, state and holes.

use std::os::fd::BorrowedFd;

use rustix::fs::{AtFlags, FileType, RawDir, SeekFrom, Statx, StatxFlags, StatxTimestamp};
use rustix::io::{Errno, Result};

use crate::stat::{Kind, Moment, Stat};

/// How many bytes of directory entries one call may fetch.
const ENTRIES_LEN: usize = 64 * 1024;

const STAT_FLAGS: AtFlags = AtFlags::SYMLINK_NOFOLLOW.union(AtFlags::NO_AUTOMOUNT);
const STAT_MASK: StatxFlags = StatxFlags::BASIC_STATS.union(StatxFlags::BTIME);

/// Asks for the state of something open.
pub(crate) fn stat(fd: BorrowedFd<'_>) -> Result<Stat> {
    rustix::fs::statx(fd, c"", AtFlags::EMPTY_PATH, STAT_MASK).and_then(|found| convert(&found))
}

/// Asks for the state of the entry `name` of a directory.
pub(crate) fn stat_child(dir: BorrowedFd<'_>, name: &[u8]) -> Result<Stat> {
    rustix::fs::statx(dir, name, STAT_FLAGS, STAT_MASK).and_then(|found| convert(&found))
}

/// Calls `each` with name, kind (where known) and number of every entry but `.` and `..`.
pub(crate) fn read_entries(
    dir: BorrowedFd<'_>,
    mut each: impl FnMut(&[u8], Option<Kind>, u64) -> Result<()>,
) -> Result<()> {
    let mut buffer: Vec<u8> = Vec::with_capacity(ENTRIES_LEN);
    let mut entries = RawDir::new(dir, buffer.spare_capacity_mut());
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            each(name, kind_of(entry.file_type()), entry.ino())?;
        }
    }
    Ok(())
}

/// Returns where the first data at or after `offset` begins; `None` where there is none.
pub(crate) fn data_from(fd: BorrowedFd<'_>, offset: u64) -> Result<Option<u64>> {
    absent_at_end(rustix::fs::seek(fd, SeekFrom::Data(offset)))
}

/// Returns where the first hole at or after `offset` begins; `None` where the file ends before it.
pub(crate) fn hole_from(fd: BorrowedFd<'_>, offset: u64) -> Result<Option<u64>> {
    absent_at_end(rustix::fs::seek(fd, SeekFrom::Hole(offset)))
}

fn absent_at_end(found: Result<u64>) -> Result<Option<u64>> {
    match found {
        Ok(offset) => Ok(Some(offset)),
        Err(Errno::NXIO) => Ok(None),
        Err(errno) => Err(errno),
    }
}

fn convert(found: &Statx) -> Result<Stat> {
    let mode = u32::from(found.stx_mode);
    let has_birth = found.stx_mask & StatxFlags::BTIME.bits() != 0;
    Ok(Stat {
        kind: kind_of(FileType::from_raw_mode(mode)).ok_or(Errno::OPNOTSUPP)?,
        mode: mode & 0o7777,
        uid: found.stx_uid,
        gid: found.stx_gid,
        size: found.stx_size,
        mtime: moment(&found.stx_mtime),
        ctime: moment(&found.stx_ctime),
        btime: has_birth.then(|| moment(&found.stx_btime)),
        dev: rustix::fs::makedev(found.stx_dev_major, found.stx_dev_minor),
        ino: found.stx_ino,
        nlink: found.stx_nlink,
        rdev: (found.stx_rdev_major, found.stx_rdev_minor),
        blocks: found.stx_blocks,
    })
}

fn moment(time: &StatxTimestamp) -> Moment {
    Moment::new(time.tv_sec, time.tv_nsec)
}

fn kind_of(file_type: FileType) -> Option<Kind> {
    Some(match file_type {
        FileType::RegularFile => Kind::File,
        FileType::Directory => Kind::Directory,
        FileType::Symlink => Kind::Symlink,
        FileType::Fifo => Kind::Fifo,
        FileType::CharacterDevice => Kind::CharDevice,
        FileType::BlockDevice => Kind::BlockDevice,
        FileType::Socket => Kind::Socket,
        FileType::Unknown => return None,
    })
}
