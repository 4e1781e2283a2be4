//! Where a folder lies: on a disk of this computer or not; and when a disk comes.

use std::fs::File;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// File systems that another computer, or a program, answers for: the kind that `statfs(2)` tells.
const FAR: [u32; 12] = [
    0x6969,      // NFS
    0x517B,      // SMB
    0xFF53_4D42, // CIFS
    0xFE53_4D42, // SMB 2
    0x6573_5546, // FUSE
    0x00C3_6400, // Ceph
    0x0102_1997, // 9P
    0x5346_414F, // AFS
    0x7375_7245, // Coda
    0x564C,      // NCP
    0x0BD0_0BD0, // Lustre
    0x0116_1970, // GFS2
];

/// Says whether a folder is on a file system of this computer.
pub(super) fn is_near(folder: &Path) -> bool {
    let kind = rustix::fs::statfs(folder).map(|found| found.f_type);
    let kind = kind
        .ok()
        .and_then(|kind| u32::try_from(kind & 0xFFFF_FFFF).ok());
    kind.is_some_and(|kind| !FAR.contains(&kind))
}

/// Tells when the table of mounts has changed.
#[derive(Debug)]
pub(super) struct Mounts(Option<Mutex<File>>);

impl Default for Mounts {
    fn default() -> Self {
        Self(File::open("/proc/self/mountinfo").ok().map(Mutex::new))
    }
}

impl Mounts {
    /// Says whether it has changed since the last time. Wakes no disk.
    pub(super) fn has_changed(&self) -> bool {
        let Some(file) = &self.0 else { return false };
        let file = file.lock().unwrap_or_else(PoisonError::into_inner);
        let mut polled = [PollFd::new(&*file, PollFlags::PRI)];
        let at_once = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let changed = poll(&mut polled, Some(&at_once)).unwrap_or(0) > 0;
        changed
            && polled[0]
                .revents()
                .intersects(PollFlags::PRI | PollFlags::ERR)
    }
}
