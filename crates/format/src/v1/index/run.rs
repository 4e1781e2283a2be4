//! A whole index run in memory.

use std::cmp::Ordering;

use strongroom_base::wire::{WireError, invalid};

use super::header::{RUN_HEADER_LEN, RunHeader};
use super::rows::{ENTRY_LEN, Entry, OBJECT_ROW_LEN, PackPlace, SEGMENT_ROW_LEN, SegmentPlace};
use crate::v1::error::FormatError;
use crate::v1::pack::TrailerSegment;
use crate::v1::padding::{Carrier, pad, padded_len};

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
    /// Adds the rows of a pack, as its trailer has them. The run has to be sorted at last.
    ///
    /// # Panics
    ///
    /// Where the run has 2^32 rows: packs and runs are shorter.
    pub fn add_pack(&mut self, place: PackPlace, trailer: &[TrailerSegment]) {
        let number = |len: usize| u32::try_from(len).expect("runs have fewer rows than 2^32");
        let object = number(self.objects.len());
        self.objects.push(place);
        let mut at = 0;
        for segment in trailer {
            let row = number(self.segments.len());
            self.segments.push(SegmentPlace {
                object,
                offset: at,
                stored_len: segment.stored_len,
                method: segment.method,
                raw_len: segment.raw_len,
            });
            at += segment.stored_len;
            let mut offset = 0;
            for chunk in &segment.chunks {
                self.entries.push(Entry {
                    prefix: chunk.prefix,
                    segment: row,
                    offset,
                });
                offset += chunk.len;
            }
        }
    }

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

    /// Returns the bytes of a sorted run, padded as what will carry it wants it.
    pub fn encode(&self, carrier: Carrier) -> Vec<u8> {
        let count = |len: usize| u32::try_from(len).unwrap_or(u32::MAX);
        let header = RunHeader {
            objects: count(self.objects.len()),
            segments: count(self.segments.len()),
            entries: count(self.entries.len()),
        };
        let len = usize::try_from(header.len()).unwrap_or(0);
        let mut out = Vec::with_capacity(padded_len(len, carrier.run_len_min()));
        header.encode(&mut out);
        self.objects.iter().for_each(|row| row.put(&mut out));
        self.segments.iter().for_each(|row| row.put(&mut out));
        self.entries.iter().for_each(|row| row.put(&mut out));
        pad(&mut out, carrier.run_len_min());
        out
    }

    /// Reads a whole run and checks the order of its rows.
    pub fn decode(bytes: &[u8], carrier: Carrier) -> Result<Self, FormatError> {
        let header = RunHeader::of_plaintext(bytes, carrier)?;
        let wrong = FormatError::malformed("index run");
        let mut rest = &bytes[RUN_HEADER_LEN..];
        let objects = rows(&mut rest, header.objects, OBJECT_ROW_LEN, PackPlace::decode)?;
        let segments = rows(&mut rest, header.segments, SEGMENT_ROW_LEN, |row| {
            SegmentPlace::decode(row, header.objects)
        })?;
        let entries = rows(&mut rest, header.entries, ENTRY_LEN, |row| {
            Entry::decode(row, header.segments)
        })?;
        if !objects.windows(2).all(|pair| follows(&pair[0], &pair[1])) {
            return Err(wrong(invalid("objects")));
        }
        let adjacent = |pair: &[SegmentPlace]| match pair[1].object - pair[0].object {
            0 => pair[0].end() <= u64::from(pair[1].offset),
            step => step == 1,
        };
        let sorted = segments.is_sorted_by_key(|s| s.object);
        let complete = segments.first().is_some_and(|s| s.object == 0)
            && segments
                .last()
                .is_some_and(|s| s.object == header.objects - 1);
        let lie_in_packs = segments
            .iter()
            .all(|segment| segment.lies_in(&objects[segment.object as usize]));
        if !sorted || !complete || !segments.windows(2).all(adjacent) || !lie_in_packs {
            return Err(wrong(invalid("segments")));
        }
        if !entries
            .windows(2)
            .all(|pair| pair[0].prefix < pair[1].prefix)
        {
            return Err(wrong(invalid("entries")));
        }
        check_places(&entries, &segments).map_err(wrong)?;
        Ok(Self {
            objects,
            segments,
            entries,
        })
    }
}

/// Says whether a row may come behind another: in the order of places, and not over the same bytes.
fn follows(row: &PackPlace, next: &PackPlace) -> bool {
    match row.object.list_name().cmp(&next.object.list_name()) {
        Ordering::Less => true,
        Ordering::Equal => {
            row.object.kind() == next.object.kind() && row.end() <= u64::from(next.offset)
        }
        Ordering::Greater => false,
    }
}

/// Refuses entries outside of their segment, two chunks at one place, and segments without a chunk.
fn check_places(entries: &[Entry], segments: &[SegmentPlace]) -> Result<(), WireError> {
    let mut places: Vec<(u32, u32)> = entries
        .iter()
        .map(|entry| (entry.segment, entry.offset))
        .collect();
    places.sort_unstable();
    let outside = |(segment, offset): &(u32, u32)| *offset >= segments[*segment as usize].raw_len;
    if places.iter().any(outside) || places.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(invalid("offset"));
    }
    places.dedup_by_key(|(segment, _)| *segment);
    if places.len() != segments.len() {
        return Err(invalid("segments"));
    }
    Ok(())
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
