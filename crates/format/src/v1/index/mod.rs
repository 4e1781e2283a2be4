//! Index runs: `spec/archive-v1.md`, section 8.
//!
//! ```text
//! magic 4 | objects 4 | segments 4 | entries 4 | object rows | segment rows | entries | padding
//! ```
//!
//! A run is searched without being loaded: [`RunHeader`] says where its rows lie, and the row types read
//! themselves from their bytes.

mod header;
mod rows;
mod run;
mod search;

pub use header::{RUN_HEADER_LEN, RunHeader};
pub use rows::{ENTRY_LEN, Entry, OBJECT_ROW_LEN, PackPlace, SEGMENT_ROW_LEN, SegmentPlace};
pub use run::Run;
pub use search::{ReadRows, search, search_row};

/// Runs of this level and above stay as they are.
pub const LEVEL_FINAL: u32 = 3;

/// Returns the level of a run with this many entries: runs are merged eight at a time.
pub fn level(entries: u32) -> u32 {
    (entries.max(64) / 64).ilog(8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use strongroom_base::ids::{Epoch, Generation, ObjectName};
    use strongroom_base::object::ObjectRef;
    use strongroom_crypto::keys::SealedKind;
    use strongroom_crypto::seal::PREFIX_LEN;
    use strongroom_crypto::suite::Suite;

    use crate::v1::error::FormatError;
    use crate::v1::pack::Method;
    use crate::v1::padding::Carrier;
    use crate::v1::sealed::SealedHeader;

    fn run() -> Run {
        let place = |byte: u8| PackPlace {
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
            entries: vec![entry(7, 0), entry(3, 1), entry(5, 2), entry(3, 2)],
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
        let decoded = Run::decode(&sorted.encode(Carrier::Object), Carrier::Object).unwrap();
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
        assert!(Run::decode(&changed.encode(Carrier::Object), Carrier::Object).is_err());
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
        let bytes = large.encode(Carrier::Object);
        let header = RunHeader::of_plaintext(&bytes, Carrier::Object).unwrap();
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
            [
                level(1),
                level(511),
                level(512),
                level(4_096),
                level(32_768)
            ],
            [0, 0, 1, 2, LEVEL_FINAL]
        );
    }
}
