//! Reads logs from replicas.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use strongroom_base::ids::{Generation, Seq};
use strongroom_base::object::RecordId;
use strongroom_base::{Class, Classified};

use super::{Log, key};
use crate::error::ReplicaError;
use crate::generations::{Division, Generations};
use crate::live::LiveSet;
use crate::parallel::{THREADS_MAX, in_order};
use crate::reader::RecordReader;
use crate::record::{Header, Record, RecordKind};
use crate::replica::Replica;

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
    let (older, from): (Vec<_>, Vec<_>) = chain.iter().partition(|id| id.seq < begin);
    let is_kept = |id: &RecordId| kept.contains(id);
    log.stale = older.into_iter().filter(|id| !is_kept(id)).collect();
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
    let (mut next_seq, mut before) = (begin.0, None);
    let threads = if reader.has_all(&plan) {
        1
    } else {
        THREADS_MAX
    };
    in_order(threads, &plan, &read, &mut |id, record| {
        if id.seq >= begin && chain.binary_search_by_key(&key(id), key).is_ok() {
            let generation = generation_of_gap(&generations, before, *id);
            let missing = (next_seq..id.seq.0).map(|seq| RecordId {
                generation,
                seq: Seq(seq),
            });
            log.add_gaps(missing);
            next_seq = id.seq.0.saturating_add(1);
            before = Some(*id);
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

/// Returns the generation under which the records between two of the chain are missed: what a generation continues was written
/// by an older one, which is that of the record before, where there is one.
fn generation_of_gap(
    generations: &Generations,
    last: Option<RecordId>,
    next: RecordId,
) -> Generation {
    let older = last.filter(|_| generations.begins_at(next));
    older.map_or(next.generation, |last| last.generation)
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
    let mut generations = Generations::prove_newest(&reader, &ids);
    let last = ids
        .iter()
        .rev()
        .find(|id| Some(id.generation) == generations.newest());
    let Some(last) = last else {
        return Err(generations.into_unread().unwrap_or_else(empty));
    };
    // A generation that cannot be read for now may be newer than the one that could.
    if let Some(passing) = generations.take_passing().into_iter().next() {
        return Err(passing);
    }
    let head = reader.read(*last)?;
    if !generations.wrote(head.header()) {
        return Err(ReplicaError::BadSignature {
            what: format!("record {last}"),
        });
    }
    Ok((head, generations))
}
