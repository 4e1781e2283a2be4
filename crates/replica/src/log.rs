//! The log: which records form the chain, and whether they do. `spec/archive-v1.md`, section 9.

use std::collections::BTreeMap;
use std::ops::Bound;

use strongroom_base::ids::{Generation, Seq};
use strongroom_base::object::RecordId;
use strongroom_base::{Class, Classified};

use crate::error::ReplicaError;
use crate::live::LiveSet;
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
    /// The records of the chain that could be read, by seq.
    pub entries: Vec<LogEntry>,
    /// Records of older generations above the base of their successor.
    pub branches: Vec<RecordId>,
    /// What is wrong.
    pub problems: Vec<ReplicaError>,
}

impl Log {
    /// Returns the newest record.
    pub fn head(&self) -> Option<&LogEntry> {
        self.entries.last()
    }

    /// Returns the live set as of the newest record.
    pub fn live(&self) -> LiveSet {
        let mut live = LiveSet::default();
        self.entries
            .iter()
            .for_each(|entry| live.apply(&entry.header));
        live
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

/// Returns the places of the records of every generation that has a sound one; what cannot be told from
/// a planted file is a problem, and does not end the generations before it.
fn sound_ids(
    replica: &Replica,
    authority: &[u8; 32],
    problems: &mut Vec<ReplicaError>,
) -> Result<Vec<RecordId>, ReplicaError> {
    let mut ids = replica.record_ids()?;
    let mut generations: Vec<Generation> = ids.iter().map(|id| id.generation).collect();
    generations.dedup();
    if generations.len() < 2 {
        return Ok(ids);
    }
    for generation in generations {
        let mut found = None;
        for id in ids.iter().filter(|id| id.generation == generation) {
            match replica.record(*id, authority) {
                Err(error) if error.class() == Class::Damage => found = found.or(Some(error)),
                // A sound one, or nobody can tell now.
                _ => {
                    found = None;
                    break;
                }
            }
        }
        if let Some(problem) = found {
            problems.push(problem);
            ids.retain(|id| id.generation != generation);
        }
    }
    Ok(ids)
}

/// Reads the whole log, and calls `visit` with every record of the chain that is sound by itself.
///
/// A record that is damaged, missing or does not continue the one before it is a problem of the log,
/// and never hides the others.
pub fn read_log(
    replica: &Replica,
    authority: &[u8; 32],
    visit: &mut dyn FnMut(&Record),
) -> Result<Log, ReplicaError> {
    let mut log = Log::default();
    let (ids, branches) = chain(&sound_ids(replica, authority, &mut log.problems)?);
    log.branches = branches;
    let mut writers: BTreeMap<Generation, [u8; 32]> = BTreeMap::new();
    let mut next_seq = 1;
    for id in ids {
        for seq in (next_seq..id.seq.0).take(GAPS_MAX) {
            log.problems.push(ReplicaError::Gap {
                id: RecordId {
                    seq: Seq(seq),
                    ..id
                },
            });
        }
        next_seq = id.seq.0.saturating_add(1);
        let record = match replica.record(id, authority) {
            Ok(record) => record,
            Err(error) => {
                log.problems.push(error);
                continue;
            }
        };
        let problem = place_problem(&record, &log, &mut writers);
        let proven = !matches!(problem, Some(ReplicaError::BadSignature { .. }));
        log.problems.extend(problem);
        visit(&record);
        if !proven {
            // What its writer may not write changes nothing that is live. Its body, if it opens at all,
            // was sealed by somebody who holds the keys.
            continue;
        }
        log.entries.push(LogEntry {
            header: record.header().clone(),
            hash: record.hash(),
            len: record.bytes().len() as u64,
        });
    }
    Ok(log)
}

fn place_problem(
    record: &Record,
    log: &Log,
    writers: &mut BTreeMap<Generation, [u8; 32]>,
) -> Option<ReplicaError> {
    let link = &record.header().link;
    if record.header().kind == RecordKind::Generation {
        writers.insert(link.id.generation, link.writer);
    }
    let known_writer = writers.get(&link.id.generation);
    if known_writer.is_none_or(|writer| *writer != link.writer) {
        return Some(ReplicaError::BadSignature {
            what: format!("record {}", link.id),
        });
    }
    let before = log
        .entries
        .last()
        .filter(|last| last.id().seq.0.checked_add(1) == Some(link.id.seq.0));
    let continues = match before {
        Some(before) => before.hash == link.previous,
        None if link.id.seq == Seq(1) => link.previous == [0; 32],
        None => true,
    };
    (!continues).then_some(ReplicaError::BrokenChain { id: link.id })
}

/// Reads the newest record of the chain, and checks that its generation's writer wrote it.
///
/// What this does not see (gaps, damage further back) [`read_log`] does.
pub fn read_head(replica: &Replica, authority: &[u8; 32]) -> Result<Record, ReplicaError> {
    let (ids, _) = chain(&sound_ids(replica, authority, &mut Vec::new())?);
    let last = ids.last().ok_or_else(|| ReplicaError::EmptyLog {
        destination: replica.describe(),
    })?;
    let head = replica.record(*last, authority)?;
    if head.header().kind != RecordKind::Generation {
        let first = ids
            .iter()
            .find(|id| id.generation == last.generation)
            .unwrap_or(last);
        let generation = replica.record(*first, authority)?;
        let writer = generation.header().link.writer;
        if generation.header().kind != RecordKind::Generation || writer != head.header().link.writer
        {
            return Err(ReplicaError::BadSignature {
                what: format!("record {last}"),
            });
        }
    }
    Ok(head)
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
