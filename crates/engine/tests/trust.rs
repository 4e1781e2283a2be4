//! What is not the word of the archive's writer is not believed, and what was given up is not used again:
//! `spec/archive-v1.md`, sections 9.1 and 12.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod common;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use common::crash::{Run, World};
use common::hooked::{Hook, Hooked};
use common::trees::{fast_folder, read_tree};
use common::{MovedClock, Warnings, noise, write};
use strongroom_base::clock::{Clock as _, SystemClock, Timestamp};
use strongroom_base::ids::{DestinationId, Generation, Seq};
use strongroom_base::object::RecordId;
use strongroom_crypto::random::SystemRandom;
use strongroom_crypto::secret::Secret;
use strongroom_crypto::sign::SigningKey;
use strongroom_crypto::suite::Suite;
use strongroom_engine::backup::{BackupOptions, backup};
use strongroom_engine::{
    DestinationStatus, EngineError, Memory as _, Progress, Stop, refuse_newer,
};
use strongroom_format::keys::KeysObject;
use strongroom_read::{Archive, ReadError, Replicas};
use strongroom_replica::layout::object_path;
use strongroom_replica::record::{Changes, Link, PartKind, Record, RecordKind};
use strongroom_store::fault::FaultPlan;
use strongroom_store::{Store, StoreError};

const FIRST: DestinationId = DestinationId([0; 16]);

fn source() -> tempfile::TempDir {
    let source = fast_folder();
    write(&source.path().join("a"), &noise(1, 700_000));
    write(&source.path().join("b"), b"small");
    source
}

/// A world in an hour: files that were written just now have settled, and are not read twice.
fn later() -> World {
    let now = SystemClock.now();
    let hour = Timestamp(now.0 + 3_600_000_000_000);
    World::with_clock(1, Arc::new(MovedClock(Mutex::new(hour))))
}

fn without(away: &[usize]) -> Run<'_> {
    Run {
        away,
        ..Run::sound()
    }
}

fn accept(world: &World) -> Result<bool, EngineError> {
    world.accept(FIRST, &Run::sound())
}

/// Puts a record of nobody behind the newest one of the first destination.
fn plant(world: &World, generation: u32) {
    let setup = &world.setup;
    let head = setup.memory.load().unwrap().head.unwrap();
    let replica = setup.replica(&setup.stores[0]);
    let authority = setup.identity.ring.authority().public_key();
    let newest = replica.record(head.id, &authority).unwrap();
    let own = SigningKey::from_seed(&Secret::random(&SystemRandom));
    let link = Link {
        archive: setup.identity.archive,
        id: RecordId {
            generation: Generation(generation),
            seq: Seq(head.id.seq.0 + 1),
        },
        previous: head.hash,
        writer: own.public_key(),
    };
    let parts = [(PartKind::Body, newest.body())];
    let record = Record::sign(RecordKind::Forget, link, Changes::default(), &parts, &own);
    replica.put_record(&record).unwrap();
}

#[test]
fn a_record_of_nobody_stops_nobody() {
    let (source, world) = (source(), World::new(2));
    world.backup(source.path(), &Run::sound()).unwrap();
    plant(&world, 1);
    let summary = world.backup(source.path(), &Run::sound()).unwrap();
    let standing: Vec<_> = summary.destinations.iter().map(|d| &d.status).collect();
    assert!(
        matches!(standing[0], DestinationStatus::SetAside(_)),
        "{standing:?}"
    );
    assert!(standing[1].is_complete());
    // Neither does one of a generation that nobody began.
    let world = World::new(1);
    world.backup(source.path(), &Run::sound()).unwrap();
    plant(&world, 7);
    let summary = world.backup(source.path(), &Run::sound()).unwrap();
    assert!(summary.destinations[0].status.is_complete());
    let destinations = world.destinations(&Run::sound());
    let authority = world.setup.identity.ring.authority().public_key();
    refuse_newer(&destinations, &authority, &world.setup.memory).unwrap();
}

#[test]
fn an_only_destination_with_a_record_of_nobody_is_accepted() {
    let (source, world) = (source(), World::new(1));
    world.backup(source.path(), &Run::sound()).unwrap();
    plant(&world, 1);
    let error = world.backup(source.path(), &Run::sound()).unwrap_err();
    assert!(
        matches!(error, EngineError::NoDestination { .. }),
        "{error:?}"
    );
    assert!(!accept(&world).unwrap(), "nothing is lost");
    world.backup(source.path(), &Run::sound()).unwrap();
    let (infos, _) = world.verify_clean(0, "accepted");
    assert_eq!(infos.len(), 2);
}

#[test]
fn an_only_destination_whose_newest_record_is_damaged_is_accepted() {
    let source = source();
    for adopts in [false, true] {
        let world = World::new(1);
        world.backup(source.path(), &Run::sound()).unwrap();
        world.backup(source.path(), &Run::sound()).unwrap();
        assert_eq!(world.flip(0, "log/00000001-0000000000000003", 40), 1);
        assert!(world.backup(source.path(), &Run::sound()).is_err());
        if adopts {
            world.adopt(&Run::sound()).unwrap();
        } else {
            assert!(accept(&world).unwrap());
        }
        let summary = world.backup(source.path(), &Run::sound()).unwrap();
        assert!(summary.snapshot.id.generation > Generation(1));
        let (infos, _) = world.verify_clean(0, "accepted");
        world.restores(0, &infos[1..], &[&read_tree(source.path())], "accepted");
    }
}

#[test]
fn a_writer_that_was_replaced_while_it_wrote_says_so() {
    let (source, world) = (source(), World::new(1));
    world.backup(source.path(), &Run::sound()).unwrap();
    let other = Arc::new(world.elsewhere());
    let has_adopted = Arc::new(AtomicBool::new(false));
    let hook = || -> Hook {
        let (other, has_adopted) = (other.clone(), has_adopted.clone());
        Box::new(move |call, path| {
            let is_record = call == "put" && path.contains("/log/");
            if is_record && !has_adopted.swap(true, Ordering::Relaxed) {
                other.adopt(&Run::sound()).unwrap();
            }
            Ok(())
        })
    };
    write(&source.path().join("b"), b"changed");
    let mut writer = world.hooked(hook).unwrap();
    let options = BackupOptions {
        roots: vec![source.path().to_owned()],
        ..BackupOptions::default()
    };
    let (progress, stop) = (Progress::default(), Stop::default());
    let (catalogue, warnings) = (world.setup.catalogue(), Warnings::default());
    let error = backup(
        &mut writer,
        &catalogue,
        &options,
        &warnings,
        &progress,
        &stop,
    )
    .unwrap_err();
    assert!(matches!(error, EngineError::Fenced { .. }), "{error:?}");
    assert!(has_adopted.load(Ordering::Relaxed));
}

#[test]
fn a_destination_that_lacks_what_nobody_has_is_not_complete() {
    let (source, world) = (source(), World::new(2));
    world.backup(source.path(), &Run::sound()).unwrap();
    write(&source.path().join("c"), &noise(2, 700_000));
    world.backup(source.path(), &without(&[1])).unwrap();
    let others = world.objects(1);
    let packs = world.objects(0).into_keys();
    let packs =
        packs.filter(|path| path.as_str().contains("/packs/") && !others.contains_key(path));
    let packs: Vec<_> = packs.collect();
    assert!(!packs.is_empty());
    for pack in &packs {
        assert_eq!(world.delete(0, pack.as_str()), 1);
    }
    let summary = world.backup(source.path(), &Run::sound()).unwrap();
    let status = &summary.destinations[1].status;
    assert!(
        matches!(status, DestinationStatus::Incomplete(_)),
        "{status:?}"
    );
    assert!(status.is_damage() && !status.is_complete());
    let head = world.setup.memory.load().unwrap().head;
    let heads = world.setup.memory.load().unwrap().heads;
    assert_ne!(heads.get(&DestinationId([1; 16])).copied(), head);
}

#[test]
#[expect(clippy::print_stdout, reason = "the number of cases is a result")]
fn going_back_dies_at_every_call_matrix() {
    let (source, start) = (source(), later());
    start.backup(source.path(), &Run::sound()).unwrap();
    let image = start.fork();
    write(&source.path().join("c"), &noise(2, 700_000));
    start.backup(source.path(), &Run::sound()).unwrap();
    // The disk comes back as it was.
    for path in start.objects(0).into_keys() {
        if !image.objects(0).contains_key(&path) {
            start.delete(0, path.as_str());
        }
    }
    let tree = read_tree(source.path());
    for calls in 0.. {
        let case = format!("died after {calls} calls");
        let world = start.fork();
        let run = Run {
            plan: Some(Arc::new(FaultPlan::stop_after(calls))),
            dies: true,
            away: &[],
        };
        let died = world.accept(FIRST, &run).is_err();
        if world.backup(source.path(), &Run::sound()).is_err() {
            assert!(accept(&world).unwrap(), "{case}");
        }
        let summary = world.backup(source.path(), &Run::sound()).unwrap();
        assert!(summary.snapshot.id.generation > Generation(1), "{case}");
        let (infos, _) = world.verify_clean(0, &case);
        let newest = infos.len() - 1;
        world.restores(0, &infos[newest..], &[&tree], &case);
        if !died {
            println!("going back: {calls} cases");
            break;
        }
    }
}

#[test]
fn a_catalogue_of_another_time_is_not_used() {
    let (source, world) = (source(), later());
    world.backup(source.path(), &Run::sound()).unwrap();
    let image = world.fork();
    write(&source.path().join("c"), &noise(2, 700_000));
    world.backup(source.path(), &Run::sound()).unwrap();
    // Profile and destination go back together, and the catalogue stays.
    let memory = image.setup.memory.load().unwrap();
    world.setup.memory.save(&memory).unwrap();
    for path in world.objects(0).into_keys() {
        if !image.objects(0).contains_key(&path) {
            world.delete(0, path.as_str());
        }
    }
    let summary = world.backup(source.path(), &Run::sound()).unwrap();
    assert!(summary.bytes_new >= 700_000, "{summary:?}");
    let again = world.backup(source.path(), &Run::sound()).unwrap();
    assert_eq!(again.bytes_read, 0, "its own catalogue is used");
    let (infos, _) = world.verify_clean(0, "another time");
    let tree = read_tree(source.path());
    world.restores(0, &infos[1..], &[&tree, &tree], "another time");
}

#[test]
fn a_merge_takes_no_row_from_a_copy_that_has_changed() {
    let (source, world) = (source(), World::new(1));
    let mut merged = false;
    for number in 0..10_u32 {
        for file in 0..3 {
            let path = source.path().join(format!("{number}-{file}"));
            write(&path, &noise(100 + number * 3 + file, 5_000));
        }
        world.backup(source.path(), &Run::sound()).unwrap();
        let runs = world.setup.catalogue().runs_folder();
        let mut count = 0;
        for entry in std::fs::read_dir(runs).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "run") {
                swap_places(&path);
                count += 1;
            }
        }
        merged |= count < number;
    }
    assert!(merged);
    let (infos, _) = world.verify_clean(0, "merged");
    let tree = read_tree(source.path());
    world.restores(0, &infos[9..], &[&tree], "merged");
}

/// Lets the first two entries of a run lead to each other's chunks.
fn swap_places(path: &std::path::Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let (objects, segments, entries) = (number(4), number(8), number(12));
    if entries < 2 {
        return;
    }
    let first = 16 + objects * 108 + segments * 16;
    for at in first + 16..first + 24 {
        bytes.swap(at, at + 24);
    }
    std::fs::remove_file(path).unwrap();
    write(path, &bytes);
}

#[test]
fn the_newest_key_ring_of_all_replicas_opens_the_archive() {
    let (source, mut world) = (source(), World::new(2));
    world.backup(source.path(), &Run::sound()).unwrap();
    let setup = &world.setup;
    let (stale, current) = (
        setup.replica(&setup.stores[0]),
        setup.replica(&setup.stores[1]),
    );
    let (number, name) = stale.keys_objects().unwrap()[0];
    let authority = setup.identity.ring.authority();
    let bytes = stale.get_keys(number, name).unwrap();
    let keys = KeysObject::decode(&bytes, &authority.public_key()).unwrap();
    let mut ring = keys.open(&setup.custody).unwrap();
    ring.start_epoch(Suite::ChaCha20, &SystemRandom).unwrap();
    let (archive, custody) = (setup.identity.archive, setup.custody.clone());
    let keys = KeysObject::new(archive, 2, &ring, &custody, vec![], &SystemRandom);
    current.put_keys(2, &keys.encode(&authority)).unwrap();
    current.delete_keys(number, name).unwrap();
    world.setup.identity.ring = Arc::new(ring);
    world.backup(source.path(), &without(&[0])).unwrap();
    let mut problems = Vec::new();
    let replicas = Replicas::new(vec![stale, current]).unwrap();
    let archive = Archive::open(replicas, &custody, &mut problems).unwrap();
    assert!(problems.is_empty(), "{problems:?}");
    let latest = archive.latest().unwrap().unwrap();
    assert_eq!(latest.id.seq, Seq(3));
}

#[test]
fn a_newer_key_ring_that_cannot_be_read_is_told() {
    let (source, world) = (source(), World::new(1));
    world.backup(source.path(), &Run::sound()).unwrap();
    let setup = &world.setup;
    let replica = || setup.replica(&setup.stores[0]);
    let (authority, custody) = (setup.identity.ring.authority(), &setup.custody);
    let (archive, ring) = (setup.identity.archive, &setup.identity.ring);
    let keys = KeysObject::new(archive, 2, ring, custody, vec![], &SystemRandom);
    replica().put_keys(2, &keys.encode(&authority)).unwrap();
    let opened = || {
        let mut problems = Vec::new();
        let replicas = Replicas::new(vec![replica()]).unwrap();
        Archive::open(replicas, custody, &mut problems).unwrap();
        problems
    };
    let is_told = |problems: &[ReadError]| {
        let mut told = problems.iter();
        told.any(|told| matches!(told, ReadError::NewerKeys { number: 2, .. }))
    };
    assert!(opened().is_empty());
    replica().put_keys(9, b"no keys object").unwrap();
    let problems = opened();
    assert!(problems.is_empty(), "somebody planted it: {problems:?}");
    assert_eq!(world.flip(0, "keys/00000002-", 40), 2, "both copies");
    let problems = opened();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(is_told(&problems), "{problems:?}");
}

#[test]
fn keys_that_are_damaged_where_there_are_no_others_are_told_beside_a_stale_destination() {
    let (source, world) = (source(), World::new(2));
    world.backup(source.path(), &Run::sound()).unwrap();
    let setup = &world.setup;
    let replica = |number: usize| setup.replica(&setup.stores[number]);
    let (stale, current) = (replica(0), replica(1));
    let (number, name) = stale.keys_objects().unwrap()[0];
    let (archive, ring) = (setup.identity.archive, &setup.identity.ring);
    let keys = KeysObject::new(archive, 2, ring, &setup.custody, vec![], &SystemRandom);
    current
        .put_keys(2, &keys.encode(&ring.authority()))
        .unwrap();
    current.delete_keys(number, name).unwrap();
    assert_eq!(world.flip(1, "keys/00000002-", 40), 2, "both copies");
    let mut problems = Vec::new();
    let replicas = Replicas::new(vec![stale, current]).unwrap();
    Archive::open(replicas, &setup.custody, &mut problems).unwrap();
    let is_newer = |told: &ReadError| matches!(told, ReadError::NewerKeys { number: 2, .. });
    assert!(problems.iter().any(is_newer), "{problems:?}");
}

#[test]
fn a_log_of_which_each_destination_lacks_something_is_put_together() {
    let (source, world) = (source(), World::new(2));
    for turn in 0..3 {
        write(
            &source.path().join("1.txt"),
            format!("turn {turn}").as_bytes(),
        );
        world.backup(source.path(), &Run::sound()).unwrap();
    }
    let forgotten = world.archive(&[0]).snapshots().unwrap().0[1].id;
    world.forget(&[forgotten.seq], &Run::sound()).unwrap();
    assert_eq!(world.delete(0, "log/00000001-0000000000000005"), 1);
    assert_eq!(world.delete(1, "log/00000001-0000000000000002"), 1);
    let (snapshots, log, problems) = world.archive(&[0, 1]).snapshots().unwrap();
    assert!(
        log.problems.is_empty() && problems.is_empty(),
        "{:?}",
        log.problems
    );
    let listed: Vec<_> = snapshots.iter().map(|info| info.id.seq.0).collect();
    assert_eq!(listed, [2, 4], "what was forgotten stays forgotten");
}

#[test]
fn a_newest_record_that_cannot_be_read_is_told_and_hides_nothing_older() {
    let (world, source) = (later(), source());
    world.backup(source.path(), &Run::sound()).unwrap();
    write(&source.path().join("c"), b"more");
    world.backup(source.path(), &Run::sound()).unwrap();
    let ids = world.setup.replica(&world.setup.stores[0]).record_ids();
    let newest = *ids.unwrap().last().unwrap();
    let object = strongroom_base::object::ObjectRef::record(newest);
    let place = object_path(world.setup.identity.archive, &object);
    let hook: Hook = Box::new(move |call, path| {
        if call != "get" || path != place.as_str() {
            return Ok(());
        }
        Err(StoreError::Io {
            op: "read",
            path: path.to_owned(),
            source: std::io::Error::other("a bad sector"),
        })
    });
    let inner = world.stores[0].clone();
    let store: Arc<dyn Store> = Arc::new(Hooked { inner, hook });
    let replicas = || Replicas::new(vec![world.setup.replica(&store)]).unwrap();
    let mut problems = Vec::new();
    let archive = Archive::open(replicas(), &world.setup.custody, &mut problems).unwrap();
    assert_eq!(archive.unread(), Some(newest));
    assert_eq!(problems.len(), 1, "{problems:?}");
    let (snapshots, log, _) = archive.snapshots().unwrap();
    assert_eq!((snapshots.len(), log.problems.len()), (1, 1));
    // Whoever writes goes by no older record.
    let ring = world.setup.identity.ring.clone();
    assert!(Archive::with_key_ring(replicas(), ring, &mut problems).is_err());
}
