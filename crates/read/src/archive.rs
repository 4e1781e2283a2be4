//! An archive opened for reading.

use std::sync::Arc;

use strongroom_base::ids::ArchiveId;
use strongroom_base::object::{ObjectRef, RecordId};
use strongroom_base::{Class, Classified};
use strongroom_crypto::custody::CustodyKey;
use strongroom_crypto::keys::SealedKind;
use strongroom_format::body::{Body, Deed, Snapshot};
use strongroom_format::keys::{KeyRing, KeysObject};
use strongroom_format::sealed::open_object;
use strongroom_replica::log::{Log, read_head, read_log};
use strongroom_replica::record::{Record, RecordKind};
use strongroom_replica::{Replica, ReplicaError};

use crate::error::ReadError;
use crate::index::{Index, RunOpener, SharedIndex};
use crate::replicas::Replicas;
use crate::segments::Segments;

/// How many bytes of decompressed segments are kept.
const SEGMENT_BYTES_KEPT: usize = 48 << 20;

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
    authority: [u8; 32],
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
        let ring = replicas.ask(|replica| open_key_ring(replica, custody))?;
        Self::with_key_ring(replicas, Arc::new(ring), problems)
    }

    /// Opens an archive whose key ring is known.
    pub fn with_key_ring(
        replicas: Replicas,
        ring: Arc<KeyRing>,
        problems: &mut Vec<ReadError>,
    ) -> Result<Self, ReadError> {
        let authority = ring.authority().public_key();
        let head = replicas.ask(|replica| sound_head(replica, &authority, &ring, problems))?;
        let opener = RunOpener {
            replicas: &replicas,
            ring: &ring,
            authority,
        };
        let index = Arc::new(Index::open(&opener, &head, problems));
        let segments = Segments::new(SEGMENT_BYTES_KEPT);
        Ok(Self {
            replicas,
            ring,
            index,
            segments,
            authority,
        })
    }

    /// Returns the archive's id.
    pub fn id(&self) -> ArchiveId {
        self.replicas.archive()
    }

    /// Returns the key ring.
    pub fn key_ring(&self) -> &Arc<KeyRing> {
        &self.ring
    }

    /// Returns the replicas.
    pub fn replicas(&self) -> &Replicas {
        &self.replicas
    }

    /// Returns the index.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// Reads the log of the first replica that can be read, with the snapshots that were not forgotten.
    pub fn snapshots(&self) -> Result<(Vec<SnapshotInfo>, Log, Vec<ReadError>), ReadError> {
        self.replicas.ask(|replica| self.snapshots_at(replica))
    }

    /// Reads the log of one replica, with the snapshots that were not forgotten.
    pub fn snapshots_at(
        &self,
        replica: &Replica,
    ) -> Result<(Vec<SnapshotInfo>, Log, Vec<ReadError>), ReadError> {
        let (mut snapshots, mut problems) = (Vec::new(), Vec::new());
        let mut forgotten = std::collections::BTreeSet::new();
        let log = read_log(replica, &self.authority, &mut |record| match open_body(
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
            Ok(_) => {}
            Err(error) => problems.push(error),
        })?;
        snapshots.retain(|info| !forgotten.contains(&info.id.seq));
        Ok((snapshots, log, problems))
    }

    /// Returns the newest snapshot, reading as few records as possible.
    pub fn latest(&self) -> Result<Option<SnapshotInfo>, ReadError> {
        self.replicas.ask(|replica| {
            let head = read_head(replica, &self.authority)?;
            if head.header().kind == RecordKind::Snapshot
                && let Deed::Snapshot(snapshot) = open_body(&head, &self.ring)?.deed
            {
                return Ok(Some(SnapshotInfo {
                    id: head.id(),
                    hash: head.hash(),
                    snapshot,
                }));
            }
            Ok(self.snapshots_at(replica)?.0.pop())
        })
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
}

/// Opens the key ring of a replica with its custody key, and checks the descriptor against it.
pub fn open_key_ring(replica: &Replica, custody: &CustodyKey) -> Result<KeyRing, ReadError> {
    let ring = newest_keys(replica)?.open(custody)?;
    if ring.authority().public_key() != replica.descriptor()?.authority {
        return Err(ReadError::ForeignDescriptor {
            destination: replica.describe(),
        });
    }
    Ok(ring)
}

/// Returns the keys object with the highest number.
pub fn newest_keys(replica: &Replica) -> Result<KeysObject, ReadError> {
    let descriptor = replica.descriptor()?;
    let mut first_error = None;
    for (number, name) in replica.keys_objects()?.into_iter().rev() {
        let decoded = replica
            .get_keys(number, name)
            .map_err(ReadError::from)
            .and_then(|bytes| Ok(KeysObject::decode(&bytes, &descriptor.authority)?));
        match decoded {
            Ok(keys) if keys.archive == replica.archive() && keys.number == number => {
                return Ok(keys);
            }
            Ok(_) => first_error = first_error.or(Some(foreign_keys())),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    Err(first_error.unwrap_or_else(|| ReadError::NoKeys {
        destination: replica.describe(),
    }))
}

fn foreign_keys() -> ReadError {
    ReplicaError::Foreign {
        what: "a keys object".to_owned(),
    }
    .into()
}

/// Opens the body of a record.
pub fn open_body(record: &Record, ring: &KeyRing) -> Result<Body, ReadError> {
    let object = ObjectRef::record(record.id());
    let damaged = |source| ReadError::Object { object, source };
    let archive = record.header().link.archive;
    let (_, plaintext) =
        open_object(record.body(), SealedKind::Body, archive, ring).map_err(damaged)?;
    Body::decode(&plaintext, record.header().kind.code()).map_err(damaged)
}

/// Returns the index runs that the newest sound record names; every damaged one before it is a problem.
fn sound_head(
    replica: &Replica,
    authority: &[u8; 32],
    ring: &KeyRing,
    problems: &mut Vec<ReadError>,
) -> Result<Vec<ObjectRef>, ReadError> {
    let newest = read_head(replica, authority).map_err(ReadError::from);
    let error = match newest.and_then(|head| open_body(&head, ring)) {
        Ok(body) => return Ok(body.runs),
        Err(error) if error.class() == Class::Damage => error,
        Err(error) => return Err(error),
    };
    problems.push(error);
    let mut runs = None;
    read_log(replica, authority, &mut |record| {
        if let Ok(body) = open_body(record, ring) {
            runs = Some(body.runs);
        }
    })?;
    runs.ok_or_else(|| {
        ReplicaError::EmptyLog {
            destination: replica.describe(),
        }
        .into()
    })
}
