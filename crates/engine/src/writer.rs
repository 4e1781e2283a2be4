//! The one writer of an archive: which destinations can be written to, and how a record gets there.

use std::ops::ControlFlow;
use std::sync::Arc;

use strongroom_base::clock::Clock;
use strongroom_base::ids::{ArchiveId, Seq};
use strongroom_base::object::{ObjectRef, RecordId};
use strongroom_base::random::RandomSource;
use strongroom_base::{Class, Classified};
use strongroom_crypto::sign::SigningKey;
use strongroom_format::body::Acknowledged;
use strongroom_format::keys::{KeyRing, KeysObject};
use strongroom_read::{ReadError, open_body};
use strongroom_replica::expected::{Expected, Owner};
use strongroom_replica::log::chain;
use strongroom_replica::record::{Changes, Link, PartKind, Record, RecordKind};
use strongroom_replica::sync::{Copied, sync_keys, sync_to};
use strongroom_replica::{Replica, ReplicaError};

use crate::destination::{Destination, DestinationReport, DestinationStatus};
use crate::error::EngineError;
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
    /// Its history is not the one it acknowledged.
    SetAside(String),
}

/// The one writer of an archive.
pub struct Writer<'a> {
    pub(crate) identity: Identity,
    pub(crate) slots: Vec<Slot>,
    memory: &'a dyn Memory,
    state: WriterState,
    head: Head,
    runs: Vec<ObjectRef>,
}

impl<'a> Writer<'a> {
    /// Looks at every destination, and fails where none has the newest record, or where one is ahead.
    pub fn open(
        identity: Identity,
        destinations: Vec<Destination>,
        memory: &'a dyn Memory,
    ) -> Result<Self, EngineError> {
        let mut state = memory.load()?;
        let authority = identity.ring.authority().public_key();
        let mut slots = Vec::with_capacity(destinations.len());
        for destination in destinations {
            let standing = examine(&destination, &mut state, &authority)?;
            slots.push(Slot {
                destination,
                standing,
                bytes_written: 0,
            });
        }
        let head = state
            .head
            .ok_or_else(|| no_destination(identity.archive, &slots))?;
        for slot in &mut slots {
            let known = state.heads.get(&slot.destination.id);
            if slot.standing == Standing::Ready && known.is_none_or(|known| *known != head) {
                slot.standing = Standing::Behind;
            }
        }
        let runs = runs_at(&mut slots, &identity, head)?;
        state.announced = None;
        Ok(Self {
            identity,
            slots,
            memory,
            state,
            head,
            runs,
        })
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
        let link = Link {
            archive: self.identity.archive,
            id: self.next_id(),
            previous: self.head.hash,
            writer: self.identity.signer.public_key(),
        };
        let record = Record::sign(kind, link, changes, parts, &self.identity.signer);
        let head = Head {
            id: record.id(),
            hash: record.hash(),
        };
        self.state.announced = Some(head);
        self.memory.save(&self.state)?;
        let ready: Vec<_> = self
            .ready()
            .map(|(number, replica)| (number, replica.clone()))
            .collect();
        let mut taken = false;
        for (number, replica) in ready {
            match replica.put_record(&record) {
                Ok(()) => {
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
        self.state.announced = None;
        self.memory.save(&self.state)?;
        self.head = head;
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

/// Reads the index runs as of the newest record from the first destination that can tell; those that
/// cannot are written to no more.
fn runs_at(
    slots: &mut [Slot],
    identity: &Identity,
    head: Head,
) -> Result<Vec<ObjectRef>, EngineError> {
    let authority = identity.ring.authority().public_key();
    for slot in slots.iter_mut() {
        let (Standing::Ready, Ok(replica)) = (&slot.standing, &slot.destination.replica) else {
            continue;
        };
        let body = replica
            .record(head.id, &authority)
            .map_err(ReadError::from)
            .and_then(|record| open_body(&record, &identity.ring));
        match body {
            Ok(body) => return Ok(body.runs),
            Err(error) => slot.standing = Standing::Unreachable(error.to_string()),
        }
    }
    Err(no_destination(identity.archive, slots))
}

fn no_destination(archive: ArchiveId, slots: &[Slot]) -> EngineError {
    let reason = |slot: &Slot| {
        let why = match &slot.standing {
            Standing::Ready | Standing::CaughtUp => return None,
            Standing::Behind => "is behind, and the destination that is not cannot be reached",
            Standing::Unreachable(reason) | Standing::SetAside(reason) => reason,
        };
        Some(format!("{}: {why}", slot.destination.name))
    };
    EngineError::NoDestination {
        archive,
        reasons: slots.iter().filter_map(reason).collect(),
    }
}

/// Compares the newest record at a destination with what it acknowledged.
fn examine(
    destination: &Destination,
    state: &mut WriterState,
    authority: &[u8; 32],
) -> Result<Standing, EngineError> {
    let replica = match &destination.replica {
        Ok(replica) => replica,
        Err(reason) => return Ok(Standing::Unreachable(reason.clone())),
    };
    let ids = match replica.record_ids() {
        Ok(ids) => ids,
        Err(error) => return Ok(Standing::Unreachable(error.to_string())),
    };
    let known = state.heads.get(&destination.id).copied();
    let Some(newest) = chain(&ids).0.last().copied() else {
        return Ok(match known {
            Some(_) => Standing::SetAside("the log that it acknowledged is gone".to_owned()),
            None => Standing::Behind,
        });
    };
    let found = match replica.record(newest, authority) {
        Ok(record) => Head {
            id: newest,
            hash: record.hash(),
        },
        Err(error) if error.class() == Class::Retry => {
            return Ok(Standing::Unreachable(error.to_string()));
        }
        Err(error) => return Ok(Standing::SetAside(error.to_string())),
    };
    if state.announced == Some(found) {
        // The writer died between this destination's answer and its own note of it.
        state.heads.insert(destination.id, found);
        state.head = Some(found);
        return Ok(Standing::Ready);
    }
    let newest_known = state.head.map_or(0, |head| head.id.seq.0);
    if found.id.seq.0 > newest_known
        || state
            .head
            .is_some_and(|h| found.id.generation > h.id.generation)
    {
        return Err(EngineError::Fenced {
            destination: destination.name.clone(),
            found: found.id.seq.0,
            known: newest_known,
        });
    }
    Ok(match known {
        Some(known) if found == known => Standing::Ready,
        Some(known) if found.id.seq >= known.id.seq && Some(found) == state.head => {
            state.heads.insert(destination.id, found);
            Standing::Ready
        }
        // What it has beyond its last acknowledgement was written, and the answer was lost; catching up
        // compares it.
        Some(known)
            if found.id.seq > known.id.seq
                && state.head.is_some_and(|head| found.id.seq < head.id.seq) =>
        {
            Standing::Behind
        }
        Some(known) => Standing::SetAside(format!(
            "it went back: it acknowledged record {}, and its newest is {}",
            known.id, found.id
        )),
        None if Some(found) == state.head => {
            state.heads.insert(destination.id, found);
            Standing::Ready
        }
        None => Standing::Behind,
    })
}
