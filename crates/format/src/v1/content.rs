//! Chunk ids, content and list chunks: `spec/archive-v1.md`, section 5.

use std::fmt;

use strongroom_base::ids::to_hex;
use strongroom_base::wire::{Put, Reader, WireError, invalid};

use super::error::FormatError;
use super::limits::{CHUNK_LEN_MAX, INLINE_LEN_MAX, LIST_ITEMS_MAX, LIST_LEVEL_MAX};

/// The keyed hash of a chunk.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChunkId(pub [u8; 32]);

/// The first 16 bytes of a [`ChunkId`], by which index runs know chunks.
pub type IdPrefix = [u8; 16];

impl ChunkId {
    /// Returns the first 16 bytes.
    pub fn prefix(&self) -> IdPrefix {
        let mut prefix = [0; 16];
        prefix.copy_from_slice(&self.0[..16]);
        prefix
    }
}

impl fmt::Display for ChunkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_hex(&self.0[..8]))
    }
}

impl fmt::Debug for ChunkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChunkId({self})")
    }
}

/// What has a content, on which depends how it may be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentOf {
    /// A regular file: inline up to 512 bytes, and it may have holes.
    File,
    /// An extended attribute: inline up to 512 bytes, and without holes.
    Xattr,
    /// A directory: never inline unless it is empty, and without holes.
    Directory,
}

/// A sequence of bytes: given outright, by one chunk, or by a list of chunks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// The bytes themselves, at most 512.
    Inline(Vec<u8>),
    /// One chunk.
    Chunk {
        /// Its length in bytes.
        len: u32,
        /// Its id.
        id: ChunkId,
    },
    /// A list chunk that names the parts.
    List {
        /// 1 where the parts are chunks of the content, more where they are lists.
        level: u8,
        /// The length of the content in bytes.
        len: u64,
        /// The id of the list chunk.
        id: ChunkId,
    },
}

impl Content {
    /// Returns the length in bytes.
    pub fn len(&self) -> u64 {
        match self {
            Self::Inline(bytes) => bytes.len() as u64,
            Self::Chunk { len, .. } => u64::from(*len),
            Self::List { len, .. } => *len,
        }
    }

    /// Says whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends the encoding.
    pub fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Inline(bytes) => {
                out.push(0);
                out.put_bytes(bytes);
            }
            Self::Chunk { len, id } => {
                out.push(1);
                out.put_varint(u128::from(*len));
                out.extend_from_slice(&id.0);
            }
            Self::List { level, len, id } => {
                out.push(2);
                out.push(*level);
                out.put_varint(u128::from(*len));
                out.extend_from_slice(&id.0);
            }
        }
    }

    /// Reads an encoding that [`put`](Self::put) wrote of the content of `of`.
    pub fn read(reader: &mut Reader<'_>, of: ContentOf) -> Result<Self, WireError> {
        let content = Self::read_form(reader)?;
        let inline_max = INLINE_LEN_MAX as u64;
        let fits = match (&content, of) {
            (Self::Inline(bytes), ContentOf::Directory) => bytes.is_empty(),
            // Whether a list of few bytes has a hole is to be seen when it is read.
            (Self::Inline(_), _)
            | (_, ContentOf::Directory)
            | (Self::List { .. }, ContentOf::File) => true,
            (_, ContentOf::File | ContentOf::Xattr) => content.len() > inline_max,
        };
        if fits {
            Ok(content)
        } else {
            Err(invalid("content form"))
        }
    }

    fn read_form(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        match reader.u8("content form")? {
            0 => Ok(Self::Inline(
                reader.bytes(INLINE_LEN_MAX, "inline content")?.to_vec(),
            )),
            1 => Ok(Self::Chunk {
                len: read_chunk_len(reader)?,
                id: ChunkId(reader.array("chunk id")?),
            }),
            2 => {
                let level = reader.u8("list level")?;
                if level == 0 || level > LIST_LEVEL_MAX {
                    return Err(invalid("list level"));
                }
                let len = reader.varint_u64(i64::MAX as u64, "content length")?;
                if len == 0 {
                    return Err(invalid("content length"));
                }
                Ok(Self::List {
                    level,
                    len,
                    id: ChunkId(reader.array("chunk id")?),
                })
            }
            _ => Err(invalid("content form")),
        }
    }
}

/// Reads the length of a chunk.
pub(crate) fn read_chunk_len(reader: &mut Reader<'_>) -> Result<u32, WireError> {
    let len = reader.varint_u64(CHUNK_LEN_MAX as u64, "chunk length")?;
    u32::try_from(len)
        .ok()
        .filter(|len| *len != 0)
        .ok_or(invalid("chunk length"))
}

/// One item of a list chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListItem {
    /// Zero bytes that are not stored.
    Hole {
        /// How many.
        len: u64,
    },
    /// A chunk of the content, or a list of the next lower level.
    Part {
        /// How many bytes of content it stands for.
        len: u64,
        /// Its id.
        id: ChunkId,
    },
}

impl ListItem {
    /// Returns how many bytes of content the item stands for.
    pub fn len(&self) -> u64 {
        match self {
            Self::Hole { len } | Self::Part { len, .. } => *len,
        }
    }

    /// Says whether the item stands for no bytes, which no valid item does.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Says whether a writer closes a list chunk behind this item.
    pub fn closes_list(&self) -> bool {
        // The first 32 bits divisible by 256: the fourth byte is zero.
        matches!(self, Self::Part { id, .. } if id.0[3] == 0)
    }
}

/// A list chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// 1 where the parts are chunks of the content, more where they are lists.
    pub level: u8,
    /// The items, in the order of the content.
    pub items: Vec<ListItem>,
}

impl List {
    /// Returns the length of the content in bytes.
    pub fn content_len(&self) -> u64 {
        self.items.iter().map(ListItem::len).sum()
    }

    /// Returns the bytes of the list chunk.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(8 + self.items.len() * 37);
        out.push(self.level);
        out.put_count(self.items.len());
        for item in &self.items {
            match item {
                ListItem::Hole { len } => {
                    out.push(0);
                    out.put_varint(u128::from(*len));
                }
                ListItem::Part { len, id } => {
                    out.push(1);
                    out.put_varint(u128::from(*len));
                    out.extend_from_slice(&id.0);
                }
            }
        }
        out
    }

    /// Reads a list chunk that should be of `level` and stand for `len` bytes of content.
    pub fn decode(bytes: &[u8], level: u8, len: u64) -> Result<Self, FormatError> {
        Self::decode_fields(bytes, level, len).map_err(FormatError::malformed("list chunk"))
    }

    /// Reads the list chunk that a content of form 2 names: one with a single part stands for nothing that
    /// the part would not stand for, and a content without holes that could be inline is.
    pub fn decode_top(
        bytes: &[u8],
        level: u8,
        len: u64,
        of: ContentOf,
    ) -> Result<Self, FormatError> {
        let list = Self::decode(bytes, level, len)?;
        let wrong = FormatError::malformed("list chunk");
        if matches!(list.items[..], [ListItem::Part { .. }]) {
            return Err(wrong(invalid("item count")));
        }
        let has_hole = |item: &ListItem| matches!(item, ListItem::Hole { .. });
        let holes = list.items.iter().any(has_hole);
        let may_be_short = of == ContentOf::Directory || level > 1 || holes;
        if len <= INLINE_LEN_MAX as u64 && !may_be_short {
            return Err(wrong(invalid("content length")));
        }
        Ok(list)
    }

    /// Returns the list chunk at the start of `bytes`, which may go on behind it.
    pub fn prefix(bytes: &[u8]) -> Result<&[u8], FormatError> {
        let malformed = FormatError::malformed("list chunk");
        let mut reader = Reader::new(bytes);
        let level = reader.u8("list level").map_err(&malformed)?;
        let count = reader
            .count(LIST_ITEMS_MAX, "item count")
            .map_err(&malformed)?;
        for _ in 0..count {
            read_item(&mut reader, level).map_err(&malformed)?;
        }
        Ok(&bytes[..bytes.len() - reader.rest().len()])
    }

    fn decode_fields(bytes: &[u8], level: u8, len: u64) -> Result<Self, WireError> {
        let mut reader = Reader::new(bytes);
        if reader.u8("list level")? != level {
            return Err(invalid("list level"));
        }
        let count = reader.count(LIST_ITEMS_MAX, "item count")?;
        let mut items = Vec::with_capacity(count);
        let mut total = 0_u64;
        for _ in 0..count {
            let item = read_item(&mut reader, level)?;
            let after_hole = matches!(items.last(), Some(ListItem::Hole { .. }));
            if after_hole && matches!(item, ListItem::Hole { .. }) {
                return Err(invalid("hole"));
            }
            total = total
                .checked_add(item.len())
                .ok_or(invalid("item length"))?;
            items.push(item);
        }
        reader.finish()?;
        if items.is_empty() || total != len {
            return Err(invalid("content length"));
        }
        Ok(Self { level, items })
    }
}

fn read_item(reader: &mut Reader<'_>, level: u8) -> Result<ListItem, WireError> {
    let kind = reader.u8("item")?;
    let len = reader.varint_u64(i64::MAX as u64, "item length")?;
    match kind {
        _ if len == 0 => Err(invalid("item length")),
        0 if level == 1 => Ok(ListItem::Hole { len }),
        1 if level == 1 && len > CHUNK_LEN_MAX as u64 => Err(invalid("item length")),
        1 => Ok(ListItem::Part {
            len,
            id: ChunkId(reader.array("chunk id")?),
        }),
        _ => Err(invalid("item")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(len: u64) -> ListItem {
        ListItem::Part {
            len,
            id: ChunkId([9; 32]),
        }
    }

    #[test]
    fn contents_come_back() {
        for content in [
            Content::Inline(b"hello".to_vec()),
            Content::Chunk {
                len: 524_288,
                id: ChunkId([1; 32]),
            },
            Content::List {
                level: 8,
                len: 1 << 40,
                id: ChunkId([2; 32]),
            },
        ] {
            let mut bytes = Vec::new();
            content.put(&mut bytes);
            assert_eq!(
                Content::read(&mut Reader::new(&bytes), ContentOf::File),
                Ok(content)
            );
        }
    }

    #[track_caller]
    fn refused(list: &List, level: u8, len: u64) {
        assert!(List::decode(&list.encode(), level, len).is_err());
    }

    #[test]
    fn lists_are_strict() {
        let good = List {
            level: 1,
            items: vec![ListItem::Hole { len: 5 }, part(7)],
        };
        assert_eq!(List::decode(&good.encode(), 1, 12).unwrap(), good);
        refused(&good, 1, 13);
        refused(&good, 2, 12);
        refused(
            &List {
                level: 2,
                items: vec![ListItem::Hole { len: 5 }],
            },
            2,
            5,
        );
        refused(
            &List {
                level: 1,
                items: vec![ListItem::Hole { len: 5 }; 2],
            },
            1,
            10,
        );
        refused(
            &List {
                level: 1,
                items: vec![part(524_289)],
            },
            1,
            524_289,
        );
        refused(
            &List {
                level: 1,
                items: vec![],
            },
            1,
            0,
        );
    }
}
