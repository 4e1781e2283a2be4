//! Which replicas have the history of a profile, so that two histories are never mixed: `spec/archive-v1.md`,
//! section 12, "Catching up".

use crate::error::ReplicaError;
use crate::expected::{Expected, Owner};
use crate::log::{Head, Log, read_log, read_log_by};
use crate::reader::RecordReader;
use crate::relation::{Relation, compare, is_of_another, is_part_of, leaves_at};
use crate::replica::Replica;

/// What a profile knows of its history.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known {
    /// The newest record.
    pub newest: Option<Head>,
    /// The public key of who wrote it.
    pub author: Option<[u8; 32]>,
}

/// A replica, and others of the same history.
pub struct Together<'r> {
    /// The log of the replica alone.
    pub own: Log,
    /// The others.
    pub sisters: Vec<&'r Replica>,
    /// Those of other histories. Before the two part they have the same.
    pub strangers: Vec<&'r Replica>,
    /// What all of one history hold together.
    pub expected: Expected,
}

/// What was found out of a replica and its sisters.
pub enum Histories<'r> {
    /// The replica has the history of the profile.
    One(Box<Together<'r>>),
    /// It has another one, with this log: nothing of the two may be mixed.
    Another(Box<Log>),
}

/// Finds out what a replica and its sisters hold together; sisters of another history are told apart.
///
/// The history is that of the replicas which have the newest record that the profile knows; where none has, that of the replica
/// itself. Each is read alone only where there is a sign that they have several.
pub fn together<'r>(
    target: &'r Replica,
    sisters: &[&'r Replica],
    known: Known,
    owner: &Owner<'_>,
) -> Result<Histories<'r>, ReplicaError> {
    let own = read_log(target, &owner.authority, &mut |_| ())?;
    if known.is_another(&own) {
        return Ok(Histories::Another(Box::new(own)));
    }
    let all = [sisters, &[target]].concat();
    let expected = Expected::of(&all, owner)?.settled()?;
    if !has_sign(&expected.log) && !known.is_another(&expected.log) {
        return Ok(Together {
            own,
            sisters: sisters.to_vec(),
            strangers: Vec::new(),
            expected,
        }
        .judged());
    }
    let logs = sisters.iter().map(|sister| {
        let log = read_log(sister, &owner.authority, &mut |_| ());
        (*sister, log.unwrap_or_default())
    });
    let logs: Vec<(&Replica, Log)> = logs.collect();
    let chains = logs.iter().map(|(sister, log)| (*sister, log));
    let chains = chains.chain([(target, &own)]);
    let knowing = chains.filter(|(_, log)| known.is_in(log));
    let (first, chain) = knowing
        .min_by_key(|(_, log)| log.problems.len())
        .unwrap_or((target, &own));
    if !is_one(&own, chain) {
        return Ok(Histories::Another(Box::new(own)));
    }
    let is_sister = |(_, log): &&(&Replica, Log)| !known.is_another(log) && is_one(log, chain);
    let (sisters, strangers): (Vec<_>, Vec<_>) = logs.iter().partition(is_sister);
    let sisters: Vec<&Replica> = sisters.iter().map(|(sister, _)| *sister).collect();
    let all = [&[first], &sisters[..], &[target]].concat();
    let mut expected = Expected::of(&all, owner)?.settled()?;
    for (stranger, log) in &strangers {
        let reader = RecordReader::new(&all, &owner.authority);
        let Some(before) = leaves_at(log, &expected.log) else {
            continue;
        };
        // What is lost here may be there, before the two part.
        let log = read_log_by(&reader.with_stranger(stranger, before), &mut |_| ())?;
        if is_better(&log, &expected.log) {
            expected = Expected::with_log(log, &all, owner);
        }
    }
    Ok(Together {
        own,
        sisters,
        strangers: strangers.iter().map(|(stranger, _)| *stranger).collect(),
        expected,
    }
    .judged())
}

impl<'r> Together<'r> {
    fn judged(self) -> Histories<'r> {
        if is_one(&self.own, &self.expected.log) {
            return Histories::One(Box::new(self));
        }
        Histories::Another(Box::new(self.own))
    }
}

impl Known {
    fn is_another(&self, log: &Log) -> bool {
        let is_another = |newest| is_of_another(log, newest, self.author);
        self.newest.is_some_and(is_another)
    }

    /// Says whether the newest record is in a log.
    fn is_in(&self, log: &Log) -> bool {
        let is_in = |newest: Head| {
            let entry = log.entry_of(newest.id);
            entry.is_some_and(|entry| entry.hash == newest.hash)
        };
        self.newest.is_some_and(is_in)
    }
}

/// Says whether what was read of several replicas may be of several histories.
fn has_sign(log: &Log) -> bool {
    log.problems.iter().any(is_sign)
}

fn is_sign(problem: &ReplicaError) -> bool {
    matches!(
        problem,
        ReplicaError::BrokenChain { .. } | ReplicaError::BadSignature { .. }
    )
}

/// Says whether more is there of a log than of another one, and nothing that does not belong there.
pub(crate) fn is_better(log: &Log, than: &Log) -> bool {
    let signs = |log: &Log| log.problems.iter().filter(|p| is_sign(p)).count();
    log.newest() == than.newest()
        && log.problems.len() < than.problems.len()
        && signs(log) <= signs(than)
}

fn is_one(own: &Log, chain: &Log) -> bool {
    is_part_of(own, chain) || compare(own, chain) == Relation::Ahead
}
