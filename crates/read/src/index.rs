//! Where chunks lie: all index runs of an archive, searched without being loaded.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use strongroom_base::ids::{ArchiveId, ObjectName};
use strongroom_base::object::ObjectRef;
use strongroom_base::{Class, Classified};
use strongroom_crypto::keys::SealedKind;
use strongroom_format::FormatError;
use strongroom_format::content::IdPrefix;
use strongroom_format::index::{
    ENTRY_LEN, Entry, OBJECT_ROW_LEN, PackPlace, RUN_HEADER_LEN, RunHeader, SEGMENT_ROW_LEN,
    SegmentPlace, search,
};
use strongroom_format::keys::KeyRing;
use strongroom_format::padding::Carrier;
use strongroom_format::sealed::{CELLS_START, HEADER_LEN, SealedHeader, open_object, opener};
use strongroom_replica::Replica;
use strongroom_replica::parallel::{THREADS_MAX, in_order};
use strongroom_replica::record::{PartKind, Record};

use crate::cells::{CachedCells, Cells};
use crate::error::ReadError;
use crate::rebuild::{PackKey, Rebuilt, covered_by, rebuild};
use crate::replicas::Replicas;

/// An index object up to this size is loaded whole; of a larger one cells are read as they are needed.
const WHOLE_LEN_MAX: u64 = 65_536;
/// As [`WHOLE_LEN_MAX`], where every answer takes long.
const WHOLE_LEN_MAX_FAR: u64 = 1 << 20;
/// How many cells of one large run are kept: 4 MiB.
const CELLS_KEPT: usize = 256;
/// How many cells are read at a time where every answer takes long, and how many such stretches are kept: 16 MiB.
const CELLS_FAR: (u64, usize) = (16, 64);
/// How much of a large run is read first: the header, and a cell of any suite.
const FRONT_LEN: usize = CELLS_START + 65_536 + 64;

/// Names a segment of an archive: a row of an index run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentName {
    /// The index run.
    pub run: ObjectRef,
    /// The number of the segment row.
    pub row: u32,
}

/// Where a chunk lies.
#[derive(Clone, Debug)]
pub struct ChunkPlace {
    /// The name of the segment.
    pub name: SegmentName,
    /// The pack.
    pub pack: PackPlace,
    /// The segment in the pack.
    pub segment: SegmentPlace,
    /// The offset in the raw segment.
    pub offset: u32,
}

enum Rows {
    Whole(Vec<u8>),
    Cells(CachedCells),
}

struct Run {
    object: ObjectRef,
    header: RunHeader,
    rows: Rows,
}

/// The index runs of an archive.
pub struct Index {
    replicas: Replicas,
    ring: Arc<KeyRing>,
    authority: [u8; 32],
    /// All runs that there should be.
    objects: Vec<ObjectRef>,
    runs: Vec<Run>,
    /// What was made anew from the packs in place of runs that are lost, once it was needed.
    rebuilt: OnceLock<Vec<Run>>,
    /// The run that had the last chunk has the next one too, mostly.
    last_hit: AtomicUsize,
}

/// What opening the runs needs.
pub(crate) struct RunOpener<'a> {
    pub(crate) replicas: &'a Replicas,
    pub(crate) ring: &'a KeyRing,
    pub(crate) authority: [u8; 32],
}

impl RunOpener<'_> {
    fn archive(&self) -> ArchiveId {
        self.replicas.archive()
    }

    fn open(&self, object: &ObjectRef) -> Result<Run, ReadError> {
        if object.record_id().is_some() {
            let plaintext = self.plaintext_in_record(object)?;
            return Run::whole(*object, plaintext);
        }
        // A replica may have fewer bytes than it should: each is asked for everything.
        self.replicas.ask(|replica| self.open_at(replica, object))
    }

    fn open_at(&self, replica: &Replica, object: &ObjectRef) -> Result<Run, ReadError> {
        let damaged = |source| ReadError::Object {
            object: *object,
            source,
        };
        let is_far = replica.store().is_far();
        let size = replica.size(object)?;
        if size
            <= if is_far {
                WHOLE_LEN_MAX_FAR
            } else {
                WHOLE_LEN_MAX
            }
        {
            let one = Replicas::new(vec![replica.clone()])?;
            return Run::whole(*object, self.plaintext_at(&one, object)?);
        }
        let front_len = FRONT_LEN.min(usize::try_from(size).unwrap_or(FRONT_LEN));
        let front = Replicas::get_range(replica, object, 0, front_len)?;
        let header = SealedHeader::decode(&front[..CELLS_START]).map_err(damaged)?;
        let prefix = front[HEADER_LEN..]
            .first_chunk()
            .copied()
            .unwrap_or([0; 56]);
        let opener = opener(&header, &prefix, self.archive(), self.ring).map_err(damaged)?;
        let cells = Cells::new(*object, 0..size, &header, opener)?;
        let first = cells.open_first(&front)?;
        let header = &first[..RUN_HEADER_LEN.min(first.len())];
        let header =
            RunHeader::decode(header, cells.plaintext_len(), Carrier::Object).map_err(damaged)?;
        let (stretch, most) = if is_far { CELLS_FAR } else { (1, CELLS_KEPT) };
        let rows = Rows::Cells(CachedCells::new(cells, stretch, most));
        Ok(Run {
            object: *object,
            header,
            rows,
        })
    }

    /// Returns the plaintext of a run, whatever holds it.
    pub(crate) fn plaintext(&self, object: &ObjectRef) -> Result<Vec<u8>, ReadError> {
        if object.record_id().is_some() {
            return self.plaintext_in_record(object);
        }
        self.plaintext_at(self.replicas, object)
    }

    fn plaintext_at(&self, replicas: &Replicas, object: &ObjectRef) -> Result<Vec<u8>, ReadError> {
        let sealed = replicas.get(object)?;
        let opened = open_object(&sealed, SealedKind::Index, self.archive(), self.ring);
        Ok(opened
            .map_err(|source| ReadError::Object {
                object: *object,
                source,
            })?
            .1)
    }

    fn plaintext_in_record(&self, object: &ObjectRef) -> Result<Vec<u8>, ReadError> {
        let missing = || FormatError::NotThis {
            expected: "a record with an index run",
        };
        let damaged = |source| ReadError::Object {
            object: *object,
            source,
        };
        let id = object.record_id().ok_or_else(|| damaged(missing()))?;
        self.replicas.ask(|replica| {
            let record = replica.record(id, &self.authority)?;
            let sealed = index_part(&record).ok_or_else(|| damaged(missing()))?;
            let opened = open_object(sealed, SealedKind::Index, self.archive(), self.ring);
            Ok(opened.map_err(damaged)?.1)
        })
    }
}

/// Returns the index run that a record carries.
pub(crate) fn index_part(record: &Record) -> Option<&[u8]> {
    record
        .parts()
        .find(|(kind, ..)| *kind == PartKind::Index)
        .map(|(_, _, bytes)| bytes)
}

impl Run {
    fn whole(object: ObjectRef, plaintext: Vec<u8>) -> Result<Self, ReadError> {
        let header = RunHeader::of_plaintext(&plaintext, Carrier::of(&object))
            .map_err(|source| ReadError::Object { object, source })?;
        Ok(Self {
            object,
            header,
            rows: Rows::Whole(plaintext),
        })
    }

    fn append(
        &self,
        replicas: &Replicas,
        start: u64,
        len: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), ReadError> {
        match &self.rows {
            Rows::Whole(bytes) => {
                let start = usize::try_from(start).unwrap_or(usize::MAX);
                let rows = bytes
                    .get(start..start.saturating_add(len))
                    .unwrap_or_default();
                out.extend_from_slice(rows);
                Ok(())
            }
            Rows::Cells(cells) => cells.append(replicas, start..start + len as u64, out),
        }
    }

    fn find(&self, replicas: &Replicas, prefix: &IdPrefix) -> Result<Option<Entry>, ReadError> {
        search(
            &self.header,
            prefix,
            &mut |start, count, out: &mut Vec<u8>| {
                let len = count as usize * ENTRY_LEN;
                self.append(replicas, self.header.entry_offset(start), len, out)
            },
        )
    }

    fn place(&self, replicas: &Replicas, entry: &Entry) -> Result<ChunkPlace, ReadError> {
        let (pack, segment) = self.segment(replicas, entry.segment)?;
        let name = SegmentName {
            run: self.object,
            row: entry.segment,
        };
        Ok(ChunkPlace {
            name,
            pack,
            segment,
            offset: entry.offset,
        })
    }

    fn segment(
        &self,
        replicas: &Replicas,
        row_number: u32,
    ) -> Result<(PackPlace, SegmentPlace), ReadError> {
        let damaged = |source| ReadError::Object {
            object: self.object,
            source,
        };
        let mut row = Vec::with_capacity(OBJECT_ROW_LEN);
        self.append(
            replicas,
            self.header.segment_offset(row_number),
            SEGMENT_ROW_LEN,
            &mut row,
        )?;
        let segment = SegmentPlace::decode(&row, self.header.objects).map_err(damaged)?;
        row.clear();
        self.append(
            replicas,
            self.header.object_offset(segment.object),
            OBJECT_ROW_LEN,
            &mut row,
        )?;
        let pack = PackPlace::decode(&row).map_err(damaged)?;
        Ok((pack, segment))
    }
}

impl Index {
    /// Opens the runs; one that cannot be opened is a problem, and the others serve.
    pub(crate) fn open(
        opener: &RunOpener<'_>,
        ring: Arc<KeyRing>,
        runs: &[ObjectRef],
        problems: &mut Vec<ReadError>,
    ) -> Self {
        let mut whole = Vec::with_capacity(runs.len());
        let is_far = opener.replicas.first().store().is_far();
        let threads = if is_far { THREADS_MAX } else { 1 };
        let open = |object: &ObjectRef| opener.open(object);
        in_order(threads, runs, &open, &mut |_, opened| {
            match opened {
                Ok(run) => whole.push(run),
                Err(error) => problems.push(error),
            }
            ControlFlow::Continue(())
        });
        Self {
            replicas: opener.replicas.clone(),
            ring,
            authority: opener.authority,
            objects: runs.to_vec(),
            runs: whole,
            rebuilt: OnceLock::new(),
            last_hit: AtomicUsize::new(0),
        }
    }

    fn opener(&self) -> RunOpener<'_> {
        RunOpener {
            replicas: &self.replicas,
            ring: &self.ring,
            authority: self.authority,
        }
    }

    /// Makes runs from the live packs that are not covered, and names those whose trailers cannot be read.
    pub fn rebuild(&self, covered: &HashSet<PackKey>) -> Result<Rebuilt, ReadError> {
        rebuild(&self.opener(), covered)
    }

    /// Finds a chunk in what is made anew from the packs.
    fn find_rebuilt(&self, prefix: &IdPrefix) -> Result<Option<ChunkPlace>, ReadError> {
        let made = self.rebuilt.get_or_init(|| {
            // What cannot be made anew now is missing, and every chunk of it says so.
            let covered = covered_by(&self.opener(), &self.objects);
            let made = self.rebuild(&covered).unwrap_or_default().runs;
            let object = ObjectRef::index(ObjectName([0; 32]));
            let whole = |run: &strongroom_format::index::Run| {
                Run::whole(object, run.encode(Carrier::Object))
            };
            made.iter().filter_map(|run| whole(run).ok()).collect()
        });
        for run in made {
            if let Some(entry) = run.find(&self.replicas, prefix)? {
                return run.place(&self.replicas, &entry).map(Some);
            }
        }
        Ok(None)
    }

    /// Finds a chunk; `None` where no run knows it.
    ///
    /// Where runs are lost, the packs are asked, which takes long the first time.
    pub fn find(&self, prefix: &IdPrefix) -> Result<Option<ChunkPlace>, ReadError> {
        let last_hit = self.last_hit.load(Ordering::Relaxed);
        let order = (0..self.runs.len()).filter(|at| *at != last_hit);
        let mut first_error = None;
        for at in std::iter::once(last_hit).chain(order) {
            let Some(run) = self.runs.get(at) else {
                continue;
            };
            let found = run
                .find(&self.replicas, prefix)
                .and_then(|entry| match entry {
                    Some(entry) => run.place(&self.replicas, &entry).map(Some),
                    None => Ok(None),
                });
            match found {
                Ok(Some(place)) => {
                    self.last_hit.store(at, Ordering::Relaxed);
                    return Ok(Some(place));
                }
                Ok(None) => {}
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        let is_lost = match &first_error {
            Some(error) => error.class() == Class::Damage,
            None => self.runs.len() < self.objects.len(),
        };
        if is_lost && let Some(place) = self.find_rebuilt(prefix)? {
            return Ok(Some(place));
        }
        first_error.map_or(Ok(None), Err)
    }

    /// Returns where a segment lies; `None` where no run has it.
    pub(crate) fn segment(
        &self,
        name: SegmentName,
    ) -> Result<Option<(PackPlace, SegmentPlace)>, ReadError> {
        let has = |run: &&Run| run.object == name.run && name.row < run.header.segments;
        let run = self.runs.iter().find(has);
        run.map(|run| run.segment(&self.replicas, name.row))
            .transpose()
    }

    /// Returns how many entries all runs have.
    pub fn entries(&self) -> u64 {
        self.runs
            .iter()
            .map(|run| u64::from(run.header.entries))
            .sum()
    }
}

/// Shares an index between threads.
pub(crate) type SharedIndex = Arc<Index>;
