//! The state of an entry of a file system.

use std::num::NonZeroU32;

use strongroom_base::clock::Timestamp;

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A named pipe.
    Fifo,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
    /// A Unix socket.
    Socket,
}

/// A [`Timestamp`] as file systems keep it: 12 bytes, also where it may be absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(Rust, packed(4))]
pub struct Moment {
    seconds: i64,
    nanoseconds_plus_one: NonZeroU32,
}

const NANOSECONDS_MAX: u32 = 999_999_999;

// A `Stat` is kept for every file of a directory that is being compared.
const _: () = assert!(size_of::<Option<Moment>>() == 12);
const _: () = assert!(size_of::<Stat>() == 96);

impl Moment {
    /// Builds a moment from whole seconds since 1970 and the nanoseconds after them; a file system that
    /// reports more than a second of nanoseconds is taken to mean the last of them.
    pub fn new(seconds: i64, nanoseconds: u32) -> Self {
        Self {
            seconds,
            nanoseconds_plus_one: NonZeroU32::MIN.saturating_add(nanoseconds.min(NANOSECONDS_MAX)),
        }
    }

    /// Returns the whole seconds since 1970, rounded down.
    pub fn seconds(self) -> i64 {
        self.seconds
    }

    /// Returns the nanoseconds after the whole seconds.
    pub fn nanoseconds(self) -> u32 {
        let plus_one = self.nanoseconds_plus_one;
        plus_one.get() - 1
    }
}

impl From<Moment> for Timestamp {
    fn from(moment: Moment) -> Self {
        Self::from_parts(moment.seconds(), moment.nanoseconds())
    }
}

/// The state of an entry, as asked for without following a symbolic link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// What the entry is.
    pub kind: Kind,
    /// The permission bits, with set-user-id, set-group-id and sticky (`07777`).
    pub mode: u32,
    /// The number of the owning user.
    pub uid: u32,
    /// The number of the owning group.
    pub gid: u32,
    /// The length of a file's content, or of the text of a symbolic link.
    pub size: u64,
    /// When the content last changed.
    pub mtime: Moment,
    /// When the content or the metadata last changed.
    pub ctime: Moment,
    /// When the entry was made, where the file system knows.
    pub btime: Option<Moment>,
    /// The device that holds the entry.
    pub dev: u64,
    /// The number of the entry on its device.
    pub ino: u64,
    /// How many names the entry has.
    pub nlink: u32,
    /// Major and minor number of the device that the entry stands for.
    pub rdev: (u32, u32),
    /// Storage in use, in units of 512 bytes.
    pub blocks: u64,
}

impl Stat {
    /// Says whether both are states of the same entry, whatever happened to its content.
    pub fn is_same_entry(&self, other: &Self) -> bool {
        self.dev == other.dev && self.ino == other.ino && self.btime == other.btime
    }

    /// Says whether this is the same entry as `earlier`, with content and metadata untouched since.
    ///
    /// A change within the clock granularity of the file system can go unseen; a caller that compares
    /// with an earlier scan also asks that the time of change lies well before that scan.
    pub fn is_unchanged_since(&self, earlier: &Self) -> bool {
        self.is_same_entry(earlier)
            && self.kind == earlier.kind
            && self.size == earlier.size
            && self.mtime == earlier.mtime
            && self.ctime == earlier.ctime
    }

    /// Returns the time of the last change of content.
    pub fn mtime(&self) -> Timestamp {
        self.mtime.into()
    }

    /// Returns the time of the last change of content or metadata.
    pub fn ctime(&self) -> Timestamp {
        self.ctime.into()
    }

    /// Returns the time of birth, where the file system knows.
    pub fn btime(&self) -> Option<Timestamp> {
        self.btime.map(Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_keeps_every_nanosecond() {
        for (seconds, nanoseconds) in [(0, 0), (-1, NANOSECONDS_MAX), (i64::MIN, 1), (i64::MAX, 7)]
        {
            let moment = Moment::new(seconds, nanoseconds);
            assert_eq!(moment.seconds(), seconds);
            assert_eq!(moment.nanoseconds(), nanoseconds);
            assert_eq!(
                Timestamp::from(moment).to_parts(),
                Some((seconds, nanoseconds))
            );
        }
    }

    #[test]
    fn nanoseconds_beyond_a_second_are_cut() {
        assert_eq!(Moment::new(3, u32::MAX).nanoseconds(), NANOSECONDS_MAX);
    }
}
