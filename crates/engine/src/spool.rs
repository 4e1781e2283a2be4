//! The spool: what destinations lack, kept on this computer until they have it. `docs/adr/0009-a-spool.md`.
//!
//! It holds a gapless piece of the log up to the newest record, with the objects that those records add; never a whole
//! replica. While a destination is away it takes all that is written. A destination whose newest record the piece
//! continues catches up from it alone. What is in it that no longer reaches the newest record is of no use, and goes.

use std::collections::BTreeSet;

use strongroom_base::ids::DestinationId;
use strongroom_base::object::{ObjectRef, RecordId};
use strongroom_replica::layout::object_path;
use strongroom_replica::record::RecordKind;
use strongroom_replica::{Replica, ReplicaError};

use crate::destination::Destination;
use crate::error::EngineError;
use crate::heads::Seen;
use crate::memory::WriterState;
use crate::slot::{Slot, Standing};
use crate::targets::Role;
use crate::writer::Writer;

/// What is in the spool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpoolReport {
    /// What became of it.
    pub status: SpoolStatus,
    /// Bytes of what it holds.
    pub bytes: u64,
    /// Records in it that no destination has acknowledged: should this computer be lost, these are.
    pub unacknowledged: u64,
}

/// What became of the spool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpoolStatus {
    /// Nobody needs it.
    Idle,
    /// It holds what a destination lacks, or takes it from now on.
    Engaged,
    /// It cannot be used, or is full.
    Failed(String),
}

impl Slot {
    /// Makes the slot of a spool, of which this was seen.
    pub(crate) fn spool(replica: Replica, seen: &Seen, state: &WriterState) -> Self {
        let standing = match seen {
            Seen::Unreachable(reason) => Standing::Unreachable(reason.clone()),
            Seen::Newest(found) if state.spool == Some(*found) && state.head == Some(*found) => {
                Standing::Ready
            }
            // It ends before the newest record, or is left over.
            _ => Standing::Behind,
        };
        Self {
            destination: spool_of(replica),
            role: Role::Spool,
            standing,
            bytes_written: 0,
        }
    }
}

/// Returns the spool as a place to look at. Its id is never remembered, and in no record.
pub(crate) fn spool_of(replica: Replica) -> Destination {
    Destination {
        id: DestinationId([0; 16]),
        name: "the spool".to_owned(),
        replica: Ok(replica),
    }
}

impl Writer<'_> {
    /// Makes the spool take what is written from now on, where a destination is away, and empties it where none is.
    /// What is wrong with it is told of it, and never stops the writer.
    pub(crate) fn ready_spool(&mut self) -> Result<(), EngineError> {
        let Some((number, replica)) = self.spool_slot() else {
            return Ok(());
        };
        if !self.is_spool_needed() && !self.will_need_spool() {
            return self.rest_spool();
        }
        let readied = match self.slots[number].standing {
            Standing::Unreachable(_) | Standing::Fresh => return Ok(()),
            Standing::Ready => self.go_on(&replica),
            _ => {
                self.forget_spool()?;
                empty(&replica).map(|()| Standing::Fresh)
            }
        };
        self.slots[number].standing = match readied {
            Ok(standing) => standing,
            Err(error) => Standing::Unreachable(error.to_string()),
        };
        Ok(())
    }

    /// Empties the spool, where every destination that may ever catch up has all of it; else makes room where it must.
    pub(crate) fn rest_spool(&mut self) -> Result<(), EngineError> {
        let Some((number, replica)) = self.spool_slot() else {
            return Ok(());
        };
        if self.is_spool_needed() || !self.is_acknowledged() {
            if self.slots[number].standing == Standing::Ready {
                let made = self.evict(&replica).map_err(EngineError::from);
                let made = made.and_then(|()| self.make_room(&replica));
                self.slots[number].standing =
                    made.unwrap_or_else(|error| Standing::Unreachable(error.to_string()));
            }
            return Ok(());
        }
        self.forget_spool()?;
        self.slots[number].standing = match empty(&replica) {
            // What is written next is lacking somewhere.
            Ok(()) if self.will_need_spool() => Standing::Fresh,
            Ok(()) => Standing::Idle,
            Err(error) => Standing::Unreachable(error.to_string()),
        };
        Ok(())
    }

    /// Says whether a destination lacks something, and may catch up.
    fn is_spool_needed(&self) -> bool {
        self.waiting().next().is_some()
    }

    /// Says whether a destination is left to a queue, and will lack what is written.
    fn will_need_spool(&self) -> bool {
        let may_catch_up = Standing::Queued { may_catch_up: true };
        self.slots.iter().any(|slot| slot.standing == may_catch_up)
    }

    /// Returns the destinations that lack something, and may catch up.
    fn waiting(&self) -> impl Iterator<Item = &Slot> {
        let lacks = |slot: &&Slot| match slot.standing {
            Standing::Behind | Standing::Unreachable(_) => true,
            Standing::Queued { may_catch_up } => {
                may_catch_up && self.state.heads.get(&slot.destination.id) != Some(&self.head())
            }
            _ => false,
        };
        let destinations = self.slots.iter();
        let destinations = destinations.filter(|slot| slot.role == Role::Destination);
        destinations.filter(lacks)
    }

    /// Says whether a destination that is ready, or left to a queue, has the newest record.
    fn is_acknowledged(&self) -> bool {
        let has = |slot: &Slot| {
            matches!(slot.standing, Standing::Queued { may_catch_up: true })
                && self.state.heads.get(&slot.destination.id) == Some(&self.head())
        };
        self.ready().next().is_some() || self.slots.iter().any(has)
    }

    /// Erases the records that all destinations that wait have acknowledged, and what these added. One that acknowledged
    /// nothing yet cannot go on from the spool, and does not count.
    fn evict(&self, replica: &Replica) -> Result<(), ReplicaError> {
        if !self.has_queues {
            return Ok(());
        }
        let heads = self.waiting().filter_map(|slot| {
            let head = self.state.heads.get(&slot.destination.id)?;
            Some(head.id)
        });
        let Some(safe) = heads.min() else {
            return Ok(());
        };
        let authority = self.identity.ring.authority().public_key();
        for id in replica.record_ids()?.into_iter().filter(|id| *id <= safe) {
            let record = replica.record(id, &authority)?;
            // First, so that what is left of it is tidied away whenever this ends.
            delete(replica, &ObjectRef::record(id))?;
            for added in &record.header().changes.adds {
                delete(replica, &added.object)?;
            }
        }
        Ok(())
    }

    pub(crate) fn spool_slot(&self) -> Option<(usize, Replica)> {
        let is_spool = |slot: &Slot| slot.role == Role::Spool;
        let number = self.slots.iter().position(is_spool)?;
        let replica = self.slots[number].destination.replica.as_ref().ok()?;
        Some((number, replica.clone()))
    }

    /// Returns the spool, where it holds the newest record.
    pub(crate) fn spool_source(&self) -> Option<Replica> {
        let (number, replica) = self.spool_slot()?;
        (self.slots[number].standing == Standing::Ready).then_some(replica)
    }

    /// Notes that the spool holds nothing that counts, before anything in it goes.
    fn forget_spool(&mut self) -> Result<(), EngineError> {
        if self.state.spool.take().is_some() {
            self.save()?;
        }
        Ok(())
    }

    /// Goes on with what is in the spool, unless nobody could ever take it: what is between is gone with a destination.
    fn go_on(&self, replica: &Replica) -> Result<Standing, ReplicaError> {
        let first = replica.record_ids()?.first().map(|id| id.seq.0);
        let slots = self.slots.iter();
        let sound = slots.filter(|slot| !matches!(slot.standing, Standing::SetAside(_)));
        let heads = sound.filter_map(|slot| self.state.heads.get(&slot.destination.id));
        let reached = heads.map(|head| head.id.seq.0).max();
        if self.ready().next().is_none() && first > Some(reached.unwrap_or(0) + 1) {
            let reason = "what is in it does not continue what any destination has".to_owned();
            return Ok(Standing::Unreachable(reason));
        }
        if !self.is_spool_tidy {
            self.tidy(replica)?;
        }
        Ok(Standing::Ready)
    }

    /// Erases what no record of the spool names: a run that was cut short left it.
    fn tidy(&self, replica: &Replica) -> Result<(), ReplicaError> {
        if replica.content_objects()?.is_empty() {
            // Small snapshots are records alone.
            return Ok(());
        }
        let records = Records::read(replica, &self.identity.ring.authority().public_key())?;
        records.erase_but(replica, |_| true)
    }

    /// Erases what a destination has acknowledged, where nothing but the spool can be written to and less than half of it
    /// is free. A destination that lacks it must meet one that has it.
    fn make_room(&mut self, replica: &Replica) -> Result<Standing, EngineError> {
        let free = replica.store().properties().map_err(ReplicaError::from)?;
        let mut used = 0;
        let listed = replica.store().list("", &mut |_, size| used += size);
        listed.map_err(ReplicaError::from)?;
        let is_roomy = free.free_bytes.is_none_or(|free| free >= used);
        if self.ready().next().is_some() || is_roomy {
            return Ok(Standing::Ready);
        }
        let safe = self.acknowledged_by_any();
        if safe >= Some(self.head().id) {
            self.forget_spool()?;
            empty(replica)?;
            return Ok(Standing::Fresh);
        }
        let records = Records::read(replica, &self.identity.ring.authority().public_key())?;
        records.erase_but(replica, |record| Some(record) > safe)?;
        Ok(Standing::Ready)
    }

    /// Returns the newest record that any destination has acknowledged whose history is this one.
    fn acknowledged_by_any(&self) -> Option<RecordId> {
        let slots = self.slots.iter();
        let sound = slots.filter(|slot| !matches!(slot.standing, Standing::SetAside(_)));
        let heads = sound.filter_map(|slot| self.state.heads.get(&slot.destination.id));
        heads.map(|head| head.id).max()
    }

    /// Says what is in the spool; `None` where there is none.
    pub fn spool(&self) -> Option<SpoolReport> {
        let (number, replica) = self.spool_slot()?;
        let mut bytes = 0;
        let listed = replica.store().list("", &mut |_, size| bytes += size);
        let safe = self.acknowledged_by_any();
        let unacknowledged = match (&self.state.spool, replica.record_ids()) {
            (Some(_), Ok(ids)) => ids.iter().filter(|id| Some(**id) > safe).count() as u64,
            _ => 0,
        };
        let status = match (&self.slots[number].standing, listed) {
            (Standing::Unreachable(reason), _) => SpoolStatus::Failed(reason.clone()),
            (_, Err(error)) => SpoolStatus::Failed(error.to_string()),
            (Standing::Idle, _) => SpoolStatus::Idle,
            _ => SpoolStatus::Engaged,
        };
        Some(SpoolReport {
            status,
            bytes,
            unacknowledged,
        })
    }
}

/// What the records of a spool say of it.
struct Records {
    /// Each record, and each object that one added: with the record that it goes with.
    objects: Vec<(ObjectRef, RecordId)>,
    /// All that is there.
    there: Vec<ObjectRef>,
}

impl Records {
    fn read(replica: &Replica, authority: &[u8; 32]) -> Result<Self, ReplicaError> {
        let (mut objects, mut there) = (Vec::new(), Vec::new());
        for id in replica.record_ids()? {
            let record = replica.record(id, authority)?;
            there.push(ObjectRef::record(id));
            objects.push((ObjectRef::record(id), id));
            let header = record.header();
            if header.kind != RecordKind::Checkpoint {
                // A checkpoint repeats what earlier records were and added: those that have it need not be here.
                let adds = header.changes.adds.iter();
                objects.extend(adds.map(|added| (added.object, id)));
            }
        }
        let content = replica.content_objects()?;
        there.extend(content.into_iter().map(|(object, _)| object));
        Ok(Self { objects, there })
    }

    /// Erases everything but the records that are kept, and what they added; later records last, so that what stays
    /// has no gap.
    fn erase_but(
        &self,
        replica: &Replica,
        keep: impl Fn(RecordId) -> bool,
    ) -> Result<(), ReplicaError> {
        let kept = self.objects.iter().filter(|(_, record)| keep(*record));
        let kept: BTreeSet<ObjectRef> = kept.map(|(object, _)| *object).collect();
        let mut gone = self.there.iter().filter(|object| !kept.contains(object));
        gone.try_for_each(|object| delete(replica, object))
    }
}

/// Erases everything that is in a spool.
fn empty(replica: &Replica) -> Result<(), ReplicaError> {
    let mut paths = Vec::new();
    let store = replica.store();
    store.list("", &mut |path, _| paths.push(path))?;
    paths.iter().try_for_each(|path| Ok(store.delete(path)?))
}

fn delete(replica: &Replica, object: &ObjectRef) -> Result<(), ReplicaError> {
    let path = object_path(replica.archive(), object);
    Ok(replica.store().delete(&path)?)
}
