//! Brings destinations that are behind up to date, by copying: from others that are not, and from the spool.

use std::ops::ControlFlow;

use strongroom_base::ids::{ArchiveId, DestinationId, Seq};
use strongroom_base::object::RecordId;
use strongroom_base::{Class, Classified};
use strongroom_format::keys::KeysObject;
use strongroom_replica::expected::{Expected, Owner};
use strongroom_replica::follow::{Followed, Piece};
use strongroom_replica::log::Log;
use strongroom_replica::sync::{Copied, sync_keys, sync_to};
use strongroom_replica::{Replica, ReplicaError};

use crate::error::EngineError;
use crate::memory::Head;
use crate::slot::Standing;
use crate::targets::Role;
use crate::writer::Writer;

/// Most records that a round copies to a destination which is behind, where it has a queue.
const FEW_RECORDS: u64 = 8;
/// Most bytes of them.
const FEW_BYTES: u64 = 8 << 20;

impl Writer<'_> {
    /// Brings the destinations that are behind up to date, by copying from those that are not, and from the spool.
    /// Empties the spool when no destination lacks anything.
    ///
    /// Where queues do that, only what takes no time is copied here.
    pub fn catch_up(&mut self, progress: &mut dyn FnMut(u64)) -> Result<(), EngineError> {
        self.catch_up_while(&mut |_, bytes| {
            progress(bytes);
            ControlFlow::Continue(())
        })
    }

    /// As [`catch_up`](Self::catch_up), where `progress` is told of each object: to which destination, and how many bytes it was
    /// given so far. Copying to that destination stops where it breaks.
    pub fn catch_up_while(
        &mut self,
        progress: &mut dyn FnMut(DestinationId, u64) -> ControlFlow<()>,
    ) -> Result<(), EngineError> {
        if self.has_queues {
            return self.keep_up();
        }
        let authority = self.identity.ring.authority().public_key();
        let is_keys = is_keys_of(self.identity.archive, authority);
        let owner = Owner {
            authority,
            is_keys: &is_keys,
        };
        let ready: Vec<Replica> = self.ready().map(|(_, replica)| replica.clone()).collect();
        spread_keys(&ready.iter().collect::<Vec<_>>(), &owner);
        let behind = self.behind();
        let sources = Sources {
            spool: self.spool_source(),
            ready,
            newest: self.head(),
        };
        if behind.is_empty() || sources.is_empty() {
            return self.rest_spool();
        }
        // What destinations that have everything hold together is the same for all that do not.
        let mut shared = if sources.ready.is_empty() {
            None
        } else {
            Some(sources.expected(None, &owner)?)
        };
        for number in behind {
            let Ok(target) = self.slots[number].destination.replica.clone() else {
                continue;
            };
            if sources.ready.is_empty() && !sources.begins_within(&target).unwrap_or(true) {
                // Its log need not be read to know that.
                continue;
            }
            let expected = match shared.take() {
                Some(expected) => Ok(expected),
                None => sources.expected(Some(&target), &owner),
            };
            let standing = match expected {
                Ok(expected) => {
                    let copied = self.fill(number, (&sources, &expected, &owner), progress)?;
                    if !sources.ready.is_empty() {
                        shared = Some(expected);
                    }
                    self.note_copied(number, copied)
                }
                Err(error) => Standing::Unreachable(error.to_string()),
            };
            self.slots[number].standing = standing;
        }
        self.save()?;
        self.rest_spool()
    }

    /// Copies to one destination what it lacks, and notes before it has a record of which something is left out.
    fn fill(
        &mut self,
        number: usize,
        (sources, expected, owner): (&Sources, &Expected, &Owner<'_>),
        progress: &mut dyn FnMut(DestinationId, u64) -> ControlFlow<()>,
    ) -> Result<Result<Outcome, ReplicaError>, EngineError> {
        let destination = &self.slots[number].destination;
        let Ok(target) = destination.replica.clone() else {
            return Ok(Ok(Outcome::TooFarBehind));
        };
        let (id, state, memory) = (destination.id, &mut self.state, self.memory);
        let mut failed = None;
        let copied = sources.copy_to(&target, expected, owner, &mut |copied| {
            if copied.left_out > 0 && state.incomplete.insert(id) {
                failed = memory.save(state).err();
            }
            if failed.is_some() {
                return ControlFlow::Break(());
            }
            progress(id, copied.bytes)
        });
        failed.map_or(Ok(copied), |error| Err(error.into()))
    }

    /// Copies to destinations that are few records behind; the others are left to their queues.
    fn keep_up(&mut self) -> Result<(), EngineError> {
        let authority = self.identity.ring.authority().public_key();
        let ready = self.ready().map(|(_, replica)| replica.clone());
        let sources: Vec<Replica> = self.spool_source().into_iter().chain(ready).collect();
        let sources: Vec<&Replica> = sources.iter().collect();
        let mut has_caught_up = false;
        for number in self.behind() {
            let destination = &self.slots[number].destination;
            let (Ok(target), Some(from)) = (
                destination.replica.clone(),
                self.state.heads.get(&destination.id).copied(),
            ) else {
                continue;
            };
            if self.head().id.seq.0.saturating_sub(from.id.seq.0) > FEW_RECORDS {
                continue;
            }
            let (from, to) = (from.to_log(), self.head().to_log());
            let piece = Piece::between(&sources, from, to, &authority);
            let Some(piece) = piece
                .ok()
                .flatten()
                .filter(|piece| piece.bytes() <= FEW_BYTES)
            else {
                continue;
            };
            let go_on = &mut |_: Followed| ControlFlow::Continue(());
            let copied = piece.copy_to(&target, &sources, &authority, go_on);
            let copied =
                copied.and_then(|whole| Ok((whole, self.refuse_successor(number, self.head())?)));
            match copied {
                Ok((_, Some(fenced))) => return Err(fenced),
                Ok((true, None)) => {
                    let (id, head) = (self.slots[number].destination.id, self.head());
                    self.state.heads.insert(id, head);
                    self.slots[number].bytes_written += piece.bytes();
                    self.slots[number].standing = Standing::CaughtUp;
                    has_caught_up = true;
                }
                Ok((false, None)) => {}
                Err(error) => self.fail(number, &error.to_string()),
            }
        }
        if has_caught_up {
            self.save()?;
        }
        self.rest_spool()
    }

    fn behind(&self) -> Vec<usize> {
        let slots = self.slots.iter().enumerate();
        let behind = slots.filter(|(_, slot)| {
            slot.role == Role::Destination && slot.standing == Standing::Behind
        });
        behind.map(|(number, _)| number).collect()
    }

    /// Says what to think of a destination after copying.
    fn note_copied(&mut self, number: usize, copied: Result<Outcome, ReplicaError>) -> Standing {
        match copied {
            Ok(Outcome::NotNow(reason)) => Standing::Unreachable(reason),
            Ok(Outcome::Incomplete(reason, bytes)) => {
                self.slots[number].bytes_written += bytes;
                Standing::Incomplete(reason)
            }
            Ok(Outcome::Complete(bytes)) => {
                self.slots[number].bytes_written += bytes;
                let id = self.slots[number].destination.id;
                let head = self.head();
                self.state.heads.insert(id, head);
                self.state.incomplete.remove(&id);
                Standing::CaughtUp
            }
            // One that was interrupted goes on from there another time.
            Ok(Outcome::TooFarBehind) | Err(ReplicaError::Interrupted) => Standing::Behind,
            Err(error @ ReplicaError::BrokenChain { .. }) => Standing::SetAside(error.to_string()),
            Err(error) => Standing::Unreachable(error.to_string()),
        }
    }
}

/// Tells the keys objects of an archive that its authority signed.
pub(crate) fn is_keys_of(
    archive: ArchiveId,
    authority: [u8; 32],
) -> impl Fn(u32, &[u8]) -> bool + Sync {
    move |number, bytes| {
        KeysObject::decode(bytes, &authority)
            .is_ok_and(|keys| keys.number == number && keys.archive == archive)
    }
}

/// Puts keys that changed while a destination was away; what fails shows at the next write.
fn spread_keys(ready: &[&Replica], owner: &Owner<'_>) {
    if let Some(keys) = owner.newest_keys(ready) {
        for replica in ready {
            let _ = sync_keys(replica, &keys, owner);
        }
    }
}

/// What became of copying.
pub(crate) enum Outcome {
    /// The destination has everything; so many bytes were copied.
    Complete(u64),
    /// It has everything but what no source has; so many bytes were copied.
    Incomplete(String, u64),
    /// The spool begins after what the destination has, and nothing else is there.
    TooFarBehind,
    /// Something cannot be read for now: what it adds would be left out, and nobody would miss it.
    NotNow(String),
}

/// Where copies come from.
pub(crate) struct Sources {
    pub(crate) ready: Vec<Replica>,
    pub(crate) spool: Option<Replica>,
    /// The newest record, which all of them have.
    pub(crate) newest: Head,
}

impl Sources {
    pub(crate) fn is_empty(&self) -> bool {
        self.ready.is_empty() && self.spool.is_none()
    }

    /// Returns the replicas to copy from, those of destinations first.
    pub(crate) fn all(&self) -> Vec<&Replica> {
        self.ready.iter().chain(&self.spool).collect()
    }

    /// Reads what is expected of a destination. Where only the spool has the newest records, the destination itself
    /// has those before.
    pub(crate) fn expected(
        &self,
        target: Option<&Replica>,
        owner: &Owner<'_>,
    ) -> Result<Expected, ReplicaError> {
        if !self.ready.is_empty() {
            return Expected::of(&self.ready.iter().collect::<Vec<_>>(), owner);
        }
        let spool = self.spool.iter();
        Expected::of(&target.into_iter().chain(spool).collect::<Vec<_>>(), owner)
    }

    pub(crate) fn copy_to(
        &self,
        target: &Replica,
        expected: &Expected,
        owner: &Owner<'_>,
        progress: &mut dyn FnMut(Copied) -> ControlFlow<()>,
    ) -> Result<Outcome, ReplicaError> {
        let mut problems = expected.log.problems.iter();
        if let Some(problem) = problems.find(|problem| problem.class() == Class::Retry) {
            return Ok(Outcome::NotNow(problem.to_string()));
        }
        if self.ready.is_empty() && !self.reaches(target, &expected.log, &owner.authority)? {
            return Ok(Outcome::TooFarBehind);
        }
        let synced = sync_to(target, &self.all(), expected, owner, progress)?;
        let bytes = synced.copied.bytes;
        Ok(match synced.left_out.first() {
            None if !self.ends(&expected.log) => {
                let reason = "the newest record could not be looked at".to_owned();
                Outcome::NotNow(reason)
            }
            None => Outcome::Complete(bytes),
            Some((place, error)) => {
                let count = synced.left_out.len();
                let reason = format!("{count} objects were left out: {place}: {error}");
                Outcome::Incomplete(reason, bytes)
            }
        })
    }

    /// Says whether a log ends with the newest record: a source that does not answer adds nothing to it.
    fn ends(&self, log: &Log) -> bool {
        let Head { id, hash } = self.newest;
        log.newest() == Some(strongroom_replica::log::Head { id, hash })
    }

    /// Says whether the spool begins at most one record after the newest of a destination, which is not empty.
    pub(crate) fn begins_within(&self, target: &Replica) -> Result<bool, ReplicaError> {
        let Some(spool) = &self.spool else {
            return Ok(false);
        };
        let first = spool.record_ids()?.iter().map(|id| id.seq.0).min();
        let has = target.record_ids()?.iter().map(|id| id.seq.0 + 1).max();
        Ok(has.is_some() && first <= has)
    }

    /// Says whether the spool goes on where a destination ends: it has the record that one of the spool continues, or one
    /// of the spool itself, and no record is missing between them. That numbers fit is not enough: what a destination
    /// has beside the chain has numbers too.
    fn reaches(
        &self,
        target: &Replica,
        log: &Log,
        authority: &[u8; 32],
    ) -> Result<bool, ReplicaError> {
        let Some(spool) = &self.spool else {
            return Ok(false);
        };
        let there = target.record_ids()?;
        let has = |id: RecordId, hash: [u8; 32]| {
            let found = target.record(id, authority);
            found.is_ok_and(|found| found.hash() == hash)
        };
        let ids = spool.record_ids()?;
        for id in &ids {
            let record = spool.record(*id, authority)?;
            let before = Seq(id.seq.0.saturating_sub(1));
            let mut before = there.iter().filter(|found| found.seq == before);
            let continues = before.any(|found| has(*found, record.header().link.previous));
            if continues || (there.contains(id) && has(*id, record.hash())) {
                let is_missing = |lost: &RecordId| lost.seq >= id.seq && Some(lost) <= ids.last();
                return Ok(!log.lost.iter().any(is_missing));
            }
        }
        Ok(false)
    }
}
