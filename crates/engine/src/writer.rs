//! The one writer of an archive: which destinations can be written to, and how a record gets there.

use std::sync::Arc;

use strongroom_base::clock::Clock;
use strongroom_base::ids::{ArchiveId, Seq};
use strongroom_base::object::{ObjectRef, RecordId};
use strongroom_base::random::RandomSource;
use strongroom_crypto::sign::SigningKey;
use strongroom_format::body::Acknowledged;
use strongroom_format::keys::KeyRing;
use strongroom_read::{ReadError, open_body};
use strongroom_replica::{Replica, ReplicaError};

use crate::destination::{Destination, DestinationReport};
use crate::error::EngineError;
use crate::heads::{Seen, look, look_at_all, settle_announced, stand};
use crate::memory::{Head, Memory, Newest, WriterState};
use crate::slot::{Slot, Standing};
use crate::spool::spool_of;
use crate::targets::{Role, Targets};

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

/// The one writer of an archive.
pub struct Writer<'a> {
    pub(crate) identity: Identity,
    pub(crate) slots: Vec<Slot>,
    pub(crate) memory: &'a dyn Memory,
    pub(crate) state: WriterState,
    /// Whether queues bring destinations up to date.
    pub(crate) has_queues: bool,
    /// Whether the spool holds nothing but what its records name.
    pub(crate) is_spool_tidy: bool,
    pub(crate) head: Head,
    pub(crate) runs: Vec<ObjectRef>,
    /// Who wrote the newest record.
    pub(crate) author: [u8; 32],
}

impl<'a> Writer<'a> {
    /// Looks at every destination, and fails where none has the newest record, or where one is ahead. With a spool
    /// none of them need be there.
    pub fn open(
        identity: Identity,
        targets: impl Into<Targets>,
        memory: &'a dyn Memory,
    ) -> Result<Self, EngineError> {
        let (mut writer, open_ended) = Self::look_around(identity, targets.into(), memory)?;
        if writer.state.announced.is_empty() && !memory.load()?.announced.is_empty() {
            // It was found, or it is nowhere: that is so whatever can be reached the next time.
            writer.save()?;
        }
        writer.ready_spool()?;
        if writer.targets().next().is_none() {
            return Err(no_destination(writer.identity.archive, &writer.slots));
        }
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
        targets: impl Into<Targets>,
        memory: &'a dyn Memory,
    ) -> Result<Self, EngineError> {
        Self::look_around(identity, targets.into(), memory).map(|(writer, _)| writer)
    }

    /// Looks at every destination; says whether a generation must begin before anything else is written.
    fn look_around(
        identity: Identity,
        targets: Targets,
        memory: &'a dyn Memory,
    ) -> Result<(Self, bool), EngineError> {
        let Targets {
            destinations,
            spool,
            queues,
        } = targets;
        let mut state = memory.load()?;
        let authority = identity.ring.authority().public_key();
        let seen = look_at_all(&destinations, &authority, &state);
        let spool = spool.map(|replica| {
            let seen = look(&spool_of(replica.clone()), &authority, &state);
            (replica, seen)
        });
        let seen_spool = spool.as_ref().map(|(_, seen)| seen);
        let open_ended = settle_announced(&mut state, &destinations, &seen, seen_spool).is_some();
        let has_queues = queues.is_some();
        let queues = queues.unwrap_or_default();
        let is_spool_tidy = queues.is_spool_tidy;
        let others = queues.destinations.into_iter().map(Slot::queued);
        let others = others.chain(spool.map(|(replica, seen)| Slot::spool(replica, &seen, &state)));
        let others = others.collect();
        let mut writer = Self::with_slots(identity, (destinations, seen), others, memory, state)?;
        (writer.has_queues, writer.is_spool_tidy) = (has_queues, is_spool_tidy);
        Ok((writer, open_ended))
    }

    /// Compares what was seen at the destinations with what is remembered; at least one must have the
    /// newest record.
    pub(crate) fn with_state(
        identity: Identity,
        destinations: Vec<Destination>,
        seen: Vec<Seen>,
        memory: &'a dyn Memory,
        state: WriterState,
    ) -> Result<Self, EngineError> {
        Self::with_slots(identity, (destinations, seen), Vec::new(), memory, state)
    }

    /// As [`with_state`](Self::with_state), with other slots after those of the destinations; where there is a spool, no
    /// destination need have the newest record.
    fn with_slots(
        identity: Identity,
        (destinations, seen): (Vec<Destination>, Vec<Seen>),
        others: Vec<Slot>,
        memory: &'a dyn Memory,
        mut state: WriterState,
    ) -> Result<Self, EngineError> {
        let mut slots: Vec<Slot> = Vec::with_capacity(destinations.len() + others.len());
        let mut incomplete = Vec::new();
        for (destination, seen) in destinations.into_iter().zip(seen) {
            let is_head = seen.newest().is_some() && seen.newest() == state.head;
            let standing = stand(&destination, seen, &mut state)?;
            if is_head && standing == Standing::Behind {
                incomplete.push(slots.len());
            }
            slots.push(Slot {
                destination,
                role: Role::Destination,
                standing,
                bytes_written: 0,
            });
        }
        if !slots.iter().any(|slot| slot.standing == Standing::Ready) {
            // It has the newest record, and nobody has what it lacks: what is new is better there than nowhere.
            for number in incomplete {
                slots[number].standing = Standing::Ready;
            }
        }
        slots.extend(others);
        let head = state
            .head
            .ok_or_else(|| no_destination(identity.archive, &slots))?;
        let Newest { runs, author, .. } = newest_at(&mut slots, &identity, head, &state)?;
        Ok(Self {
            identity,
            slots,
            memory,
            state,
            has_queues: false,
            is_spool_tidy: false,
            head,
            runs,
            author,
        })
    }

    /// Returns the archive.
    pub fn archive(&self) -> ArchiveId {
        self.identity.archive
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

    /// Returns the replicas that have the newest record: those of destinations, and never the spool.
    pub fn ready(&self) -> impl Iterator<Item = (usize, &Replica)> {
        self.targets()
            .filter(|(number, _)| self.slots[*number].role == Role::Destination)
    }

    /// Returns everything that takes what is written: the ready destinations, and the spool where it is needed.
    pub(crate) fn targets(&self) -> impl Iterator<Item = (usize, &Replica)> {
        self.slots.iter().enumerate().filter_map(|(number, slot)| {
            let takes = match slot.standing {
                Standing::Ready | Standing::CaughtUp | Standing::Fresh => true,
                Standing::Behind
                | Standing::Unreachable(_)
                | Standing::Incomplete(_)
                | Standing::SetAside(_)
                | Standing::Queued { .. }
                | Standing::Idle => false,
            };
            takes.then_some(())?;
            Some((number, slot.destination.replica.as_ref().ok()?))
        })
    }

    /// Saves what is remembered.
    pub(crate) fn save(&self) -> Result<(), EngineError> {
        Ok(self.memory.save(&self.state)?)
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

    /// Says what became of every destination.
    pub fn reports(&self) -> Vec<DestinationReport> {
        let destinations = self.slots.iter();
        let destinations = destinations.filter(|slot| slot.role == Role::Destination);
        let is_incomplete = |slot: &Slot| self.state.incomplete.contains(&slot.destination.id);
        destinations
            .map(|slot| slot.report(is_incomplete(slot)))
            .collect()
    }
}

/// Reads what the newest record says from the first destination, or the spool, that can tell; those that cannot are
/// written to no more. Where there is a spool to write to, and a destination that is away has the record, what was noted of it
/// serves as well.
fn newest_at(
    slots: &mut [Slot],
    identity: &Identity,
    head: Head,
    state: &WriterState,
) -> Result<Newest, EngineError> {
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
                let (runs, author) = (body.runs, record.header().link.writer);
                Ok(Newest { head, runs, author })
            });
        match read {
            Ok(newest) => return Ok(newest),
            Err(error) => slot.standing = Standing::Unreachable(error.to_string()),
        }
    }
    let has_spool = slots
        .iter()
        .any(|slot| slot.role == Role::Spool && !matches!(slot.standing, Standing::Unreachable(_)));
    // Somebody must have the record, or nobody could ever go on from what is written now.
    let has_it = |slot: &Slot| {
        slot.role == Role::Destination
            && matches!(
                slot.standing,
                Standing::Unreachable(_) | Standing::Queued { may_catch_up: true }
            )
            && state.heads.get(&slot.destination.id) == Some(&head)
    };
    let is_somewhere = slots.iter().any(has_it);
    let noted = state.newest.as_ref();
    noted
        .filter(|noted| has_spool && is_somewhere && noted.head == head)
        .cloned()
        .ok_or_else(|| no_destination(identity.archive, slots))
}

pub(crate) fn no_destination(archive: ArchiveId, slots: &[Slot]) -> EngineError {
    let reason = |slot: &Slot| {
        let why = match &slot.standing {
            Standing::Ready | Standing::CaughtUp | Standing::Fresh | Standing::Idle => return None,
            Standing::Behind if slot.role == Role::Spool => "does not have the newest record",
            Standing::Behind => "is behind, and the destination that is not cannot be reached",
            Standing::Queued { .. } => "is left to its queue",
            Standing::Unreachable(reason)
            | Standing::Incomplete(reason)
            | Standing::SetAside(reason) => reason,
        };
        Some(format!("{}: {why}", slot.destination.name))
    };
    let is_old = |slot: &Slot| {
        let is_there = matches!(slot.standing, Standing::Behind | Standing::SetAside(_));
        is_there && slot.role != Role::Spool
    };
    EngineError::NoDestination {
        archive,
        reasons: slots.iter().filter_map(reason).collect(),
        is_newest_gone: slots.iter().any(is_old),
    }
}
