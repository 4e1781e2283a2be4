//! Stored directories, read by parts: `spec/archive-v1.md`, section 10.
//!
//! A directory is a content of tree chunks, whose entries are sorted by name. The position of an entry is
//! the offset of its chunk in the content, plus its number in the chunk; it is unique, because no entry is
//! empty, and it finds the entry again without reading the others.

use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use strongroom_format::FormatError;
use strongroom_format::content::{ChunkId, Content, ListItem};
use strongroom_format::tree::{Entry, Node};
use strongroom_read::{Archive, ReadError};

use crate::parts::{Lists, Part, no_such_part};

/// How many bytes of decoded entries are kept.
const LEAF_BYTES_KEPT: u64 = 16 << 20;
/// About how many tree chunks that is.
const LEAVES_KEPT: usize = 1_024;
/// How many first names are kept of tree chunks that were passed in a search.
const FIRST_NAMES_KEPT: usize = 16_384;

/// The entries of one tree chunk.
pub(crate) struct Leaf {
    /// Where the chunk begins in the content.
    pub(crate) part: Part,
    /// Its entries.
    pub(crate) entries: Arc<Vec<Entry>>,
}

#[derive(Clone)]
struct ByLen;

impl Weighter<ChunkId, Arc<Vec<Entry>>> for ByLen {
    fn weight(&self, _: &ChunkId, entries: &Arc<Vec<Entry>>) -> u64 {
        64 + entries.iter().map(entry_len).sum::<u64>()
    }
}

/// Returns about how much memory an entry takes.
fn entry_len(entry: &Entry) -> u64 {
    let content_len = |content: &Content| match content {
        Content::Inline(bytes) => bytes.len(),
        _ => 0,
    };
    let own = match &entry.node {
        Node::File { content } => content_len(content),
        Node::Symlink { target } => target.len(),
        _ => 0,
    };
    let xattrs: usize = entry
        .meta
        .xattrs
        .iter()
        .map(|(name, value)| 80 + name.len() + content_len(value))
        .sum();
    (size_of::<Entry>() + entry.name.len() + own + xattrs) as u64
}

/// The parts of stored directories that were read lately.
pub(crate) struct Trees {
    leaves: Cache<ChunkId, Arc<Vec<Entry>>, ByLen>,
    first_names: Cache<ChunkId, Arc<[u8]>>,
}

/// Ends the reading of a chunk early.
enum Halt {
    Enough,
    Failed(ReadError),
}

impl From<ReadError> for Halt {
    fn from(error: ReadError) -> Self {
        Self::Failed(error)
    }
}

impl Trees {
    pub(crate) fn new() -> Self {
        Self {
            leaves: Cache::with_weighter(LEAVES_KEPT, LEAF_BYTES_KEPT, ByLen),
            first_names: Cache::new(FIRST_NAMES_KEPT),
        }
    }

    /// Returns the tree chunk that holds a position; `None` behind the last one.
    pub(crate) fn leaf(
        &self,
        archive: &Archive,
        lists: &Lists,
        tree: &Content,
        position: u64,
    ) -> Result<Option<Leaf>, ReadError> {
        let Some(part) = lists.part_at(archive, tree, position)? else {
            return Ok(None);
        };
        let id = part.chunk.ok_or_else(hole)?;
        let entries = self.entries(archive, &id, part.len)?;
        Ok(Some(Leaf { part, entries }))
    }

    /// Returns the entry at a position, which [`find`](Self::find) or a walk over leaves gave.
    pub(crate) fn entry(
        &self,
        archive: &Archive,
        lists: &Lists,
        tree: &Content,
        position: u64,
    ) -> Result<Entry, ReadError> {
        let leaf = self.leaf(archive, lists, tree, position)?;
        let leaf = leaf.ok_or_else(no_such_part)?;
        let number = usize::try_from(position - leaf.part.start).unwrap_or(usize::MAX);
        leaf.entries.get(number).cloned().ok_or_else(no_such_part)
    }

    /// Finds an entry by its name, reading as few tree chunks as a search by halves needs.
    pub(crate) fn find(
        &self,
        archive: &Archive,
        lists: &Lists,
        tree: &Content,
        name: &[u8],
    ) -> Result<Option<(u64, Entry)>, ReadError> {
        let (mut level, mut len, mut id) = match tree {
            Content::Inline(_) => return Ok(None),
            Content::Chunk { len, id } => (0, u64::from(*len), *id),
            Content::List { level, len, id } => (*level, *len, *id),
        };
        let mut start = 0;
        while level > 0 {
            let list = lists.items(archive, &id, level, len)?;
            let (mut low, mut high) = (0, list.items.len());
            while high - low > 1 {
                let middle = low + (high - low) / 2;
                let first = self.first_name(archive, lists, list.items[middle], level)?;
                if *first <= *name {
                    low = middle;
                } else {
                    high = middle;
                }
            }
            start += list.items[..low].iter().map(ListItem::len).sum::<u64>();
            let ListItem::Part { len: below, id: of } = list.items[low] else {
                return Err(hole());
            };
            (level, len, id) = (level - 1, below, of);
        }
        let entries = self.entries(archive, &id, len)?;
        let found = entries.binary_search_by(|entry| entry.name.as_slice().cmp(name));
        Ok(found
            .ok()
            .map(|number| (start + number as u64, entries[number].clone())))
    }

    /// Returns the first name below an item of a list.
    fn first_name(
        &self,
        archive: &Archive,
        lists: &Lists,
        mut item: ListItem,
        mut level: u8,
    ) -> Result<Arc<[u8]>, ReadError> {
        loop {
            let ListItem::Part { len, id } = item else {
                return Err(hole());
            };
            if level == 1 {
                return self.first_name_of_chunk(archive, &id, len);
            }
            level -= 1;
            let list = lists.items(archive, &id, level, len)?;
            item = *list.items.first().ok_or_else(no_such_part)?;
        }
    }

    fn first_name_of_chunk(
        &self,
        archive: &Archive,
        id: &ChunkId,
        len: u64,
    ) -> Result<Arc<[u8]>, ReadError> {
        self.first_names.get_or_insert_with(id, || {
            let mut first = None;
            let read = archive.read_tree(&chunk(id, len), &mut |entry| {
                first = Some(entry.name.into());
                Err(Halt::Enough)
            });
            match read {
                Err(Halt::Failed(error)) => Err(error),
                Ok(()) | Err(Halt::Enough) => first.ok_or_else(no_such_part),
            }
        })
    }

    fn entries(
        &self,
        archive: &Archive,
        id: &ChunkId,
        len: u64,
    ) -> Result<Arc<Vec<Entry>>, ReadError> {
        self.leaves.get_or_insert_with(id, || {
            let mut entries = Vec::new();
            archive.read_tree(&chunk(id, len), &mut |entry| -> Result<(), ReadError> {
                entries.push(entry);
                Ok(())
            })?;
            Ok(Arc::new(entries))
        })
    }
}

fn chunk(id: &ChunkId, len: u64) -> Content {
    Content::Chunk {
        len: u32::try_from(len).unwrap_or(u32::MAX),
        id: *id,
    }
}

fn hole() -> ReadError {
    FormatError::malformed("tree chunk")(strongroom_base::wire::invalid("hole")).into()
}
