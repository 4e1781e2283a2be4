//! Marks what the surviving snapshots need: every tree chunk is read once, data is not read at all.

use strongroom_crypto::keys::ChunkKind;
use strongroom_format::FormatError;
use strongroom_format::content::{ChunkId, Content, ListItem};
use strongroom_format::tree::{Entries, Entry, Node};
use strongroom_read::{Archive, Piece, ReadError, SnapshotInfo};

use super::marks::{Marked, Marks};
use crate::error::EngineError;
use crate::monitor::{Progress, Stop, count};

/// Walks the trees of snapshots.
pub(crate) struct Walker<'a> {
    pub(crate) archive: &'a Archive,
    pub(crate) marks: &'a mut Marks,
    pub(crate) stop: &'a Stop,
    /// Chunks that no run knows.
    pub(crate) missing: Vec<ChunkId>,
}

impl Walker<'_> {
    /// Marks every chunk that these snapshots name.
    pub(crate) fn mark_all(
        &mut self,
        snapshots: &[SnapshotInfo],
        progress: &Progress,
    ) -> Result<(), EngineError> {
        for info in snapshots {
            for root in &info.snapshot.roots {
                let mut trees = Vec::new();
                self.mark_entry(&root.entry, &mut trees)?;
                self.mark_trees(trees)?;
            }
            count(&progress.entries_done, 1);
        }
        Ok(())
    }

    /// Marks trees and what is below them. The stack holds the children of one chunk for each level.
    fn mark_trees(&mut self, mut trees: Vec<Content>) -> Result<(), EngineError> {
        while let Some(tree) = trees.pop() {
            if self.stop.is_requested() {
                return Err(EngineError::Interrupted);
            }
            let from = trees.len();
            match &tree {
                Content::Inline(_) => {}
                Content::List { id, .. } => {
                    if self.mark_tree_chunk(ChunkKind::List, id)? {
                        let items = self.archive.list_items(&tree)?;
                        trees.extend(items.into_iter().filter_map(|item| part(&tree, item)));
                    }
                }
                Content::Chunk { id, .. } => {
                    if self.mark_tree_chunk(ChunkKind::Tree, id)? {
                        self.mark_tree_entries(&tree, &mut trees)?;
                    }
                }
            }
            // Trees lie in packs in their order.
            trees[from..].reverse();
        }
        Ok(())
    }

    /// Marks a chunk of a tree; says whether it is new. One that is missing hides what lies below it.
    fn mark_tree_chunk(&mut self, kind: ChunkKind, id: &ChunkId) -> Result<bool, EngineError> {
        match self.marks.mark(kind, &id.prefix())? {
            Marked::New => Ok(true),
            Marked::Already => Ok(false),
            Marked::Missing => {
                self.missing.push(*id);
                Ok(false)
            }
        }
    }

    fn mark_tree_entries(
        &mut self,
        chunk: &Content,
        trees: &mut Vec<Content>,
    ) -> Result<(), EngineError> {
        let mut entries = Vec::new();
        let wrong = || FormatError::malformed("tree chunk");
        self.archive
            .read_content(ChunkKind::Tree, chunk, &mut |piece| {
                let Piece::Data(bytes) = piece else {
                    let hole = strongroom_base::wire::invalid("hole");
                    return Err(ReadError::from(wrong()(hole)));
                };
                for entry in Entries::new(bytes) {
                    entries.push(entry.map_err(|source| ReadError::from(wrong()(source)))?);
                }
                Ok(())
            })?;
        for entry in &entries {
            self.mark_entry(entry, trees)?;
        }
        Ok(())
    }

    fn mark_entry(&mut self, entry: &Entry, trees: &mut Vec<Content>) -> Result<(), EngineError> {
        for (_, value) in &entry.meta.xattrs {
            self.mark_content(value)?;
        }
        match &entry.node {
            Node::File { content } => self.mark_content(content),
            Node::Directory { tree } => {
                trees.push(tree.clone());
                Ok(())
            }
            Node::Symlink { .. }
            | Node::Fifo
            | Node::CharDevice { .. }
            | Node::BlockDevice { .. } => Ok(()),
        }
    }

    fn mark_content(&mut self, content: &Content) -> Result<(), EngineError> {
        let (kind, id) = match content {
            Content::Inline(_) => return Ok(()),
            Content::Chunk { id, .. } => (ChunkKind::Data, id),
            Content::List { id, .. } => (ChunkKind::List, id),
        };
        match self.marks.mark(kind, &id.prefix())? {
            Marked::Already => Ok(()),
            Marked::Missing => {
                self.missing.push(*id);
                Ok(())
            }
            Marked::New => {
                for item in self.archive.list_items(content)? {
                    if let Some(part) = part(content, item) {
                        self.mark_content(&part)?;
                    }
                }
                Ok(())
            }
        }
    }
}

/// Returns what an item of a list stands for; `None` for a hole.
fn part(list: &Content, item: ListItem) -> Option<Content> {
    let (Content::List { level, .. }, ListItem::Part { len, id }) = (list, item) else {
        return None;
    };
    Some(if *level == 1 {
        let len = u32::try_from(len).unwrap_or(u32::MAX);
        Content::Chunk { len, id }
    } else {
        Content::List {
            level: level - 1,
            len,
            id,
        }
    })
}
