//! The log: which records form the chain, and whether they do. `spec/archive-v1.md`, section 9.

mod read;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use strongroom_base::ids::{Generation, Seq};
use strongroom_base::object::{ObjectRef, RecordId};

use crate::error::ReplicaError;
use crate::generations::Generations;
use crate::live::LiveSet;
use crate::record::{Header, Record, RecordKind};
pub use read::{read_head, read_log, read_log_of};
pub(crate) use read::{read_log_by, read_newest};

/// A record as the log knows it.
#[derive(Clone, Debug)]
pub struct LogEntry {
    /// The plain part.
    pub header: Header,
    /// The hash of the object.
    pub hash: [u8; 32],
    /// The length of the object in bytes.
    pub len: u64,
}

impl LogEntry {
    /// Returns the place in the log.
    pub fn id(&self) -> RecordId {
        self.header.link.id
    }
}

/// The chain of records at one replica.
#[derive(Debug, Default)]
pub struct Log {
    /// The live records of the chain that could be read, by seq: those that the newest checkpoint keeps, and
    /// all from it on.
    pub entries: Vec<LogEntry>,
    /// The newest sound checkpoint.
    pub checkpoint: Option<RecordId>,
    /// Records of the chain that are there and that the checkpoint does not keep. They were not read.
    pub stale: Vec<RecordId>,
    /// Records of older generations above the base of their successor. They were not read.
    pub branches: Vec<RecordId>,
    /// Records that should be there, and are missing or damaged.
    pub lost: Vec<RecordId>,
    /// Those of them whose loss was acknowledged: they are no gap, and no problem.
    pub accepted: Vec<RecordId>,
    /// What is wrong.
    pub problems: Vec<ReplicaError>,
    /// The records that the problems are about, each at the place of its problem.
    subjects: Vec<RecordId>,
    pub(crate) generations: Generations,
}

/// A record and its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The place in the log.
    pub id: RecordId,
    /// The hash of the record.
    pub hash: [u8; 32],
}

impl Log {
    /// Returns the newest record.
    pub fn head(&self) -> Option<&LogEntry> {
        self.entries.last()
    }

    /// Returns place and hash of the newest record.
    pub fn newest(&self) -> Option<Head> {
        self.head().map(|entry| Head {
            id: entry.id(),
            hash: entry.hash,
        })
    }

    /// Says whether a record of another replica, or one that was remembered, is one of this chain. Of what a
    /// checkpoint did not keep only the place is known.
    pub fn holds(&self, head: Head) -> bool {
        if let Some(entry) = self.entry_of(head.id) {
            return entry.hash == head.hash;
        }
        let is_old = self
            .checkpoint
            .is_some_and(|checkpoint| head.id.seq < checkpoint.seq);
        is_old && self.generations.is_of_chain(head.id)
    }

    /// Says whether a record would be of a generation that a later one of this chain has replaced at its place or
    /// below, or of one that is older than the newest and no part of the chain.
    pub fn is_branch(&self, id: RecordId) -> bool {
        let is_replaced = self.entries.iter().any(|entry| {
            entry.header.kind == RecordKind::Generation
                && entry.id().generation > id.generation
                && entry.id().seq <= id.seq
        });
        let mut generations = self.entries.iter().map(|entry| entry.id().generation);
        let newest = generations.clone().max();
        is_replaced || (Some(id.generation) < newest && !generations.any(|g| g == id.generation))
    }

    /// Says whether the writer of its generation wrote a record, or the authority, where it begins one.
    pub fn proves(&self, header: &Header) -> bool {
        self.generations.wrote(header)
    }

    /// Returns the live record at a place.
    pub fn entry_of(&self, id: RecordId) -> Option<&LogEntry> {
        let from = self
            .entries
            .partition_point(|entry| key(&entry.id()) < key(&id));
        self.entries.get(from).filter(|entry| entry.id() == id)
    }

    /// Returns the live set as of the newest record.
    pub fn live(&self) -> LiveSet {
        let mut live = LiveSet::default();
        self.entries
            .iter()
            .for_each(|entry| live.apply(&entry.header, entry.len));
        live
    }

    /// Returns the objects whose loss was acknowledged.
    pub fn acknowledged(&self) -> BTreeSet<ObjectRef> {
        let acks = self.entries.iter().map(|entry| &entry.header.changes.acks);
        acks.flatten().copied().collect()
    }

    /// Returns the record with this number.
    pub fn entry(&self, seq: Seq) -> Option<&LogEntry> {
        let position = self
            .entries
            .binary_search_by_key(&seq, |entry| entry.id().seq)
            .ok()?;
        Some(&self.entries[position])
    }
}

/// Divides the places of records into the chain and branches.
///
/// A generation ends where its successor's first record stands; what it has there or above is a branch.
pub fn chain(ids: &[RecordId]) -> (Vec<RecordId>, Vec<RecordId>) {
    let mut first_of: BTreeMap<Generation, Seq> = BTreeMap::new();
    for id in ids {
        let first = first_of.entry(id.generation).or_insert(id.seq);
        *first = (*first).min(id.seq);
    }
    let end_of = |generation: Generation| {
        let later = first_of.range((Bound::Excluded(generation), Bound::Unbounded));
        later
            .map(|(_, first)| *first)
            .min()
            .unwrap_or(Seq(u64::MAX))
    };
    let (mut chain, branches): (Vec<_>, Vec<_>) = ids
        .iter()
        .copied()
        .partition(|id| id.seq < end_of(id.generation));
    chain.sort_unstable_by_key(|id| id.seq);
    (chain, branches)
}

fn key(id: &RecordId) -> (Seq, Generation) {
    (id.seq, id.generation)
}

/// Most gaps that are named one by one.
const GAPS_MAX: usize = 1024;

impl Log {
    fn add(&mut self, record: &Record, generations: &Generations, visit: &mut dyn FnMut(&Record)) {
        let header = record.header();
        let id = record.id();
        visit(record);
        if !generations.wrote(header) {
            // What its writer may not write changes nothing that is live. Its body, if it opens at all,
            // was sealed by somebody who holds the keys.
            let what = format!("record {id}");
            self.blame(id, ReplicaError::BadSignature { what });
            return;
        }
        if !self.continues(header) {
            self.blame(id, ReplicaError::BrokenChain { id });
        }
        self.entries.push(LogEntry {
            header: header.clone(),
            hash: record.hash(),
            len: record.bytes().len() as u64,
        });
    }

    /// Says whether a record continues the newest one so far; up to the checkpoint nobody asks.
    fn continues(&self, header: &Header) -> bool {
        let link = &header.link;
        if self
            .checkpoint
            .is_some_and(|begin| link.id.seq <= begin.seq)
        {
            return true;
        }
        let before = self.entries.last();
        let before = before.filter(|last| last.id().seq.0.checked_add(1) == Some(link.id.seq.0));
        match before {
            Some(before) => before.hash == link.previous,
            None if link.id.seq == Seq(1) => link.previous == [0; 32],
            None => true,
        }
    }

    fn add_gaps(&mut self, missing: impl Iterator<Item = RecordId>) {
        for id in missing.take(GAPS_MAX) {
            self.lost.push(id);
            self.blame(id, ReplicaError::Gap { id });
        }
    }

    fn blame(&mut self, id: RecordId, problem: ReplicaError) {
        self.subjects.push(id);
        self.problems.push(problem);
    }

    /// Takes records whose loss was acknowledged from what is wrong. That a chain is broken is none.
    fn accept_losses(&mut self) {
        let acknowledged = self.acknowledged();
        let subjects = std::mem::take(&mut self.subjects);
        for (id, problem) in subjects.into_iter().zip(std::mem::take(&mut self.problems)) {
            let is_accepted = match problem {
                ReplicaError::BrokenChain { .. } => false,
                // Of which generation a record was that is not there depends on what else is there.
                ReplicaError::Gap { .. } => acknowledged
                    .iter()
                    .filter_map(ObjectRef::record_id)
                    .any(|known| known.seq == id.seq),
                _ => acknowledged.contains(&ObjectRef::record(id)),
            };
            if is_accepted {
                self.accepted.push(id);
            } else {
                self.blame(id, problem);
            }
        }
    }

    /// Returns the record that a problem is about, by the number of the problem.
    pub fn subject(&self, problem: usize) -> Option<RecordId> {
        self.subjects.get(problem).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(generation: u32, seq: u64) -> RecordId {
        RecordId {
            generation: Generation(generation),
            seq: Seq(seq),
        }
    }

    #[test]
    fn what_an_old_generation_wrote_above_the_base_is_a_branch() {
        let ids = [id(1, 1), id(1, 2), id(1, 3), id(2, 3), id(2, 4)];
        let (main, branches) = chain(&ids);
        assert_eq!(main, [id(1, 1), id(1, 2), id(2, 3), id(2, 4)]);
        assert_eq!(branches, [id(1, 3)]);
    }
}
