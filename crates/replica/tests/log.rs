//! Logs with checkpoints, sound and hostile: `spec/archive-v1.md`, sections 9.2 and 9.3.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod common;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use common::{World, authority, id, is_keys, plant, record_ref, replica, words};
use strongroom_base::clock::Timestamp;
use strongroom_base::ids::ArchiveId;
use strongroom_base::object::{ObjectRef, RecordId};
use strongroom_base::{Class, Classified};
use strongroom_replica::Replica;
use strongroom_replica::expected::Owner;
use strongroom_replica::layout::object_path;
use strongroom_replica::log::{Log, LogEntry, read_head, read_log};
use strongroom_replica::record::{Added, Changes, RecordKind};
use strongroom_replica::sync::sync;
use strongroom_store::fault::{Fault, FaultPlan, FaultStore};
use strongroom_store::{Memory, ObjectPath, PutOutcome, Store, StoreError};

/// Six snapshots of which three are kept by the checkpoint at 8, and two more records.
fn world() -> (World, Vec<Added>) {
    let mut world = World::new();
    let (_, gone) = world.snapshot(2, 500);
    for _ in 0..5 {
        world.snapshot(1, 500);
    }
    world.prune(&[gone[0].object]);
    world.checkpoint(&[id(1, 1), id(1, 4), id(1, 6), id(1, 7)]);
    world.snapshot(1, 500);
    world.snapshot(1, 500);
    (world, gone)
}

fn read(store: &Arc<Memory>) -> (Log, Vec<u64>) {
    let mut visited = Vec::new();
    let mut visit = |record: &strongroom_replica::record::Record| visited.push(record.id().seq.0);
    let log = read_log(&replica(store), &authority(), &mut visit).unwrap();
    (log, visited)
}

fn path(generation: u32, seq: u64) -> ObjectPath {
    object_path(common::ARCHIVE, &record_ref(generation, seq))
}

fn seqs(ids: &[RecordId]) -> Vec<u64> {
    ids.iter().map(|id| id.seq.0).collect()
}

#[test]
fn records_before_a_checkpoint_count_as_it_lists_them() {
    let (world, gone) = world();
    let store = world.store();
    let (log, visited) = read(&store);
    assert_eq!(visited, [1, 4, 6, 7, 9, 10, 11]);
    assert_eq!(words(&log.problems), [""; 0]);
    assert_eq!(log.checkpoint, Some(id(1, 9)));
    assert_eq!(seqs(&log.stale), [2, 3, 5, 8]);
    let live = log.live();
    let records: Vec<u64> = live.records().map(|(id, _)| id.seq.0).collect();
    assert_eq!(records, visited);
    // Six snapshots with a run each and seven packs, one of them condemned; two more with both.
    assert_eq!(live.contents().count(), 7 + 6 - 1 + 4);
    assert!(!live.contains(&gone[0].object) && live.contains(&gone[1].object));
    for (record, size) in live.records() {
        let bytes = store.get(&path(1, record.seq.0), u64::MAX).unwrap();
        assert_eq!(bytes.len() as u64, size);
    }
}

#[test]
fn what_a_generation_continues_is_missed_as_of_the_older_one() {
    let (mut world, _) = world();
    let newest = world.log().newest().unwrap().id;
    world.begin_generation();
    world.snapshot(1, 500);
    let store = world.store();
    for seq in [newest.seq.0 - 1, newest.seq.0] {
        store.delete(&path(1, seq)).unwrap();
    }
    let (log, _) = read(&store);
    let lost = [id(1, newest.seq.0 - 1), newest];
    assert_eq!(log.lost, lost);
    // What the newest generation has lost itself is its own.
    store.delete(&path(2, newest.seq.0 + 2)).unwrap();
    world.snapshot(1, 500);
    let next = path(2, newest.seq.0 + 3);
    plant(&*store, &next, &world.objects[&next]);
    assert_eq!(
        read(&store).0.lost,
        [lost[0], lost[1], id(2, newest.seq.0 + 2)]
    );
}

#[test]
fn what_a_checkpoint_does_not_keep_may_be_gone_and_what_it_keeps_may_not() {
    let (world, _) = world();
    let store = world.store();
    for seq in [2, 3, 5, 8] {
        store.delete(&path(1, seq)).unwrap();
    }
    let (log, visited) = read(&store);
    assert_eq!(visited, [1, 4, 6, 7, 9, 10, 11]);
    assert!(log.problems.is_empty() && log.stale.is_empty());
    store.delete(&path(1, 6)).unwrap();
    store.delete(&path(1, 10)).unwrap();
    let (log, visited) = read(&store);
    assert_eq!(visited, [1, 4, 7, 9, 11]);
    assert_eq!(
        words(&log.problems),
        ["record 1-6 is missing", "record 1-10 is missing"]
    );
    let head = read_head(&replica(&store), &authority()).unwrap();
    assert_eq!(head.id(), id(1, 11));
}

#[test]
fn damage_to_what_is_stale_is_not_looked_for() {
    let (world, _) = world();
    let store = world.store();
    for seq in [2, 3, 5, 8] {
        store.damage(&path(1, seq), |bytes| bytes.truncate(9));
    }
    assert!(read(&store).0.problems.is_empty());
}

#[test]
fn a_damaged_checkpoint_leaves_the_log_before_it() {
    let (world, _) = world();
    let store = world.store();
    store.damage(&path(1, 9), |bytes| bytes[200] ^= 1);
    let (log, visited) = read(&store);
    assert_eq!(log.checkpoint, None);
    assert_eq!(visited, [1, 2, 3, 4, 5, 6, 7, 8, 10, 11]);
    assert_eq!(log.problems.len(), 1, "{:?}", log.problems);
    store.delete(&path(1, 9)).unwrap();
    let (log, _) = read(&store);
    assert_eq!(words(&log.problems), ["record 1-9 is missing"]);
}

/// That a record cannot be read now is no damage, not even where it is the one that proves all others.
#[test]
fn a_passing_fault_is_told_as_one() {
    let (world, _) = world();
    let store = world.store();
    for seq in [2, 3, 5, 8] {
        store.delete(&path(1, seq)).unwrap();
    }
    for call in 1.. {
        let plan = Arc::new(FaultPlan::none().with_fault(call, Fault::Denied));
        let faulty = FaultStore::new(store.clone(), plan.clone());
        let replica = Replica::new(Arc::new(faulty), common::ARCHIVE);
        let first = match read_log(&replica, &authority(), &mut |_| ()) {
            Ok(log) => log.problems.first().map(Classified::class),
            Err(error) => Some(error.class()),
        };
        if plan.calls() < call {
            break;
        }
        assert!(first.is_none_or(|class| class == Class::Retry), "{call}");
    }
}

#[test]
fn a_checkpoint_counts_only_by_the_writer_of_this_archive() {
    let (world, _) = world();
    let keep_nothing = || world.checkpoint_changes(&[]);
    let forged = world.sign(RecordKind::Checkpoint, keep_nothing(), 12, Some(9));
    let store = world.store();
    plant(&*store, &path(1, 12), forged.bytes());
    let (log, _) = read(&store);
    assert_eq!(log.checkpoint, Some(id(1, 9)));
    assert_eq!(
        words(&log.problems),
        ["the signature of record 1-12 is wrong"]
    );

    // The one of another archive with the same keys, and one of this archive in another place.
    let mut other = World::of(ArchiveId([0xb2; 16]));
    for _ in 0..10 {
        other.snapshot(1, 100);
    }
    other.checkpoint(&[]);
    let replayed = other.records.last().unwrap();
    assert_eq!(replayed.id(), id(1, 12));
    plant(&*store, &path(1, 12), replayed.bytes());
    assert_eq!(
        words(&read(&store).0.problems),
        ["record 1-12 belongs to another archive"]
    );
    plant(&*store, &path(1, 12), world.records[8].bytes());
    let (log, visited) = read(&store);
    assert_eq!(log.checkpoint, Some(id(1, 9)));
    assert_eq!(visited, [1, 4, 6, 7, 9, 10, 11]);
    assert_eq!(log.problems.len(), 1);
}

#[test]
fn a_checkpoint_cannot_list_records_that_are_not_before_it() {
    let mut world = World::new();
    world.snapshot(1, 100);
    let mut changes = world.checkpoint_changes(&[id(1, 1), id(1, 2)]);
    let never = [record_ref(1, 3), record_ref(1, 77), record_ref(7, 2)];
    let size = 400;
    changes
        .adds
        .extend(never.map(|object| Added { object, size }));
    world.commit(RecordKind::Checkpoint, changes);
    let (log, visited) = read(&world.store());
    assert_eq!(visited, [1, 2, 3]);
    // Its own place, later ones and later generations are not before it.
    assert_eq!(words(&log.problems), [""; 0]);
    assert!(!log.live().contains(&record_ref(1, 77)));
}

#[test]
fn only_a_checkpoint_adds_or_condemns_records() {
    let mut world = World::new();
    world.snapshot(1, 100);
    world.prune(&[record_ref(1, 2)]);
    let object = record_ref(1, 9);
    let adds = vec![Added { object, size: 5 }];
    let changes = Changes {
        adds,
        ..Changes::default()
    };
    world.commit(RecordKind::Progress, changes);
    let live = world.log().live();
    assert!(live.contains(&record_ref(1, 2)) && !live.contains(&object));
}

#[test]
fn the_newest_of_two_checkpoints_counts() {
    let (mut world, _) = world();
    world.checkpoint(&[id(1, 1), id(1, 6), id(1, 11)]);
    world.snapshot(1, 100);
    let store = world.store();
    let (log, visited) = read(&store);
    assert_eq!(visited, [1, 6, 11, 12, 13]);
    assert!(log.problems.is_empty());
    assert_eq!(seqs(&log.stale), [2, 3, 4, 5, 7, 8, 9, 10]);
    // Where it is damaged, the one before it counts.
    store.damage(&path(1, 12), |bytes| bytes[20] ^= 1);
    let (log, visited) = read(&store);
    assert_eq!(log.checkpoint, Some(id(1, 9)));
    assert_eq!(visited, [1, 4, 6, 7, 9, 10, 11, 13]);
}

#[test]
fn generations_are_proven_by_the_authority_alone() {
    let (mut world, _) = world();
    let branch = world.sign(RecordKind::Snapshot, Changes::default(), 12, None);
    world.begin_generation();
    world.snapshot(1, 100);
    world.checkpoint(&[id(1, 1), id(1, 6), id(2, 12)]);
    world.snapshot(1, 100);
    let store = world.store();
    plant(&*store, &path(1, 12), branch.bytes());
    // What somebody signs alone ends no generation, and hides nothing.
    world.generation = 9;
    let planted = world.sign(RecordKind::Snapshot, Changes::default(), 1, None);
    plant(&*store, &path(9, 1), planted.bytes());
    let planted = world.sign(RecordKind::Checkpoint, Changes::default(), 99, None);
    plant(&*store, &path(9, 99), planted.bytes());
    plant(&*store, &path(2, 1), b"not a record");
    let (log, visited) = read(&store);
    assert_eq!(log.branches, [id(1, 12)]);
    assert_eq!(visited, [1, 6, 12, 99, 14, 15].map(|seq| seq));
    assert_eq!(
        words(&log.problems),
        ["the signature of record 9-99 is wrong"]
    );
    assert_eq!(log.head().unwrap().id(), id(2, 15));
    let head = read_head(&replica(&store), &authority()).unwrap();
    assert_eq!(head.id(), id(2, 15));
}

#[test]
fn a_generation_without_its_record_is_refused() {
    let (world, _) = world();
    let store = world.store();
    store.delete(&path(1, 1)).unwrap();
    let (log, _) = read(&store);
    assert!(log.entries.is_empty());
    assert!(read_head(&replica(&store), &authority()).is_err());
}

/// A store on which every call waits until as many others wait, so that time is counted in rounds.
struct Slow {
    inner: Memory,
    calls: AtomicU64,
    waiting: AtomicUsize,
    most: AtomicUsize,
}

impl Slow {
    fn call<T>(&self, work: impl FnOnce() -> T) -> T {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let waiting = self.waiting.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(waiting, Ordering::SeqCst);
        for _ in 0..100 {
            std::thread::yield_now();
        }
        let result = work();
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        result
    }
}

impl Store for Slow {
    fn put_new(&self, path: &ObjectPath, bytes: &[u8]) -> Result<PutOutcome, StoreError> {
        self.inner.put_new(path, bytes)
    }

    fn get(&self, path: &ObjectPath, len_max: u64) -> Result<Vec<u8>, StoreError> {
        self.call(|| self.inner.get(path, len_max))
    }

    fn get_range(&self, path: &ObjectPath, offset: u64, len: usize) -> Result<Vec<u8>, StoreError> {
        self.call(|| self.inner.get_range(path, offset, len))
    }

    fn size(&self, path: &ObjectPath) -> Result<u64, StoreError> {
        self.call(|| self.inner.size(path))
    }

    fn modified(&self, path: &ObjectPath) -> Result<Timestamp, StoreError> {
        self.inner.modified(path)
    }

    fn list(&self, prefix: &str, visit: &mut dyn FnMut(ObjectPath, u64)) -> Result<(), StoreError> {
        self.call(|| self.inner.list(prefix, visit))
    }

    fn delete(&self, path: &ObjectPath) -> Result<(), StoreError> {
        self.inner.delete(path)
    }

    fn describe(&self) -> String {
        self.inner.describe()
    }
}

#[test]
fn a_long_log_is_read_once_and_many_records_at_a_time() {
    let mut world = World::new();
    for _ in 0..1_000 {
        world.commit(RecordKind::Snapshot, Changes::default());
    }
    let inner = Memory::new();
    world.fill(&inner);
    let (calls, waiting, most) = <(AtomicU64, AtomicUsize, AtomicUsize)>::default();
    let store = Arc::new(Slow {
        inner,
        calls,
        waiting,
        most,
    });
    let replica = Replica::new(store.clone(), common::ARCHIVE);
    let log = read_log(&replica, &authority(), &mut |_| ()).unwrap();
    assert_eq!((log.entries.len(), log.problems.len()), (1_001, 0));
    assert_eq!(store.calls.load(Ordering::SeqCst), 1_002);
    assert_eq!(store.most.load(Ordering::SeqCst), 16);
    assert!(log.live().contains(&ObjectRef::record(id(1, 1_001))));
}

#[test]
fn a_generation_that_the_next_one_does_not_continue_is_a_branch_as_a_whole() {
    let mut world = World::new();
    for _ in 0..6 {
        world.snapshot(1, 100);
    }
    // Generation 2 begins at 4. Whoever could not see that goes on at 1-7.
    let above = world.records.split_off(3);
    world.previous = world.records[2].hash();
    world.begin_generation();
    for _ in 0..3 {
        world.snapshot(1, 100);
    }
    world.records.truncate(3);
    world.records.extend(above);
    world.previous = world.records[6].hash();
    world.begin_generation();
    world.snapshot(1, 100);
    let (log, visited) = read(&world.store());
    assert_eq!(words(&log.problems), [""; 0]);
    assert_eq!(visited, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    let ids: Vec<RecordId> = log.entries.iter().map(LogEntry::id).collect();
    assert_eq!((ids[3], ids[7]), (id(1, 4), id(3, 8)));
    let branch: Vec<RecordId> = (4..8).map(|seq| id(2, seq)).collect();
    assert_eq!(log.branches, branch);
    assert!(!log.live().contains(&record_ref(2, 5)));
    // That its first record is lost makes nothing else of it.
    let store = world.store();
    store.delete(&path(2, 4)).unwrap();
    let (log, visited) = read(&store);
    assert_eq!(words(&log.problems), [""; 0]);
    assert_eq!(visited, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(log.branches, branch[1..]);
    // Whoever has less of it is brought to the same chain, and keeps what is a branch.
    let store = world.store();
    for seq in 5..8 {
        store.delete(&path(1, seq)).unwrap();
    }
    for seq in 6..8 {
        store.delete(&path(2, seq)).unwrap();
    }
    for seq in 8..10 {
        store.delete(&path(3, seq)).unwrap();
    }
    assert_eq!(read(&store).0.newest().unwrap().id, id(2, 5));
    let owner = Owner {
        authority: authority(),
        is_keys: &is_keys,
    };
    let go_on = &mut |_| ControlFlow::Continue(());
    sync(&replica(&store), &[&replica(&world.store())], &owner, go_on).unwrap();
    let (log, visited) = read(&store);
    assert_eq!(words(&log.problems), [""; 0]);
    assert_eq!(visited, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(log.branches, [id(2, 4), id(2, 5)]);
}

/// What an older generation ends with is not the newest record, because the newer one cannot be read for now.
#[test]
fn a_passing_fault_leads_to_no_older_head() {
    let (mut world, _) = world();
    let newest = world.begin_generation();
    let store = world.store();
    let mut failed = 0;
    for call in 0.. {
        let plan = Arc::new(FaultPlan::none().with_fault(call, Fault::Denied));
        let faulty = FaultStore::new(store.clone(), plan.clone());
        let replica = Replica::new(Arc::new(faulty), common::ARCHIVE);
        match read_head(&replica, &common::authority()) {
            Ok(head) => assert_eq!(head.id(), newest, "{call}"),
            Err(error) => {
                assert_eq!(error.class(), Class::Retry, "{call}: {error}");
                failed += 1;
            }
        }
        if plan.calls() < call {
            break;
        }
    }
    assert!(failed > 0);
}
