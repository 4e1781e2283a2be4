//! The log: which records form the chain, and whether they do. `spec/archive-v1.md`, section 9.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Bound, ControlFlow};

use strongroom_base::ids::{Generation, Seq};
use strongroom_base::object::{ObjectRef, RecordId};
use strongroom_base::{Class, Classified};

use crate::error::ReplicaError;
use crate::generations::{Division, Generations};
use crate::live::LiveSet;
use crate::parallel::{THREADS_MAX, in_order};
use crate::reader::RecordReader;
use crate::record::{Header, Record, RecordKind};
use crate::replica::Replica;

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

/// Most gaps that are named one by one.
const GAPS_MAX: usize = 1024;

/// Reads the whole log of a replica, and calls `visit` with every record that is live and sound by itself, in
/// order.
///
/// Records before the newest sound checkpoint count only as it lists them; the chain is checked from it on.
/// A record that is damaged, missing or does not continue the one before it is a problem of the log, and never
/// hides the others.
pub fn read_log(
    replica: &Replica,
    authority: &[u8; 32],
    visit: &mut dyn FnMut(&Record),
) -> Result<Log, ReplicaError> {
    read_log_of(&[replica], authority, visit)
}

/// As [`read_log`], with each record from the first of several replicas that has it undamaged.
pub fn read_log_of(
    replicas: &[&Replica],
    authority: &[u8; 32],
    visit: &mut dyn FnMut(&Record),
) -> Result<Log, ReplicaError> {
    read_log_by(&RecordReader::new(replicas, authority), visit)
}

/// As [`read_log`], by a reader.
pub(crate) fn read_log_by(
    reader: &RecordReader<'_>,
    visit: &mut dyn FnMut(&Record),
) -> Result<Log, ReplicaError> {
    let ids = reader.ids()?;
    let mut generations = Generations::prove(reader, &ids);
    let Division {
        chain,
        branches,
        strays,
    } = generations.divide(&ids);
    // First, since it makes others look like somebody else's, or like gaps.
    let mut problems = generations.take_passing();
    let checkpoint = newest_checkpoint(reader, &generations, &chain, &mut problems);
    let mut log = Log {
        checkpoint: checkpoint.as_ref().map(|header| header.link.id),
        problems,
        ..Log::default()
    };
    let (begin, kept) = match &checkpoint {
        Some(header) => (header.link.id.seq, kept_records(header)),
        None => (Seq(1), BTreeSet::new()),
    };
    let (before, from): (Vec<_>, Vec<_>) = chain.iter().partition(|id| id.seq < begin);
    let is_kept = |id: &RecordId| kept.contains(id);
    log.stale = before.into_iter().filter(|id| !is_kept(id)).collect();
    log.branches = branches.into_iter().filter(|id| !is_kept(id)).collect();
    let strays = strays
        .into_iter()
        .filter(|id| id.seq >= begin && !is_kept(id));
    let strays: BTreeSet<_> = strays.collect();
    let (there, lost): (Vec<_>, Vec<_>) = kept.iter().partition(|id| ids.binary_search(id).is_ok());
    log.add_gaps(lost.into_iter().copied());
    let mut plan: Vec<_> = strays.iter().chain(there).copied().collect();
    plan.sort_unstable_by_key(|id| (id.seq, id.generation));
    plan.extend(from);
    let read = |id: &RecordId| reader.read(*id);
    let mut next_seq = begin.0;
    let threads = if reader.has_all(&plan) {
        1
    } else {
        THREADS_MAX
    };
    in_order(threads, &plan, &read, &mut |id, record| {
        if id.seq >= begin && chain.binary_search_by_key(&key(id), key).is_ok() {
            let missing = (next_seq..id.seq.0).map(|seq| RecordId {
                seq: Seq(seq),
                ..*id
            });
            log.add_gaps(missing);
            next_seq = id.seq.0.saturating_add(1);
        }
        match record {
            Ok(record) => log.add(&record, &generations, visit),
            Err(error) => {
                let is_stray = strays.contains(id);
                log.lost.extend((!is_stray).then_some(*id));
                log.blame(*id, error);
            }
        }
        ControlFlow::Continue(())
    });
    log.accept_losses();
    log.generations = generations;
    Ok(log)
}

fn key(id: &RecordId) -> (Seq, Generation) {
    (id.seq, id.generation)
}

/// Returns the header of the newest checkpoint of the chain that the writer of its generation wrote. Adds why
/// records that may be a newer one cannot be read for now.
fn newest_checkpoint(
    reader: &RecordReader<'_>,
    generations: &Generations,
    chain: &[RecordId],
    passing: &mut Vec<ReplicaError>,
) -> Option<Header> {
    let newest_first: Vec<RecordId> = chain.iter().rev().copied().collect();
    let mut found = None;
    let read = |id: &RecordId| reader.read(*id);
    in_order(THREADS_MAX, &newest_first, &read, &mut |_, record| {
        // What cannot be read is read again, and then a problem of the log.
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                passing.extend((error.class() == Class::Retry).then_some(error));
                return ControlFlow::Continue(());
            }
        };
        let header = record.header();
        if header.kind == RecordKind::Checkpoint && generations.wrote(header) {
            found = Some(header.clone());
        }
        reader.keep(record);
        if found.is_some() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    });
    found
}

/// Returns the records that a checkpoint keeps.
fn kept_records(checkpoint: &Header) -> BTreeSet<RecordId> {
    let mut live = LiveSet::default();
    live.apply(checkpoint, 0);
    let records = live.records().map(|(id, _)| id);
    records.filter(|id| *id != checkpoint.link.id).collect()
}

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
            let is_broken = matches!(problem, ReplicaError::BrokenChain { .. });
            if !is_broken && acknowledged.contains(&ObjectRef::record(id)) {
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

/// Reads the newest record of the chain, and checks that its generation's writer wrote it.
///
/// What this does not see (gaps, damage further back) [`read_log`] does.
pub fn read_head(replica: &Replica, authority: &[u8; 32]) -> Result<Record, ReplicaError> {
    read_newest(replica, authority).map(|(record, _)| record)
}

/// As [`read_head`], with the generation of the record.
pub(crate) fn read_newest(
    replica: &Replica,
    authority: &[u8; 32],
) -> Result<(Record, Generations), ReplicaError> {
    let replicas = [replica];
    let reader = RecordReader::new(&replicas, authority);
    let ids = reader.ids()?;
    let empty = || ReplicaError::EmptyLog {
        destination: replica.describe(),
    };
    let generations = Generations::prove_newest(&reader, &ids);
    let last = ids
        .iter()
        .rev()
        .find(|id| Some(id.generation) == generations.newest());
    let Some(last) = last else {
        return Err(generations.into_unread().unwrap_or_else(empty));
    };
    let head = reader.read(*last)?;
    if !generations.wrote(head.header()) {
        return Err(ReplicaError::BadSignature {
            what: format!("record {last}"),
        });
    }
    Ok((head, generations))
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
