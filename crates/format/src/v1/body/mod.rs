//! The bodies of records: `spec/archive-v1.md`, sections 9.2 and 10.

mod checkpoint;
mod snapshot;

use strongroom_base::clock::Timestamp;
use strongroom_base::ids::{DestinationId, Seq};
use strongroom_base::object::{ObjectKind, ObjectRef, RecordId, put_refs, read_refs};
use strongroom_base::wire::{Put, Reader, WireError, invalid};

pub use snapshot::{Root, Snapshot, Statistics, root_name};

use super::error::FormatError;
use super::limits::RUNS_MAX;
use super::padding::{BODY_LEN_MIN, check_padding, pad};

const DESTINATIONS_MAX: usize = 256;
const LIST_MAX: usize = 1 << 24;
const REASON_LEN_MAX: usize = 256;
const NOTE_LEN_MAX: usize = 4_096;

/// What a destination had acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Acknowledged {
    /// The destination.
    pub destination: DestinationId,
    /// The newest record that it has.
    pub seq: Seq,
    /// The hash of that record.
    pub hash: [u8; 32],
}

/// The sealed part of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// When the record was made.
    pub time: Timestamp,
    /// What every destination had acknowledged, sorted by destination.
    pub destinations: Vec<Acknowledged>,
    /// The index runs that a reader needs as of this record, sorted.
    pub runs: Vec<ObjectRef>,
    /// What is particular to the kind of record.
    pub deed: Deed,
}

/// What a record does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Begins a generation.
    Generation {
        /// Why.
        reason: String,
    },
    /// Keeps the state of files.
    Snapshot(Snapshot),
    /// Forgets snapshots.
    Forget {
        /// Their numbers, sorted.
        snapshots: Vec<Seq>,
    },
    /// Condemns objects.
    Prune,
    /// Repeats the live set.
    Checkpoint {
        /// The live objects and their sizes, sorted.
        live: Vec<(ObjectRef, u64)>,
        /// The surviving snapshots and the hashes of their records, sorted.
        snapshots: Vec<(RecordId, [u8; 32])>,
    },
    /// Replaces damaged objects or acknowledges their loss.
    Repair {
        /// Why.
        note: String,
    },
    /// Adds objects before their snapshot is complete.
    Progress,
}

impl Deed {
    /// Returns the code of the kind of record.
    pub fn code(&self) -> u8 {
        match self {
            Self::Generation { .. } => 1,
            Self::Snapshot(_) => 2,
            Self::Forget { .. } => 3,
            Self::Prune => 4,
            Self::Checkpoint { .. } => 5,
            Self::Repair { .. } => 6,
            Self::Progress => 7,
        }
    }
}

impl Body {
    /// Returns the plaintext of the body, padded.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![self.deed.code()];
        out.put_zigzag(self.time.0);
        out.put_count(self.destinations.len());
        for known in &self.destinations {
            out.extend_from_slice(&known.destination.0);
            out.put_u64(known.seq.0);
            out.extend_from_slice(&known.hash);
        }
        put_refs(&mut out, &self.runs);
        match &self.deed {
            Deed::Generation { reason } => out.put_bytes(reason.as_bytes()),
            Deed::Snapshot(snapshot) => snapshot.put(&mut out),
            Deed::Forget { snapshots } => {
                out.put_count(snapshots.len());
                for seq in snapshots {
                    out.put_u64(seq.0);
                }
            }
            Deed::Checkpoint { live, snapshots } => checkpoint::put(&mut out, live, snapshots),
            Deed::Repair { note } => out.put_bytes(note.as_bytes()),
            Deed::Prune | Deed::Progress => {}
        }
        pad(&mut out, BODY_LEN_MIN);
        out
    }

    /// Reads the plaintext of a body; `kind` is what the header of the record says.
    pub fn decode(bytes: &[u8], kind: u8) -> Result<Self, FormatError> {
        Self::decode_fields(bytes, kind).map_err(FormatError::malformed("body of a record"))
    }

    fn decode_fields(bytes: &[u8], kind: u8) -> Result<Self, WireError> {
        let mut reader = Reader::new(bytes);
        if reader.u8("kind")? != kind {
            return Err(invalid("kind"));
        }
        let time = Timestamp(reader.zigzag("time")?);
        let destinations = read_destinations(&mut reader)?;
        let runs = read_refs(&mut reader, RUNS_MAX, "runs")?;
        let is_run = |run: &ObjectRef| matches!(run.kind(), ObjectKind::Index | ObjectKind::Record);
        if !runs.iter().all(is_run) {
            return Err(invalid("runs"));
        }
        let deed = match kind {
            1 => Deed::Generation {
                reason: read_text(&mut reader, REASON_LEN_MAX, "reason")?,
            },
            2 => Deed::Snapshot(Snapshot::read(&mut reader)?),
            3 => Deed::Forget {
                snapshots: read_forgotten(&mut reader)?,
            },
            4 => Deed::Prune,
            5 => checkpoint::read(&mut reader)?,
            6 => Deed::Repair {
                note: read_text(&mut reader, NOTE_LEN_MAX, "note")?,
            },
            7 => Deed::Progress,
            _ => return Err(invalid("kind")),
        };
        let used = bytes.len() - reader.rest().len();
        check_padding(bytes, used, BODY_LEN_MIN)?;
        Ok(Self {
            time,
            destinations,
            runs,
            deed,
        })
    }
}

fn read_text(
    reader: &mut Reader<'_>,
    max: usize,
    field: &'static str,
) -> Result<String, WireError> {
    String::from_utf8(reader.bytes(max, field)?.to_vec()).map_err(|_| invalid(field))
}

fn read_destinations(reader: &mut Reader<'_>) -> Result<Vec<Acknowledged>, WireError> {
    let count = reader.count(DESTINATIONS_MAX, "destinations")?;
    let mut destinations: Vec<Acknowledged> = Vec::with_capacity(count);
    for _ in 0..count {
        let known = Acknowledged {
            destination: DestinationId(reader.array("destination")?),
            seq: Seq::read(reader, "seq")?,
            hash: reader.array("record hash")?,
        };
        if destinations
            .last()
            .is_some_and(|last| last.destination >= known.destination)
        {
            return Err(invalid("destinations"));
        }
        destinations.push(known);
    }
    Ok(destinations)
}

fn read_forgotten(reader: &mut Reader<'_>) -> Result<Vec<Seq>, WireError> {
    let count = reader.count(LIST_MAX, "count")?;
    let mut snapshots = Vec::new();
    for _ in 0..count {
        let seq = Seq::read(reader, "seq")?;
        if snapshots.last().is_some_and(|last| *last >= seq) {
            return Err(invalid("seq"));
        }
        snapshots.push(seq);
    }
    Ok(snapshots)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1::content::{ChunkId, Content};
    use crate::v1::tree::{Entry, Meta, Node, Owner};
    use strongroom_base::ids::Generation;

    fn root(path: &str) -> Root {
        let meta = Meta {
            mode: 0o755,
            owner: Owner {
                uid: 0,
                gid: 0,
                user: b"root".to_vec(),
                group: b"root".to_vec(),
            }
            .into(),
            mtime: Timestamp(5),
            btime: None,
            file_flags: 0,
            xattrs: Vec::new(),
            link: None,
            unsettled: false,
        };
        let node = Node::Directory {
            tree: Content::Chunk {
                len: 9,
                id: ChunkId([1; 32]),
            },
        };
        Root {
            path: path.into(),
            entry: Entry {
                name: path.trim_start_matches('/').into(),
                meta,
                node,
            },
        }
    }

    fn snapshot(paths: &[&str], tags: &[&str]) -> Deed {
        Deed::Snapshot(Snapshot {
            started: Timestamp(-5),
            ended: Timestamp(1_800_000_000_000_000_000),
            host: b"host".to_vec(),
            program: "strongroom 0.1.0".to_owned(),
            tags: tags.iter().map(|&tag| tag.to_owned()).collect(),
            statistics: Statistics {
                files: 1,
                directories: 2,
                others: 3,
                bytes: 4,
                failed: 5,
            },
            roots: paths.iter().map(|path| root(path)).collect(),
        })
    }

    #[track_caller]
    fn check(deed: Deed, accepted: bool) {
        let known = Acknowledged {
            destination: DestinationId([1; 16]),
            seq: Seq(4),
            hash: [2; 32],
        };
        let runs = vec![ObjectRef::record(RecordId {
            generation: Generation(1),
            seq: Seq(4),
        })];
        let body = Body {
            time: Timestamp(7),
            destinations: vec![known],
            runs,
            deed,
        };
        let decoded = Body::decode(&body.encode(), body.deed.code());
        assert_eq!(decoded.is_ok(), accepted, "{decoded:?}");
        if let Ok(decoded) = decoded {
            assert_eq!(decoded, body);
            let mut longer = body.encode();
            longer.push(0);
            assert!(Body::decode(&longer, body.deed.code()).is_err());
        }
    }

    #[test]
    fn bodies_come_back_and_are_strict() {
        check(
            Deed::Generation {
                reason: "new".to_owned(),
            },
            true,
        );
        check(Deed::Prune, true);
        check(Deed::Progress, true);
        check(
            Deed::Repair {
                note: String::new(),
            },
            true,
        );
        check(
            Deed::Forget {
                snapshots: vec![Seq(1), Seq(3)],
            },
            true,
        );
        check(
            Deed::Forget {
                snapshots: vec![Seq(3), Seq(3)],
            },
            false,
        );
        check(snapshot(&["/a", "/b"], &["x", "y"]), true);
        check(snapshot(&["/b", "/a"], &[]), false);
        check(snapshot(&["a"], &[]), false);
        check(snapshot(&[], &[]), false);
        check(snapshot(&["/a"], &["y", "x"]), false);
        let live = vec![(
            ObjectRef::pack(strongroom_base::ids::ObjectName([1; 32])),
            5,
        )];
        let id = RecordId {
            generation: Generation(1),
            seq: Seq(2),
        };
        check(
            Deed::Checkpoint {
                live: live.clone(),
                snapshots: vec![(id, [0; 32])],
            },
            true,
        );
        check(
            Deed::Checkpoint {
                live: [live.clone(), live].concat(),
                snapshots: vec![],
            },
            false,
        );
    }
}
