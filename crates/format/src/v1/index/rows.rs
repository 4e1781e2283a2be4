//! The rows of an index run.

use strongroom_base::ids::{Epoch, Generation};
use strongroom_base::object::{ObjectKind, ObjectRef};
use strongroom_base::wire::{Put, Reader, WireError, invalid};
use strongroom_crypto::keys::SealedKind;
use strongroom_crypto::seal::PREFIX_LEN;
use strongroom_crypto::suite::Suite;

use crate::v1::content::IdPrefix;
use crate::v1::error::FormatError;
use crate::v1::limits::{PACK_LEN_MAX, SEGMENT_LEN_MAX};
use crate::v1::pack::{Method, is_pack_len};
use crate::v1::padding::Carrier;
use crate::v1::sealed::{SealedHeader, plaintext_len};

/// Length in bytes of an object row.
pub const OBJECT_ROW_LEN: usize = 108;
/// Length in bytes of a segment row.
pub const SEGMENT_ROW_LEN: usize = 16;
/// Length in bytes of an entry.
pub const ENTRY_LEN: usize = 24;

const METHOD_BIT: u32 = 1 << 31;
/// The least that lies behind the segments of a pack: a trailer of one chunk, and its length.
const TRAILER_LEN_MIN: u64 = 1 + 1 + (1 + 1 + 1 + 1) + (1 + 16 + 1) + 4;
/// The least that lies in front of a pack in a record: header, signature, and the shortest body, sealed.
const RECORD_FRONT_LEN_MIN: u32 = 169 + 64 + 88 + 1_024;
/// Longest payload of a record that carries packs, in bytes.
const SMALL_PAYLOAD_LEN_MAX: u32 = 1_048_576;

const _: () = assert!(1 + 1 + 2 + 4 + 4 + 32 + 4 + 4 + PREFIX_LEN == OBJECT_ROW_LEN);

/// Where a sealed pack lies, and what opens it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackPlace {
    /// The pack object, or the record that carries the pack.
    pub object: ObjectRef,
    /// Where in the object the sealed pack starts.
    pub offset: u32,
    /// The length in bytes of the sealed pack.
    pub size: u32,
    /// The sealed header of the pack.
    pub header: SealedHeader,
    /// Its salt and commitment.
    pub prefix: [u8; PREFIX_LEN],
}

/// Where a segment lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentPlace {
    /// The number of the object row.
    pub object: u32,
    /// The offset in the pack's plaintext.
    pub offset: u32,
    /// The length there.
    pub stored_len: u32,
    /// How it is stored.
    pub method: Method,
    /// The length before compression.
    pub raw_len: u32,
}

impl PackPlace {
    /// Returns the offset behind the sealed pack.
    pub(super) fn end(&self) -> u64 {
        u64::from(self.offset) + u64::from(self.size)
    }

    /// Returns the length of the pack's plaintext.
    fn plaintext_len(&self) -> u64 {
        plaintext_len(self.header.suite, self.size.into()).unwrap_or(0)
    }
}

impl SegmentPlace {
    /// Returns the offset behind the segment.
    pub(super) fn end(&self) -> u64 {
        u64::from(self.offset) + u64::from(self.stored_len)
    }

    /// Says whether the pack has room for the segment, and for a trailer behind it.
    pub(super) fn lies_in(&self, pack: &PackPlace) -> bool {
        self.end() + TRAILER_LEN_MIN <= pack.plaintext_len()
    }
}

/// Where a chunk lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The first bytes of its id.
    pub prefix: IdPrefix,
    /// The number of the segment row.
    pub segment: u32,
    /// The offset in the raw segment.
    pub offset: u32,
}

impl PackPlace {
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        out.push(self.object.kind().code());
        out.push(self.header.suite.code());
        out.put_u16(0);
        out.put_u32(self.header.generation.0);
        out.put_u32(self.header.epoch.0);
        out.extend_from_slice(&self.object.list_name());
        out.put_u32(self.offset);
        out.put_u32(self.size);
        out.extend_from_slice(&self.prefix);
    }

    /// Reads an object row.
    pub fn decode(row: &[u8]) -> Result<Self, FormatError> {
        Self::decode_fields(row).map_err(FormatError::malformed("object row of an index run"))
    }

    fn decode_fields(row: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(row);
        let kind = ObjectKind::from_code(reader.u8("kind")?)
            .filter(|kind| matches!(kind, ObjectKind::Pack | ObjectKind::Record))
            .ok_or(invalid("kind"))?;
        let suite = Suite::from_code(reader.u8("suite")?).ok_or(invalid("suite"))?;
        if reader.u16("reserved")? != 0 {
            return Err(invalid("reserved"));
        }
        let generation = Generation::read(&mut reader, "generation")?;
        let epoch = Epoch::read(&mut reader, "epoch")?;
        let name = reader.array("list name")?;
        let object = ObjectRef::from_parts(kind, name).ok_or(invalid("list name"))?;
        let offset = reader.u32("offset")?;
        let size = reader.u32("size")?;
        let place_fits = match kind {
            ObjectKind::Pack => offset == 0,
            _ => offset >= RECORD_FRONT_LEN_MIN && size <= SMALL_PAYLOAD_LEN_MAX,
        };
        if !place_fits {
            return Err(invalid("offset"));
        }
        let carrier = Carrier::of(&object);
        let len = plaintext_len(suite, size.into());
        if !len.is_some_and(|len| is_pack_len(len, carrier)) {
            return Err(invalid("size"));
        }
        let prefix = reader.array("prefix")?;
        reader.finish()?;
        let header = SealedHeader {
            kind: SealedKind::Pack,
            suite,
            generation,
            epoch,
        };
        Ok(Self {
            object,
            offset,
            size,
            header,
            prefix,
        })
    }
}

impl SegmentPlace {
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        let method = if self.method == Method::Zstd {
            METHOD_BIT
        } else {
            0
        };
        out.put_u32(self.object);
        out.put_u32(self.offset);
        out.put_u32(self.stored_len | method);
        out.put_u32(self.raw_len);
    }

    /// Reads a segment row of a run with `objects` object rows.
    pub fn decode(row: &[u8], objects: u32) -> Result<Self, FormatError> {
        Self::decode_fields(row, objects)
            .map_err(FormatError::malformed("segment row of an index run"))
    }

    fn decode_fields(row: &[u8], objects: u32) -> Result<Self, WireError> {
        let mut reader = Reader::new(row);
        let object = reader.u32("object")?;
        let offset = reader.u32("offset")?;
        let stored = reader.u32("stored length")?;
        let raw_len = reader.u32("raw length")?;
        reader.finish()?;
        let method = if stored & METHOD_BIT == 0 {
            Method::Stored
        } else {
            Method::Zstd
        };
        let stored_len = stored & !METHOD_BIT;
        let lengths_fit = match method {
            Method::Stored => stored_len == raw_len,
            Method::Zstd => stored_len < raw_len,
        };
        if object >= objects {
            return Err(invalid("object"));
        }
        if !lengths_fit || stored_len == 0 || raw_len as usize > SEGMENT_LEN_MAX {
            return Err(invalid("stored length"));
        }
        if u64::from(offset) + u64::from(stored_len) > PACK_LEN_MAX as u64 {
            return Err(invalid("offset"));
        }
        Ok(Self {
            object,
            offset,
            stored_len,
            method,
            raw_len,
        })
    }
}

impl Entry {
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.prefix);
        out.put_u32(self.segment);
        out.put_u32(self.offset);
    }

    /// Reads an entry of a run with `segments` segment rows.
    pub fn decode(row: &[u8], segments: u32) -> Result<Self, FormatError> {
        Self::decode_fields(row, segments).map_err(FormatError::malformed("entry of an index run"))
    }

    fn decode_fields(row: &[u8], segments: u32) -> Result<Self, WireError> {
        let mut reader = Reader::new(row);
        let prefix = reader.array("id prefix")?;
        let segment = reader.u32("segment")?;
        let offset = reader.u32("offset")?;
        reader.finish()?;
        if segment >= segments {
            return Err(invalid("segment"));
        }
        if offset as usize >= SEGMENT_LEN_MAX {
            return Err(invalid("offset"));
        }
        Ok(Self {
            prefix,
            segment,
            offset,
        })
    }
}
