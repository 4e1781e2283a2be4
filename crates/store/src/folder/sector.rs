//! What tells a bad sector from a disk that is away.

use std::os::fd::AsFd;

use rustix::fs::fstatfs;

use crate::files::Temporary;

/// File systems that are on a device of this machine, by their numbers in `linux/magic.h` and the sources of those that
/// are not there: ext, XFS, Btrfs, F2FS, bcachefs, ZFS, FAT, exFAT, NTFS, tmpfs, overlay.
const OF_DEVICES: [u64; 11] = [
    0xEF53,
    0x5846_5342,
    0x9123_683E,
    0xF2F5_2010,
    0xCA45_1A4E,
    0x2FC1_2FC1,
    0x4D44,
    0x2011_BAB0,
    0x7366_746E,
    0x0102_1994,
    0x794C_7630,
];

/// Says whether a folder is on a device of this machine.
pub(super) fn is_of_device(folder: impl AsFd) -> bool {
    fstatfs(folder).is_ok_and(|found| {
        let kind = found.f_type.cast_unsigned() & 0xFFFF_FFFF;
        OF_DEVICES.contains(&kind)
    })
}

/// Says whether a file can be made in a folder and brought to the disk now.
pub(super) fn takes_something_new(folder: impl AsFd) -> bool {
    let write = || Temporary::create(folder.as_fd())?.write(b"is this disk there?");
    write().is_ok()
}
