//! How two histories of one archive lie to each other: `spec/archive-v1.md`, section 12.

use std::cmp::Ordering;

use strongroom_base::ids::Seq;
use strongroom_base::object::RecordId;

use crate::generations::Generations;
use crate::log::{Head, Log, LogEntry};
use crate::record::Header;

/// How a replica lies to another one, or to what is remembered of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// Both end with the same record.
    Equal,
    /// The other goes on where this one ends.
    Behind,
    /// This one goes on where the other ends.
    Ahead,
    /// Each has a newest record that is not one of the other's chain.
    Forked,
    /// It does not have any more what it acknowledged, and nothing else in its place.
    RolledBack,
    /// The record that it acknowledged is damaged.
    Damaged,
}

/// Compares a replica's log with the newest record that it acknowledged.
pub fn recall(own: &Log, remembered: Head) -> Relation {
    let Some(newest) = own.newest() else {
        return Relation::RolledBack;
    };
    if newest == remembered {
        return Relation::Equal;
    }
    if own.lost.contains(&remembered.id) {
        return Relation::Damaged;
    }
    match place(newest).cmp(&place(remembered)) {
        Ordering::Less => Relation::RolledBack,
        Ordering::Greater if own.holds(remembered) => Relation::Ahead,
        _ => Relation::Forked,
    }
}

/// As [`recall`], where the chain of the history is known, and the newest record that the profile knows of it. A replica that was
/// brought to a later generation of that chain has not forked, though what it acknowledged is no part of the chain: the archive
/// went on from an older record, and the profile knows.
pub fn recall_within(
    own: &Log,
    remembered: Head,
    (chain, known): (&Log, Option<Head>),
) -> Relation {
    let is_later = |newest: Head| newest.id.generation > remembered.id.generation;
    let is_brought = |newest: Head| is_later(newest) && chain.holds(newest);
    let is_own = known.is_some_and(|known| is_later(known) && chain.holds(known));
    match recall(own, remembered) {
        Relation::Forked
            if is_own && own.newest().is_some_and(is_brought) && !chain.holds(remembered) =>
        {
            Relation::Ahead
        }
        relation => relation,
    }
}

/// Says whether a replica has another history than whoever remembers its newest record and the writer of that record's
/// generation: another record in its place, or another writer. Two profiles that adopt an archive at destinations of
/// which none sees the other's begin generations of one number.
pub fn is_of_another(own: &Log, newest: Head, author: Option<[u8; 32]>) -> bool {
    own.entries.iter().any(|entry| {
        let is_other_record = entry.id() == newest.id && entry.hash != newest.hash;
        let is_generation = entry.id().generation == newest.id.generation;
        let writer = entry.header.link.writer;
        is_other_record || (is_generation && author.is_some_and(|author| author != writer))
    })
}

/// Compares a replica's log with that of another one.
pub fn compare(own: &Log, other: &Log) -> Relation {
    match (own.newest(), other.newest()) {
        (None, None) => Relation::Equal,
        (None, Some(_)) => Relation::Behind,
        (Some(_), None) => Relation::Ahead,
        (Some(mine), Some(theirs)) if mine == theirs => Relation::Equal,
        (Some(mine), Some(theirs)) if place(mine) < place(theirs) && other.holds(mine) => {
            Relation::Behind
        }
        (Some(mine), Some(theirs)) if place(mine) > place(theirs) && own.holds(theirs) => {
            Relation::Ahead
        }
        _ => Relation::Forked,
    }
}

/// Says whether a replica with the log `own` may be brought up to date with a chain: its newest record is one of the chain,
/// or one of a branch that leaves it. Anything else is another history.
pub fn is_part_of(own: &Log, chain: &Log) -> bool {
    let (Some(entry), Some(newest)) = (own.head(), own.newest()) else {
        return true;
    };
    let is_held = shares(chain, &entry.header, &own.generations) && chain.holds(newest);
    is_held || (chain.is_branch(newest.id) && has_base(own, chain))
}

/// Says whether the writer of its generation in a chain wrote a record of another log, and that generation does not begin
/// with another record there: two profiles of which none sees the other begin generations of one number.
pub(crate) fn shares(chain: &Log, header: &Header, own: &Generations) -> bool {
    let generation = header.link.id.generation;
    chain.proves(header) && chain.generations.begins_as(own, generation)
}

/// Says whether the newest record of a log below its branch is one of a chain.
pub(crate) fn has_base(own: &Log, chain: &Log) -> bool {
    let mut below = own.entries.iter().rev();
    let base = below.find(|entry| !chain.is_branch(entry.id()));
    base.is_none_or(|entry| {
        let (id, hash) = (entry.id(), entry.hash);
        chain.holds(Head { id, hash })
    })
}

/// Returns the first place from which on a log is that of another history than a chain: where a generation begins with
/// another record, or another record stands. `None` where there is none.
pub(crate) fn leaves_at(own: &Log, chain: &Log) -> Option<RecordId> {
    let is_other = |entry: &&LogEntry| {
        let there = chain.entry_of(entry.id());
        there.is_some_and(|there| there.hash != entry.hash)
    };
    let record = own.entries.iter().find(is_other).map(LogEntry::id);
    let begins = chain.generations.first_other(&own.generations);
    let generation = begins.map(|generation| RecordId {
        generation,
        seq: Seq(0),
    });
    record.into_iter().chain(generation).min()
}

/// Later records of a chain come later.
fn place(head: Head) -> (u32, u64) {
    (head.id.generation.0, head.id.seq.0)
}
