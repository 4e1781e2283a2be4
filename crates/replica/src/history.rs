//! Which replicas have the history of a profile, so that two histories are never mixed: `spec/archive-v1.md`,
//! section 12, "Catching up".

use crate::error::ReplicaError;
use crate::expected::{Expected, Owner};
use crate::log::{Head, Log, read_log};
use crate::relation::{Relation, compare, is_of_another, is_part_of};
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
    /// What all of them hold together.
    pub expected: Expected,
}

/// What was found out of a replica and its sisters.
pub enum Histories<'r> {
    /// The replica has the history of the profile.
    One(Box<Together<'r>>),
    /// It has another one, with this log: nothing of the two may be mixed.
    Another(Box<Log>),
}

/// Finds out what a replica and its sisters hold together; sisters of another history are left out.
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
        let sisters = sisters.to_vec();
        return Ok(gathered(own, sisters, expected));
    }
    let logs: Vec<(&Replica, Log)> = sisters
        .iter()
        .filter_map(|sister| {
            let log = read_log(sister, &owner.authority, &mut |_| ()).ok()?;
            (!known.is_another(&log)).then_some((*sister, log))
        })
        .collect();
    let chains = logs.iter().map(|(sister, log)| (*sister, log));
    let chains = chains.chain([(target, &own)]);
    let knowing = chains.filter(|(_, log)| known.is_in(log));
    let (first, chain) = knowing
        .min_by_key(|(_, log)| log.problems.len())
        .unwrap_or((target, &own));
    if !is_one(&own, chain) {
        return Ok(Histories::Another(Box::new(own)));
    }
    let of_one = logs.iter().filter(|(_, log)| is_one(log, chain));
    let sisters: Vec<&Replica> = of_one.map(|(sister, _)| *sister).collect();
    let all = [&[first], &sisters[..], &[target]].concat();
    let expected = Expected::of(&all, owner)?.settled()?;
    Ok(gathered(own, sisters, expected))
}

fn gathered(own: Log, sisters: Vec<&Replica>, expected: Expected) -> Histories<'_> {
    if !is_one(&own, &expected.log) {
        return Histories::Another(Box::new(own));
    }
    Histories::One(Box::new(Together {
        own,
        sisters,
        expected,
    }))
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
    let is_sign = |problem: &ReplicaError| {
        matches!(
            problem,
            ReplicaError::BrokenChain { .. } | ReplicaError::BadSignature { .. }
        )
    };
    log.problems.iter().any(is_sign)
}

fn is_one(own: &Log, chain: &Log) -> bool {
    is_part_of(own, chain) || compare(own, chain) == Relation::Ahead
}
