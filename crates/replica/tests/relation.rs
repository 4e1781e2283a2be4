//! Roll-back checks without a key: `spec/archive-v1.md`, section 12.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod common;

use std::sync::Arc;

use common::{World, authority, id, plant, record_ref, replica};
use strongroom_replica::layout::object_path;
use strongroom_replica::log::{Head, Log, read_log};
use strongroom_replica::record::{Changes, RecordKind};
use strongroom_replica::relation::{Relation, compare, recall, recall_within};
use strongroom_store::{Memory, ObjectPath, Store as _};

fn path(seq: u64) -> ObjectPath {
    object_path(common::ARCHIVE, &record_ref(1, seq))
}

fn log(store: &Arc<Memory>) -> Log {
    read_log(&replica(store), &authority(), &mut |_| ()).unwrap()
}

fn head(world: &World, seq: usize) -> Head {
    let record = &world.records[seq - 1];
    Head {
        id: record.id(),
        hash: record.hash(),
    }
}

/// Five records, of which a store has the first `newest`.
fn store(world: &World, newest: u64) -> Arc<Memory> {
    let store = world.store();
    for seq in newest + 1..=5 {
        store.delete(&path(seq)).unwrap();
    }
    store
}

fn world() -> World {
    let mut world = World::new();
    for _ in 0..4 {
        world.snapshot(1, 10);
    }
    world
}

#[test]
fn a_replica_is_compared_with_what_is_remembered() {
    let world = world();
    let of = |newest, remembered| recall(&log(&store(&world, newest)), head(&world, remembered));
    assert_eq!(of(4, 4), Relation::Equal);
    assert_eq!(of(5, 4), Relation::Ahead);
    assert_eq!(of(3, 4), Relation::RolledBack);
    assert_eq!(of(0, 4), Relation::RolledBack);
    let mut other = head(&world, 4);
    other.hash[0] ^= 1;
    for newest in [4, 5] {
        assert_eq!(
            recall(&log(&store(&world, newest)), other),
            Relation::Forked
        );
    }
    let damaged = store(&world, 5);
    damaged.damage(&path(4), |bytes| bytes[9] ^= 1);
    assert_eq!(recall(&log(&damaged), head(&world, 4)), Relation::Damaged);
    assert_eq!(recall(&log(&damaged), head(&world, 3)), Relation::Ahead);
}

#[test]
fn replicas_are_compared() {
    let mut world = world();
    let of = |mine, theirs| compare(&log(&store(&world, mine)), &log(&store(&world, theirs)));
    assert_eq!(of(4, 4), Relation::Equal);
    assert_eq!(of(0, 0), Relation::Equal);
    assert_eq!(of(0, 4), Relation::Behind);
    assert_eq!(of(3, 4), Relation::Behind);
    assert_eq!(of(5, 4), Relation::Ahead);
    assert_eq!(of(5, 0), Relation::Ahead);
    let fork = store(&world, 4);
    let changes = Changes::default();
    let mut previous = world.records[3].hash();
    std::mem::swap(&mut world.previous, &mut previous);
    let record = world.sign(RecordKind::Prune, changes, 5, None);
    plant(&*fork, &path(5), record.bytes());
    let (fork, whole) = (log(&fork), log(&world.store()));
    assert_eq!(compare(&fork, &whole), Relation::Forked);
    assert_eq!(compare(&whole, &fork), Relation::Forked);
}

#[test]
fn what_a_checkpoint_left_behind_counts_as_held_and_a_branch_does_not() {
    let mut world = world();
    let old = head(&world, 3);
    world.checkpoint(&[id(1, 1), id(1, 5)]);
    let store = world.store();
    store.delete(&path(3)).unwrap();
    assert_eq!(recall(&log(&store), old), Relation::Ahead);
    let branch = Head {
        id: id(1, 7),
        hash: [7; 32],
    };
    world.begin_generation();
    world.snapshot(1, 10);
    world.checkpoint(&[id(1, 1), id(2, 7)]);
    assert_eq!(recall(&world.log(), branch), Relation::Forked);
    assert_eq!(recall(&world.log(), old), Relation::Ahead);
}

/// 1-4 and 1-5 were acknowledged while the archive went back to 1-3, and on from there.
#[test]
fn whoever_was_brought_to_a_later_generation_of_the_profile_is_ahead() {
    let old = world();
    let mut world = old.clone();
    world.records.truncate(3);
    world.previous = world.records[2].hash();
    world.begin_generation();
    world.snapshot(1, 10);
    let newest = |log: &Log| log.newest();
    let whole = world.log();
    assert_eq!(newest(&whole).unwrap().id, id(2, 5));
    let within = |own: &Log, chain: &Log, newest| {
        let remembered = head(&old, 5);
        recall_within(own, remembered, (chain, newest))
    };
    assert_eq!(recall(&whole, head(&old, 5)), Relation::Forked);
    assert_eq!(within(&whole, &whole, newest(&whole)), Relation::Ahead);
    // It was not brought to the newest record yet.
    let store = world.store();
    let path = world.path(id(2, 5));
    store.delete(&path).unwrap();
    let less = log(&store);
    assert_eq!(newest(&less).unwrap().id, id(2, 4));
    assert_eq!(within(&less, &whole, newest(&whole)), Relation::Ahead);
    // The profile knows nothing of that generation.
    let own = newest(&old.log());
    for known in [own, None] {
        assert_eq!(within(&whole, &whole, known), Relation::Forked);
    }
    // The one that it acknowledged is of the chain, and is gone there.
    assert_eq!(within(&less, &old.log(), own), Relation::Forked);
    assert_eq!(within(&old.log(), &whole, newest(&whole)), Relation::Equal);
}
