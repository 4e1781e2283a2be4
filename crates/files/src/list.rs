//! The names of a directory, kept close together.

use rustix::io::{Errno, Result};

use crate::stat::Kind;

/// The names of the entries of a directory, in the order of their bytes.
#[derive(Debug, Default)]
pub struct NameList {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    ino: u64,
    start: u32,
    len: u16,
    kind: Option<Kind>,
}

const _: () = assert!(size_of::<Entry>() == 16);

/// One entry of a [`NameList`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name<'a> {
    /// The name, which holds neither `/` nor NUL but need not be UTF-8.
    pub name: &'a [u8],
    /// What the entry was when it was listed; not every file system says.
    pub kind: Option<Kind>,
    /// The number of the entry; where something is mounted on it, the number below the mount.
    pub ino: u64,
}

impl NameList {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Makes a list of these names, of which nothing else is known.
    pub fn of(names: &[Vec<u8>]) -> Result<Self> {
        let mut list = Self::new();
        for name in names {
            list.push(name, None, 0)?;
        }
        Ok(list)
    }

    pub(crate) fn push(&mut self, name: &[u8], kind: Option<Kind>, ino: u64) -> Result<()> {
        let entry = Entry {
            ino,
            start: u32::try_from(self.bytes.len()).map_err(|_| Errno::OVERFLOW)?,
            len: u16::try_from(name.len()).map_err(|_| Errno::NAMETOOLONG)?,
            kind,
        };
        self.bytes.extend_from_slice(name);
        self.entries.push(entry);
        Ok(())
    }

    /// Sorts; a name that the kernel gave twice, because the directory changed meanwhile, stays once.
    pub(crate) fn sort(&mut self) {
        let bytes = &self.bytes;
        self.entries
            .sort_unstable_by(|a, b| a.name(bytes).cmp(b.name(bytes)));
        self.entries.dedup_by(|a, b| a.name(bytes) == b.name(bytes));
    }

    /// Returns how many names there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Says whether the directory is empty.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the name at `index` of the order.
    pub fn get(&self, index: usize) -> Option<Name<'_>> {
        self.entries.get(index).map(|entry| self.show(entry))
    }

    /// Goes through the names in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Name<'_>> {
        self.entries.iter().map(|entry| self.show(entry))
    }

    fn show(&self, entry: &Entry) -> Name<'_> {
        Name {
            name: entry.name(&self.bytes),
            kind: entry.kind,
            ino: entry.ino,
        }
    }
}

impl Entry {
    fn name<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        let start = self.start as usize;
        &bytes[start..start + usize::from(self.len)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_in_the_order_of_their_bytes_and_once() {
        let mut list = NameList::new();
        for name in [&b"b"[..], b"\xff", b"a\n", b"b", b"a", b"B", b"aa"] {
            list.push(name, None, 7).unwrap();
        }
        list.sort();
        let names: Vec<_> = list.iter().map(|entry| entry.name).collect();
        assert_eq!(names, [&b"B"[..], b"a", b"a\n", b"aa", b"b", b"\xff"]);
        assert_eq!(list.len(), 6);
        assert_eq!(list.get(0).unwrap().name, b"B");
        assert_eq!(list.get(6), None);
    }
}
