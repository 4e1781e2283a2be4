//! The plaintext of packs: `spec/archive-v1.md`, section 7.
//!
//! ```text
//! segments | padding | trailer | trailer length 4
//! ```

use strongroom_base::wire::{Put, Reader, WireError, invalid};
use strongroom_crypto::keys::ChunkKind;

use super::content::{ChunkId, IdPrefix, read_chunk_len};
use super::error::FormatError;
use super::limits::{PACK_LEN_MAX, SEGMENT_LEN_MAX};
use super::padding::{Carrier, is_padded_len, padded_len};

/// Most segments of a pack.
const SEGMENTS_MAX: usize = 1_048_576;

/// What a pack holds: data never shares a pack with trees and lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PackClass {
    /// Chunks of files.
    Data = 0,
    /// Chunks of trees and lists.
    Meta = 1,
}

impl PackClass {
    /// Returns the class of packs for chunks of a kind.
    pub fn of(kind: ChunkKind) -> Self {
        match kind {
            ChunkKind::Data => Self::Data,
            ChunkKind::Tree | ChunkKind::List => Self::Meta,
        }
    }
}

/// How a segment is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// As it is.
    Stored = 0,
    /// As one zstd frame.
    Zstd = 1,
}

/// A chunk as the trailer of its pack knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrailerChunk {
    /// Its kind.
    pub kind: ChunkKind,
    /// The first bytes of its id.
    pub prefix: IdPrefix,
    /// Its length in bytes.
    pub len: u32,
}

impl TrailerChunk {
    /// Describes a chunk.
    pub fn new(kind: ChunkKind, id: &ChunkId, len: u32) -> Self {
        Self {
            kind,
            prefix: id.prefix(),
            len,
        }
    }
}

/// A segment as the trailer of its pack knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrailerSegment {
    /// How it is stored.
    pub method: Method,
    /// Its length in the pack.
    pub stored_len: u32,
    /// Its length before compression.
    pub raw_len: u32,
    /// Its chunks, one behind the other.
    pub chunks: Vec<TrailerChunk>,
}

/// What a pack says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trailer {
    /// What the pack holds.
    pub class: PackClass,
    /// Its segments, one behind the other from offset 0.
    pub segments: Vec<TrailerSegment>,
}

/// How long a pack becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// As long as a pack may be: an object that is followed by others.
    Full,
    /// As short as what carries it lets it be.
    Least(Carrier),
}

/// What follows the segments of a pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tail {
    /// How many zero bytes of padding come first.
    pub padding: usize,
    /// The trailer and its length.
    pub trailer: Vec<u8>,
}

impl Tail {
    /// Returns what follows segments that take `segments_len` bytes together; `None` where the pack would be longer than
    /// a pack may be.
    pub fn new(segments_len: usize, trailer: &Trailer, fill: Fill) -> Option<Self> {
        let mut bytes = trailer.encode();
        bytes.put_u32(u32::try_from(bytes.len()).ok()?);
        let needed = segments_len + bytes.len();
        let len = match fill {
            Fill::Full => PACK_LEN_MAX,
            Fill::Least(carrier) => padded_len(needed, carrier.pack_len_min()),
        };
        let padding = len.checked_sub(needed)?;
        (len <= PACK_LEN_MAX).then_some(Self {
            padding,
            trailer: bytes,
        })
    }
}

/// Appends padding and trailer to the segments in `plaintext`.
///
/// Returns `None` where the pack would be longer than a pack may be.
pub fn finish_pack(plaintext: &mut Vec<u8>, trailer: &Trailer, fill: Fill) -> Option<()> {
    let tail = Tail::new(plaintext.len(), trailer, fill)?;
    plaintext.resize(plaintext.len() + tail.padding, 0);
    plaintext.extend_from_slice(&tail.trailer);
    Some(())
}

impl Trailer {
    /// Returns the bytes of the trailer, without the length behind it.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![self.class as u8];
        out.put_count(self.segments.len());
        for segment in &self.segments {
            out.push(segment.method as u8);
            out.put_varint(u128::from(segment.stored_len));
            out.put_varint(u128::from(segment.raw_len));
            out.put_count(segment.chunks.len());
            for chunk in &segment.chunks {
                out.push(chunk.kind.code());
                out.extend_from_slice(&chunk.prefix);
                out.put_varint(u128::from(chunk.len));
            }
        }
        out
    }

    /// Returns where the trailer of a pack lies, given its length and the last four bytes of its
    /// plaintext.
    pub fn range(
        plaintext_len: u64,
        last4: [u8; 4],
        carrier: Carrier,
    ) -> Result<std::ops::Range<u64>, FormatError> {
        let wrong = FormatError::malformed("pack");
        if !is_pack_len(plaintext_len, carrier) {
            return Err(wrong(invalid("length")));
        }
        let end = plaintext_len - 4;
        let start = end.checked_sub(u64::from(u32::from_be_bytes(last4)));
        start
            .map(|start| start..end)
            .ok_or_else(|| wrong(invalid("trailer length")))
    }

    /// Reads a trailer; `segments_len_max` is how many bytes of the pack lie in front of it.
    pub fn decode(bytes: &[u8], segments_len_max: u64) -> Result<Self, FormatError> {
        Self::decode_fields(bytes, segments_len_max).map_err(FormatError::malformed("pack trailer"))
    }

    /// Reads the trailer of a whole plaintext, and refuses padding that is not zero.
    pub fn of_plaintext(plaintext: &[u8], carrier: Carrier) -> Result<Self, FormatError> {
        let last4 = plaintext.last_chunk().copied().unwrap_or_default();
        let range = Self::range(plaintext.len() as u64, last4, carrier)?;
        let wrong = FormatError::malformed("pack");
        let (Ok(start), Ok(end)) = (usize::try_from(range.start), usize::try_from(range.end))
        else {
            return Err(wrong(invalid("trailer length")));
        };
        let trailer = Self::decode(&plaintext[start..end], range.start)?;
        let used: usize = trailer.segments.iter().map(|s| s.stored_len as usize).sum();
        let needed = used + (plaintext.len() - start);
        let least = padded_len(needed, carrier.pack_len_min());
        if plaintext.len() != PACK_LEN_MAX && plaintext.len() != least {
            return Err(wrong(invalid("length")));
        }
        if plaintext[used..start].iter().any(|byte| *byte != 0) {
            return Err(wrong(invalid("padding")));
        }
        Ok(trailer)
    }

    fn decode_fields(bytes: &[u8], segments_len_max: u64) -> Result<Self, WireError> {
        let mut reader = Reader::new(bytes);
        let class = match reader.u8("class")? {
            0 => PackClass::Data,
            1 => PackClass::Meta,
            _ => return Err(invalid("class")),
        };
        let count = reader.count(SEGMENTS_MAX, "segment count")?;
        let mut segments = Vec::new();
        let mut stored = 0_u64;
        for _ in 0..count {
            let segment = read_segment(&mut reader, class)?;
            stored += u64::from(segment.stored_len);
            segments.push(segment);
        }
        reader.finish()?;
        if segments.is_empty() || stored > segments_len_max {
            return Err(invalid("segment count"));
        }
        Ok(Self { class, segments })
    }
}

/// Says whether a plaintext of a pack may have this length.
pub(crate) fn is_pack_len(len: u64, carrier: Carrier) -> bool {
    let is_padded = |len| len <= PACK_LEN_MAX && is_padded_len(len, carrier.pack_len_min());
    usize::try_from(len).is_ok_and(is_padded)
}

fn read_segment(reader: &mut Reader<'_>, class: PackClass) -> Result<TrailerSegment, WireError> {
    let method = match reader.u8("method")? {
        0 => Method::Stored,
        1 => Method::Zstd,
        _ => return Err(invalid("method")),
    };
    let stored_len = read_len(reader, "stored length")?;
    let raw_len = read_len(reader, "raw length")?;
    let count = reader.count(SEGMENT_LEN_MAX, "chunk count")?;
    let mut chunks = Vec::new();
    let mut total = 0_u64;
    for _ in 0..count {
        let kind = ChunkKind::from_code(reader.u8("chunk kind")?).ok_or(invalid("chunk kind"))?;
        if PackClass::of(kind) != class {
            return Err(invalid("chunk kind"));
        }
        let prefix = reader.array("id prefix")?;
        let len = read_chunk_len(reader)?;
        total += u64::from(len);
        chunks.push(TrailerChunk { kind, prefix, len });
    }
    if total != u64::from(raw_len) {
        return Err(invalid("raw length"));
    }
    let as_written = match method {
        Method::Stored => stored_len == raw_len,
        Method::Zstd => stored_len < raw_len,
    };
    if !as_written {
        return Err(invalid("stored length"));
    }
    Ok(TrailerSegment {
        method,
        stored_len,
        raw_len,
        chunks,
    })
}

fn read_len(reader: &mut Reader<'_>, field: &'static str) -> Result<u32, WireError> {
    let len = reader.varint_u64(SEGMENT_LEN_MAX as u64, field)?;
    u32::try_from(len)
        .ok()
        .filter(|len| *len != 0)
        .ok_or(invalid(field))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trailer() -> Trailer {
        let chunk = TrailerChunk {
            kind: ChunkKind::Data,
            prefix: [3; 16],
            len: 100,
        };
        let segment = TrailerSegment {
            method: Method::Zstd,
            stored_len: 60,
            raw_len: 200,
            chunks: vec![chunk; 2],
        };
        Trailer {
            class: PackClass::Data,
            segments: vec![segment; 3],
        }
    }

    #[track_caller]
    fn comes_back(carrier: Carrier, len: usize, other: Carrier) {
        let mut plaintext = vec![7; 180];
        finish_pack(&mut plaintext, &trailer(), Fill::Least(carrier)).unwrap();
        assert_eq!(plaintext.len(), len);
        assert_eq!(
            Trailer::of_plaintext(&plaintext, carrier).unwrap(),
            trailer()
        );
        assert!(Trailer::of_plaintext(&plaintext, other).is_err());
        plaintext[200] = 1;
        assert!(
            Trailer::of_plaintext(&plaintext, carrier).is_err(),
            "padding must be zero"
        );
    }

    #[test]
    fn a_trailer_comes_back_from_where_it_belongs() {
        comes_back(Carrier::Record, 4_096, Carrier::Object);
        comes_back(Carrier::Object, 32_768, Carrier::Record);
    }

    #[track_caller]
    fn refused(edit: impl FnOnce(&mut Trailer)) {
        let mut changed = trailer();
        edit(&mut changed);
        assert!(Trailer::decode(&changed.encode(), 180).is_err());
    }

    #[test]
    fn trailers_are_strict() {
        assert!(Trailer::decode(&trailer().encode(), 180).is_ok());
        assert!(Trailer::decode(&trailer().encode(), 179).is_err());
        refused(|t| t.segments[1].raw_len = 201);
        refused(|t| t.segments[1].stored_len = 200);
        refused(|t| t.segments[1].method = Method::Stored);
        refused(|t| t.segments[0].chunks[0].kind = ChunkKind::Tree);
        refused(|t| t.class = PackClass::Meta);
        refused(|t| t.segments.clear());
    }
}
