//! Content and trees, read through the index.

use std::sync::Arc;

use strongroom_crypto::hash::same;
use strongroom_crypto::keys::ChunkKind;
use strongroom_format::FormatError;
use strongroom_format::content::{ChunkId, Content, ContentOf, List, ListItem};
use strongroom_format::tree::{Entries, Entry};

use crate::archive::Archive;
use crate::error::ReadError;
use crate::index::SegmentName;
use crate::segment::Segment;

/// Longest value of an extended attribute in bytes.
pub const XATTR_LEN_MAX: u64 = 1 << 20;

/// A stretch of content.
#[derive(Clone, Copy, Debug)]
pub enum Piece<'a> {
    /// Bytes.
    Data(&'a [u8]),
    /// Zero bytes that are not stored.
    Hole(u64),
}

/// Is told a chunk: kind, id and length (none for list chunks).
pub type VisitChunk<'a, E> = dyn FnMut(ChunkKind, &ChunkId, Option<u32>) -> Result<(), E> + 'a;

/// A verified chunk inside its segment.
pub struct Chunk {
    segment: Arc<Segment>,
    start: usize,
    len: usize,
}

impl Chunk {
    /// Returns its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.segment[self.start..self.start + self.len]
    }
}

impl Archive {
    /// Reads a chunk and checks its id.
    ///
    /// `len` is `None` for a list chunk, whose length is not stored beside its id: it then ends where the
    /// next chunk of its segment starts, which the list itself tells.
    pub(crate) fn chunk(
        &self,
        kind: ChunkKind,
        id: &ChunkId,
        len: u32,
    ) -> Result<Chunk, ReadError> {
        Ok(self.chunk_and_segment(kind, id, len)?.0)
    }

    /// Reads a chunk, checks its id, and says in which segment it lies.
    pub fn chunk_and_segment(
        &self,
        kind: ChunkKind,
        id: &ChunkId,
        len: u32,
    ) -> Result<(Chunk, SegmentName), ReadError> {
        let place = self
            .index
            .find(&id.prefix())?
            .ok_or(ReadError::ChunkMissing { id: *id })?;
        let object = place.pack.object;
        let segment = self
            .segments
            .get(&self.replicas, &self.ring, &place.pack, &place.segment)?;
        let (start, len) = (place.offset as usize, len as usize);
        let bytes = segment
            .get(start..start + len)
            .ok_or(ReadError::ChunkDamaged { id: *id, object })?;
        if !same(&self.ring.dedup.chunk_id(kind, bytes), &id.0) {
            return Err(ReadError::ChunkDamaged { id: *id, object });
        }
        let chunk = Chunk {
            segment,
            start,
            len,
        };
        Ok((chunk, place.name))
    }

    /// Reads a segment into memory, where it stays while it is used; one that no index run has is no matter.
    pub fn load_segment(&self, name: SegmentName) -> Result<(), ReadError> {
        if let Some((pack, segment)) = self.index.segment(name)? {
            self.segments
                .get(&self.replicas, &self.ring, &pack, &segment)?;
        }
        Ok(())
    }

    /// Reads a list chunk below another one, which says itself how long it is, and checks its id.
    pub fn list(&self, id: &ChunkId, level: u8, len: u64) -> Result<List, ReadError> {
        self.list_of(id, level, len, None)
    }

    /// Reads a list chunk, which says itself how long it is, and checks its id; `top` says what has the
    /// content that names it, and is nothing for a list below another one.
    fn list_of(
        &self,
        id: &ChunkId,
        level: u8,
        len: u64,
        top: Option<ContentOf>,
    ) -> Result<List, ReadError> {
        let place = self
            .index
            .find(&id.prefix())?
            .ok_or(ReadError::ChunkMissing { id: *id })?;
        let object = place.pack.object;
        let segment = self
            .segments
            .get(&self.replicas, &self.ring, &place.pack, &place.segment)?;
        let rest = segment.get(place.offset as usize..).unwrap_or_default();
        let bytes = List::prefix(rest).map_err(|source| ReadError::Object { object, source })?;
        if !same(&self.ring.dedup.chunk_id(ChunkKind::List, bytes), &id.0) {
            return Err(ReadError::ChunkDamaged { id: *id, object });
        }
        let list = match top {
            Some(of) => List::decode_top(bytes, level, len, of),
            None => List::decode(bytes, level, len),
        };
        list.map_err(|source| ReadError::Object { object, source })
    }

    /// Returns the items of the list chunk that a content names; none where it names no list.
    pub fn list_items(&self, content: &Content) -> Result<Vec<ListItem>, ReadError> {
        match content {
            Content::List { level, len, id } => Ok(self.list(id, *level, *len)?.items),
            Content::Inline(_) | Content::Chunk { .. } => Ok(Vec::new()),
        }
    }

    /// Calls `visit` with the pieces of a content, in order.
    pub fn read_content<E: From<ReadError>>(
        &self,
        kind: ChunkKind,
        content: &Content,
        visit: &mut dyn FnMut(Piece<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        match content {
            Content::Inline(bytes) if bytes.is_empty() => Ok(()),
            Content::Inline(bytes) => visit(Piece::Data(bytes)),
            Content::Chunk { len, id } => visit(Piece::Data(self.chunk(kind, id, *len)?.bytes())),
            Content::List { level, len, id } => {
                let list = self.list_of(id, *level, *len, Some(content_of(kind)))?;
                self.read_list(kind, list, visit)
            }
        }
    }

    fn read_list<E: From<ReadError>>(
        &self,
        kind: ChunkKind,
        list: List,
        visit: &mut dyn FnMut(Piece<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let level = list.level;
        for item in list.items {
            match item {
                ListItem::Hole { len } => visit(Piece::Hole(len))?,
                ListItem::Part { len, id } if level == 1 => {
                    let len = u32::try_from(len).unwrap_or(u32::MAX);
                    visit(Piece::Data(self.chunk(kind, &id, len)?.bytes()))?;
                }
                ListItem::Part { len, id } => {
                    self.read_list(kind, self.list_of(&id, level - 1, len, None)?, visit)?;
                }
            }
        }
        Ok(())
    }

    /// Calls `visit` with the holes and chunks of a content that is given by chunks, in order.
    pub fn visit_items<E: From<ReadError>>(
        &self,
        content: &Content,
        visit: &mut dyn FnMut(ListItem) -> Result<(), E>,
    ) -> Result<(), E> {
        match content {
            Content::Inline(_) => Ok(()),
            Content::Chunk { len, id } => visit(ListItem::Part {
                len: u64::from(*len),
                id: *id,
            }),
            Content::List { level, len, id } => self.visit_list_items(
                self.list_of(id, *level, *len, Some(ContentOf::File))?,
                visit,
            ),
        }
    }

    fn visit_list_items<E: From<ReadError>>(
        &self,
        list: List,
        visit: &mut dyn FnMut(ListItem) -> Result<(), E>,
    ) -> Result<(), E> {
        let level = list.level;
        for item in list.items {
            match item {
                ListItem::Part { len, id } if level > 1 => {
                    self.visit_list_items(self.list_of(&id, level - 1, len, None)?, visit)?;
                }
                item => visit(item)?,
            }
        }
        Ok(())
    }

    /// Calls `visit` with every chunk that a content names.
    pub fn visit_chunks<E: From<ReadError>>(
        &self,
        kind: ChunkKind,
        content: &Content,
        visit: &mut VisitChunk<'_, E>,
    ) -> Result<(), E> {
        match content {
            Content::Inline(_) => Ok(()),
            Content::Chunk { len, id } => visit(kind, id, Some(*len)),
            Content::List { level, len, id } => {
                visit(ChunkKind::List, id, None)?;
                let list = self.list_of(id, *level, *len, Some(content_of(kind)))?;
                self.visit_list_chunks(kind, list, visit)
            }
        }
    }

    fn visit_list_chunks<E: From<ReadError>>(
        &self,
        kind: ChunkKind,
        list: List,
        visit: &mut VisitChunk<'_, E>,
    ) -> Result<(), E> {
        let level = list.level;
        for item in list.items {
            let ListItem::Part { len, id } = item else {
                continue;
            };
            if level == 1 {
                visit(kind, &id, Some(u32::try_from(len).unwrap_or(u32::MAX)))?;
            } else {
                visit(ChunkKind::List, &id, None)?;
                let below = self.list_of(&id, level - 1, len, None)?;
                self.visit_list_chunks(kind, below, visit)?;
            }
        }
        Ok(())
    }

    /// Reads a content that is at most `len_max` bytes long and has no holes into memory.
    pub fn content_bytes(
        &self,
        kind: ChunkKind,
        content: &Content,
        len_max: u64,
    ) -> Result<Vec<u8>, ReadError> {
        if content.len() > len_max {
            let source = strongroom_base::wire::invalid("content length");
            return Err(FormatError::malformed("entry")(source).into());
        }
        let mut bytes = Vec::new();
        self.read_content(kind, content, &mut |piece| -> Result<(), ReadError> {
            match piece {
                Piece::Data(data) => bytes.extend_from_slice(data),
                Piece::Hole(_) => {
                    let source = strongroom_base::wire::invalid("hole");
                    return Err(FormatError::malformed("list chunk")(source).into());
                }
            }
            Ok(())
        })?;
        Ok(bytes)
    }

    /// Calls `visit` with the entries of a directory, in the order of their names.
    pub fn read_tree<E: From<ReadError>>(
        &self,
        tree: &Content,
        visit: &mut dyn FnMut(Entry) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut last: Option<Vec<u8>> = None;
        self.read_content(ChunkKind::Tree, tree, &mut |piece| {
            let Piece::Data(chunk) = piece else {
                return Err(ReadError::from(tree_error("hole")).into());
            };
            for entry in Entries::new(chunk) {
                let malformed = FormatError::malformed("tree chunk");
                let entry = entry.map_err(|source| ReadError::from(malformed(source)))?;
                if last.as_ref().is_some_and(|last| *last >= entry.name) {
                    return Err(ReadError::from(tree_error("name")).into());
                }
                last = Some(entry.name.clone());
                visit(entry)?;
            }
            Ok(())
        })
    }
}

/// What has a content of chunks of this kind. One of an extended attribute is as one of a file; that it
/// has no holes, [`Archive::content_bytes`] checks.
fn content_of(kind: ChunkKind) -> ContentOf {
    match kind {
        ChunkKind::Data => ContentOf::File,
        ChunkKind::Tree | ChunkKind::List => ContentOf::Directory,
    }
}

fn tree_error(field: &'static str) -> FormatError {
    FormatError::malformed("tree chunk")(strongroom_base::wire::invalid(field))
}
