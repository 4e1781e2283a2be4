//! The one writer of an archive: which destinations can be written to, and how a record gets there.

use std::ops::ControlFlow;
use std::sync::Arc;

use strongroom_base::clock::Clock;
use strongroom_base::ids::{ArchiveId, Seq};
use strongroom_base::object::{ObjectKind, ObjectRef, RecordId};
use strongroom_base::random::RandomSource;
use strongroom_base::{Class, Classified};
use strongroom_crypto::sign::SigningKey;
use strongroom_format::body::{Acknowledged, Body, Deed};
use strongroom_format::keys::{KeyRing, KeysObject};
use strongroom_read::{ReadError, open_body};
use strongroom_replica::expected::{Expected, Owner};
use strongroom_replica::record::{Changes, Link, PartKind, Record, RecordKind};
use strongroom_replica::sync::{Copied, sync_keys, sync_to};
use strongroom_replica::{Replica, ReplicaError};

use crate::create::seal_body;
use crate::destination::{Destination, DestinationReport, DestinationStatus};
use crate::error::EngineError;
use crate::heads::{Seen, look_at_all, next_generation, settle_announced, stand};
use crate::memory::{Head, Memory, WriterState};

/// Who writes, with what, and when it is.
#[derive(Clone)]
pub struct Identity {
    /// The archive.
    pub archive: ArchiveId,
    /// Its keys.
    pub ring: Arc<KeyRing>,
    /// The key that signs records.
    pub signer: Arc<SigningKey>,
    /// The source of time.
    pub clock: Arc<dyn Clock>,
    /// The source of randomness.
    pub random: Arc<dyn RandomSource>,
}

/// A destination and what the writer thinks of it.
pub(crate) struct Slot {
    pub(crate) destination: Destination,
    pub(crate) standing: Standing,
    pub(crate) bytes_written: u64,
}

/// What the writer thinks of a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It has the newest record.
    Ready,
    /// It has an older one that it acknowledged, or nothing yet.
    Behind,
    /// It was behind, and has caught up.
    CaughtUp,
    /// It cannot be reached, or stopped working.
    Unreachable(String),
    /// It was behind, and has caught up but for what no source has.
    Incomplete(String),
    /// Its history is not the one it acknowledged.
    SetAside(String),
}

/// The one writer of an archive.
pub struct Writer<'a> {
    pub(crate) identity: Identity,
    pub(crate) slots: Vec<Slot>,
    memory: &'a dyn Memory,
    pub(crate) state: WriterState,
    head: Head,
    runs: Vec<ObjectRef>,
    /// Who wrote the newest record.
    author: [u8; 32],
}

impl<'a> Writer<'a> {
    /// Looks at every destination, and fails where none has the newest record, or where one is ahead.
    pub fn open(
        identity: Identity,
        destinations: Vec<Destination>,
        memory: &'a dyn Memory,
    ) -> Result<Self, EngineError> {
        let (mut writer, open_ended) = Self::look_around(identity, destinations, memory)?;
        if open_ended {
            writer.begin_generation("a record was cut short")?;
        } else if writer.author != writer.identity.signer.public_key() {
            writer.begin_generation("another profile writes from now on")?;
        }
        Ok(writer)
    }

    /// As [`open`](Self::open), for looking only: no generation begins, nothing is remembered.
    pub fn look(
        identity: Identity,
        destinations: Vec<Destination>,
        memory: &'a dyn Memory,
    ) -> Result<Self, EngineError> {
        Self::look_around(identity, destinations, memory).map(|(writer, _)| writer)
    }

    /// Looks at every destination; says whether a generation must begin before anything else is written.
    fn look_around(
        identity: Identity,
        destinations: Vec<Destination>,
        memory: &'a dyn Memory,
    ) -> Result<(Self, bool), EngineError> {
        let mut state = memory.load()?;
        let authority = identity.ring.authority().public_key();
        let seen = look_at_all(&destinations, &authority, &state);
        let open_ended = settle_announced(&mut state, &destinations, &seen).is_some();
        let writer = Self::with_state(identity, destinations, seen, memory, state)?;
        Ok((writer, open_ended))
    }

    /// Compares what was seen at the destinations with what is remembered; at least one must have the
    /// newest record.
    pub(crate) fn with_state(
        identity: Identity,
        destinations: Vec<Destination>,
        seen: Vec<Seen>,
        memory: &'a dyn Memory,
        mut state: WriterState,
    ) -> Result<Self, EngineError> {
        let mut slots = Vec::with_capacity(destinations.len());
        for (destination, seen) in destinations.into_iter().zip(seen) {
            let standing = stand(&destination, seen, &mut state)?;
            slots.push(Slot {
                destination,
                standing,
                bytes_written: 0,
            });
        }
        let head = state
            .head
            .ok_or_else(|| no_destination(identity.archive, &slots))?;
        let (runs, author) = newest_at(&mut slots, &identity, head)?;
        Ok(Self {
            identity,
            slots,
            memory,
            state,
            head,
            runs,
            author,
        })
    }

    /// Begins a generation at the newest record, which fences every other writer, and makes a branch of
    /// what any destination has beyond it.
    pub(crate) fn begin_generation(&mut self, reason: &str) -> Result<Head, EngineError> {
        let generation = next_generation(&self.state);
        let body = Body {
            time: self.identity.clock.now(),
            destinations: self.acknowledged(),
            runs: self.runs.clone(),
            deed: Deed::Generation {
                reason: reason.to_owned(),
            },
        };
        let Identity {
            archive,
            ring,
            random,
            ..
        } = &self.identity;
        let sealed = seal_body(*archive, generation, ring, &body, &**random);
        let id = RecordId {
            generation,
            ..self.next_id()
        };
        let record = Record::sign(
            RecordKind::Generation,
            self.link(id),
            Changes::default(),
            &[(PartKind::Body, &sealed)],
            &ring.authority(),
        );
        self.publish(&record, self.runs.clone())
    }

    fn link(&self, id: RecordId) -> Link {
        Link {
            archive: self.identity.archive,
            id,
            previous: self.head.hash,
            writer: self.identity.signer.public_key(),
        }
    }

    /// Returns the index runs as of the newest record.
    pub fn runs(&self) -> &[ObjectRef] {
        &self.runs
    }

    /// Returns the keys of the archive.
    pub fn key_ring(&self) -> &Arc<KeyRing> {
        &self.identity.ring
    }

    /// Returns the newest record.
    pub fn head(&self) -> Head {
        self.head
    }

    /// Returns the replicas that have the newest record.
    pub fn ready(&self) -> impl Iterator<Item = (usize, &Replica)> {
        self.slots.iter().enumerate().filter_map(|(number, slot)| {
            let ready = matches!(slot.standing, Standing::Ready | Standing::CaughtUp);
            ready.then_some(())?;
            Some((number, slot.destination.replica.as_ref().ok()?))
        })
    }

    /// Notes that a destination stopped working.
    pub(crate) fn fail(&mut self, number: usize, reason: &str) {
        self.slots[number].standing = Standing::Unreachable(reason.to_owned());
    }

    /// Returns the place of the next record.
    pub(crate) fn next_id(&self) -> RecordId {
        RecordId {
            generation: self.head.id.generation,
            seq: Seq(self.head.id.seq.0 + 1),
        }
    }

    /// Returns what every destination acknowledged, for the body of the next record.
    pub(crate) fn acknowledged(&self) -> Vec<Acknowledged> {
        let acknowledged = |(destination, head): (&_, &Head)| Acknowledged {
            destination: *destination,
            seq: head.id.seq,
            hash: head.hash,
        };
        self.state.heads.iter().map(acknowledged).collect()
    }

    /// Signs the next record and writes it to every ready destination; fails where none takes it.
    ///
    /// Everything that it adds must be durable at the ready destinations. `runs` are the index runs
    /// after it.
    pub(crate) fn commit(
        &mut self,
        kind: RecordKind,
        changes: Changes,
        parts: &[(PartKind, &[u8])],
        runs: Vec<ObjectRef>,
    ) -> Result<Head, EngineError> {
        let link = self.link(self.next_id());
        let record = Record::sign(kind, link, changes, parts, &self.identity.signer);
        self.publish(&record, runs)
    }

    /// Writes a record that continues the newest one to every ready destination.
    fn publish(&mut self, record: &Record, runs: Vec<ObjectRef>) -> Result<Head, EngineError> {
        let head = Head {
            id: record.id(),
            hash: record.hash(),
        };
        let ready: Vec<_> = self
            .ready()
            .map(|(number, replica)| (number, replica.clone()))
            .collect();
        if ready.is_empty() {
            return Err(no_destination(self.identity.archive, &self.slots));
        }
        check_readable(record, &self.identity)?;
        let is_void = |object: &ObjectRef| object.kind() != ObjectKind::Index;
        if record.header().changes.voids.iter().any(is_void) {
            // What a catalogue knows may be void from now on.
            self.state.catalogued.clear();
        }
        self.state.announced.push(head);
        self.memory.save(&self.state)?;
        let mut taken = false;
        for (number, replica) in ready {
            let put = replica
                .put_record(record)
                .and_then(|()| self.refuse_successor(number, head));
            match put {
                Ok(successor) => {
                    if let Some(fenced) = successor {
                        return Err(fenced);
                    }
                    taken = true;
                    self.slots[number].bytes_written += record.bytes().len() as u64;
                    self.state
                        .heads
                        .insert(self.slots[number].destination.id, head);
                }
                Err(error @ ReplicaError::Fenced { .. }) => return Err(error.into()),
                Err(error) => self.fail(number, &error.to_string()),
            }
        }
        if !taken {
            return Err(no_destination(self.identity.archive, &self.slots));
        }
        self.state.head = Some(head);
        self.state.announced.clear();
        match record.header().kind {
            RecordKind::Generation => self.state.given_up = None,
            RecordKind::Snapshot => self.state.note_snapshot(head),
            _ => {}
        }
        self.memory.save(&self.state)?;
        self.head = head;
        self.author = record.header().link.writer;
        self.runs = runs;
        Ok(head)
    }

    /// Brings the destinations that are behind up to date, by copying from those that are not.
    pub fn catch_up(&mut self, progress: &mut dyn FnMut(u64)) -> Result<(), EngineError> {
        let sources: Vec<Replica> = self.ready().map(|(_, replica)| replica.clone()).collect();
        let sources: Vec<&Replica> = sources.iter().collect();
        if sources.is_empty() {
            return Ok(());
        }
        let authority = self.identity.ring.authority().public_key();
        let archive = self.identity.archive;
        let is_keys = |number: u32, bytes: &[u8]| {
            KeysObject::decode(bytes, &authority)
                .is_ok_and(|keys| keys.number == number && keys.archive == archive)
        };
        let owner = Owner {
            authority,
            is_keys: &is_keys,
        };
        if let Some(keys) = owner.newest_keys(&sources) {
            for replica in &sources {
                // Wraps that changed while the destination was away; what fails shows at the next write.
                let _ = sync_keys(replica, &keys, &owner);
            }
        }
        if !self
            .slots
            .iter()
            .any(|slot| slot.standing == Standing::Behind)
        {
            return Ok(());
        }
        let expected = Expected::of(&sources, &owner)?;
        let mut problems = expected.log.problems.iter();
        if let Some(problem) = problems.find(|problem| problem.class() == Class::Retry) {
            // What a record adds that cannot be read now would be left out, and nobody would miss it.
            let behind = self.slots.iter_mut();
            behind
                .filter(|slot| slot.standing == Standing::Behind)
                .for_each(|slot| slot.standing = Standing::Unreachable(problem.to_string()));
            return Ok(());
        }
        for slot in self
            .slots
            .iter_mut()
            .filter(|slot| slot.standing == Standing::Behind)
        {
            let Ok(target) = &slot.destination.replica else {
                continue;
            };
            let mut progress = |copied: Copied| {
                progress(copied.bytes);
                ControlFlow::Continue(())
            };
            match sync_to(target, &sources, &expected, &owner, &mut progress) {
                Ok(synced) => {
                    slot.bytes_written += synced.copied.bytes;
                    if let Some((place, error)) = synced.left_out.first() {
                        let count = synced.left_out.len();
                        let reason = format!("{count} objects were left out: {place}: {error}");
                        slot.standing = Standing::Incomplete(reason);
                        continue;
                    }
                    slot.standing = Standing::CaughtUp;
                    self.state.heads.insert(slot.destination.id, self.head);
                }
                Err(error @ ReplicaError::BrokenChain { .. }) => {
                    slot.standing = Standing::SetAside(error.to_string());
                }
                Err(error) => slot.standing = Standing::Unreachable(error.to_string()),
            }
        }
        self.memory.save(&self.state)?;
        Ok(())
    }

    /// Says what became of every destination.
    pub fn reports(&self) -> Vec<DestinationReport> {
        self.slots.iter().map(Slot::report).collect()
    }
}

impl Slot {
    fn report(&self) -> DestinationReport {
        let status = match &self.standing {
            Standing::Ready => DestinationStatus::UpToDate,
            Standing::CaughtUp => DestinationStatus::CaughtUp,
            Standing::Behind => DestinationStatus::Unreachable("it is behind".to_owned()),
            Standing::Unreachable(reason) => DestinationStatus::Unreachable(reason.clone()),
            Standing::Incomplete(reason) => DestinationStatus::Incomplete(reason.clone()),
            Standing::SetAside(reason) => DestinationStatus::SetAside(reason.clone()),
        };
        let Destination { id, name, .. } = self.destination.clone();
        DestinationReport {
            id,
            name,
            status,
            bytes_written: self.bytes_written,
        }
    }
}

/// Refuses a record that a reader would refuse: once it is written, the archive ends with it.
fn check_readable(record: &Record, identity: &Identity) -> Result<(), EngineError> {
    let id = record.id();
    let authority = identity.ring.authority().public_key();
    let read = Record::decode(record.bytes().to_vec(), identity.archive, id, &authority)
        .map_err(ReadError::from)
        .and_then(|record| open_body(&record, &identity.ring));
    read.map(drop)
        .map_err(|source| EngineError::Unwritable { id, source })
}

/// Reads the index runs as of the newest record, and who wrote it, from the first destination that can
/// tell; those that cannot are written to no more.
fn newest_at(
    slots: &mut [Slot],
    identity: &Identity,
    head: Head,
) -> Result<(Vec<ObjectRef>, [u8; 32]), EngineError> {
    let authority = identity.ring.authority().public_key();
    for slot in slots.iter_mut() {
        let (Standing::Ready, Ok(replica)) = (&slot.standing, &slot.destination.replica) else {
            continue;
        };
        let read = replica
            .record(head.id, &authority)
            .map_err(ReadError::from)
            .and_then(|record| {
                if record.hash() != head.hash {
                    return Err(ReplicaError::Fenced { id: head.id }.into());
                }
                let body = open_body(&record, &identity.ring)?;
                Ok((body.runs, record.header().link.writer))
            });
        match read {
            Ok(newest) => return Ok(newest),
            Err(error) => slot.standing = Standing::Unreachable(error.to_string()),
        }
    }
    Err(no_destination(identity.archive, slots))
}

pub(crate) fn no_destination(archive: ArchiveId, slots: &[Slot]) -> EngineError {
    let reason = |slot: &Slot| {
        let why = match &slot.standing {
            Standing::Ready | Standing::CaughtUp => return None,
            Standing::Behind => "is behind, and the destination that is not cannot be reached",
            Standing::Unreachable(reason)
            | Standing::Incomplete(reason)
            | Standing::SetAside(reason) => reason,
        };
        Some(format!("{}: {why}", slot.destination.name))
    };
    EngineError::NoDestination {
        archive,
        reasons: slots.iter().filter_map(reason).collect(),
    }
}
