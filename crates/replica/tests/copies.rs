//! Replicas mend each other without a key: sync, scrub and heal, killed at every call.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
#![allow(
    clippy::print_stdout,
    reason = "how many cases there were is worth seeing"
)]

mod common;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use common::{World, authority, contents, id, is_keys, noise, plant, record_ref, replica};
use strongroom_base::clock::Timestamp;
use strongroom_base::ids::ArchiveId;
use strongroom_base::object::{ObjectKind, ObjectRef};
use strongroom_base::{Class, Classified as _};
use strongroom_replica::expected::{Expected, Owner};
use strongroom_replica::heal::{Healed, heal};
use strongroom_replica::layout::{Place, object_path};
use strongroom_replica::record::{Changes, RecordKind};
use strongroom_replica::scrub::{Sample, ScrubReport, scrub};
use strongroom_replica::sync::{Synced, sync};
use strongroom_replica::{Replica, ReplicaError};
use strongroom_store::fault::{Fault, FaultPlan, FaultStore};
use strongroom_store::{Folder, Memory, ObjectPath, PutOutcome, Store, StoreError};

type Contents = BTreeMap<ObjectPath, Vec<u8>>;

fn owner() -> Owner<'static> {
    Owner {
        authority: authority(),
        is_keys: &is_keys,
    }
}

/// An archive with old and new records, of which a checkpoint keeps some.
fn world() -> World {
    let mut world = World::new();
    let (first, gone) = world.snapshot(2, 900);
    let (kept, _) = world.snapshot(2, 900);
    world.prune(&[gone[0].object, gone[2].object]);
    world.checkpoint(&[id(1, 1), kept]);
    world.snapshot(2, 900);
    world.keys(2);
    assert_eq!((first, kept), (id(1, 2), id(1, 3)));
    world
}

fn synced(target: &Replica, sources: &[&Replica]) -> Result<Synced, ReplicaError> {
    sync(
        target,
        sources,
        &owner(),
        &mut |_| ControlFlow::Continue(()),
    )
}

fn scrubbed(
    target: &Replica,
    sisters: &[&Replica],
) -> Result<(ScrubReport, Expected), ReplicaError> {
    let all: Vec<&Replica> = [&[target], sisters].concat();
    let expected = Expected::of(&all, &owner())?;
    let report = scrub(target, &expected, &owner(), Sample::ALL, &mut |_| {
        ControlFlow::Continue(())
    })?;
    Ok((report, expected))
}

fn mended(target: &Replica, sisters: &[&Replica]) -> Result<Healed, ReplicaError> {
    let (report, expected) = scrubbed(target, sisters)?;
    heal(
        target,
        sisters,
        &expected,
        &owner(),
        &report.findings,
        &mut |_| ControlFlow::Continue(()),
    )
}

fn faulty(store: &Arc<Memory>, plan: &Arc<FaultPlan>) -> Replica {
    let store = FaultStore::new(Arc::clone(store), Arc::clone(plan));
    Replica::new(Arc::new(store), common::ARCHIVE)
}

#[test]
fn an_empty_replica_gets_what_is_live_and_nothing_else() {
    let world = world();
    let (source, target) = (world.store(), Arc::new(Memory::new()));
    let mut last = strongroom_replica::sync::Copied::default();
    let done = sync(
        &replica(&target),
        &[&replica(&source)],
        &owner(),
        &mut |copied| {
            last = copied;
            ControlFlow::Continue(())
        },
    )
    .unwrap();
    assert_eq!(contents(&*target), world.live_objects());
    assert!(contents(&*target).len() < contents(&*source).len());
    assert_eq!(done.copied, last);
    assert_eq!(
        (last.objects, last.bytes),
        (last.objects_total, last.bytes_total)
    );
    let again = synced(&replica(&target), &[&replica(&source)]).unwrap();
    assert_eq!(again.copied.objects, 0);
    assert!(world.log().problems.is_empty());
    assert!(
        scrubbed(&replica(&target), &[])
            .unwrap()
            .0
            .findings
            .is_empty()
    );
}

#[test]
fn each_object_comes_from_a_source_that_has_it_undamaged() {
    let world = world();
    let (one, two, target) = (world.store(), world.store(), Arc::new(Memory::new()));
    for (number, (path, bytes)) in world.live_objects().into_iter().enumerate() {
        let store = if number % 2 == 0 { &one } else { &two };
        match number % 3 {
            0 => store.delete(&path).unwrap(),
            1 => drop(store.damage(&path, |bytes| bytes[3] ^= 1)),
            _ => plant(&**store, &path, &bytes[..bytes.len() / 2]),
        }
    }
    let sources = [&replica(&one), &replica(&two)];
    let done = synced(&replica(&target), &sources).unwrap();
    assert!(done.left_out.is_empty(), "{:?}", done.left_out);
    assert_eq!(contents(&*target), world.live_objects());
}

#[test]
fn what_no_source_has_is_left_out_and_named() {
    let world = world();
    let (source, target) = (world.store(), Arc::new(Memory::new()));
    let live = world.log().live();
    let lost = live.contents().next().unwrap().0;
    let path = object_path(common::ARCHIVE, lost);
    source.damage(&path, |bytes| bytes[0] ^= 1);
    let done = synced(&replica(&target), &[&replica(&source)]).unwrap();
    assert_eq!(done.left_out[0].0, Place::Object(*lost));
    assert_eq!(contents(&*target).len() + 1, world.live_objects().len());
}

/// A record after the checkpoint, and one that it keeps, are lost at the source. The target has them, and all that is needed of
/// what they add is copied.
#[test]
fn a_record_that_the_target_alone_has_is_not_left_out() {
    let mut world = world();
    let newest = world.snapshot(1, 500).0;
    for lost in [id(1, 6), id(1, 3)] {
        let (source, target) = (world.store(), world.store());
        let path = |object| object_path(common::ARCHIVE, &object);
        let of_it = world.records.iter().find(|record| record.id() == lost);
        let added = of_it.unwrap().header().changes.adds.clone();
        let is_live = |object: &_| world.log().live().contains(object);
        let added = added.iter().map(|added| added.object).find(is_live);
        source.damage(&path(ObjectRef::record(lost)), |bytes| bytes[9] ^= 1);
        target.delete(&path(ObjectRef::record(newest))).unwrap();
        target.delete(&path(added.unwrap())).unwrap();
        let done = synced(&replica(&target), &[&replica(&source)]).unwrap();
        assert!(done.left_out.is_empty(), "{:?}", done.left_out);
        let there = contents(&*target);
        let lacking = world.live_objects().into_keys();
        let lacking: Vec<_> = lacking.filter(|path| !there.contains_key(path)).collect();
        assert!(lacking.is_empty(), "{lacking:?}");

        // A record that stands there in name only is left out all the same.
        target.damage(&path(ObjectRef::record(lost)), |bytes| bytes[9] ^= 1);
        let done = synced(&replica(&target), &[&replica(&source)]).unwrap();
        let left_out: Vec<Place> = done.left_out.iter().map(|(place, _)| *place).collect();
        assert_eq!(left_out, [Place::Object(ObjectRef::record(lost))]);
    }
}

#[test]
fn another_history_is_not_written_to() {
    let mut world = world();
    let source = world.store();
    let newer = world.sign(RecordKind::Snapshot, Changes::default(), 7, None);
    let other = World::sign(&world, RecordKind::Prune, Changes::default(), 7, None);
    world.snapshot(1, 10);
    let path = object_path(common::ARCHIVE, &record_ref(1, 7));
    for record in [newer, other] {
        let target = source_copy(&source);
        plant(&*target, &path, record.bytes());
        let before = contents(&*target);
        for sources in [&source, &world.store()] {
            assert!(matches!(
                synced(&replica(&target), &[&replica(sources)]),
                Err(ReplicaError::BrokenChain { .. })
            ));
        }
        assert_eq!(contents(&*target), before);
    }
}

fn source_copy(source: &Arc<Memory>) -> Arc<Memory> {
    let copy = Memory::new();
    for (path, bytes) in contents(&**source) {
        plant(&copy, &path, &bytes);
    }
    Arc::new(copy)
}

#[test]
fn a_killed_sync_goes_on() {
    let world = world();
    let expected = world.live_objects();
    // An empty target, and one that stopped before the checkpoint.
    let mut behind = world.objects.clone();
    behind.retain(|path, _| {
        !["4", "5", "6", "7"]
            .iter()
            .any(|n| path.as_str().ends_with(&format!("00000{n}")))
    });
    for start in [Contents::new(), behind] {
        let mut kills = 0;
        for calls in 0.. {
            let source = world.store();
            let target = Arc::new(Memory::new());
            for (path, bytes) in &start {
                plant(&*target, path, bytes);
            }
            let plan = Arc::new(FaultPlan::stop_after(calls));
            let done = synced(&faulty(&target, &plan), &[&faulty(&source, &plan)]);
            check_order(&world, &target);
            if done.is_ok() && plan.calls() <= calls {
                break;
            }
            kills += 1;
            let again = synced(&replica(&target), &[&replica(&source)]).unwrap();
            assert!(again.left_out.is_empty());
            let there = contents(&*target);
            for (path, bytes) in &expected {
                assert_eq!(there.get(path), Some(bytes), "{path} after {calls} calls");
            }
        }
        println!("sync from {} objects: killed at {kills} calls", start.len());
        assert!(kills > 15);
    }
}

/// A record is there only with all that it needs, and kept records only with those before them.
fn check_order(world: &World, target: &Arc<Memory>) {
    let there = contents(&**target);
    let live = world.log().live();
    let lacks = |kind| {
        let mut of_kind = live.iter().filter(|(object, _)| object.kind() == kind);
        of_kind.any(|(o, _)| !there.contains_key(&object_path(common::ARCHIVE, o)))
    };
    let has = |id| there.contains_key(&object_path(common::ARCHIVE, &id));
    let newest = has(record_ref(1, 6));
    assert!(!newest || !(lacks(ObjectKind::Pack) || lacks(ObjectKind::Index)));
    assert!(!newest || has(record_ref(1, 5)) && has(record_ref(1, 3)));
}

/// Damages or removes `count` objects, chosen by `seed`; returns how many.
fn ruin(store: &dyn Store, world: &World, count: usize, seed: u64) -> usize {
    let live: Vec<ObjectPath> = world.live_objects().into_keys().collect();
    let mut chosen = std::collections::BTreeSet::new();
    for draw in 0_u64.. {
        let random = noise(seed * 1_000_000 + draw, 8);
        let random = usize::from_be_bytes(random.try_into().unwrap());
        if chosen.len() == count.min(live.len()) {
            break;
        }
        let path = &live[random % live.len()];
        if !chosen.insert(path.clone()) {
            continue;
        }
        let bytes = store.get(path, u64::MAX).unwrap();
        match draw % 5 {
            0 => store.delete(path).unwrap(),
            1 => plant(store, path, &bytes[..bytes.len() / 2]),
            2 => plant(store, path, b""),
            3 => plant(store, path, &noise(draw, bytes.len())),
            _ => {
                let mut bytes = bytes;
                let at = random / 7 % bytes.len();
                bytes[at] ^= 1 << (random % 8);
                plant(store, path, &bytes);
            }
        }
    }
    chosen.len()
}

#[test]
fn a_hundred_ruined_objects_are_healed_byte_for_byte() {
    let mut world = World::new();
    for _ in 0..50 {
        world.snapshot(3, 2_000);
    }
    let folders: Vec<_> = (0..3).map(|_| tempfile::tempdir().unwrap()).collect();
    let replicas: Vec<Replica> = folders
        .iter()
        .map(|folder| {
            let store = Folder::open(folder.path()).unwrap();
            world.fill(&store);
            Replica::new(Arc::new(store), common::ARCHIVE)
        })
        .collect();
    let ruined = ruin(&**replicas[0].store(), &world, 100, 1);
    // One sister is not whole either.
    ruin(&**replicas[1].store(), &world, 40, 2);
    let mut mended_in_all = 0;
    for (number, expected) in [(0, 100), (1, 40), (2, 0)] {
        let sisters: Vec<&Replica> = (1..3).map(|n| &replicas[(number + n) % 3]).collect();
        let healed = mended(&replicas[number], &sisters).unwrap();
        assert!(healed.is_whole(), "{healed:?}");
        assert_eq!(healed.healed.len(), expected);
        mended_in_all += healed.healed.len();
    }
    println!("{ruined} and 40 objects ruined, {mended_in_all} healed");
    for target in &replicas {
        assert_eq!(contents(&**target.store()), world.objects);
    }
}

#[test]
fn a_killed_heal_goes_on_and_makes_nothing_worse() {
    let world = world();
    let mut kills = 0;
    for calls in 0.. {
        let (target, sister) = (world.store(), world.store());
        ruin(&*target, &world, 8, 5);
        let before = contents(&*target);
        let plan = Arc::new(FaultPlan::stop_after(calls));
        let done = mended(&faulty(&target, &plan), &[&faulty(&sister, &plan)]);
        let after = contents(&*target);
        for (path, bytes) in &before {
            let sound = &world.objects[path];
            assert!(bytes != sound || after.get(path) == Some(sound), "{path}");
        }
        if plan.calls() <= calls {
            assert!(done.unwrap().is_whole());
            break;
        }
        kills += 1;
        assert!(
            mended(&replica(&target), &[&replica(&sister)])
                .unwrap()
                .is_whole()
        );
        assert_eq!(contents(&*target), world.objects, "after {calls} calls");
    }
    println!("heal: killed at {kills} calls");
    assert!(kills > 20);
}

#[test]
fn planted_objects_are_named_and_left_alone() {
    let world = world();
    let (target, sister) = (world.store(), world.store());
    let prefix = common::ARCHIVE.to_string();
    let pack = "ab".repeat(32);
    let planted = [
        format!("packs/ab/{pack}"),
        format!("keys/00000009-{pack}"),
        "log/00000001-0000000000000009".to_owned(),
        "log/00000007-0000000000000001".to_owned(),
        "notes".to_owned(),
    ];
    let planted = planted.map(|below| ObjectPath::new(&format!("{prefix}/{below}")).unwrap());
    for path in &planted {
        plant(&*target, path, b"planted");
    }
    let before = contents(&*target);
    let (report, expected) = scrubbed(&replica(&target), &[&replica(&sister)]).unwrap();
    // What lies where the next record will cannot be told from a damaged one.
    let found: Vec<Place> = report.findings.iter().map(|f| f.place).collect();
    assert_eq!(found, [Place::Object(record_ref(1, 9))]);
    for path in planted
        .iter()
        .filter(|path| !path.as_str().contains("log/00000001"))
    {
        assert!(report.unknown.contains(path), "{path}");
    }
    let findings = &report.findings;
    let (target_replica, sisters) = (replica(&target), [&replica(&sister)]);
    let healed = heal(
        &target_replica,
        &sisters,
        &expected,
        &owner(),
        findings,
        &mut |_| ControlFlow::Continue(()),
    );
    assert_eq!(healed.unwrap().lost, [Place::Object(record_ref(1, 9))]);
    assert_eq!(contents(&*target), before);
}

#[test]
fn a_sample_reads_its_share_and_a_hundred_seeds_read_all() {
    let mut world = World::new();
    for _ in 0..30 {
        world.snapshot(1, 50);
    }
    let store = world.store();
    let target = replica(&store);
    let expected = Expected::of(&[&target], &owner()).unwrap();
    let read = |percent, seed| {
        let sample = Sample { percent, seed };
        let report = scrub(&target, &expected, &owner(), sample, &mut |_| {
            ControlFlow::Continue(())
        })
        .unwrap();
        (report.read, report.findings.len())
    };
    let total: u64 = (0..100).map(|seed| read(1, seed).0.objects.min(99)).sum();
    assert!(total >= expected.live.len() as u64);
    assert!((0..100).all(|seed| read(1, seed).0.objects >= 1));
    assert_eq!(read(10, 4), read(10, 4));
    let share = read(25, 9).0.objects;
    assert!(
        (10..40).contains(&share),
        "{share} of {}",
        expected.live.len()
    );
    // Damage that nobody reads is found by another seed.
    let path = object_path(common::ARCHIVE, expected.live.iter().next().unwrap().0);
    store.damage(&path, |bytes| bytes[0] ^= 1);
    assert_eq!((0..100).filter(|seed| read(1, *seed).1 == 1).count(), 1);
}

const DAMAGES: [&str; 6] = ["flip", "truncate", "delete", "swap", "replay", "foreign"];
const KINDS: [&str; 6] = [
    "descriptor",
    "keys",
    "keys, copy",
    "pack",
    "index",
    "record",
];

/// Returns two places of a kind, where there are two.
fn places(world: &World, kind: &str) -> Vec<ObjectPath> {
    let (below, end) = match kind {
        "descriptor" => ("/archive", ""),
        "keys" => ("/keys/", ""),
        "keys, copy" => ("/keys/", ".copy"),
        "pack" => ("/packs/", ""),
        "index" => ("/indexes/", ""),
        _ => ("/log/", ""),
    };
    let is_of = |path: &ObjectPath| {
        let path = path.as_str();
        path.contains(below) && path.ends_with(end)
    };
    let live = world.live_objects().into_keys();
    live.filter(is_of).collect()
}

/// Damages an object of a kind; says whether there is such a damage.
fn damage(world: &World, other: &World, store: &Memory, kind: &str, what: &str) -> bool {
    let places = places(world, kind);
    // The middle record; of other kinds the first object.
    let at = if kind == "record" { 2 } else { 0 };
    let path = &places[at];
    let bytes = world.objects[path].clone();
    let theirs = &other.objects[&self::places(other, kind)[at]];
    match what {
        "flip" => drop(store.damage(path, |there| there[bytes.len() / 2] ^= 4)),
        "truncate" => plant(store, path, &bytes[..bytes.len() / 2]),
        "delete" => store.delete(path).unwrap(),
        // The two copies of a keys object are the same bytes.
        "swap" if kind == "keys" => return false,
        "swap" => {
            let Some(second) = places.get(at + 1) else {
                return false;
            };
            plant(store, path, &world.objects[second]);
            plant(store, second, &bytes);
        }
        // An older object of the same archive in its place.
        "replay" if kind.starts_with("keys") => plant(store, path, &common::keys_bytes(1)),
        "replay" if kind == "record" => plant(store, path, world.records[1].bytes()),
        "replay" => return false,
        _ => plant(store, path, theirs),
    }
    true
}

#[test]
fn damage_of_every_kind_is_found_and_healed() {
    let (world, mut other) = (world(), World::of(ArchiveId([0xb2; 16])));
    for _ in 0..6 {
        other.snapshot(2, 900);
    }
    let mut cases = 0;
    println!(
        "{:<11} {:<9} {:<38} with a sister",
        "what", "damage", "alone"
    );
    for kind in KINDS {
        for what in DAMAGES {
            let (target, sister) = (world.store(), world.store());
            if !damage(&world, &other, &target, kind, what) {
                continue;
            }
            cases += 1;
            let before = contents(&*target);
            let alone = mended(&replica(&target), &[]).unwrap();
            if kind.starts_with("keys") {
                // Its other copy is a sister.
                assert!(alone.is_whole(), "{kind} {what}: {alone:?}");
                assert_eq!(contents(&*target), world.objects, "{kind} {what}");
                println!("{kind:<11} {what:<9} healed from its other copy");
                continue;
            }
            assert!(
                !alone.is_whole() && alone.healed.is_empty(),
                "{kind} {what}"
            );
            assert_eq!(contents(&*target), before, "{kind} {what}");
            let healed = mended(&replica(&target), &[&replica(&sister)]).unwrap();
            assert!(healed.is_whole(), "{kind} {what}: {healed:?}");
            assert_eq!(contents(&*target), world.objects, "{kind} {what}");
            let names: Vec<_> = alone.lost.iter().map(ToString::to_string).collect();
            let alone = format!("{} found, kept", names.len());
            println!(
                "{kind:<11} {what:<9} {alone:<38} {} healed, whole",
                healed.healed.len()
            );
        }
    }
    println!("{cases} cases");
    assert_eq!(cases, 30);
}

/// A store that notes how much is asked for.
struct Asked {
    inner: Arc<Memory>,
    most: std::sync::Mutex<BTreeMap<ObjectPath, u64>>,
}

impl Store for Asked {
    fn put_new(&self, path: &ObjectPath, bytes: &[u8]) -> Result<PutOutcome, StoreError> {
        self.inner.put_new(path, bytes)
    }

    fn get(&self, path: &ObjectPath, len_max: u64) -> Result<Vec<u8>, StoreError> {
        self.most.lock().unwrap().insert(path.clone(), len_max);
        self.inner.get(path, len_max)
    }

    fn get_range(&self, path: &ObjectPath, offset: u64, len: usize) -> Result<Vec<u8>, StoreError> {
        self.inner.get_range(path, offset, len)
    }

    fn size(&self, path: &ObjectPath) -> Result<u64, StoreError> {
        self.inner.size(path)
    }

    fn modified(&self, path: &ObjectPath) -> Result<Timestamp, StoreError> {
        self.inner.modified(path)
    }

    fn list(&self, prefix: &str, visit: &mut dyn FnMut(ObjectPath, u64)) -> Result<(), StoreError> {
        self.inner.list(prefix, visit)
    }

    fn delete(&self, path: &ObjectPath) -> Result<(), StoreError> {
        self.inner.delete(path)
    }

    fn describe(&self) -> String {
        self.inner.describe()
    }
}

#[test]
fn no_more_is_read_of_a_hostile_source_than_the_log_says() {
    let world = world();
    let hostile = world.store();
    let packs = places(&world, "pack");
    // It gives more than there should be, of everything.
    for path in &packs {
        hostile.damage(path, |bytes| bytes.resize(9_000_000, 0));
    }
    let asked = Arc::new(Asked {
        inner: hostile,
        most: std::sync::Mutex::default(),
    });
    let (hostile, honest) = (Replica::new(asked.clone(), common::ARCHIVE), world.store());
    let target = Arc::new(Memory::new());
    let done = synced(&replica(&target), &[&hostile, &replica(&honest)]).unwrap();
    assert!(done.left_out.is_empty(), "{:?}", done.left_out);
    scrubbed(&hostile, &[&replica(&honest)]).unwrap();
    let most = asked.most.lock().unwrap();
    let mut seen = 0;
    for (path, bytes) in contents(&*target) {
        if path.as_str().contains("/packs/") || path.as_str().contains("/indexes/") {
            assert_eq!(most[&path], bytes.len() as u64, "{path}");
            seen += 1;
        }
    }
    assert!(seen > 4, "{seen}");
}

#[test]
fn what_cannot_be_read_for_now_is_told_before_anything_is_copied() {
    let world = world();
    let source = world.store();
    let mut told = 0;
    for call in 1.. {
        let plan = Arc::new(FaultPlan::none().with_fault(call, Fault::Io));
        let sources = [&faulty(&source, &plan)];
        let expected = Expected::of(&sources, &owner()).and_then(Expected::settled);
        if plan.calls() < call {
            break;
        }
        match expected {
            Ok(expected) => assert_eq!(expected.live.len(), world.log().live().len(), "{call}"),
            Err(error) => {
                assert_eq!(error.class(), Class::Retry, "{call}: {error}");
                told += 1;
            }
        }
    }
    assert!(told > 0);
}
