//! The index against the packs: every row leads to what the trailer of its pack says lies there.

use std::collections::{BTreeMap, BTreeSet};

use strongroom_base::object::{ObjectKind, ObjectRef};
use strongroom_format::index::{PackPlace, Run};
use strongroom_format::pack::Trailer;
use strongroom_format::padding::Carrier;
use strongroom_read::{Archive, ReadError};

use super::VerifyReport;
use super::objects::{Item, check_record, read_objects};
use crate::error::EngineError;
use crate::monitor::{Progress, Stop};

/// An index run, with its entries in the order of the places that they lead to.
pub(super) struct Rows {
    pub(super) object: ObjectRef,
    run: Run,
    /// Numbers of entries.
    by_place: Vec<u32>,
}

impl Rows {
    fn new(object: ObjectRef, run: Run) -> Self {
        let mut by_place: Vec<u32> = (0_u32..).zip(&run.entries).map(|(row, _)| row).collect();
        by_place.sort_unstable_by_key(|row| {
            let entry = &run.entries[*row as usize];
            (entry.segment, entry.offset)
        });
        Self {
            object,
            run,
            by_place,
        }
    }

    /// Returns the numbers of the packs that lie in an object.
    pub(super) fn packs_in(&self, object: ObjectRef) -> Vec<usize> {
        let places = self.run.objects.iter().enumerate();
        let own = places.filter(|(_, place)| place.object == object);
        own.map(|(number, _)| number).collect()
    }

    /// Returns where a pack starts in its object.
    pub(super) fn offset(&self, number: usize) -> u32 {
        self.run.objects[number].offset
    }

    /// Says whether all rows of a pack are what its trailer says. A chunk may have a row in another run instead.
    pub(super) fn are_of(&self, number: usize, place: &PackPlace, trailer: &Trailer) -> bool {
        let mut whole = Run::default();
        whole.add_pack(place.clone(), &trailer.segments);
        if self.run.objects[number] != whole.objects[0] {
            return false;
        }
        let segments = &self.run.segments;
        let first = segments.partition_point(|segment| (segment.object as usize) < number);
        let own = segments[first..].iter().enumerate();
        let mut own = own.take_while(|(_, segment)| segment.object as usize == number);
        own.all(|(row, segment)| {
            let same = whole
                .segments
                .binary_search_by_key(&segment.offset, |s| s.offset);
            same.is_ok_and(|same| {
                let found = &whole.segments[same];
                let fits = (segment.stored_len, segment.raw_len, segment.method)
                    == (found.stored_len, found.raw_len, found.method);
                fits && self.entries_are_of(first + row, same, &whole)
            })
        })
    }

    fn entries_are_of(&self, segment: usize, same: usize, whole: &Run) -> bool {
        let entry = |row: &u32| &self.run.entries[*row as usize];
        let first = self
            .by_place
            .partition_point(|row| (entry(row).segment as usize) < segment);
        let own = self.by_place[first..].iter().map(entry);
        let mut own = own.take_while(|entry| entry.segment as usize == segment);
        own.all(|entry| {
            let key = (same, entry.offset);
            let found = whole
                .entries
                .binary_search_by_key(&key, |other| (other.segment as usize, other.offset));
            found.is_ok_and(|found| whole.entries[found].prefix == entry.prefix)
        })
    }
}

/// Checks that the runs name live packs by their sizes, and every row of the packs in `chosen`, which are read whole.
/// Those in records are checked where `reads_records`; the records are returned.
pub(super) fn check_rows(
    archive: &Archive,
    live: &BTreeMap<ObjectRef, u64>,
    chosen: &mut BTreeMap<ObjectRef, u64>,
    reads_records: bool,
    (report, read): (&mut VerifyReport, &mut Vec<ObjectRef>),
    watch: (&Progress, &Stop),
) -> Result<BTreeSet<ObjectRef>, EngineError> {
    let (mut records, mut done) = (BTreeSet::new(), BTreeSet::new());
    for object in archive.runs() {
        let run = archive.run_plaintext(object).and_then(|plaintext| {
            let damaged = |source| ReadError::Object {
                object: *object,
                source,
            };
            Run::decode(&plaintext, Carrier::of(object)).map_err(damaged)
        });
        let rows = match run {
            Ok(run) => Rows::new(*object, run),
            // It is in the report already.
            Err(error) if error.is_loss() => continue,
            Err(error) => return Err(error.into()),
        };
        let (mut items, mut of_run) = (Vec::new(), BTreeSet::new());
        for (number, place) in rows.run.objects.iter().enumerate() {
            let size = u64::from(place.size);
            match place.object.kind() {
                ObjectKind::Pack if live.get(&place.object) != Some(&size) => {
                    let what = format!("names {}, which is not live", place.object);
                    report.bad_object(*object, what);
                }
                ObjectKind::Pack => {
                    let is_read = done.contains(&place.object);
                    if is_read || chosen.remove(&place.object).is_some() {
                        done.insert(place.object);
                        items.push(Item {
                            object: place.object,
                            size,
                            row: Some(number),
                            is_read,
                        });
                    }
                }
                _ => {
                    of_run.insert(place.object);
                }
            }
        }
        for record in of_run.iter().filter(|_| reads_records) {
            check_record(archive, *record, &rows, report);
        }
        records.extend(of_run);
        read_objects(archive, &items, Some(&rows), report, read, watch)?;
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use strongroom_base::ids::{Epoch, Generation, ObjectName};
    use strongroom_crypto::keys::{ChunkKind, SealedKind};
    use strongroom_crypto::seal::PREFIX_LEN;
    use strongroom_crypto::suite::Suite;
    use strongroom_format::pack::{Method, PackClass, TrailerChunk, TrailerSegment};
    use strongroom_format::sealed::SealedHeader;

    use super::*;

    fn place(byte: u8) -> PackPlace {
        PackPlace {
            object: ObjectRef::pack(ObjectName([byte; 32])),
            offset: 0,
            size: 32_888,
            header: SealedHeader {
                kind: SealedKind::Pack,
                suite: Suite::Aes256,
                generation: Generation(1),
                epoch: Epoch(1),
            },
            prefix: [byte; PREFIX_LEN],
        }
    }

    fn trailer(first: u8) -> Trailer {
        let chunk = |byte| TrailerChunk {
            kind: ChunkKind::Data,
            prefix: [byte; 16],
            len: 10,
        };
        let segment = |first: u8| TrailerSegment {
            method: Method::Stored,
            stored_len: 20,
            raw_len: 20,
            chunks: vec![chunk(first), chunk(first + 1)],
        };
        Trailer {
            class: PackClass::Data,
            segments: vec![segment(first), segment(first + 2)],
        }
    }

    #[track_caller]
    fn check(fits: bool, change: impl FnOnce(&mut Run)) {
        let mut run = Run::default();
        run.add_pack(place(3), &trailer(1).segments);
        run.add_pack(place(2), &trailer(5).segments);
        run.sort();
        change(&mut run);
        let rows = Rows::new(ObjectRef::index(ObjectName([0; 32])), run);
        let both = rows.are_of(0, &place(2), &trailer(5)) && rows.are_of(1, &place(3), &trailer(1));
        assert_eq!(both, fits);
    }

    #[test]
    fn rows_lead_to_what_the_trailer_says() {
        check(true, |_| {});
        // Another run has the row instead.
        check(true, |run| {
            let _ = run.entries.remove(2);
        });
        check(false, |run| run.entries[0].prefix[0] ^= 1);
        check(false, |run| run.entries[0].offset = 10);
        check(false, |run| run.entries[0].segment ^= 1);
        check(false, |run| run.entries[7].segment = 2);
        check(false, |run| run.segments[1].offset += 1);
        check(false, |run| run.segments[3].raw_len += 1);
        check(false, |run| run.segments[2].method = Method::Zstd);
        check(false, |run| run.objects[0].prefix[0] ^= 1);
        check(false, |run| run.objects[1].size += 1);
    }
}
