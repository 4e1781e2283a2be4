//! The bytes of a file, read by parts.

use std::sync::Arc;

use strongroom_crypto::keys::ChunkKind;
use strongroom_format::content::{ChunkId, Content};
use strongroom_read::{Archive, ReadError};

use crate::ahead::Ahead;
use crate::parts::{Lists, Part, no_such_part};

/// Reads from `offset` on: `len` bytes, or less at the end. Holes are zero bytes.
pub(crate) fn read(
    archive: &Arc<Archive>,
    lists: &Lists,
    ahead: &Ahead,
    content: &Content,
    offset: u64,
    len: u64,
) -> Result<Vec<u8>, ReadError> {
    let end = content.len().min(offset.saturating_add(len));
    let mut out = Vec::with_capacity(to_usize(end.saturating_sub(offset)));
    if let Content::Inline(bytes) = content {
        let wanted = bytes.get(to_usize(offset)..to_usize(end));
        out.extend_from_slice(wanted.unwrap_or_default());
        return Ok(out);
    }
    let mut at = offset;
    while at < end {
        let part = lists.part_at(archive, content, at)?;
        let part = part.ok_or_else(no_such_part)?;
        let until = end.min(part.end());
        match part.chunk {
            None => out.resize(out.len() + to_usize(until - at), 0),
            Some(id) => {
                let range = to_usize(at - part.start)..to_usize(until - part.start);
                append(archive, ahead, &id, &part, range, &mut out)?;
            }
        }
        at = until;
    }
    Ok(out)
}

fn append(
    archive: &Arc<Archive>,
    ahead: &Ahead,
    id: &ChunkId,
    part: &Part,
    range: std::ops::Range<usize>,
    out: &mut Vec<u8>,
) -> Result<(), ReadError> {
    let len = u32::try_from(part.len).unwrap_or(u32::MAX);
    let (chunk, segment) = archive.chunk_and_segment(ChunkKind::Data, id, len)?;
    out.extend_from_slice(chunk.bytes().get(range).ok_or_else(no_such_part)?);
    ahead.touched(archive, segment);
    Ok(())
}

/// What is looked for in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seek {
    Data,
    Hole,
}

/// Returns the first place at or behind `offset` where there is data or a hole; the end of the file counts as
/// a hole. `None` where there is none.
pub(crate) fn seek(
    archive: &Archive,
    lists: &Lists,
    content: &Content,
    offset: u64,
    what: Seek,
) -> Result<Option<u64>, ReadError> {
    let len = content.len();
    if offset >= len {
        return Ok(None);
    }
    if matches!(content, Content::Inline(_)) {
        return Ok(Some(if what == Seek::Data { offset } else { len }));
    }
    let mut at = offset;
    while let Some(part) = lists.part_at(archive, content, at)? {
        if part.chunk.is_none() == (what == Seek::Hole) {
            return Ok(Some(at));
        }
        at = part.end();
    }
    Ok((what == Seek::Hole).then_some(len))
}

fn to_usize(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}
