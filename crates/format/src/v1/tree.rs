//! Tree chunks and their entries: `spec/archive-v1.md`, section 10.

use std::sync::Arc;

use strongroom_base::clock::Timestamp;
use strongroom_base::wire::{Put, Reader, WireError, invalid};
use strongroom_crypto::hash::keyed_hash;
use strongroom_crypto::keys::DedupKeys;

use super::content::Content;
use super::limits::{
    LABEL_LEN_MAX, NAME_LEN_MAX, PATH_LEN_MAX, TREE_CHUNK_LEN_MAX, TREE_CHUNK_LEN_MIN, XATTRS_MAX,
};

const OWNER: u8 = 1;
const BTIME: u8 = 1 << 1;
const FILE_FLAGS: u8 = 1 << 2;
const XATTRS: u8 = 1 << 3;
const LINK: u8 = 1 << 4;
const UNSETTLED: u8 = 1 << 5;
const FLAGS: u8 = OWNER | BTIME | FILE_FLAGS | XATTRS | LINK | UNSETTLED;

/// 2^32 / 6144: with it the mean tree chunk has 8 KiB whatever the length of its entries.
const CUT_FACTOR: u64 = 699_051;

/// Who owns an entry: the numbers, and the names where they were known.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Owner {
    /// The number of the user.
    pub uid: u32,
    /// The number of the group.
    pub gid: u32,
    /// The name of the user, or nothing.
    pub user: Vec<u8>,
    /// The name of the group, or nothing.
    pub group: Vec<u8>,
}

/// What is kept of every entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// Permissions, and the set-id and sticky bits.
    pub mode: u16,
    /// Who owns it.
    pub owner: Arc<Owner>,
    /// When its content was last modified.
    pub mtime: Timestamp,
    /// When it was made, where the file system says so.
    pub btime: Option<Timestamp>,
    /// The bits of `FS_IOC_GETFLAGS` that can be set.
    pub file_flags: u32,
    /// Extended attributes, POSIX ACLs among them, sorted by name.
    pub xattrs: Vec<(Vec<u8>, Content)>,
    /// The same for all names of one inode; present where there is more than one.
    pub link: Option<u64>,
    /// The file changed while it was read, and never settled.
    pub unsettled: bool,
}

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A regular file.
    File {
        /// Its bytes.
        content: Content,
    },
    /// A directory.
    Directory {
        /// Its entries.
        tree: Content,
    },
    /// A symbolic link.
    Symlink {
        /// Where it points.
        target: Vec<u8>,
    },
    /// A named pipe.
    Fifo,
    /// A character device.
    CharDevice {
        /// Its major number.
        major: u32,
        /// Its minor number.
        minor: u32,
    },
    /// A block device.
    BlockDevice {
        /// Its major number.
        major: u32,
        /// Its minor number.
        minor: u32,
    },
}

/// A name in a directory, and what it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The raw bytes of the name.
    pub name: Vec<u8>,
    /// What is kept of every entry.
    pub meta: Meta,
    /// What it is.
    pub node: Node,
}

/// Says whether a name can stand in a tree: neither empty nor `.` nor `..`, without `/` and NUL.
pub fn is_entry_name(name: &[u8]) -> bool {
    !name.is_empty()
        && name.len() <= NAME_LEN_MAX
        && name != b"."
        && name != b".."
        && !name.iter().any(|byte| matches!(byte, b'/' | 0))
}

impl Node {
    fn code(&self) -> u8 {
        match self {
            Self::File { .. } => 1,
            Self::Directory { .. } => 2,
            Self::Symlink { .. } => 3,
            Self::Fifo => 4,
            Self::CharDevice { .. } => 5,
            Self::BlockDevice { .. } => 6,
        }
    }

    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::File { content } | Self::Directory { tree: content } => content.put(out),
            Self::Symlink { target } => out.put_bytes(target),
            Self::Fifo => {}
            Self::CharDevice { major, minor } | Self::BlockDevice { major, minor } => {
                out.put_varint(u128::from(*major));
                out.put_varint(u128::from(*minor));
            }
        }
    }

    fn read(code: u8, reader: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(match code {
            1 => Self::File {
                content: Content::read(reader)?,
            },
            2 => {
                let tree = Content::read(reader)?;
                if matches!(&tree, Content::Inline(bytes) if !bytes.is_empty()) {
                    return Err(invalid("tree"));
                }
                Self::Directory { tree }
            }
            3 => {
                let target = reader.bytes(PATH_LEN_MAX, "target")?.to_vec();
                if target.is_empty() || target.contains(&0) {
                    return Err(invalid("target"));
                }
                Self::Symlink { target }
            }
            4 => Self::Fifo,
            5 | 6 => {
                let major = read_u32(reader, "major")?;
                let minor = read_u32(reader, "minor")?;
                if code == 5 {
                    Self::CharDevice { major, minor }
                } else {
                    Self::BlockDevice { major, minor }
                }
            }
            _ => return Err(invalid("kind")),
        })
    }
}

fn read_u32(reader: &mut Reader<'_>, field: &'static str) -> Result<u32, WireError> {
    let value = reader.varint_u64(u64::from(u32::MAX), field)?;
    u32::try_from(value).map_err(|_| invalid(field))
}

/// Writes the entries of one tree chunk, each relative to the one before it.
#[derive(Clone, Debug, Default)]
pub struct ChunkWriter {
    last: Option<(Arc<Owner>, Timestamp)>,
}

impl ChunkWriter {
    /// Appends an entry to the chunk.
    pub fn put(&mut self, entry: &Entry, out: &mut Vec<u8>) {
        let meta = &entry.meta;
        let (last_owner, last_mtime) = match &self.last {
            Some((owner, mtime)) => (Some(owner), *mtime),
            None => (None, Timestamp(0)),
        };
        let same_owner =
            last_owner.is_some_and(|last| Arc::ptr_eq(last, &meta.owner) || *last == meta.owner);
        let mut flags = 0;
        let mut set = |bit, on: bool| flags |= if on { bit } else { 0 };
        set(OWNER, !same_owner);
        set(BTIME, meta.btime.is_some());
        set(FILE_FLAGS, meta.file_flags != 0);
        set(XATTRS, !meta.xattrs.is_empty());
        set(LINK, meta.link.is_some());
        set(UNSETTLED, meta.unsettled);
        out.push(flags);
        out.push(entry.node.code());
        out.put_bytes(&entry.name);
        out.put_varint(u128::from(meta.mode));
        if !same_owner {
            out.put_varint(u128::from(meta.owner.uid));
            out.put_varint(u128::from(meta.owner.gid));
            out.put_bytes(&meta.owner.user);
            out.put_bytes(&meta.owner.group);
        }
        out.put_zigzag(meta.mtime.0 - last_mtime.0);
        if let Some(btime) = meta.btime {
            out.put_zigzag(btime.0 - meta.mtime.0);
        }
        if meta.file_flags != 0 {
            out.put_varint(u128::from(meta.file_flags));
        }
        if !meta.xattrs.is_empty() {
            out.put_count(meta.xattrs.len());
            for (name, value) in &meta.xattrs {
                out.put_bytes(name);
                value.put(out);
            }
        }
        if let Some(link) = meta.link {
            out.put_u64(link);
        }
        entry.node.put(out);
        self.last = Some((meta.owner.clone(), meta.mtime));
    }
}

/// Reads the entries of one tree chunk, and refuses what is not sorted.
#[derive(Debug)]
pub struct Entries<'a> {
    reader: Reader<'a>,
    last: Option<(Arc<Owner>, Timestamp, Vec<u8>)>,
    failed: bool,
}

impl<'a> Entries<'a> {
    /// Reads the entries in `chunk`.
    pub fn new(chunk: &'a [u8]) -> Self {
        Self {
            reader: Reader::new(chunk),
            last: None,
            failed: false,
        }
    }

    fn read(&mut self) -> Result<Entry, WireError> {
        let reader = &mut self.reader;
        let flags = reader.u8("flags")?;
        if flags & !FLAGS != 0 {
            return Err(invalid("flags"));
        }
        let code = reader.u8("kind")?;
        let name = reader.bytes(NAME_LEN_MAX, "name")?;
        let after_last = self
            .last
            .as_ref()
            .is_none_or(|(_, _, last)| last.as_slice() < name);
        if !is_entry_name(name) || !after_last {
            return Err(invalid("name"));
        }
        let name = name.to_vec();
        let mode = reader.varint_u64(0o7777, "mode")?;
        let (last_owner, last_mtime) = match &self.last {
            Some((owner, mtime, _)) => (Some(owner), mtime.0),
            None => (None, 0),
        };
        let owner = read_owner(reader, flags & OWNER != 0, last_owner)?;
        let mtime = add_time(last_mtime, reader.zigzag("mtime")?, "mtime")?;
        let btime = if flags & BTIME == 0 {
            None
        } else {
            Some(add_time(mtime.0, reader.zigzag("btime")?, "btime")?)
        };
        let file_flags = if flags & FILE_FLAGS == 0 {
            0
        } else {
            nonzero(read_u32(reader, "file flags")?)?
        };
        let xattrs = if flags & XATTRS == 0 {
            Vec::new()
        } else {
            read_xattrs(reader)?
        };
        let link = if flags & LINK == 0 {
            None
        } else {
            Some(reader.u64("link")?)
        };
        let node = Node::read(code, reader)?;
        if link.is_some() && matches!(node, Node::Directory { .. }) {
            return Err(invalid("link"));
        }
        let unsettled = flags & UNSETTLED != 0;
        if unsettled && !matches!(node, Node::File { .. }) {
            return Err(invalid("flags"));
        }
        let mode = u16::try_from(mode).map_err(|_| invalid("mode"))?;
        self.last = Some((owner.clone(), mtime, name.clone()));
        let meta = Meta {
            mode,
            owner,
            mtime,
            btime,
            file_flags,
            xattrs,
            link,
            unsettled,
        };
        Ok(Entry { name, meta, node })
    }
}

impl Iterator for Entries<'_> {
    type Item = Result<Entry, WireError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed || self.reader.is_empty() {
            return None;
        }
        let entry = self.read();
        self.failed = entry.is_err();
        Some(entry)
    }
}

fn nonzero(value: u32) -> Result<u32, WireError> {
    if value == 0 {
        Err(invalid("file flags"))
    } else {
        Ok(value)
    }
}

fn add_time(base: i128, after: i128, field: &'static str) -> Result<Timestamp, WireError> {
    base.checked_add(after).map(Timestamp).ok_or(invalid(field))
}

fn read_owner(
    reader: &mut Reader<'_>,
    given: bool,
    last: Option<&Arc<Owner>>,
) -> Result<Arc<Owner>, WireError> {
    if !given {
        return last.cloned().ok_or(invalid("owner"));
    }
    let owner = Owner {
        uid: read_u32(reader, "uid")?,
        gid: read_u32(reader, "gid")?,
        user: reader.bytes(LABEL_LEN_MAX, "user")?.to_vec(),
        group: reader.bytes(LABEL_LEN_MAX, "group")?.to_vec(),
    };
    if last.is_some_and(|last| **last == owner) {
        return Err(invalid("owner"));
    }
    Ok(Arc::new(owner))
}

fn read_xattrs(reader: &mut Reader<'_>) -> Result<Vec<(Vec<u8>, Content)>, WireError> {
    let count = reader.count(XATTRS_MAX, "xattrs")?;
    let mut xattrs: Vec<(Vec<u8>, Content)> = Vec::new();
    for _ in 0..count {
        let name = reader.bytes(LABEL_LEN_MAX, "xattr name")?.to_vec();
        let after_last = xattrs.last().is_none_or(|(last, _)| *last < name);
        if name.is_empty() || name.contains(&0) || !after_last {
            return Err(invalid("xattr name"));
        }
        xattrs.push((name, Content::read(reader)?));
    }
    if xattrs.is_empty() {
        Err(invalid("xattrs"))
    } else {
        Ok(xattrs)
    }
}

/// Divides the entries of a directory into tree chunks.
#[derive(Debug, Default)]
pub struct TreeChunker {
    writer: ChunkWriter,
    chunk: Vec<u8>,
    entry: Vec<u8>,
}

impl TreeChunker {
    /// Adds the next entry; calls `emit` with each chunk that it completes.
    pub fn push<E>(
        &mut self,
        keys: &DedupKeys,
        entry: &Entry,
        emit: &mut dyn FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.entry.clear();
        let mut writer = self.writer.clone();
        writer.put(entry, &mut self.entry);
        if !self.chunk.is_empty() && self.chunk.len() + self.entry.len() > TREE_CHUNK_LEN_MAX {
            self.finish(emit)?;
            self.entry.clear();
            writer = ChunkWriter::default();
            writer.put(entry, &mut self.entry);
        }
        self.writer = writer;
        self.chunk.extend_from_slice(&self.entry);
        if self.chunk.len() >= TREE_CHUNK_LEN_MIN && closes(keys, &entry.name, self.entry.len()) {
            self.finish(emit)?;
        }
        Ok(())
    }

    /// Calls `emit` with the last chunk, unless it is empty.
    pub fn finish<E>(&mut self, emit: &mut dyn FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        self.writer = ChunkWriter::default();
        if !self.chunk.is_empty() {
            emit(&self.chunk)?;
            self.chunk.clear();
        }
        Ok(())
    }
}

fn closes(keys: &DedupKeys, name: &[u8], entry_len: usize) -> bool {
    let mut message = Vec::with_capacity(4 + name.len());
    message.extend_from_slice(b"name");
    message.extend_from_slice(name);
    let hash = keyed_hash(&keys.chunker, &message);
    let value = u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]);
    u64::from(value) < (entry_len as u64 * CUT_FACTOR).min(u64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1::content::ChunkId;
    use std::convert::Infallible;
    use strongroom_crypto::random::SystemRandom;

    fn entry(name: &str, node: Node) -> Entry {
        let owner = Owner {
            uid: 1000,
            gid: 100,
            user: b"anna".to_vec(),
            group: b"users".to_vec(),
        };
        let meta = Meta {
            mode: 0o644,
            owner: Arc::new(owner),
            mtime: Timestamp(1_700_000_000_123_456_789),
            btime: Some(Timestamp(1_600_000_000_000_000_000)),
            file_flags: 0x40,
            xattrs: vec![(b"user.a".to_vec(), Content::Inline(b"v".to_vec()))],
            link: None,
            unsettled: false,
        };
        Entry {
            name: name.into(),
            meta,
            node,
        }
    }

    fn entries() -> Vec<Entry> {
        let chunk = Content::Chunk {
            len: 600,
            id: ChunkId([4; 32]),
        };
        let mut file = entry(
            "a",
            Node::File {
                content: chunk.clone(),
            },
        );
        file.meta.link = Some(77);
        file.meta.unsettled = true;
        let mut bare = entry("b", Node::Fifo);
        bare.meta.xattrs.clear();
        bare.meta.btime = None;
        bare.meta.file_flags = 0;
        bare.meta.mtime = Timestamp(-1);
        vec![
            file,
            bare,
            entry("c", Node::Directory { tree: chunk }),
            entry(
                "d",
                Node::Symlink {
                    target: b"../x".to_vec(),
                },
            ),
            entry("e", Node::CharDevice { major: 1, minor: 3 }),
            entry(
                "f",
                Node::BlockDevice {
                    major: 8,
                    minor: u32::MAX,
                },
            ),
        ]
    }

    fn encode(entries: &[Entry]) -> Vec<u8> {
        let (mut writer, mut bytes) = (ChunkWriter::default(), Vec::new());
        for entry in entries {
            writer.put(entry, &mut bytes);
        }
        bytes
    }

    #[test]
    fn entries_come_back() {
        let decoded: Result<Vec<_>, _> = Entries::new(&encode(&entries())).collect();
        assert_eq!(decoded.unwrap(), entries());
    }

    #[track_caller]
    fn refused(edit: impl FnOnce(&mut Vec<Entry>)) {
        let mut changed = entries();
        edit(&mut changed);
        let decoded: Result<Vec<_>, _> = Entries::new(&encode(&changed)).collect();
        assert!(decoded.is_err());
    }

    #[test]
    fn hostile_entries_are_refused() {
        for name in ["", ".", "..", "a/b", "a\0b", "/"] {
            refused(|e| e[0].name = name.into());
        }
        refused(|e| e.swap(0, 1));
        refused(|e| e[1].name = b"a".to_vec());
        refused(|e| e[2].meta.link = Some(1));
        refused(|e| e[2].meta.unsettled = true);
        refused(|e| e[3].node = Node::Symlink { target: Vec::new() });
        refused(|e| e[0].meta.mode = 0o10_000);
        refused(|e| {
            e[2].node = Node::Directory {
                tree: Content::Inline(vec![1]),
            }
        });
        refused(|e| {
            e[0].meta
                .xattrs
                .push((b"user.a".to_vec(), Content::Inline(vec![])));
        });
    }

    #[test]
    fn one_more_name_changes_one_chunk() {
        let keys = DedupKeys::random(&SystemRandom);
        let chunks = |names: &[String]| {
            let (mut chunker, mut chunks) = (TreeChunker::default(), Vec::new());
            let mut emit = |chunk: &[u8]| -> Result<(), Infallible> {
                chunks.push(chunk.to_vec());
                Ok(())
            };
            for name in names {
                let Ok(()) = chunker.push(&keys, &entry(name, Node::Fifo), &mut emit);
            }
            let Ok(()) = chunker.finish(&mut emit);
            chunks
        };
        let mut names: Vec<String> = (0..20_000).map(|n| format!("name-{n:06}")).collect();
        let before = chunks(&names);
        names.insert(9_000, "name-008999a".to_owned());
        let after = chunks(&names);
        let mean = before.iter().map(Vec::len).sum::<usize>() / before.len();
        assert!((6_000..11_000).contains(&mean), "{mean}");
        let new = after.iter().filter(|chunk| !before.contains(chunk)).count();
        assert!(new <= 2, "{new}");
    }
}
