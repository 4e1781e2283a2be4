//! Builds the list chunks of a content: `spec/archive-v1.md`, section 5.

use strongroom_crypto::keys::ChunkKind;
use strongroom_format::content::{Content, List, ListItem};
use strongroom_format::limits::{INLINE_LEN_MAX, LIST_ITEMS_MAX};

use super::chunks::ChunkSink;
use crate::error::EngineError;

/// Collects the parts and holes of a content.
#[derive(Default)]
pub(crate) struct ListBuilder {
    levels: Vec<Vec<ListItem>>,
    len: u64,
    holes: bool,
}

impl ListBuilder {
    /// Adds a part or a hole.
    pub(crate) fn push(
        &mut self,
        sink: &mut ChunkSink<'_>,
        item: ListItem,
    ) -> Result<(), EngineError> {
        self.len += item.len();
        if let ListItem::Hole { len } = item {
            self.holes = true;
            // Data between two holes that was gone when it was to be read leaves one hole.
            let last = self.levels.first_mut().and_then(|items| items.last_mut());
            if let Some(ListItem::Hole { len: before }) = last {
                *before += len;
                return Ok(());
            }
        }
        self.push_at(sink, 0, item)
    }

    /// Says whether the content is so short that it must be inline.
    pub(crate) fn must_be_inline(&self) -> bool {
        !self.holes && self.len <= INLINE_LEN_MAX as u64
    }

    /// Returns the content; an empty one is inline.
    pub(crate) fn finish(mut self, sink: &mut ChunkSink<'_>) -> Result<Content, EngineError> {
        if self.levels.is_empty() {
            return Ok(Content::Inline(Vec::new()));
        }
        if let ([only], [], false) = (&self.levels[0][..], &self.levels[1..], self.holes)
            && let ListItem::Part { len, id } = *only
        {
            return Ok(Content::Chunk {
                len: u32::try_from(len).unwrap_or(u32::MAX),
                id,
            });
        }
        let mut level = 0;
        loop {
            self.close(sink, level)?;
            let above = &self.levels[level + 1..];
            if let [items] = above
                && let [ListItem::Part { id, .. }] = items[..]
            {
                let level = u8::try_from(level + 1).unwrap_or(u8::MAX);
                return Ok(Content::List {
                    level,
                    len: self.len,
                    id,
                });
            }
            level += 1;
        }
    }

    fn push_at(
        &mut self,
        sink: &mut ChunkSink<'_>,
        level: usize,
        item: ListItem,
    ) -> Result<(), EngineError> {
        if self.levels.len() <= level {
            self.levels.push(Vec::new());
        }
        let items = &mut self.levels[level];
        // The list may be the only chunk: it is closed when the next item comes.
        if items.last().is_some_and(ListItem::closes_list) || items.len() >= LIST_ITEMS_MAX {
            self.close(sink, level)?;
        }
        self.levels[level].push(item);
        Ok(())
    }

    fn close(&mut self, sink: &mut ChunkSink<'_>, level: usize) -> Result<(), EngineError> {
        let items = std::mem::take(&mut self.levels[level]);
        if items.is_empty() {
            return Ok(());
        }
        let list = List {
            level: u8::try_from(level + 1).unwrap_or(u8::MAX),
            items,
        };
        let id = sink.add(ChunkKind::List, &list.encode())?;
        self.push_at(
            sink,
            level + 1,
            ListItem::Part {
                len: list.content_len(),
                id,
            },
        )
    }
}
