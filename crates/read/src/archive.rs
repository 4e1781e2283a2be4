//! An archive opened for reading.

use std::num::NonZero;
use std::sync::Arc;
use std::thread::available_parallelism;

use strongroom_base::ids::ArchiveId;
use strongroom_base::object::{ObjectRef, RecordId};
use strongroom_crypto::custody::CustodyKey;
use strongroom_format::body::{Body, Deed, Snapshot};
use strongroom_format::index::PackPlace;
use strongroom_format::keys::{KeyRing, KeysObject};
use strongroom_format::limits::SEGMENT_LEN_MAX;
use strongroom_format::pack::Trailer;
use strongroom_format::sealed;
use strongroom_replica::Replica;
use strongroom_replica::log::{Log, LogEntry, read_log_of};
use strongroom_replica::record::Record;

use crate::error::ReadError;
use crate::index::{Index, RunOpener, SharedIndex};
use crate::keys::newest_key_ring;
use crate::newest::{Heads, Newest};
use crate::rebuild::open_trailer;
use crate::replicas::Replicas;
use crate::segments::Segments;

/// How many bytes of decompressed segments are kept at least.
const SEGMENT_BYTES_KEPT: usize = 64 << 20;
/// How many segments are kept beside the one that each processor works in.
const SEGMENTS_BESIDE: usize = 4;
/// As [`SEGMENT_BYTES_KEPT`], where more are read at a time because each takes long.
const SEGMENT_BYTES_KEPT_FAR: usize = 112 << 20;

/// A snapshot and its place in the log.
#[derive(Clone, Debug)]
pub struct SnapshotInfo {
    /// The place of its record.
    pub id: RecordId,
    /// The hash of its record, by which people name it.
    pub hash: [u8; 32],
    /// What it says.
    pub snapshot: Snapshot,
}

/// An archive opened for reading. Threads may share it.
pub struct Archive {
    pub(crate) replicas: Replicas,
    pub(crate) ring: Arc<KeyRing>,
    pub(crate) index: SharedIndex,
    pub(crate) segments: Segments,
    pub(crate) authority: [u8; 32],
    /// The newest sound record of all replicas.
    head: RecordId,
    /// The newest record of which a replica has the name, above the head, and that none could show.
    unread: Option<RecordId>,
    /// The index runs that it names.
    runs: Vec<ObjectRef>,
}

impl Archive {
    /// Opens an archive with its custody key.
    ///
    /// Replicas are asked in their order. Index runs that cannot be opened are added to `problems`.
    pub fn open(
        replicas: Replicas,
        custody: &CustodyKey,
        problems: &mut Vec<ReadError>,
    ) -> Result<Self, ReadError> {
        Self::open_knowing(replicas, custody, None, problems)
    }

    /// As [`open`](Self::open), where a keys object is known already.
    pub fn open_knowing(
        replicas: Replicas,
        custody: &CustodyKey,
        known: Option<KeysObject>,
        problems: &mut Vec<ReadError>,
    ) -> Result<Self, ReadError> {
        let ring = newest_key_ring(&replicas, custody, known, problems)?;
        Self::opened(replicas, Arc::new(ring), Newest::OrOlder, problems)
    }

    /// Opens an archive whose key ring is known. Where no replica has a newest record that can be read now, an error says
    /// why: whoever writes must not go by an older one.
    pub fn with_key_ring(
        replicas: Replicas,
        ring: Arc<KeyRing>,
        problems: &mut Vec<ReadError>,
    ) -> Result<Self, ReadError> {
        Self::opened(replicas, ring, Newest::OrFail, problems)
    }

    fn opened(
        replicas: Replicas,
        ring: Arc<KeyRing>,
        wanted: Newest,
        problems: &mut Vec<ReadError>,
    ) -> Result<Self, ReadError> {
        let authority = ring.authority().public_key();
        let heads = Heads {
            replicas: &replicas,
            authority: &authority,
            ring: &ring,
            wanted,
        };
        let (head, runs, unread) = heads.newest(problems)?;
        let opener = RunOpener {
            replicas: &replicas,
            ring: &ring,
            authority,
        };
        let index = Arc::new(Index::open(&opener, ring.clone(), &runs, problems));
        let kept = if replicas.first().store().is_far() {
            SEGMENT_BYTES_KEPT_FAR
        } else {
            let processors = available_parallelism().map_or(1, NonZero::get);
            SEGMENT_BYTES_KEPT.max((processors + SEGMENTS_BESIDE) * SEGMENT_LEN_MAX)
        };
        let segments = Segments::new(kept);
        Ok(Self {
            replicas,
            ring,
            index,
            segments,
            authority,
            head,
            unread,
            runs,
        })
    }

    /// Returns the same archive, with an index that knows more runs.
    #[must_use]
    pub fn with_more_runs(self, more: &[ObjectRef], problems: &mut Vec<ReadError>) -> Self {
        let mut runs = self.runs;
        runs.extend_from_slice(more);
        runs.sort_unstable();
        runs.dedup();
        let opener = RunOpener {
            replicas: &self.replicas,
            ring: &self.ring,
            authority: self.authority,
        };
        let index = Arc::new(Index::open(&opener, self.ring.clone(), &runs, problems));
        Self {
            index,
            runs,
            ..self
        }
    }

    /// Returns the archive's id.
    pub fn id(&self) -> ArchiveId {
        self.replicas.archive()
    }

    /// Returns the key ring.
    pub fn key_ring(&self) -> &Arc<KeyRing> {
        &self.ring
    }

    /// Says whether what is read comes from far away, at first.
    pub fn is_far(&self) -> bool {
        self.replicas.first().store().is_far()
    }

    /// Returns the replicas.
    pub fn replicas(&self) -> &Replicas {
        &self.replicas
    }

    /// Returns the index.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// Reads the log of the first replica that has all of it undamaged, with the snapshots that were there when the archive was
    /// opened and that were not forgotten. Where none has, the log is put together from all of them; and where that has gaps too, the snapshots
    /// are those of all replicas, and the log is the first that can be read.
    pub fn snapshots(&self) -> Result<(Vec<SnapshotInfo>, Log, Vec<ReadError>), ReadError> {
        let mut together: Option<(Vec<SnapshotInfo>, Log, Vec<ReadError>)> = None;
        let mut first_error = None;
        for replica in self.replicas.iter() {
            let found = match self.snapshots_at(replica) {
                Ok(found) => found,
                Err(error) => {
                    first_error = first_error.or(Some(error));
                    continue;
                }
            };
            let is_newest = found.1.head().map(LogEntry::id) >= Some(self.head);
            if is_newest && found.1.problems.is_empty() && found.2.is_empty() {
                return Ok(found);
            }
            match &mut together {
                Some((snapshots, ..)) => snapshots.extend(found.0),
                None => together = Some(found),
            }
        }
        let all: Vec<&Replica> = self.replicas.iter().collect();
        if all.len() > 1
            && let Ok(found) = self.snapshots_of(&all)
            && found.1.problems.is_empty()
            && found.2.is_empty()
        {
            return Ok(found);
        }
        let (mut snapshots, log, problems) =
            together.ok_or_else(|| first_error.unwrap_or(ReadError::NoReplica))?;
        snapshots.sort_by_key(|info| (info.id.seq, info.id.generation));
        snapshots.dedup_by_key(|info| info.id);
        Ok((snapshots, log, problems))
    }

    /// Reads the log of one replica, with the snapshots that were not forgotten.
    pub fn snapshots_at(
        &self,
        replica: &Replica,
    ) -> Result<(Vec<SnapshotInfo>, Log, Vec<ReadError>), ReadError> {
        self.snapshots_of(&[replica])
    }

    fn snapshots_of(
        &self,
        replicas: &[&Replica],
    ) -> Result<(Vec<SnapshotInfo>, Log, Vec<ReadError>), ReadError> {
        let (mut snapshots, mut problems) = (Vec::new(), Vec::new());
        let mut forgotten = std::collections::BTreeSet::new();
        let mut kept_by_checkpoint = None;
        let log = read_log_of(replicas, &self.authority, &mut |record| match open_body(
            record, &self.ring,
        )
        .map(|body| body.deed)
        {
            Ok(Deed::Snapshot(snapshot)) => {
                snapshots.push(SnapshotInfo {
                    id: record.id(),
                    hash: record.hash(),
                    snapshot,
                });
            }
            Ok(Deed::Forget { snapshots }) => forgotten.extend(snapshots),
            Ok(Deed::Checkpoint { snapshots, .. }) => {
                kept_by_checkpoint = Some((record.id().seq, snapshots));
            }
            Ok(_) => {}
            Err(error) => problems.push(error),
        })?;
        // What the writer of the head has added since the archive was opened is in runs that its index does not know.
        let (generation, newest) = (self.head.generation, self.head.seq);
        let is_later = |id: RecordId| id.generation == generation && id.seq > newest;
        snapshots.retain(|info| !is_later(info.id) && !forgotten.contains(&info.id.seq));
        if let Some((seq, kept)) = kept_by_checkpoint {
            // What the newest checkpoint does not name is forgotten, though its record may be there still.
            snapshots.retain(|info| {
                info.id.seq > seq || kept.binary_search(&(info.id, info.hash)).is_ok()
            });
        }
        Ok((snapshots, log, problems))
    }

    /// Returns the newest snapshot, reading as few records as possible.
    pub fn latest(&self) -> Result<Option<SnapshotInfo>, ReadError> {
        let newest = self.replicas.ask(|replica| {
            let head = replica.record(self.head, &self.authority)?;
            let body = open_body(&head, &self.ring)?;
            Ok((head.hash(), body.deed))
        })?;
        if let (hash, Deed::Snapshot(snapshot)) = newest {
            return Ok(Some(SnapshotInfo {
                id: self.head,
                hash,
                snapshot,
            }));
        }
        Ok(self.snapshots()?.0.pop())
    }

    /// Returns the newest record that a replica names and none could show, where it is newer than all that could be read: what is
    /// the latest here may not be the latest.
    pub fn unread(&self) -> Option<RecordId> {
        self.unread
    }

    /// Returns the newest sound record.
    pub fn head(&self) -> RecordId {
        self.head
    }

    /// Returns the index runs that there should be.
    pub fn runs(&self) -> &[ObjectRef] {
        &self.runs
    }

    /// Returns the plaintext of an index run.
    pub fn run_plaintext(&self, object: &ObjectRef) -> Result<Vec<u8>, ReadError> {
        let (replicas, authority) = (&self.replicas, self.authority);
        RunOpener {
            replicas,
            ring: &self.ring,
            authority,
        }
        .plaintext(object)
    }

    /// Reads the trailer of a pack object of `size` bytes: where it says that its chunks lie.
    pub fn trailer(
        &self,
        object: &ObjectRef,
        size: u64,
    ) -> Result<(PackPlace, Trailer), ReadError> {
        let (replicas, authority) = (&self.replicas, self.authority);
        let opener = RunOpener {
            replicas,
            ring: &self.ring,
            authority,
        };
        open_trailer(&opener, object, size)
    }
}

/// Opens the body of a record.
pub fn open_body(record: &Record, ring: &KeyRing) -> Result<Body, ReadError> {
    let object = ObjectRef::record(record.id());
    let damaged = |source| ReadError::Object { object, source };
    let link = &record.header().link;
    let plaintext = sealed::open_body(record.body(), link.id.generation, link.archive, ring)
        .map_err(damaged)?;
    Body::decode(&plaintext, record.header().kind.code()).map_err(damaged)
}
