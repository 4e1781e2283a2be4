//! Replicas of several histories of one archive: `spec/archive-v1.md`, sections 9.1 and 12.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod common;

use std::ops::ControlFlow;
use std::sync::Arc;

use common::{World, authority, contents, id, is_keys, replica, words};
use strongroom_base::object::RecordId;
use strongroom_replica::expected::Owner;
use strongroom_replica::heal::heal_from;
use strongroom_replica::history::{Histories, Known, Together, together};
use strongroom_replica::layout::object_path;
use strongroom_replica::log::{Head, Log, LogEntry, read_log, read_log_of};
use strongroom_replica::record::{Changes, RecordKind};
use strongroom_replica::scrub::{Sample, scrub};
use strongroom_replica::sync::{sync, sync_to};
use strongroom_replica::{Replica, ReplicaError};
use strongroom_store::{Memory, Store as _};

const OWNER: fn() -> Owner<'static> = || Owner {
    authority: authority(),
    is_keys: &is_keys,
};

fn newest(world: &World) -> Head {
    let record = world.records.last().unwrap();
    Head {
        id: record.id(),
        hash: record.hash(),
    }
}

/// Signs records as other writers than those that worlds have by themselves.
fn begin_as(world: &mut World, writer: u8) -> RecordId {
    world.generation += 1;
    commit_as(world, RecordKind::Generation, writer)
}

fn commit_as(world: &mut World, kind: RecordKind, writer: u8) -> RecordId {
    let record = world.sign(kind, Changes::default(), world.next_seq(), Some(writer));
    world.take(record)
}

/// Two profiles that went on from 1-4 and 1-8, of which none saw the other, and of which the second adopted again: the disks
/// of both, and the world of the second.
fn two_generations_of_one_number(writer: u8) -> (Arc<Memory>, Arc<Memory>, World) {
    let mut world = World::new();
    (0..3).for_each(|_| drop(world.snapshot(1, 100)));
    let mut other = world.clone();
    begin_as(&mut other, 7);
    commit_as(&mut other, RecordKind::Snapshot, 7);
    (0..4).for_each(|_| drop(world.snapshot(1, 100)));
    begin_as(&mut world, writer);
    commit_as(&mut world, RecordKind::Snapshot, writer);
    commit_as(&mut world, RecordKind::Snapshot, writer);
    world.begin_generation();
    world.snapshot(1, 100);
    (other.store(), world.store(), world)
}

fn chain_of(log: &Log) -> Vec<RecordId> {
    log.entries.iter().map(LogEntry::id).collect()
}

fn chain() -> Vec<RecordId> {
    let first = (1..=8).map(|seq| id(1, seq));
    let second = (9..=11).map(|seq| id(2, seq));
    first.chain(second).chain([id(3, 12), id(3, 13)]).collect()
}

/// Brings a replica up to date and heals it, as the program does.
fn tend(target: &Replica, sisters: &[&Replica], known: Known) -> bool {
    let owner = OWNER();
    let found = together(target, sisters, known, &owner).unwrap();
    let Histories::One(found) = found else {
        return false;
    };
    let Together {
        sisters,
        strangers,
        expected,
        ..
    } = *found;
    let go_on = || ControlFlow::Continue(());
    sync_to(target, &sisters, &expected, &owner, &mut |_| go_on()).unwrap();
    let found = scrub(target, &expected, &owner, Sample::ALL, &mut |_| go_on()).unwrap();
    let findings = &found.findings;
    let sources = (&sisters[..], &strangers[..]);
    let healed = heal_from(target, sources, &expected, &owner, findings, &mut |_| {
        go_on()
    })
    .unwrap();
    assert!(healed.is_whole());
    true
}

#[test]
fn the_hash_says_which_of_two_generations_of_one_number_is_of_the_chain() {
    let (other, own, _) = two_generations_of_one_number(8);
    for replicas in [[&own, &other], [&other, &own]] {
        let [one, two] = replicas.map(replica);
        let log = read_log_of(&[&one, &two], &authority(), &mut |_| ()).unwrap();
        assert_eq!(chain_of(&log), chain());
        // Nobody proves what the other one wrote below it; above its end it is a branch.
        let wrong = ["2-5", "2-6"].map(|id| format!("the signature of record {id} is wrong"));
        assert_eq!(words(&log.problems), wrong);
        assert!(log.lost.is_empty());
    }
}

/// Without its first record, a generation is refused, and that of another writer does not stand for it.
#[test]
fn a_generation_of_another_writer_does_not_stand_for_one_that_is_lost() {
    let (other, own, world) = two_generations_of_one_number(8);
    own.delete(&world.path(id(2, 9))).unwrap();
    let (one, two) = (replica(&own), replica(&other));
    let log = read_log_of(&[&one, &two], &authority(), &mut |_| ()).unwrap();
    let is_second = |id: &&RecordId| id.generation.0 == 2;
    assert_eq!(chain_of(&log).iter().filter(is_second).count(), 0);
    assert!(!log.lost.is_empty());
}

#[test]
fn two_generations_of_one_number_are_never_mixed() {
    // Of one writer or of two: a profile may have been copied, and its key with it.
    for writer in [7, 8] {
        let (other, own, world) = two_generations_of_one_number(writer);
        let before = (contents(&*other), contents(&*own));
        let (one, two) = (replica(&own), replica(&other));
        let known = Known {
            newest: Some(newest(&world)),
            author: None,
        };
        assert!(tend(&one, &[&two], known), "{writer}");
        assert!(!tend(&two, &[&one], known), "{writer}");
        let empty = Arc::new(Memory::new());
        for sisters in [[&one, &two], [&two, &one]] {
            assert!(tend(&replica(&empty), &sisters, known), "{writer}");
            assert!(contents(&*empty) == before.1, "{writer}");
        }
        assert!((contents(&*other), contents(&*own)) == before, "{writer}");
    }
}

#[test]
fn two_ends_of_one_generation_are_never_mixed() {
    let mut world = World::new();
    (0..3).for_each(|_| drop(world.snapshot(1, 100)));
    let mut other = world.clone();
    // Other bytes than those that the world makes next.
    other.made += 1_000;
    other.snapshot(1, 100);
    (0..2).for_each(|_| drop(world.snapshot(1, 100)));
    let (other, own) = (other.store(), world.store());
    let before = (contents(&*other), contents(&*own));
    let (one, two) = (replica(&own), replica(&other));
    let known = Known {
        newest: Some(newest(&world)),
        author: None,
    };
    assert!(tend(&one, &[&two], known));
    assert!(!tend(&two, &[&one], known));
    let empty = Arc::new(Memory::new());
    assert!(tend(&replica(&empty), &[&two, &one], known));
    assert!(contents(&*empty) == before.1);
    assert!((contents(&*other), contents(&*own)) == before);
}

/// Before the two part a replica of another history has the same: what is lost of that is taken from it.
#[test]
fn what_is_lost_before_histories_part_comes_back_from_the_other() {
    let mut world = World::new();
    let (_, adds) = world.snapshot(1, 100);
    world.snapshot(1, 100);
    let mut other = world.clone();
    for (world, writer) in [(&mut other, 7), (&mut world, 8)] {
        begin_as(world, writer);
        commit_as(world, RecordKind::Snapshot, writer);
    }
    let known = Known {
        newest: Some(newest(&world)),
        author: None,
    };
    let (other, own) = (other.store(), world.store());
    let before = (contents(&*other), contents(&*own));
    for lost in [id(1, 1), id(1, 2), id(1, 3)] {
        own.delete(&world.path(lost)).unwrap();
        let pack = object_path(common::ARCHIVE, &adds[0].object);
        own.delete(&pack).unwrap();
        assert!(tend(&replica(&own), &[&replica(&other)], known), "{lost}");
        assert!((contents(&*other), contents(&*own)) == before, "{lost}");
    }
    // What only the other has is not taken for what is lost.
    own.delete(&world.path(id(2, 4))).unwrap();
    let (target, sister) = (replica(&own), replica(&other));
    let found = together(&target, &[&sister], known, &OWNER()).unwrap();
    if let Histories::One(found) = found {
        assert!(found.expected.log.entry_of(id(2, 4)).is_none());
    }
}

/// What a branch says is not heard, whether its first record is there or not.
#[test]
fn a_branch_without_its_first_record_changes_nothing() {
    let mut world = World::new();
    (0..3).for_each(|_| drop(world.snapshot(1, 100)));
    let base = world.clone();
    world.begin_generation();
    let (_, adds) = world.snapshot(1, 100);
    world.prune(&[adds[0].object]);
    // Whoever could not see that went back to 1-4.
    world.records.truncate(base.records.len());
    world.previous = base.previous;
    world.begin_generation();
    world.snapshot(1, 100);
    let whole = world.store();
    let read = |store: &Arc<Memory>| {
        let mut visited = Vec::new();
        let log = read_log(&replica(store), &authority(), &mut |r| visited.push(r.id()));
        (log.unwrap(), visited)
    };
    for damage in [false, true] {
        let store = Arc::new(whole.fork());
        if damage {
            store.damage(&world.path(id(2, 5)), |bytes| bytes[80] ^= 1);
        }
        let (log, visited) = read(&store);
        assert_eq!(words(&log.problems), [""; 0]);
        assert_eq!(log.branches, [id(2, 5), id(2, 6), id(2, 7)]);
        let chain = [id(1, 1), id(1, 2), id(1, 3), id(1, 4), id(3, 5), id(3, 6)];
        assert_eq!(visited, chain);
        assert_eq!(chain_of(&log), chain);
    }
}

/// Of what a checkpoint did not keep only the place is known: it is that of another generation of the same number and writer.
#[test]
fn the_place_of_an_old_record_does_not_stand_for_its_generation() {
    let mut world = World::new();
    let mut other = world.clone();
    (0..2).for_each(|_| drop(other.snapshot(1, 100)));
    begin_as(&mut other, 7);
    commit_as(&mut other, RecordKind::Snapshot, 7);
    let begin = begin_as(&mut world, 7);
    for _ in 0..5 {
        commit_as(&mut world, RecordKind::Snapshot, 7);
    }
    let changes = world.checkpoint_changes(&[id(1, 1), begin]);
    let record = world.sign(RecordKind::Checkpoint, changes, world.next_seq(), Some(7));
    world.take(record);
    assert_eq!(newest(&other).id, id(2, 5));
    let (other, own) = (other.store(), world.store());
    let before = contents(&*other);
    let go_on = &mut |_| ControlFlow::Continue(());
    let (one, two) = (replica(&own), replica(&other));
    let error = sync(&two, &[&one], &OWNER(), go_on).unwrap_err();
    assert!(
        matches!(error, ReplicaError::BrokenChain { .. }),
        "{error:?}"
    );
    let known = Known {
        newest: Some(newest(&world)),
        author: None,
    };
    assert!(!tend(&two, &[&one], known));
    assert!(contents(&*other) == before);
}
