//! What the kernel is told of an entry.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fuser::{FileAttr, FileType, INodeNo};
use strongroom_base::clock::Timestamp;
use strongroom_format::content::Content;
use strongroom_format::tree::{Entry, Node};

/// The size in which programs are asked to read.
const BLOCK_LEN: u32 = 128 << 10;

/// Who owns the folders that are not in the archive: whoever mounted it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mounter {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// Returns the kind of an entry.
pub(crate) fn kind(node: &Node) -> FileType {
    match node {
        Node::File { .. } => FileType::RegularFile,
        Node::Directory { .. } => FileType::Directory,
        Node::Symlink { .. } => FileType::Symlink,
        Node::Fifo => FileType::NamedPipe,
        Node::CharDevice { .. } => FileType::CharDevice,
        Node::BlockDevice { .. } => FileType::BlockDevice,
    }
}

/// Returns the attributes of an entry.
pub(crate) fn of_entry(ino: u64, entry: &Entry) -> FileAttr {
    let meta = &entry.meta;
    let mtime = time(meta.mtime);
    let (size, rdev) = match &entry.node {
        Node::File { content } | Node::Directory { tree: content } => (content.len(), 0),
        Node::Symlink { target } => (target.len() as u64, 0),
        Node::Fifo => (0, 0),
        Node::CharDevice { major, minor } | Node::BlockDevice { major, minor } => {
            (0, device(*major, *minor))
        }
    };
    FileAttr {
        ino: INodeNo(ino),
        size,
        blocks: blocks(&entry.node, size),
        atime: mtime,
        mtime,
        ctime: mtime,
        crtime: meta.btime.map_or(UNIX_EPOCH, time),
        kind: kind(&entry.node),
        perm: meta.mode,
        // How many names there are is not kept, only that there is more than one.
        nlink: if meta.link.is_some() { 2 } else { 1 },
        uid: meta.owner.uid,
        gid: meta.owner.gid,
        rdev,
        blksize: BLOCK_LEN,
        flags: 0,
    }
}

/// Returns how many blocks of 512 bytes an entry takes.
///
/// A file that is given by a list may have holes. Whether it has, only the list says, which is not read for that: it takes
/// a block less than its size in any case, which is how programs know that they should ask for holes.
fn blocks(node: &Node, size: u64) -> u64 {
    match node {
        Node::File {
            content: Content::List { .. },
        } => (size / 512).saturating_sub(1),
        _ => size.div_ceil(512),
    }
}

/// Returns the attributes of a folder or link that is not in the archive.
pub(crate) fn of_own(
    ino: u64,
    kind: FileType,
    size: u64,
    changed: Timestamp,
    mounter: Mounter,
) -> FileAttr {
    let changed = time(changed);
    FileAttr {
        ino: INodeNo(ino),
        size,
        blocks: 0,
        atime: changed,
        mtime: changed,
        ctime: changed,
        crtime: changed,
        kind,
        perm: if kind == FileType::Symlink {
            0o777
        } else {
            0o555
        },
        nlink: 1,
        uid: mounter.uid,
        gid: mounter.gid,
        rdev: 0,
        blksize: BLOCK_LEN,
        flags: 0,
    }
}

/// Returns a time as the system has it; one that it cannot have becomes the beginning of 1970.
fn time(at: Timestamp) -> SystemTime {
    let Some((seconds, nanoseconds)) = at.to_parts() else {
        return UNIX_EPOCH;
    };
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let whole = if seconds < 0 {
        UNIX_EPOCH.checked_sub(whole)
    } else {
        UNIX_EPOCH.checked_add(whole)
    };
    whole
        .and_then(|whole| whole.checked_add(Duration::from_nanos(u64::from(nanoseconds))))
        .unwrap_or(UNIX_EPOCH)
}

/// Returns the number of a device as the kernel's `new_decode_dev` takes it.
fn device(major: u32, minor: u32) -> u32 {
    (minor & 0xff) | (major & 0xfff) << 8 | (minor & 0xf_ff00) << 12
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_devices_are_the_systems() {
        let before = UNIX_EPOCH - Duration::from_nanos(1);
        assert_eq!(time(Timestamp(-1)), before);
        assert_eq!(time(Timestamp(i128::MAX)), UNIX_EPOCH);
        assert_eq!(device(8, 1), 0x801);
        assert_eq!(device(259, 0x12345), 0x1231_0345);
    }
}
