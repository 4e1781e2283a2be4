//! The numbers at the start of an index run.

use strongroom_base::wire::{Put, Reader, invalid};

use super::rows::{ENTRY_LEN, OBJECT_ROW_LEN, SEGMENT_ROW_LEN};
use crate::v1::error::FormatError;
use crate::v1::limits::INDEX_ENTRIES_MAX;
use crate::v1::padding::{Carrier, check_padding, padded_len};

/// Length in bytes of the header of a run.
pub const RUN_HEADER_LEN: usize = 16;

const MAGIC: [u8; 4] = *b"SRix";

/// The numbers at the start of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunHeader {
    /// How many object rows there are.
    pub objects: u32,
    /// How many segment rows there are.
    pub segments: u32,
    /// How many entries there are.
    pub entries: u32,
}

impl RunHeader {
    /// Reads the header of a run whose plaintext, padding included, is `len` bytes long.
    pub fn decode(bytes: &[u8], len: u64, carrier: Carrier) -> Result<Self, FormatError> {
        let mut reader = Reader::new(bytes);
        let wrong = FormatError::malformed("index run");
        let magic: [u8; 4] = reader.array("magic").map_err(&wrong)?;
        if magic != MAGIC {
            return Err(FormatError::NotThis {
                expected: "an index run",
            });
        }
        let header = Self {
            objects: reader.u32("objects").map_err(&wrong)?,
            segments: reader.u32("segments").map_err(&wrong)?,
            entries: reader.u32("entries").map_err(&wrong)?,
        };
        let counts_fit = 0 < header.objects
            && header.objects <= header.segments
            && header.segments <= header.entries
            && header.entries as usize <= INDEX_ENTRIES_MAX;
        if !counts_fit {
            return Err(wrong(invalid("entries")));
        }
        let padded = padded_len(header.rows_len(), carrier.run_len_min());
        if padded as u64 != len {
            return Err(wrong(invalid("length")));
        }
        Ok(header)
    }

    /// Reads the header of a whole plaintext, and refuses padding that is not zero.
    pub fn of_plaintext(plaintext: &[u8], carrier: Carrier) -> Result<Self, FormatError> {
        let header = Self::decode(plaintext, plaintext.len() as u64, carrier)?;
        check_padding(plaintext, header.rows_len(), carrier.run_len_min())
            .map_err(FormatError::malformed("index run"))?;
        Ok(header)
    }

    /// Returns the length of the run in bytes, without its padding; a run has so few rows that it can be in memory.
    fn rows_len(&self) -> usize {
        usize::try_from(self.len()).unwrap_or(usize::MAX)
    }

    /// Returns the length of the run in bytes, without its padding.
    pub fn len(&self) -> u64 {
        self.entry_offset(self.entries)
    }

    /// Says whether the run has no entries, which no valid run does.
    pub fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// Returns where an object row lies.
    pub fn object_offset(&self, row: u32) -> u64 {
        RUN_HEADER_LEN as u64 + u64::from(row) * OBJECT_ROW_LEN as u64
    }

    /// Returns where a segment row lies.
    pub fn segment_offset(&self, row: u32) -> u64 {
        self.object_offset(self.objects) + u64::from(row) * SEGMENT_ROW_LEN as u64
    }

    /// Returns where an entry lies.
    pub fn entry_offset(&self, row: u32) -> u64 {
        self.segment_offset(self.segments) + u64::from(row) * ENTRY_LEN as u64
    }

    pub(super) fn encode(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&MAGIC);
        out.put_u32(self.objects);
        out.put_u32(self.segments);
        out.put_u32(self.entries);
    }
}
