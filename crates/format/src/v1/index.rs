//! Index runs: `spec/archive-v1.md`, section 8.
//!
//! ```text
//! magic 4 | objects 4 | segments 4 | entries 4 | object rows | segment rows | entries
//! ```
//!
//! A run is searched without being loaded: [`RunHeader`] says where its rows lie, and the row types read
//! themselves from their bytes.

use strongroom_base::ids::{Epoch, Generation};
use strongroom_base::object::{ObjectKind, ObjectRef};
use strongroom_base::wire::{Put, Reader, WireError, invalid};
use strongroom_crypto::keys::SealedKind;
use strongroom_crypto::seal::PREFIX_LEN;
use strongroom_crypto::suite::Suite;

use super::content::IdPrefix;
use super::error::FormatError;
use super::limits::{INDEX_ENTRIES_MAX, PACK_LEN_MAX, SEGMENT_LEN_MAX};
use super::pack::Method;
use super::sealed::SealedHeader;

/// Length in bytes of the header of a run.
pub const RUN_HEADER_LEN: usize = 16;
/// Length in bytes of an object row.
pub const OBJECT_ROW_LEN: usize = 108;
/// Length in bytes of a segment row.
pub const SEGMENT_ROW_LEN: usize = 16;
/// Length in bytes of an entry.
pub const ENTRY_LEN: usize = 24;

const MAGIC: [u8; 4] = *b"SRix";
const METHOD_BIT: u32 = 1 << 31;

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
    /// Reads the header of a run whose plaintext is `len` bytes long.
    pub fn decode(bytes: &[u8], len: u64) -> Result<Self, FormatError> {
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
        if !counts_fit || header.len() != len {
            return Err(wrong(invalid("entries")));
        }
        Ok(header)
    }

    /// Returns the length of the run in bytes.
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

    fn encode(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&MAGIC);
        out.put_u32(self.objects);
        out.put_u32(self.segments);
        out.put_u32(self.entries);
    }
}

impl PackPlace {
    fn put(&self, out: &mut Vec<u8>) {
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
        let generation = Generation(reader.u32("generation")?);
        let epoch = Epoch(reader.u32("epoch")?);
        let name = reader.array("list name")?;
        let object = ObjectRef::from_parts(kind, name).ok_or(invalid("list name"))?;
        let offset = reader.u32("offset")?;
        let size = reader.u32("size")?;
        if kind == ObjectKind::Pack && offset != 0 {
            return Err(invalid("offset"));
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
    fn put(&self, out: &mut Vec<u8>) {
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
    fn put(&self, out: &mut Vec<u8>) {
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

/// A whole run in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// The packs.
    pub objects: Vec<PackPlace>,
    /// Their segments.
    pub segments: Vec<SegmentPlace>,
    /// The chunks.
    pub entries: Vec<Entry>,
}

impl Run {
    /// Sorts what was collected in any order, drops all but one entry of each prefix, and all segments
    /// and objects that no entry names.
    pub fn sort(&mut self) {
        self.entries.sort_unstable();
        self.entries.dedup_by_key(|entry| entry.prefix);
        let mut used = vec![false; self.segments.len()];
        for entry in &self.entries {
            used[entry.segment as usize] = true;
        }
        let objects = &self.objects;
        let key = |segment: &SegmentPlace| {
            let place = &objects[segment.object as usize];
            (place.object.list_name(), place.offset, segment.offset)
        };
        let mut order: Vec<u32> = (0_u32..)
            .zip(&used)
            .filter(|(_, used)| **used)
            .map(|(i, _)| i)
            .collect();
        order.sort_unstable_by_key(|row| key(&self.segments[*row as usize]));
        let mut new_segment = vec![0; self.segments.len()];
        let mut new_objects: Vec<PackPlace> = Vec::new();
        let mut new_segments = Vec::with_capacity(order.len());
        for (new_row, old_row) in (0_u32..).zip(&order) {
            let mut segment = self.segments[*old_row as usize];
            let place = &self.objects[segment.object as usize];
            if new_objects.last() != Some(place) {
                new_objects.push(place.clone());
            }
            segment.object = u32::try_from(new_objects.len() - 1).unwrap_or(u32::MAX);
            new_segment[*old_row as usize] = new_row;
            new_segments.push(segment);
        }
        for entry in &mut self.entries {
            entry.segment = new_segment[entry.segment as usize];
        }
        self.objects = new_objects;
        self.segments = new_segments;
    }

    /// Returns the bytes of a sorted run.
    pub fn encode(&self) -> Vec<u8> {
        let count = |len: usize| u32::try_from(len).unwrap_or(u32::MAX);
        let header = RunHeader {
            objects: count(self.objects.len()),
            segments: count(self.segments.len()),
            entries: count(self.entries.len()),
        };
        let mut out = Vec::with_capacity(usize::try_from(header.len()).unwrap_or(0));
        header.encode(&mut out);
        self.objects.iter().for_each(|row| row.put(&mut out));
        self.segments.iter().for_each(|row| row.put(&mut out));
        self.entries.iter().for_each(|row| row.put(&mut out));
        out
    }

    /// Reads a whole run and checks the order of its rows.
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        let header = RunHeader::decode(bytes, bytes.len() as u64)?;
        let wrong = FormatError::malformed("index run");
        let mut rest = &bytes[RUN_HEADER_LEN..];
        let objects = rows(&mut rest, header.objects, OBJECT_ROW_LEN, PackPlace::decode)?;
        let segments = rows(&mut rest, header.segments, SEGMENT_ROW_LEN, |row| {
            SegmentPlace::decode(row, header.objects)
        })?;
        let entries = rows(&mut rest, header.entries, ENTRY_LEN, |row| {
            Entry::decode(row, header.segments)
        })?;
        if !objects.is_sorted_by_key(|o: &PackPlace| (o.object.list_name(), o.offset)) {
            return Err(wrong(invalid("objects")));
        }
        let adjacent = |pair: &[SegmentPlace]| match pair[1].object - pair[0].object {
            0 => pair[0].offset < pair[1].offset,
            step => step == 1,
        };
        let sorted = segments.is_sorted_by_key(|s| s.object);
        let complete = segments.first().is_some_and(|s| s.object == 0)
            && segments
                .last()
                .is_some_and(|s| s.object == header.objects - 1);
        if !sorted || !complete || !segments.windows(2).all(adjacent) {
            return Err(wrong(invalid("segments")));
        }
        if !entries
            .windows(2)
            .all(|pair| pair[0].prefix < pair[1].prefix)
        {
            return Err(wrong(invalid("entries")));
        }
        Ok(Self {
            objects,
            segments,
            entries,
        })
    }
}

fn rows<T>(
    rest: &mut &[u8],
    count: u32,
    len: usize,
    decode: impl Fn(&[u8]) -> Result<T, FormatError>,
) -> Result<Vec<T>, FormatError> {
    let (rows, after) = rest.split_at(count as usize * len);
    *rest = after;
    rows.chunks_exact(len).map(decode).collect()
}

/// How many entries [`search`] asks for at a time: 3 KiB, mostly one cell.
const WINDOW: u32 = 128;
/// How often [`search`] trusts the distribution of prefixes before it halves.
const INTERPOLATIONS: u32 = 4;

/// Appends the bytes of `count` entries from number `start` on: `(start, count, bytes)`.
pub type ReadRows<'a, E> = dyn FnMut(u32, u32, &mut Vec<u8>) -> Result<(), E> + 'a;

/// Finds a prefix in a sorted run by interpolation.
///
/// `read` is asked for the bytes of `count` entries from number `start` on, and appends them.
pub fn search<E: From<FormatError>>(
    header: &RunHeader,
    prefix: &IdPrefix,
    read: &mut ReadRows<'_, E>,
) -> Result<Option<Entry>, E> {
    Ok(search_row(header, prefix, read)?.map(|(_, entry)| entry))
}

/// Finds a prefix in a sorted run as [`search`] does, and returns the number of its row too.
pub fn search_row<E: From<FormatError>>(
    header: &RunHeader,
    prefix: &IdPrefix,
    read: &mut ReadRows<'_, E>,
) -> Result<Option<(u32, Entry)>, E> {
    let (mut low, mut high) = (0, header.entries);
    let position = u64::from_be_bytes([
        prefix[0], prefix[1], prefix[2], prefix[3], prefix[4], prefix[5], prefix[6], prefix[7],
    ]);
    let expected = (u128::from(position) * u128::from(header.entries)) >> 64;
    let mut guess = u32::try_from(expected).unwrap_or(0);
    let mut rows = Vec::with_capacity(WINDOW as usize * ENTRY_LEN);
    for round in 0.. {
        if low >= high {
            return Ok(None);
        }
        let start = guess.saturating_sub(WINDOW / 2).clamp(low, high - 1);
        let count = WINDOW.min(high - start);
        rows.clear();
        read(start, count, &mut rows)?;
        let (entries, _) = rows.as_chunks::<ENTRY_LEN>();
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
            return Ok(None);
        };
        if first[..16] > prefix[..] {
            high = start;
        } else if last[..16] < prefix[..] {
            low = start + count;
        } else {
            let found = entries.binary_search_by(|row| row[..16].cmp(prefix));
            let Ok(at) = found else { return Ok(None) };
            let entry = Entry::decode(&entries[at], header.segments)?;
            let row = start.saturating_add(u32::try_from(at).unwrap_or(u32::MAX));
            return Ok(Some((row, entry)));
        }
        let halve = round >= INTERPOLATIONS;
        guess = match (halve, first[..16] > prefix[..]) {
            (true, _) => low + (high - low) / 2,
            (false, true) => high.saturating_sub(WINDOW / 2),
            (false, false) => low + WINDOW / 2,
        };
    }
    Ok(None)
}

/// Returns the level of a run with this many entries: runs are merged eight at a time.
pub fn level(entries: u32) -> u32 {
    (entries.max(512) / 512).ilog(8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use strongroom_base::ids::ObjectName;

    fn run() -> Run {
        let place = |byte: u8| PackPlace {
            object: ObjectRef::pack(ObjectName([byte; 32])),
            offset: 0,
            size: 4_184,
            header: SealedHeader {
                kind: SealedKind::Pack,
                suite: Suite::Aes256,
                generation: Generation(1),
                epoch: Epoch(1),
            },
            prefix: [byte; PREFIX_LEN],
        };
        let segment = |object, offset| SegmentPlace {
            object,
            offset,
            stored_len: 10,
            method: Method::Zstd,
            raw_len: 30,
        };
        let entry = |byte, segment| Entry {
            prefix: [byte; 16],
            segment,
            offset: 0,
        };
        Run {
            objects: vec![place(9), place(4), place(6)],
            segments: vec![segment(0, 10), segment(0, 0), segment(1, 0), segment(2, 0)],
            entries: vec![entry(7, 0), entry(3, 1), entry(5, 2), entry(3, 0)],
        }
    }

    #[test]
    fn a_run_is_sorted_and_comes_back() {
        let mut sorted = run();
        sorted.sort();
        assert_eq!(
            sorted.objects.len(),
            2,
            "the object without entries is dropped"
        );
        assert_eq!(sorted.entries.len(), 3, "a prefix occurs once");
        let decoded = Run::decode(&sorted.encode()).unwrap();
        assert_eq!(decoded, sorted);
        let place_of_5 = decoded
            .entries
            .iter()
            .find(|e| e.prefix == [5; 16])
            .unwrap();
        let object = decoded.segments[place_of_5.segment as usize].object;
        assert_eq!(decoded.objects[object as usize].prefix, [4; PREFIX_LEN]);
    }

    #[track_caller]
    fn refused(edit: impl FnOnce(&mut Run)) {
        let mut changed = run();
        changed.sort();
        edit(&mut changed);
        assert!(Run::decode(&changed.encode()).is_err());
    }

    #[test]
    fn runs_are_strict() {
        refused(|run| run.entries.swap(0, 1));
        refused(|run| run.segments.swap(0, 1));
        refused(|run| run.objects.swap(0, 1));
        refused(|run| run.entries[0].segment = 3);
        refused(|run| run.segments[0].stored_len = 30);
        refused(|run| run.objects[0].offset = 1);
        refused(|run| run.entries.clear());
    }

    #[test]
    fn a_search_finds_what_is_there_and_nothing_else() {
        let prefix = |number: u32| {
            let hash = strongroom_crypto::hash::hash(&number.to_be_bytes());
            let mut prefix = [0; 16];
            prefix.copy_from_slice(&hash[..16]);
            prefix
        };
        let mut large = run();
        large.entries = (0..50_000)
            .map(|n| Entry {
                prefix: prefix(n),
                segment: n % 4,
                offset: n,
            })
            .chain((0..3_000_u32).map(|n| Entry {
                prefix: {
                    let [.., high, low] = n.to_be_bytes();
                    [0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, high, low]
                },
                segment: 0,
                offset: 0,
            }))
            .collect();
        large.sort();
        let bytes = large.encode();
        let header = RunHeader::decode(&bytes, bytes.len() as u64).unwrap();
        let mut reads = 0;
        let mut find = |prefix: [u8; 16]| {
            search_row(&header, &prefix, &mut |start, count, out: &mut Vec<u8>| {
                reads += 1;
                let at = |row| usize::try_from(header.entry_offset(row)).unwrap();
                out.extend_from_slice(&bytes[at(start)..at(start + count)]);
                Ok::<_, FormatError>(())
            })
            .unwrap()
        };
        for entry in &large.entries {
            let (row, found) = find(entry.prefix).unwrap();
            assert_eq!(found, *entry);
            assert_eq!(large.entries[row as usize], found);
        }
        for number in 50_000..60_000 {
            assert_eq!(find(prefix(number)), None);
        }
        assert!(reads < 12 * 63_000, "{reads}");
    }

    #[test]
    fn levels_are_powers_of_eight() {
        assert_eq!(
            [level(1), level(4_095), level(4_096), level(32_768)],
            [0, 0, 1, 2]
        );
    }
}
