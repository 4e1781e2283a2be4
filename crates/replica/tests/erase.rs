//! What a destination erases, and that it is never something live: `spec/archive-v1.md`, section 11.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
#![allow(
    clippy::print_stdout,
    reason = "how many cases there were is worth seeing"
)]

mod common;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use common::{World, authority, contents, id, is_keys, plant, record_ref, replica};
use strongroom_base::clock::{Clock, Timestamp};
use strongroom_base::ids::ObjectName;
use strongroom_base::object::ObjectRef;
use strongroom_base::random::RandomSource;
use strongroom_crypto::hash::hash;
use strongroom_replica::Replica;
use strongroom_replica::erase::{Decision, Held, Rules, Unnamed, decide, erase};
use strongroom_replica::expected::Owner;
use strongroom_replica::layout::{KeysCopy, Place, keys_path, object_path};
use strongroom_replica::record::{Changes, RecordKind};
use strongroom_replica::survey::survey;
use strongroom_replica::sync::sync;
use strongroom_store::fault::{Fault, FaultPlan, FaultStore};
use strongroom_store::{Memory, Store};

const DAY: i64 = 86_400;

/// A clock that is put forward.
#[derive(Default)]
struct Days(AtomicI64);

impl Days {
    fn set(&self, day: i64) {
        self.0.store(day * DAY + 3_600, Ordering::SeqCst);
    }
}

impl Clock for Days {
    fn now(&self) -> Timestamp {
        Timestamp::from_parts(self.0.load(Ordering::SeqCst), 0)
    }
}

struct Zero;

impl RandomSource for Zero {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

fn owner() -> Owner<'static> {
    Owner {
        authority: authority(),
        is_keys: &is_keys,
    }
}

/// A destination with a clock, which gets what is new in the archive.
struct Site {
    world: World,
    clock: Arc<Days>,
    store: Arc<Memory>,
    grace: u64,
    days: Option<usize>,
    unnamed: Unnamed,
}

impl Site {
    fn new() -> Self {
        let clock = Arc::new(Days::default());
        clock.set(0);
        let store = Arc::new(Memory::with_clock(clock.clone()));
        let mut site = Self {
            world: World::new(),
            clock,
            store,
            grace: 30,
            days: None,
            unnamed: Unnamed::Leave,
        };
        site.deliver(0);
        site
    }

    /// Puts what is new on a day.
    fn deliver(&mut self, day: i64) {
        self.clock.set(day);
        sync(
            &replica(&self.store),
            &[&replica(&self.world.store())],
            &owner(),
            &mut |_| ControlFlow::Continue(()),
        )
        .unwrap();
    }

    fn decide(&self, day: i64) -> Decision {
        self.clock.set(day);
        self.decide_at(&replica(&self.store)).unwrap()
    }

    fn decide_at(&self, replica: &Replica) -> Result<Decision, strongroom_replica::ReplicaError> {
        let survey = survey(replica, &owner(), &Zero)?;
        let rules = Rules {
            grace: Duration::from_hours(self.grace * 24),
            days: self.days,
            unnamed: self.unnamed,
            now: self.clock.now(),
        };
        Ok(decide(&survey, &rules))
    }

    fn objects(&self, day: i64) -> Vec<ObjectRef> {
        let decision = self.decide(day);
        assert_eq!(decision.held, None);
        let erase = decision.erase.iter();
        erase
            .filter_map(|(place, _)| match place {
                Place::Object(object) => Some(*object),
                _ => None,
            })
            .collect()
    }
}

/// On day 0 two snapshots, on day 10 a prune that condemns a pack of the first.
fn pruned() -> (Site, ObjectRef) {
    let mut site = Site::new();
    let (_, adds) = site.world.snapshot(2, 500);
    site.world.snapshot(1, 500);
    site.deliver(0);
    site.world.prune(&[adds[0].object]);
    site.deliver(10);
    (site, adds[0].object)
}

#[test]
fn a_condemned_object_goes_when_all_three_conditions_hold() {
    let (mut site, gone) = pruned();
    // No later record.
    assert_eq!(site.objects(60), []);
    site.world.snapshot(1, 500);
    site.deliver(39);
    assert_eq!(site.objects(39), []);
    assert_eq!(site.decide(39).waiting, (1, 500));
    assert_eq!(site.objects(40), [gone]);
    // A live object that was added before is not there.
    let live = site.world.log().live();
    let (object, _) = live.contents().next().unwrap();
    let path = object_path(common::ARCHIVE, object);
    let bytes = site.store.get(&path, u64::MAX).unwrap();
    let (newest, _) = live.contents().last().unwrap();
    assert_ne!(object, newest);
    site.store.delete(&path).unwrap();
    let added_after = {
        let mut adds = site
            .world
            .records
            .last()
            .unwrap()
            .header()
            .changes
            .adds
            .iter();
        adds.any(|added| added.object == *object)
    };
    assert_eq!(site.objects(40).is_empty(), !added_after);
    plant(&*site.store, &path, &bytes[1..]);
    assert_eq!(site.objects(40).is_empty(), !added_after);
    plant(&*site.store, &path, &bytes);
    let decision = site.decide(40);
    let target = replica(&site.store);
    assert_eq!(
        erase(&target, &decision, &mut |_| ControlFlow::Continue(()))
            .unwrap()
            .bytes,
        500
    );
    assert!(target.size(&gone).is_err());
}

#[test]
fn what_was_added_after_the_condemning_record_may_be_missing() {
    let (mut site, gone) = pruned();
    let (_, adds) = site.world.snapshot(1, 500);
    site.deliver(11);
    site.store
        .delete(&object_path(common::ARCHIVE, &adds[0].object))
        .unwrap();
    assert_eq!(site.objects(50), [gone]);
}

#[test]
fn the_later_record_may_be_of_another_generation() {
    let (mut site, gone) = pruned();
    site.world.snapshot(1, 500);
    site.world.begin_generation();
    site.deliver(11);
    assert_eq!(site.objects(50), [gone]);
    site.world.prune(&[site
        .world
        .log()
        .live()
        .contents()
        .next()
        .map(|(o, _)| *o)
        .unwrap()]);
    site.deliver(12);
    assert_eq!(site.objects(60), [gone]);
}

#[test]
fn clocks_that_differ_and_clocks_that_jump_erase_nothing() {
    let (mut site, gone) = pruned();
    site.days = Some(7);
    for day in 11..17 {
        site.world.snapshot(1, 100);
        site.deliver(day);
    }
    // Six days of records, and a jump.
    assert_eq!(site.objects(400), []);
    site.world.snapshot(1, 100);
    site.deliver(17);
    assert_eq!(site.objects(400), [gone]);
    let survey = survey(&replica(&site.store), &owner(), &Zero).unwrap();
    for (hours, held) in [
        (24, None),
        (25, Some(Held::Clock)),
        (-25, Some(Held::Clock)),
    ] {
        let now = Timestamp(survey.now.0 + i128::from(hours) * 3_600 * 1_000_000_000);
        let grace = Duration::from_hours(720);
        let (days, unnamed) = (Some(7), Unnamed::Leave);
        let decision = decide(
            &survey,
            &Rules {
                grace,
                days,
                unnamed,
                now,
            },
        );
        assert_eq!(decision.held, held);
        assert_eq!(decision.erase.is_empty(), held.is_some());
    }
}

#[test]
fn a_damaged_log_erases_nothing() {
    let (mut site, _) = pruned();
    site.world.snapshot(1, 500);
    site.deliver(11);
    let path = object_path(common::ARCHIVE, &record_ref(1, 3));
    site.store.damage(&path, |bytes| bytes[9] ^= 1);
    assert!(matches!(site.decide(50).held, Some(Held::Log(_))));
}

#[test]
fn old_keys_go_at_once_and_planted_ones_stay() {
    let (site, _) = pruned();
    let bytes = common::keys_bytes(2);
    let target = replica(&site.store);
    target.put_keys(2, &bytes).unwrap();
    let name = ObjectName([7; 32]);
    plant(
        &*site.store,
        &keys_path(common::ARCHIVE, 1, name, KeysCopy::First),
        b"planted",
    );
    let decision = site.decide(10);
    let erased: Vec<Place> = decision.erase.iter().map(|(place, _)| *place).collect();
    let old = ObjectName(hash(&common::keys_bytes(1)));
    let [object, copy] = Place::of_keys(1, old);
    assert_eq!(erased, [copy, object]);
}

/// A year of a snapshot a day, of which a week is kept, with a prune and a checkpoint every week.
fn year(site: &mut Site, erase_it: bool) -> usize {
    let mut most = 0;
    let mut snapshots = Vec::new();
    for day in 1..=200 {
        snapshots.push(site.world.snapshot(1, 300));
        if day % 7 == 0 {
            let keep = snapshots.split_off(snapshots.len().saturating_sub(7));
            let forgotten: Vec<ObjectRef> = snapshots
                .iter()
                .flat_map(|(_, adds)| adds.iter().map(|added| added.object))
                .collect();
            snapshots = keep;
            site.world.prune(&forgotten);
            let mut kept: Vec<_> = snapshots.iter().map(|(id, _)| *id).collect();
            kept.push(id(1, 1));
            site.world.checkpoint(&kept);
        }
        site.deliver(day);
        if erase_it {
            let decision = site.decide(day);
            assert_eq!(decision.held, None);
            erase(&replica(&site.store), &decision, &mut |_| {
                ControlFlow::Continue(())
            })
            .unwrap();
            check_live(site, &site.store);
        }
        most = most.max(contents(&*site.store).len());
    }
    most
}

fn check_live(site: &Site, store: &Memory) {
    for (path, bytes) in site.world.live_objects() {
        assert_eq!(store.get(&path, u64::MAX).ok(), Some(bytes), "{path}");
    }
}

#[test]
fn space_comes_back_and_the_number_of_objects_stays_bounded() {
    let mut site = Site::new();
    site.unnamed = Unnamed::Erase;
    let most = year(&mut site, true);
    let all = site.world.objects.len();
    println!("of {all} objects never more than {most} are there");
    // Three objects a day for 30 days of grace and two weeks, and prunes and checkpoints.
    assert!(most < 200 && all > 600, "{most} of {all}");
}

#[test]
fn a_destination_that_was_away_over_two_checkpoints_keeps_its_grace() {
    let mut site = Site::new();
    site.unnamed = Unnamed::Erase;
    let (first, adds) = site.world.snapshot(2, 500);
    site.deliver(0);
    // Away: everything is condemned, and the records that say so are condemned too.
    let objects: Vec<_> = adds.iter().map(|added| added.object).collect();
    site.world.prune(&objects);
    site.world.checkpoint(&[id(1, 1)]);
    site.world.checkpoint(&[id(1, 1)]);
    site.world.snapshot(1, 100);
    site.deliver(100);
    assert!(!site.world.log().live().contains(&ObjectRef::record(first)));
    assert_eq!(site.objects(129), []);
    // First the record goes that names them, then they do.
    assert_eq!(site.objects(130), [ObjectRef::record(first)]);
    let decision = site.decide(130);
    erase(&replica(&site.store), &decision, &mut |_| {
        ControlFlow::Continue(())
    })
    .unwrap();
    let mut gone = site.objects(130);
    gone.sort();
    let mut expected = objects;
    expected.sort();
    assert_eq!(gone, expected);
}

#[test]
fn what_a_branch_has_and_what_a_dead_writer_left() {
    let (mut site, gone) = pruned();
    let branch_pack = site.world.pack(70);
    let left = site.world.pack(90);
    let changes = Changes {
        adds: vec![branch_pack],
        ..Changes::default()
    };
    let seq = site.world.next_seq();
    let branch = site.world.sign(RecordKind::Snapshot, changes, seq, None);
    site.world.begin_generation();
    site.world.snapshot(1, 50);
    site.deliver(20);
    for object in [branch_pack.object, left.object] {
        let path = object_path(common::ARCHIVE, &object);
        plant(&*site.store, &path, &site.world.objects[&path]);
    }
    let path = object_path(common::ARCHIVE, &ObjectRef::record(branch.id()));
    plant(&*site.store, &path, branch.bytes());
    assert_eq!(site.objects(60), [gone]);
    site.unnamed = Unnamed::Erase;
    assert_eq!(site.objects(49), [gone]);
    let mut both = [gone, left.object];
    both.sort();
    assert_eq!(site.objects(50), both);
    // Where the branch cannot be read, nobody knows what it names.
    site.store.damage(&path, |bytes| bytes[9] ^= 1);
    assert_eq!(site.objects(50), [gone]);
}

#[test]
fn erasing_is_killed_and_fails_at_every_call_and_nothing_live_goes() {
    let mut site = Site::new();
    site.unnamed = Unnamed::Erase;
    let _ = year(&mut site, false);
    let at = 201;
    let before = contents(&*site.store);
    let (mut runs, mut calls) = (0, 0);
    for fault in [
        None,
        Some(Fault::Io),
        Some(Fault::LostAnswer),
        Some(Fault::Denied),
    ] {
        for n in (0..).step_by(3) {
            // The same arrivals in a copy: everything that is erased at last is old enough.
            let store = copy(&site, at);
            let plan = match fault {
                None => FaultPlan::stop_after(n),
                Some(fault) => FaultPlan::none().with_fault(n + 1, fault),
            };
            let plan = Arc::new(plan);
            let faulty = FaultStore::new(store.clone(), plan.clone());
            let faulty = Replica::new(Arc::new(faulty), common::ARCHIVE);
            site.clock.set(at + 40);
            let decision = site.decide_at(&faulty);
            if let Ok(decision) = decision {
                let _ = erase(&faulty, &decision, &mut |_| ControlFlow::Continue(()));
            }
            check_live(&site, &store);
            runs += 1;
            calls = plan.calls();
            if plan.calls() <= n {
                break;
            }
            // What is left goes in the end, and nothing else.
            if n % 60 == 0 {
                for _ in 0..3 {
                    let decision = site.decide_at(&replica(&store)).unwrap();
                    erase(&replica(&store), &decision, &mut |_| {
                        ControlFlow::Continue(())
                    })
                    .unwrap();
                }
                check_live(&site, &store);
                let live = site.world.live_objects();
                assert_eq!(contents(&*store).len(), live.len());
            }
        }
    }
    println!(
        "{runs} runs of up to {calls} calls on {} objects",
        before.len()
    );
    assert!(runs > 300);
}

/// Returns a store with the same objects, all of which arrived on a day.
fn copy(site: &Site, day: i64) -> Arc<Memory> {
    site.clock.set(day);
    let store = Memory::with_clock(site.clock.clone());
    for (path, bytes) in contents(&*site.store) {
        plant(&store, &path, &bytes);
    }
    Arc::new(store)
}

#[test]
fn what_condemns_an_object_stays_as_long_as_the_object_though_clocks_went_back() {
    let mut site = Site::new();
    let (_, adds) = site.world.snapshot(1, 500);
    site.deliver(0);
    let pruned = site.world.prune(&[adds[0].object]);
    // It arrives with a clock that is half a year ahead; the checkpoint that drops it, and the one that drops that,
    // come with one that is right.
    site.deliver(180);
    site.world.checkpoint(&[id(1, 1)]);
    site.deliver(10);
    site.world.checkpoint(&[id(1, 1)]);
    site.world.snapshot(1, 500);
    site.deliver(10);
    let objects = site.objects(60);
    assert!(!objects.contains(&adds[0].object), "its grace is not over");
    assert!(!objects.contains(&ObjectRef::record(pruned)), "{objects:?}");
    let objects = site.objects(211);
    assert!(objects.contains(&adds[0].object) && objects.contains(&ObjectRef::record(pruned)));
}

#[test]
fn a_record_that_a_branch_needs_stays() {
    let mut site = Site::new();
    let (record, _) = site.world.snapshot(1, 500);
    site.world.snapshot(1, 500);
    // A checkpoint that keeps the record is a branch; one of the next generation does not keep it.
    let changes = site.world.checkpoint_changes(&[id(1, 1), record]);
    let seq = site.world.next_seq();
    let branch = site.world.sign(RecordKind::Checkpoint, changes, seq, None);
    site.world.begin_generation();
    site.world.snapshot(1, 50);
    site.deliver(0);
    let path = object_path(common::ARCHIVE, &ObjectRef::record(branch.id()));
    plant(&*site.store, &path, branch.bytes());
    site.world.checkpoint(&[id(1, 1), id(2, 4)]);
    site.world.snapshot(1, 50);
    site.deliver(10);
    assert_eq!(site.objects(60), [record_ref(2, 5), record_ref(1, 3)]);
}
