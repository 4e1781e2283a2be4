//! The table of mounts, as the kernel shows it in `/proc/self/mountinfo` (`proc(5)`).

use std::fs::File;
use std::io;

use crate::place::below;

const PATH: &str = "/proc/self/mountinfo";

/// A mounted file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    /// The number of the mount, which is not used again soon.
    pub(crate) id: u64,
    /// The number of the device: the same for all mounts of one file system.
    pub(crate) device: String,
    /// Where it is mounted.
    pub(crate) point: Vec<u8>,
    /// The type of the file system.
    pub(crate) file_system: String,
}

/// All mounts, as they were when the table was read; later ones may cover earlier ones.
#[derive(Clone, Debug, Default)]
pub(crate) struct MountTable {
    mounts: Vec<Mount>,
}

impl MountTable {
    /// Opens what can be polled for changes of the table.
    pub(crate) fn open_notice() -> io::Result<File> {
        File::open(PATH)
    }

    /// Reads the table. Lines of an unknown form are left out.
    pub(crate) fn read() -> io::Result<Self> {
        std::fs::read(PATH).map(|text| Self::parse(&text))
    }

    fn parse(text: &[u8]) -> Self {
        let lines = text.split(|byte| *byte == b'\n');
        let mounts = lines.filter_map(parse_line).collect();
        Self { mounts }
    }

    /// Returns the mount with this number.
    pub(crate) fn by_id(&self, id: u64) -> Option<&Mount> {
        self.mounts.iter().find(|mount| mount.id == id)
    }

    /// Returns the mount that a path lies on, judged by the path alone.
    pub(crate) fn containing(&self, path: &[u8]) -> Option<&Mount> {
        let holding = self.mounts.iter();
        holding
            .filter(|mount| below(path, &mount.point).is_some())
            .max_by_key(|mount| mount.point.len())
    }

    /// Returns the mounts below a path, not at it; of those at one place the last, which covers the others.
    pub(crate) fn below<'a>(&'a self, path: &[u8]) -> impl Iterator<Item = &'a Mount> {
        let is_below = |mount: &Mount| below(&mount.point, path).is_some_and(|r| !r.is_empty());
        let mounts = self.mounts.iter().enumerate();
        let inner: Vec<_> = mounts.filter(|(_, mount)| is_below(mount)).collect();
        inner.into_iter().filter_map(move |(at, mount)| {
            let mut later = self.mounts[at + 1..].iter();
            later
                .all(|other| other.point != mount.point)
                .then_some(mount)
        })
    }
}

fn parse_line(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|byte| *byte == b' ');
    let id = text(fields.next()?)?.parse().ok()?;
    let _parent = fields.next()?;
    let device = text(fields.next()?)?;
    let _root = fields.next()?;
    let point = unescape(fields.next()?);
    let _options = fields.next()?;
    // Optional fields follow, up to a dash.
    fields.find(|field| *field == b"-")?;
    let file_system = text(fields.next()?)?;
    Some(Mount {
        id,
        device,
        point,
        file_system,
    })
}

fn text(field: &[u8]) -> Option<String> {
    String::from_utf8(unescape(field)).ok()
}

/// Undoes the kernel's writing of bytes as a backslash and three octal digits.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        if *first == b'\\'
            && let Some((byte, after)) = octal(after)
        {
            bytes.push(byte);
            rest = after;
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    bytes
}

fn octal(text: &[u8]) -> Option<(u8, &[u8])> {
    let (digits, rest) = text.split_at_checked(3)?;
    let mut value = 0_u32;
    for digit in digits {
        value = value * 8 + char::from(*digit).to_digit(8)?;
    }
    Some((u8::try_from(value).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[u8] = b"21 1 253:0 / / rw,relatime - ext4 /dev/vda rw\n\
        22 21 0:20 / /proc rw shared:5 master:1 - proc proc rw\n\
        40 21 0:33 / /r/with\\040space\\134\\012 rw - tmpfs none rw\n\
        41 21 0:34 / /r/x rw - nfs4 host:/x rw\n\
        42 41 0:35 / /r/x rw - ext4 /dev/vdb rw\n\
        nonsense\n\
        43 21 0:36 / /rx\xff rw - fuse.sshfs x rw\n";

    #[test]
    fn lines_are_understood_and_nonsense_is_left_out() {
        let table = MountTable::parse(TABLE);
        assert_eq!(table.mounts.len(), 6);
        assert_eq!(table.by_id(40).unwrap().point, b"/r/with space\\\n");
        assert_eq!(table.by_id(40).unwrap().device, "0:33");
        assert_eq!(table.by_id(22).unwrap().file_system, "proc");
        assert_eq!(table.by_id(43).unwrap().point, b"/rx\xff");
    }

    #[test]
    fn a_path_is_on_the_last_mount_at_the_longest_point() {
        let table = MountTable::parse(TABLE);
        let id = |path: &[u8]| table.containing(path).unwrap().id;
        assert_eq!((id(b"/r"), id(b"/rx"), id(b"/r/x/y")), (21, 21, 42));
        let below = |path: &[u8]| table.below(path).map(|mount| mount.id).collect::<Vec<_>>();
        assert_eq!(below(b"/r"), [40, 42]);
        assert_eq!(below(b"/r/x"), Vec::<u64>::new());
        assert_eq!(below(b"/"), [22, 40, 42, 43]);
    }

    #[test]
    fn this_computers_own_table_is_understood() {
        let table = MountTable::read().unwrap();
        assert!(table.containing(b"/").is_some());
    }
}
