//! One directory on its way into a tree: what is known of it until it is left.

use std::collections::BTreeMap;

use strongroom_catalogue::{DirectoryRow, Local, PageEntry, Sums, Totals};
use strongroom_crypto::keys::ChunkKind;
use strongroom_format::content::{Content, ListItem};
use strongroom_format::tree::{Entry, Meta, Node, TreeChunker};

use super::batch::Enter;
use super::chunks::ChunkSink;
use super::lists::ListBuilder;
use super::worker::local;
use crate::error::EngineError;

/// A directory that is being put together.
pub(super) struct Frame {
    pub(super) enter: Box<Enter>,
    pub(super) meta: Meta,
    /// Directories in a clean frame that are not as they were; nothing stands for one that is lost.
    pub(super) changed: BTreeMap<Vec<u8>, Option<Entry>>,
    pub(super) tree: TreeBuilder,
    pub(super) page: Vec<PageEntry>,
    pub(super) pages: u32,
    pub(super) totals: Totals,
    /// Sums over the directories in it that were looked at, and those that stand for themselves.
    pub(super) children: Sums,
    /// What the last snapshot had of those among them that it saw.
    pub(super) children_before: Sums,
    /// Entries that are names of files with several names.
    pub(super) links: Vec<(Vec<u8>, Local)>,
    pub(super) unsure: bool,
}

/// Cuts the entries of a directory into chunks.
#[derive(Default)]
pub(super) struct TreeBuilder {
    chunker: TreeChunker,
    list: ListBuilder,
}

impl TreeBuilder {
    pub(super) fn push(
        &mut self,
        sink: &mut ChunkSink<'_>,
        entry: &Entry,
    ) -> Result<(), EngineError> {
        let (keys, list) = (sink.keys(), &mut self.list);
        self.chunker
            .push(keys, entry, &mut |chunk| add_tree_chunk(sink, list, chunk))
    }

    pub(super) fn finish(mut self, sink: &mut ChunkSink<'_>) -> Result<Content, EngineError> {
        let list = &mut self.list;
        self.chunker
            .finish(&mut |chunk| add_tree_chunk(sink, list, chunk))?;
        self.list.finish(sink)
    }
}

fn add_tree_chunk(
    sink: &mut ChunkSink<'_>,
    list: &mut ListBuilder,
    chunk: &[u8],
) -> Result<(), EngineError> {
    let id = sink.add(ChunkKind::Tree, chunk)?;
    list.push(
        sink,
        ListItem::Part {
            len: chunk.len() as u64,
            id,
        },
    )
}

/// Returns the tree that the last snapshot had of a directory.
pub(super) fn old_tree(frame: &Frame) -> Option<Content> {
    match &frame.enter.row.as_ref()?.entry.node {
        Node::Directory { tree } => Some(tree.clone()),
        _ => None,
    }
}

impl Frame {
    pub(super) fn new(enter: Box<Enter>, meta: Meta) -> Self {
        Self {
            enter,
            meta,
            changed: BTreeMap::new(),
            tree: TreeBuilder::default(),
            page: Vec::new(),
            pages: 0,
            totals: Totals::default(),
            children: Sums::default(),
            children_before: Sums::default(),
            links: Vec::new(),
            unsure: false,
        }
    }

    /// Returns what the last snapshot summed up of it: its own, and all.
    pub(super) fn row_before(&self) -> Before {
        let row = self.enter.row.as_ref();
        row.map(|row| Before {
            totals: row.totals,
            below: row.below,
        })
        .unwrap_or_default()
    }

    /// Sums up the directory and everything below it. What was not looked at in a clean one is as it was.
    pub(super) fn below(&self) -> Sums {
        let own = Sums {
            directories: 1,
            totals: self.totals,
        };
        let mut below = self.children;
        if self.enter.clean && !self.enter.all {
            let before = self.row_before();
            below.add(&before.below);
            below.take(&self.children_before);
            below.take(&Sums {
                directories: 1,
                totals: before.totals,
            });
        }
        below.add(&own);
        below
    }

    pub(super) fn row(&self, entry: Entry) -> DirectoryRow {
        DirectoryRow {
            dev: self.enter.stat.dev,
            local: local(&self.enter.stat),
            fingerprint: (!self.unsure).then_some(self.enter.fingerprint),
            newest: self.enter.newest,
            scanned: self.enter.scanned,
            totals: self.totals,
            below: self.below(),
            entry,
        }
    }
}

/// What the last snapshot summed up of a directory.
#[derive(Default)]
pub(super) struct Before {
    pub(super) totals: Totals,
    pub(super) below: Sums,
}
