//! Which chunks are needed: one bit for each entry of the index.

use std::path::{Path, PathBuf};

use strongroom_base::object::ObjectRef;
use strongroom_catalogue::{CatalogueError, KnownChunks};
use strongroom_crypto::keys::ChunkKind;
use strongroom_format::content::IdPrefix;
use strongroom_format::index::{Entry, PackPlace, Run, SegmentPlace};
use strongroom_format::pack::PackClass;
use strongroom_format::padding::Carrier;
use strongroom_read::Archive;

use crate::error::EngineError;

/// A pack by its place: the object, and where in it the pack starts.
pub(crate) type PackKey = (ObjectRef, u32);

/// Returns the key of a pack.
pub(crate) fn key_of(place: &PackPlace) -> PackKey {
    (place.object, place.offset)
}

/// The entries of all index runs of an archive, and which of them are needed.
///
/// The entries stay on disk: in memory are the rows of packs and segments, a filter of ten bits and one bit
/// for each entry.
pub(crate) struct Marks {
    // Dropped before the folder is.
    known: KnownChunks,
    runs: Vec<MarkedRun>,
    chunks: u64,
    _folder: Scratch,
}

/// An index run without its entries.
pub(crate) struct MarkedRun {
    pub(crate) object: ObjectRef,
    pub(crate) objects: Vec<PackPlace>,
    pub(crate) segments: Vec<SegmentPlace>,
    /// What each pack holds, as far as something in it is needed.
    pub(crate) classes: Vec<Option<PackClass>>,
    pub(crate) entries: usize,
    bits: Vec<u64>,
}

/// What became of a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Marked {
    /// The chunk was not marked yet.
    New,
    /// It was.
    Already,
    /// No run knows it.
    Missing,
}

/// A folder that is gone with the value.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays takes room until the next time.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Marks {
    /// Reads the runs from the archive, never from the catalogue, whose copies nobody verifies: an entry that
    /// pointed to another pack would make the wrong one go.
    pub(crate) fn open(
        folder: &Path,
        archive: &Archive,
        runs: &[ObjectRef],
    ) -> Result<Self, EngineError> {
        let scratch = Scratch(folder.to_owned());
        let _ = std::fs::remove_dir_all(folder);
        let known = KnownChunks::open::<EngineError>(folder, runs, &mut |run| {
            Ok(archive.run_plaintext(run)?)
        })?;
        Self::of(known, scratch)
    }

    fn of(known: KnownChunks, scratch: Scratch) -> Result<Self, EngineError> {
        let mut marked = Vec::new();
        for (object, _) in known.runs() {
            let run = decode(&known, &object)?;
            marked.push(MarkedRun {
                object,
                classes: vec![None; run.objects.len()],
                objects: run.objects,
                segments: run.segments,
                entries: run.entries.len(),
                bits: vec![0; run.entries.len().div_ceil(64)],
            });
        }
        Ok(Self {
            known,
            runs: marked,
            chunks: 0,
            _folder: scratch,
        })
    }

    /// Marks a chunk as needed. Of a chunk that lies in several places one is kept, rather one in a pack
    /// object than one in a record.
    pub(crate) fn mark(
        &mut self,
        kind: ChunkKind,
        prefix: &IdPrefix,
    ) -> Result<Marked, EngineError> {
        let mut best: Option<(bool, usize, u32, Entry)> = None;
        let mut already = false;
        let runs = &self.runs;
        self.known
            .visit_entries(prefix, &mut |number, row, entry| {
                already = runs[number].is_set(row);
                let in_record = runs[number].pack(&entry).object.record_id().is_some();
                if best.is_none_or(|(worse, ..)| worse && !in_record) {
                    best = Some((in_record, number, row, entry));
                }
                already
            })?;
        if already {
            return Ok(Marked::Already);
        }
        let Some((_, number, row, entry)) = best else {
            return Ok(Marked::Missing);
        };
        let run = &mut self.runs[number];
        run.bits[row as usize / 64] |= 1 << (row % 64);
        let object = run.segments[entry.segment as usize].object as usize;
        run.classes[object] = Some(PackClass::of(kind));
        self.chunks += 1;
        Ok(Marked::New)
    }

    /// Says whether a chunk is needed.
    pub(crate) fn is_marked(&self, prefix: &IdPrefix) -> Result<bool, EngineError> {
        let mut marked = false;
        self.known.visit_entries(prefix, &mut |number, row, _| {
            marked = self.runs[number].is_set(row);
            marked
        })?;
        Ok(marked)
    }

    /// Says whether a chunk is needed from this pack.
    pub(crate) fn is_needed_of(
        &self,
        pack: PackKey,
        prefix: &IdPrefix,
    ) -> Result<bool, EngineError> {
        let mut needed = false;
        self.known
            .visit_entries(prefix, &mut |number, row, entry| {
                let run = &self.runs[number];
                needed = run.is_set(row) && key_of(run.pack(&entry)) == pack;
                needed
            })?;
        Ok(needed)
    }

    /// Returns how many chunks are needed.
    pub(crate) fn chunks(&self) -> u64 {
        self.chunks
    }

    /// Returns the runs.
    pub(crate) fn runs(&self) -> &[MarkedRun] {
        &self.runs
    }

    /// Reads a whole run again.
    pub(crate) fn run(&self, object: &ObjectRef) -> Result<Run, EngineError> {
        decode(&self.known, object)
    }

    /// Keeps a new run, whose chunks count no mark.
    pub(crate) fn keep(&mut self, object: &ObjectRef, plaintext: &[u8]) -> Result<(), EngineError> {
        Ok(self.known.add(object, plaintext)?)
    }

    /// Returns the plaintext of a run, old or new.
    pub(crate) fn plaintext(&self, object: &ObjectRef) -> Result<Vec<u8>, EngineError> {
        Ok(self.known.plaintext(object)?)
    }
}

impl MarkedRun {
    /// Says whether the entry of a row is needed.
    pub(crate) fn is_set(&self, row: u32) -> bool {
        self.bits
            .get(row as usize / 64)
            .is_some_and(|bits| bits >> (row % 64) & 1 == 1)
    }

    fn pack(&self, entry: &Entry) -> &PackPlace {
        &self.objects[self.segments[entry.segment as usize].object as usize]
    }
}

fn decode(known: &KnownChunks, object: &ObjectRef) -> Result<Run, EngineError> {
    let plaintext = known.plaintext(object)?;
    Ok(Run::decode(&plaintext, Carrier::of(object)).map_err(CatalogueError::from)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prune::usage::usage;
    use strongroom_base::ids::{Epoch, Generation, ObjectName};
    use strongroom_crypto::hash::hash;
    use strongroom_crypto::keys::SealedKind;
    use strongroom_crypto::seal::PREFIX_LEN;
    use strongroom_crypto::suite::Suite;
    use strongroom_format::pack::Method;
    use strongroom_format::sealed::SealedHeader;

    const CHUNK_LEN: u32 = 64 << 10;
    /// A sealed pack of 16 MiB in cells of 16 KiB; the last cell is empty.
    const PACK_SIZE: u32 = 72 + (16 << 20) + 1025 * 16;
    const CHUNKS_OF_SEGMENT: u32 = 64;
    const SEGMENTS_OF_PACK: u32 = 8;

    fn prefix_of(number: u64) -> IdPrefix {
        let mut prefix = [0; 16];
        prefix.copy_from_slice(&hash(&number.to_be_bytes())[..16]);
        prefix
    }

    /// A run of chunks with numbers from `first` on, in packs as a backup fills them.
    fn run_of(first: u64, entries: u32) -> Vec<u8> {
        let mut run = Run::default();
        for number in 0..entries {
            if number % (CHUNKS_OF_SEGMENT * SEGMENTS_OF_PACK) == 0 {
                let name =
                    hash(&[&b"pack"[..], &(first + u64::from(number)).to_be_bytes()].concat());
                run.objects.push(PackPlace {
                    object: ObjectRef::pack(ObjectName(name)),
                    offset: 0,
                    size: PACK_SIZE,
                    header: SealedHeader {
                        kind: SealedKind::Pack,
                        suite: Suite::Aes256,
                        generation: Generation(1),
                        epoch: Epoch(1),
                    },
                    prefix: [7; PREFIX_LEN],
                });
            }
            if number % CHUNKS_OF_SEGMENT == 0 {
                let segment = number / CHUNKS_OF_SEGMENT % SEGMENTS_OF_PACK;
                run.segments.push(SegmentPlace {
                    object: u32::try_from(run.objects.len() - 1).unwrap(),
                    offset: segment * (1 << 20),
                    stored_len: 1 << 20,
                    method: Method::Zstd,
                    raw_len: CHUNKS_OF_SEGMENT * CHUNK_LEN,
                });
            }
            run.entries.push(Entry {
                prefix: prefix_of(first + u64::from(number)),
                segment: u32::try_from(run.segments.len() - 1).unwrap(),
                offset: number % CHUNKS_OF_SEGMENT * CHUNK_LEN,
            });
        }
        run.sort();
        run.encode(Carrier::Object)
    }

    fn marks_of(runs: u64, entries: u32) -> (Marks, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let objects: Vec<ObjectRef> = (0..runs)
            .map(|number| ObjectRef::index(ObjectName(hash(&number.to_be_bytes()))))
            .collect();
        let mut number = 0;
        let scratch = folder.path().join("runs");
        let known = KnownChunks::open::<EngineError>(&scratch, &objects, &mut |_| {
            number += 1;
            Ok(run_of((number - 1) * u64::from(entries), entries))
        });
        (Marks::of(known.unwrap(), Scratch(scratch)).unwrap(), folder)
    }

    #[test]
    fn what_is_marked_is_used_and_nothing_else() {
        let (mut marks, _folder) = marks_of(3, 2_000);
        for number in (0..6_000).filter(|number| number % 3 == 0) {
            let prefix = prefix_of(number);
            assert_eq!(marks.mark(ChunkKind::Data, &prefix).unwrap(), Marked::New);
            assert_eq!(
                marks.mark(ChunkKind::Data, &prefix).unwrap(),
                Marked::Already
            );
        }
        assert_eq!(
            marks.mark(ChunkKind::Data, &prefix_of(6_000)).unwrap(),
            Marked::Missing
        );
        for number in 0..6_000 {
            assert_eq!(
                marks.is_marked(&prefix_of(number)).unwrap(),
                number % 3 == 0
            );
        }
        let packs = usage(&marks).unwrap();
        assert_eq!(packs.values().map(|pack| pack.chunks).sum::<u64>(), 2_000);
        let used: u64 = packs.values().map(|pack| pack.used).sum();
        let unused: u64 = packs.values().map(|pack| pack.unused).sum();
        assert!(unused.abs_diff(2 * used) < used / 50, "{used} {unused}");
    }

    #[expect(clippy::disallowed_methods, reason = "not a file of a profile")]
    fn reset_peak() {
        std::fs::write("/proc/self/clear_refs", "5").unwrap();
    }

    /// Memory of 10,000,000 chunks, of which every second is needed.
    #[test]
    #[ignore = "takes a minute, and measures the memory of the whole process"]
    #[expect(clippy::print_stdout, reason = "the memory is the result")]
    fn ten_million_chunks_fit_in_little_memory() {
        let status = |name: &str| -> u64 {
            let text = std::fs::read_to_string("/proc/self/status").unwrap();
            let line = text.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse().unwrap()
        };
        let (mut marks, _folder) = marks_of(25, 400_000);
        reset_peak();
        let begun = std::time::Instant::now();
        for number in (0..10_000_000).step_by(2) {
            assert_eq!(
                marks.mark(ChunkKind::Data, &prefix_of(number)).unwrap(),
                Marked::New
            );
        }
        let marked = begun.elapsed();
        let packs = usage(&marks).unwrap();
        assert_eq!(
            packs.values().map(|pack| pack.chunks).sum::<u64>(),
            5_000_000
        );
        let peak = status("VmHWM:");
        println!(
            "5,000,000 of 10,000,000 chunks marked in {marked:?}, used in {:?}; peak {peak} KiB",
            begun.elapsed().saturating_sub(marked)
        );
        assert!(peak < 200 << 10, "{peak} KiB");
    }
}
