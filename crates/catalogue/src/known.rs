//! Which chunks an archive has: local copies of its index runs, each behind a filter in memory.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use fastbloom::BloomFilter;
use strongroom_base::ids::to_hex;
use strongroom_base::object::ObjectRef;
use strongroom_crypto::hash::hash;
use strongroom_format::content::IdPrefix;
use strongroom_format::index::{ENTRY_LEN, Entry, RunHeader, search_row};
use strongroom_format::padding::Carrier;
use strongroom_store::durable::{create_private_dir, read, write_atomic};

use crate::error::CatalogueError;

/// Bits of filter for each chunk: about one wrong "perhaps" in a hundred.
const FILTER_BITS: usize = 10;
const FILTER_HASHES: u32 = 7;
/// Prefixes are keyed hashes already, so the seed of the filter can be known.
const FILTER_SEED: u128 = 0x7374_726f_6e67_726f_6f6d;
/// How many bytes of a run are read at a time while its filter is made.
const READ_LEN: usize = 1 << 20;

/// The chunks of an archive. Threads may share it.
pub struct KnownChunks {
    folder: PathBuf,
    runs: Vec<LocalRun>,
}

struct LocalRun {
    object: ObjectRef,
    file: File,
    header: RunHeader,
    filter: BloomFilter,
}

impl KnownChunks {
    /// Opens the local copies of `runs`; `fetch` gives the plaintext of one that is not here yet.
    ///
    /// Copies of other runs are deleted.
    pub fn open<E: From<CatalogueError>>(
        folder: &Path,
        runs: &[ObjectRef],
        fetch: &mut dyn FnMut(&ObjectRef) -> Result<Vec<u8>, E>,
    ) -> Result<Self, E> {
        create_private_dir(folder).map_err(CatalogueError::from)?;
        let mut known = Self {
            folder: folder.to_owned(),
            runs: Vec::new(),
        };
        for object in runs {
            let opened = known.open_run(object);
            let run = if let Ok(run) = opened {
                run
            } else {
                let plaintext = fetch(object)?;
                known.store(object, &plaintext)?;
                known.open_run(object)?
            };
            known.runs.push(run);
        }
        known.delete_others();
        Ok(known)
    }

    /// Adds a run whose plaintext is known.
    pub fn add(&mut self, object: &ObjectRef, plaintext: &[u8]) -> Result<(), CatalogueError> {
        self.store(object, plaintext)?;
        let run = self.open_run(object)?;
        self.runs.push(run);
        Ok(())
    }

    /// Forgets a run; its chunks are in another one.
    pub fn remove(&mut self, object: &ObjectRef) {
        self.runs.retain(|run| run.object != *object);
    }

    /// Says whether the archive has a chunk.
    ///
    /// A copy that cannot be read says nothing, and is dropped, so that the next [`open`](Self::open) fetches the run
    /// again: the chunk is stored once more at worst.
    pub fn contains(&self, prefix: &IdPrefix) -> bool {
        let mut runs = self.runs.iter().filter(|run| run.filter.contains(prefix));
        runs.any(|run| {
            let found = run.find(prefix);
            if found.is_err() {
                self.drop_copy(&run.object);
            }
            found.is_ok_and(|found| found.is_some())
        })
    }

    /// Removes the copy of a run, which stays in use where it is open.
    fn drop_copy(&self, object: &ObjectRef) {
        // One that stays is tried again the next time.
        let _ = std::fs::remove_file(self.path(object, "run"));
    }

    /// Calls `visit` with every entry of a chunk, until it says that this was enough: the number of the
    /// run as [`runs`](Self::runs) has them, the number of the row, and the entry.
    pub fn visit_entries(
        &self,
        prefix: &IdPrefix,
        visit: &mut dyn FnMut(usize, u32, Entry) -> bool,
    ) -> Result<(), CatalogueError> {
        for (number, run) in self.runs.iter().enumerate() {
            if run.filter.contains(prefix)
                && let Some((row, entry)) = run.find(prefix)?
                && visit(number, row, entry)
            {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Returns the runs and how many entries each has.
    pub fn runs(&self) -> impl Iterator<Item = (ObjectRef, u32)> {
        self.runs.iter().map(|run| (run.object, run.header.entries))
    }

    /// Returns the plaintext of a run.
    pub fn plaintext(&self, object: &ObjectRef) -> Result<Vec<u8>, CatalogueError> {
        Ok(read(&self.path(object, "run"), u64::MAX)?)
    }

    /// Returns the plaintext of a run as it was stored here; `None` where the copy has changed since.
    ///
    /// A search may go by a copy that is not checked, since it costs a chunk at most. What becomes a part of the archive
    /// may not.
    pub fn sound_plaintext(&self, object: &ObjectRef) -> Result<Option<Vec<u8>>, CatalogueError> {
        let plaintext = self.plaintext(object)?;
        let noted = read(&self.path(object, "hash"), 32).unwrap_or_default();
        Ok((noted == hash(&plaintext)).then_some(plaintext))
    }

    /// Returns how many bytes the filters hold in memory.
    pub fn filter_bytes(&self) -> usize {
        self.runs.iter().map(|run| run.filter.num_bits() / 8).sum()
    }

    fn path(&self, object: &ObjectRef, kind: &str) -> PathBuf {
        let name = to_hex(&object.list_name());
        self.folder
            .join(format!("{}-{name}.{kind}", object.kind().word()))
    }

    fn store(&self, object: &ObjectRef, plaintext: &[u8]) -> Result<(), CatalogueError> {
        let header = RunHeader::of_plaintext(plaintext, Carrier::of(object))?;
        let mut filter = new_filter(&header);
        let at = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
        let entries = plaintext.get(at(header.entry_offset(0))..at(header.len()));
        insert_all(&mut filter, entries.unwrap_or_default());
        let bits: Vec<u8> = filter
            .as_slice()
            .iter()
            .flat_map(|word| word.to_le_bytes())
            .collect();
        // The filter first: a run without one is not opened.
        write_atomic(&self.path(object, "filter"), &bits, 0o600)?;
        write_atomic(&self.path(object, "hash"), &hash(plaintext), 0o600)?;
        write_atomic(&self.path(object, "run"), plaintext, 0o600)?;
        Ok(())
    }

    fn open_run(&self, object: &ObjectRef) -> Result<LocalRun, CatalogueError> {
        let file = File::open(self.path(object, "run"))?;
        let len = file.metadata()?.len();
        let mut front = [0; 16];
        file.read_exact_at(&mut front, 0)?;
        let header = RunHeader::decode(&front, len, Carrier::of(object))?;
        let bits = read(&self.path(object, "filter"), u64::MAX)?;
        let words: Vec<u64> = bits
            .as_chunks::<8>()
            .0
            .iter()
            .map(|word| u64::from_le_bytes(*word))
            .collect();
        let filter = if words.len() == new_filter(&header).as_slice().len() {
            BloomFilter::from_vec(words)
                .seed(&FILTER_SEED)
                .hashes(FILTER_HASHES)
        } else {
            filter_of(&file, &header)?
        };
        Ok(LocalRun {
            object: *object,
            file,
            header,
            filter,
        })
    }

    fn delete_others(&self) {
        let Ok(found) = std::fs::read_dir(&self.folder) else {
            return;
        };
        let kept: std::collections::HashSet<PathBuf> = self
            .runs
            .iter()
            .flat_map(|run| ["run", "filter", "hash"].map(|kind| self.path(&run.object, kind)))
            .collect();
        for path in found
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| !kept.contains(path))
        {
            // A copy that stays takes room and does no harm.
            let _ = std::fs::remove_file(path);
        }
    }
}

impl LocalRun {
    fn find(&self, prefix: &IdPrefix) -> Result<Option<(u32, Entry)>, CatalogueError> {
        search_row(
            &self.header,
            prefix,
            &mut |start, count, out: &mut Vec<u8>| {
                let at = out.len();
                out.resize(at + count as usize * ENTRY_LEN, 0);
                self.file
                    .read_exact_at(&mut out[at..], self.header.entry_offset(start))?;
                Ok::<(), CatalogueError>(())
            },
        )
    }
}

fn new_filter(header: &RunHeader) -> BloomFilter {
    BloomFilter::with_num_bits((header.entries as usize * FILTER_BITS).next_multiple_of(512))
        .seed(&FILTER_SEED)
        .hashes(FILTER_HASHES)
}

fn filter_of(file: &File, header: &RunHeader) -> Result<BloomFilter, CatalogueError> {
    let mut filter = new_filter(header);
    let mut buffer = vec![0; READ_LEN / ENTRY_LEN * ENTRY_LEN];
    let mut at = header.entry_offset(0);
    while at < header.len() {
        let len = buffer
            .len()
            .min(usize::try_from(header.len() - at).unwrap_or(usize::MAX));
        file.read_exact_at(&mut buffer[..len], at)?;
        insert_all(&mut filter, &buffer[..len]);
        at += len as u64;
    }
    Ok(filter)
}

fn insert_all(filter: &mut BloomFilter, entries: &[u8]) {
    for entry in entries.as_chunks::<ENTRY_LEN>().0 {
        let mut prefix: IdPrefix = [0; 16];
        prefix.copy_from_slice(&entry[..16]);
        filter.insert(&prefix);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use strongroom_base::ids::{Epoch, Generation, ObjectName};
    use strongroom_crypto::keys::SealedKind;
    use strongroom_crypto::seal::PREFIX_LEN;
    use strongroom_crypto::suite::Suite;
    use strongroom_format::index::{PackPlace, Run, SegmentPlace};
    use strongroom_format::pack::Method;
    use strongroom_format::sealed::SealedHeader;

    const CHUNK_LEN: u32 = 4_096;
    const CHUNKS: u32 = 100;

    fn prefix_of(number: u32) -> IdPrefix {
        let mut prefix = [0; 16];
        prefix.copy_from_slice(&hash(&number.to_be_bytes())[..16]);
        prefix
    }

    fn run() -> Vec<u8> {
        let mut run = Run::default();
        run.objects.push(PackPlace {
            object: ObjectRef::pack(ObjectName([3; 32])),
            offset: 0,
            size: 72 + (16 << 20) + 1025 * 16,
            header: SealedHeader {
                kind: SealedKind::Pack,
                suite: Suite::Aes256,
                generation: Generation(1),
                epoch: Epoch(1),
            },
            prefix: [7; PREFIX_LEN],
        });
        run.segments.push(SegmentPlace {
            object: 0,
            offset: 0,
            stored_len: 1 << 19,
            method: Method::Zstd,
            raw_len: CHUNKS * CHUNK_LEN,
        });
        run.entries.extend((0..CHUNKS).map(|number| Entry {
            prefix: prefix_of(number),
            segment: 0,
            offset: number * CHUNK_LEN,
        }));
        run.sort();
        run.encode(Carrier::Object)
    }

    #[test]
    fn a_damaged_copy_is_dropped_and_fetched_again() {
        let folder = tempfile::tempdir().unwrap();
        let object = ObjectRef::index(ObjectName([5; 32]));
        let mut count = 0;
        let mut open = || {
            let fetch = &mut |_: &ObjectRef| {
                count += 1;
                Ok::<_, CatalogueError>(run())
            };
            let known = KnownChunks::open(folder.path(), &[object], fetch).unwrap();
            (known, count)
        };
        let (known, _) = open();
        assert!((0..CHUNKS).all(|number| known.contains(&prefix_of(number))));
        let path = known.path(&object, "run");
        // One byte of the number of a segment, in the last row.
        let mut copy = run();
        let header = RunHeader::of_plaintext(&copy, Carrier::of(&object)).unwrap();
        let at = usize::try_from(header.entry_offset(CHUNKS - 1)).unwrap() + 16;
        copy[at] ^= 0x40;
        write_atomic(&path, &copy, 0o600).unwrap();
        let (known, times) = open();
        assert_eq!(times, 1);
        let found = (0..CHUNKS).filter(|number| known.contains(&prefix_of(*number)));
        assert_eq!(found.count(), CHUNKS as usize - 1);
        assert!(!path.exists());
        let (known, times) = open();
        assert_eq!(times, 2);
        assert!((0..CHUNKS).all(|number| known.contains(&prefix_of(number))));
    }
}
