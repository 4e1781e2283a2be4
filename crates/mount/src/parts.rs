//! Which chunk stands at a position of a content: lists are read level by level, as they are needed.

use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use strongroom_format::FormatError;
use strongroom_format::content::{ChunkId, Content, ListItem};
use strongroom_read::{Archive, ReadError};

/// How many bytes of lists are kept.
const LIST_BYTES_KEPT: u64 = 8 << 20;
/// About how many lists that is.
const LISTS_KEPT: usize = 1_024;

/// A stretch of a content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// Where it begins in the content.
    pub(crate) start: u64,
    /// Its length in bytes.
    pub(crate) len: u64,
    /// Its chunk; `None` for a hole.
    pub(crate) chunk: Option<ChunkId>,
}

impl Part {
    /// Returns where it ends in the content.
    pub(crate) fn end(&self) -> u64 {
        self.start.saturating_add(self.len)
    }
}

/// A list chunk, and where its items end.
pub(crate) struct Items {
    pub(crate) items: Vec<ListItem>,
    ends: Vec<u64>,
}

#[derive(Clone)]
struct ByLen;

impl Weighter<ChunkId, Arc<Items>> for ByLen {
    fn weight(&self, _: &ChunkId, items: &Arc<Items>) -> u64 {
        let item = size_of::<ListItem>() + size_of::<u64>();
        64 + (items.items.len() * item) as u64
    }
}

/// The lists that were read lately.
pub(crate) struct Lists(Cache<ChunkId, Arc<Items>, ByLen>);

impl Lists {
    pub(crate) fn new() -> Self {
        Self(Cache::with_weighter(LISTS_KEPT, LIST_BYTES_KEPT, ByLen))
    }

    /// Returns a list chunk.
    pub(crate) fn items(
        &self,
        archive: &Archive,
        id: &ChunkId,
        level: u8,
        len: u64,
    ) -> Result<Arc<Items>, ReadError> {
        self.0.get_or_insert_with(id, || {
            let items = archive.list(id, level, len)?.items;
            let mut end = 0_u64;
            let add = |item: &ListItem| {
                end = end.saturating_add(item.len());
                end
            };
            let ends = items.iter().map(add).collect();
            Ok(Arc::new(Items { items, ends }))
        })
    }

    /// Returns the part at a position of a content that is not inline; `None` behind its end.
    pub(crate) fn part_at(
        &self,
        archive: &Archive,
        content: &Content,
        position: u64,
    ) -> Result<Option<Part>, ReadError> {
        if position >= content.len() {
            return Ok(None);
        }
        let (mut level, mut len, mut id) = match content {
            Content::Inline(_) => return Ok(None),
            Content::Chunk { len, id } => {
                return Ok(Some(Part {
                    start: 0,
                    len: u64::from(*len),
                    chunk: Some(*id),
                }));
            }
            Content::List { level, len, id } => (*level, *len, *id),
        };
        let mut start = 0;
        loop {
            let list = self.items(archive, &id, level, len)?;
            let number = list.ends.partition_point(|end| *end <= position - start);
            let item = list.items.get(number).ok_or_else(no_such_part)?;
            if let Some(before) = number.checked_sub(1) {
                start += list.ends[before];
            }
            match item {
                ListItem::Part { len: below, id: of } if level > 1 => {
                    (level, len, id) = (level - 1, *below, *of);
                }
                ListItem::Part { len, id } => {
                    return Ok(Some(Part {
                        start,
                        len: *len,
                        chunk: Some(*id),
                    }));
                }
                ListItem::Hole { len } => {
                    return Ok(Some(Part {
                        start,
                        len: *len,
                        chunk: None,
                    }));
                }
            }
        }
    }
}

/// A list does not have what its length promises.
pub(crate) fn no_such_part() -> ReadError {
    FormatError::malformed("list chunk")(strongroom_base::wire::invalid("content length")).into()
}
