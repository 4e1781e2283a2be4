//! An archive goes on under another profile, or at an older record: `spec/archive-v1.md`, sections 9.1 and
//! 12.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod common;

use std::sync::Arc;

use common::crash::{Dying, Run, World, restore_to};
use common::trees::{differing, fast_folder, read_tree};
use common::{noise, write};
use strongroom_base::ids::{DestinationId, Generation};
use strongroom_base::{Class, Classified as _};
use strongroom_engine::forget::refuse_unsettled;
use strongroom_engine::prune::PruneOptions;
use strongroom_engine::{DestinationStatus, EngineError, Memory as _, Writer};
use strongroom_replica::log::Log;
use strongroom_replica::record::RecordKind;
use strongroom_store::StoreError;
use strongroom_store::fault::FaultPlan;

fn source() -> tempfile::TempDir {
    let source = fast_folder();
    for number in 0..30_u32 {
        let text = format!("file {number}\n").repeat(60);
        write(
            &source.path().join(format!("{number}.txt")),
            text.as_bytes(),
        );
    }
    write(&source.path().join("large"), &noise(1, 700_000));
    source
}

fn without(away: &[usize]) -> Run<'_> {
    Run {
        away,
        ..Run::sound()
    }
}

#[test]
fn the_old_writer_stops_and_the_new_one_stores_nothing_again() {
    let (source, old) = (source(), World::new(2));
    old.backup(source.path(), &Run::sound()).unwrap();
    let new = old.elsewhere();
    new.adopt(&Run::sound()).unwrap();
    let error = old.backup(source.path(), &Run::sound()).unwrap_err();
    assert!(matches!(error, EngineError::Fenced { .. }), "{error:?}");
    assert!(
        error.to_string().contains("another profile has adopted"),
        "{error}"
    );
    let summary = new.backup(source.path(), &Run::sound()).unwrap();
    assert_eq!((summary.bytes_new, summary.failed), (0, 0));
    assert!(summary.bytes_read > 700_000, "every file is read once");
    assert_eq!(summary.snapshot.id.generation, Generation(2));
    let tree = read_tree(source.path());
    for store in 0..2 {
        let (infos, _) = new.verify_clean(store, "adopted");
        new.restores(store, &infos, &[&tree, &tree], "adopted");
    }
}

#[test]
fn what_the_old_writer_stored_elsewhere_is_a_branch() {
    let (source, old) = (source(), World::new(2));
    old.backup(source.path(), &Run::sound()).unwrap();
    let new = old.elsewhere();
    new.adopt(&without(&[1])).unwrap();
    // The old writer does not meet the new one for a while.
    write(&source.path().join("1.txt"), b"written before it knew");
    old.backup(source.path(), &without(&[0])).unwrap();
    let tree = read_tree(source.path());
    write(&source.path().join("1.txt"), b"written by the new one");
    let summary = new.backup(source.path(), &Run::sound()).unwrap();
    let all = summary.destinations.iter();
    assert!(
        all.clone().all(|there| there.status.is_complete()),
        "{all:?}"
    );
    assert!(old.backup(source.path(), &without(&[0])).is_err());

    new.verify_clean(0, "branch");
    let (infos, _) = new.verify_clean(1, "branch");
    assert_eq!(infos.len(), 2);
    let archive = new.archive(&[1]);
    let branch = archive.branches().unwrap();
    assert_eq!(branch.snapshots.len(), 1);
    let mut problems = Vec::new();
    let archive = archive.with_more_runs(&branch.runs, &mut problems);
    assert!(problems.is_empty(), "{problems:?}");
    let target = fast_folder();
    let restored = restore_to(&archive, &branch.snapshots[0], target.path());
    assert_eq!((restored.damaged, restored.failed), (0, 0));
    assert!(differing(&tree, &read_tree(target.path())).is_empty());
}

#[test]
#[expect(clippy::print_stdout, reason = "the number of cases is a result")]
fn adoption_dies_at_every_call_matrix() {
    let (source, start) = (source(), World::new(3));
    start.backup(source.path(), &Run::sound()).unwrap();
    write(&source.path().join("2.txt"), b"d2 is behind");
    start.backup(source.path(), &without(&[2])).unwrap();
    let (tree, mut cases) = (read_tree(source.path()), 0);
    for calls in 0.. {
        let mut died = false;
        for again in [false, true] {
            let case = format!("died after {calls} calls, again: {again}");
            let new = start.fork().elsewhere();
            let run = Run {
                plan: Some(Arc::new(FaultPlan::stop_after(calls))),
                dies: true,
                away: &[],
            };
            died = new.adopt(&run).is_err();
            let begun = new.setup.memory.load().unwrap().head.is_some();
            if again || !begun {
                new.adopt(&Run::sound()).unwrap();
            }
            let summary = new.backup(source.path(), &Run::sound());
            let summary = summary.unwrap_or_else(|error| panic!("{case}: {error}"));
            for there in &summary.destinations {
                assert!(there.status.is_complete(), "{case}: {there:?}");
            }
            assert!(summary.snapshot.id.generation > Generation(1), "{case}");
            assert_eq!(summary.bytes_new, 0, "{case}");
            for store in 0..3 {
                let (infos, _) = new.verify_clean(store, &case);
                assert_eq!(infos.len(), 3, "{case}");
                new.restores(store, &infos[2..], &[&tree], &case);
            }
            cases += 1;
        }
        if !died {
            break;
        }
    }
    println!("adoption: {cases} cases");
}

#[test]
fn a_profile_that_was_restored_stops_and_may_adopt() {
    let (source, world) = (source(), World::new(1));
    world.backup(source.path(), &Run::sound()).unwrap();
    let before = world.setup.memory.load().unwrap();
    write(&source.path().join("1.txt"), b"later");
    world.backup(source.path(), &Run::sound()).unwrap();
    world.setup.memory.save(&before).unwrap();
    let error = world.backup(source.path(), &Run::sound()).unwrap_err();
    assert!(error.to_string().contains("was copied"), "{error}");
    world.adopt(&Run::sound()).unwrap();
    world.backup(source.path(), &Run::sound()).unwrap();
    let (infos, _) = world.verify_clean(0, "adopted again");
    assert_eq!(infos.len(), 3);
}

#[test]
fn a_destination_that_went_back_is_accepted_by_name_alone() {
    let (source, world) = (source(), World::new(2));
    world.backup(source.path(), &Run::sound()).unwrap();
    write(&source.path().join("1.txt"), b"later");
    world.backup(source.path(), &Run::sound()).unwrap();
    assert_eq!(world.delete(0, "log/00000001-0000000000000003"), 1);
    let summary = world.backup(source.path(), &Run::sound()).unwrap();
    let aside = &summary.destinations[0].status;
    assert!(matches!(aside, DestinationStatus::SetAside(why) if why.contains("went back")));
    assert!(summary.destinations[1].status.is_complete());

    let accept = |id| {
        let destinations = world.destinations(&Run::sound());
        let identity = world.setup.identity.clone();
        Writer::accept(identity, destinations, &world.setup.memory, id, &mut || {
            Ok(())
        })
    };
    let (mut writer, went_back) = accept(DestinationId([0; 16])).unwrap();
    writer.catch_up(&mut |_| ()).unwrap();
    assert_eq!(went_back, None);
    assert!(
        writer
            .reports()
            .iter()
            .all(|there| there.status.is_complete())
    );
    drop(writer);
    let (_, log, _) = world.archive(&[0]).snapshots().unwrap();
    assert_eq!(log.head().unwrap().header.kind, RecordKind::Repair);
    world.verify_clean(0, "accepted");
}

#[test]
fn an_archive_whose_newest_destination_is_gone_goes_on_from_the_older_one() {
    let (source, world) = (source(), World::new(2));
    world.backup(source.path(), &Run::sound()).unwrap();
    write(&source.path().join("1.txt"), b"only at d1");
    world.backup(source.path(), &without(&[0])).unwrap();
    assert!(world.backup(source.path(), &without(&[1])).is_err());
    let destinations = world.destinations(&without(&[1]));
    let identity = world.setup.identity.clone();
    let id = DestinationId([0; 16]);
    let (_, went_back) =
        Writer::accept(identity, destinations, &world.setup.memory, id, &mut || {
            Ok(())
        })
        .unwrap();
    assert!(went_back.is_some());
    world.backup(source.path(), &without(&[1])).unwrap();
    // It is there again after all.
    let summary = world.backup(source.path(), &Run::sound()).unwrap();
    for there in &summary.destinations {
        assert!(there.status.is_complete(), "{there:?}");
    }
    for store in 0..2 {
        assert_eq!(world.verify_clean(store, "went back").0.len(), 3);
    }
    assert_eq!(world.archive(&[1]).branches().unwrap().snapshots.len(), 1);
}

#[test]
fn a_profile_takes_the_number_of_a_generation_once() {
    let (source, old) = (source(), World::new(2));
    old.backup(source.path(), &Run::sound()).unwrap();
    let new = old.elsewhere();
    new.adopt(&without(&[1])).unwrap();
    new.adopt(&without(&[0])).unwrap();
    let summary = new.backup(source.path(), &Run::sound()).unwrap();
    assert_eq!(summary.snapshot.id.generation, Generation(3));
    for there in &summary.destinations {
        assert!(there.status.is_complete(), "{there:?}");
    }
    for store in 0..2 {
        new.verify_clean(store, "adopted twice");
    }
    // Nor is the number of one whose records are lost, and may come back.
    new.adopt(&without(&[1])).unwrap();
    new.delete(0, "");
    new.adopt(&Run::sound()).unwrap();
    let summary = new.backup(source.path(), &Run::sound()).unwrap();
    assert_eq!(summary.snapshot.id.generation, Generation(5));
    // Where nothing can be looked at, nothing is forgotten.
    let before = new.setup.memory.load().unwrap();
    new.adopt(&without(&[0, 1])).unwrap_err();
    assert!(new.setup.memory.load().unwrap() == before);
}

#[test]
fn two_generations_of_one_number_are_two_histories() {
    let (source, old) = (source(), World::new(2));
    old.backup(source.path(), &Run::sound()).unwrap();
    let (one, other) = (old.elsewhere(), old.elsewhere());
    one.adopt(&without(&[1])).unwrap();
    other.adopt(&without(&[0])).unwrap();
    write(&source.path().join("1.txt"), b"only at d1");
    other.backup(source.path(), &without(&[0])).unwrap();
    write(&source.path().join("1.txt"), b"only at d0");
    let forgotten = one.backup(source.path(), &without(&[1])).unwrap().snapshot;
    one.forget(&[forgotten.id.seq], &without(&[1])).unwrap();
    // The checkpoint leaves of what was before it the places alone.
    one.prune(&PruneOptions::default(), &without(&[1])).unwrap();
    let before = one.objects(1);
    let summary = one.backup(source.path(), &Run::sound()).unwrap();
    let aside = &summary.destinations[1].status;
    assert!(matches!(aside, DestinationStatus::SetAside(_)), "{aside:?}");
    assert!(one.objects(1) == before);
}

#[test]
fn the_number_of_a_generation_whose_record_is_damaged_is_taken() {
    let (source, old) = (source(), World::new(1));
    old.backup(source.path(), &Run::sound()).unwrap();
    let new = old.elsewhere();
    new.adopt(&Run::sound()).unwrap();
    assert_eq!(new.flip(0, "log/00000002", 40), 1);
    let third = old.elsewhere();
    third.adopt(&Run::sound()).unwrap();
    let summary = third.backup(source.path(), &Run::sound()).unwrap();
    assert_eq!(summary.snapshot.id.generation, Generation(3));
    third.verify_clean(0, "adopted over a damaged record");
}

/// Three destinations: d0 went back, d2 alone has the newest record and is away, d1 is in between.
fn of_three_ages(source: &tempfile::TempDir) -> World {
    let world = World::new(3);
    world.backup(source.path(), &Run::sound()).unwrap();
    write(&source.path().join("1.txt"), b"at d0, until it went back");
    world.backup(source.path(), &Run::sound()).unwrap();
    write(&source.path().join("1.txt"), b"only at d2");
    world.backup(source.path(), &without(&[0, 1])).unwrap();
    assert_eq!(world.delete(0, "log/00000001-0000000000000003"), 1);
    world
}

fn accept(world: &World, run: &Run<'_>, number: u8) -> Result<bool, EngineError> {
    let identity = world.setup.identity.clone();
    let plan = run.plan.clone().filter(|_| run.dies);
    let memory = Dying::new(&world.setup.memory, plan);
    let id = DestinationId([number; 16]);
    let catalogue = world.setup.catalogue();
    let forget = &mut || Ok(catalogue.forget_directories()?);
    let (mut writer, went_back) =
        Writer::accept(identity, world.destinations(run), &memory, id, forget)?;
    writer.catch_up(&mut |_| ())?;
    Ok(went_back.is_some())
}

#[test]
fn the_archive_does_not_go_back_further_than_it_must() {
    let source = source();
    let world = of_three_ages(&source);
    let before = world.setup.memory.load().unwrap();
    let error = accept(&world, &without(&[2]), 0).unwrap_err();
    let newer = "d1 has a newer record, 1-3: accept that one first";
    assert!(error.to_string().contains(newer), "{error}");
    assert!(world.setup.memory.load().unwrap() == before);
    assert!(accept(&world, &without(&[2]), 1).unwrap());
    assert!(!accept(&world, &without(&[2]), 0).unwrap());
    world.backup(source.path(), &Run::sound()).unwrap();
    for store in 0..3 {
        assert_eq!(world.verify_clean(store, "accepted").0.len(), 3);
    }
}

/// Dies while it goes back, and meets what is newer before it has begun a generation.
#[test]
fn going_back_dies_at_every_call_matrix() {
    let source = source();
    for calls in 0.. {
        let case = format!("died after {calls} calls");
        let world = of_three_ages(&source);
        let run = Run {
            plan: Some(Arc::new(FaultPlan::stop_after(calls))),
            dies: true,
            away: &[1, 2],
        };
        let died = accept(&world, &run, 0).is_err();
        let went_back = world.setup.memory.load().unwrap().head.unwrap().id.seq.0 < 4;
        let summary = world.backup(source.path(), &without(&[2]));
        assert!(summary.is_ok() || !went_back, "{case}: {summary:?}");
        world.backup(source.path(), &Run::sound()).unwrap();
        for store in 1..3 {
            world.verify_clean(store, &case);
        }
        if !died {
            break;
        }
    }
}

/// Where the first record of the newest generation is damaged, what was a branch looks like the chain.
#[test]
fn snapshots_of_one_number_are_not_forgotten() {
    let (source, world) = (source(), World::new(2));
    world.backup(source.path(), &Run::sound()).unwrap();
    for number in 0..3 {
        write(&source.path().join("1.txt"), &[number]);
        world.backup(source.path(), &without(&[0])).unwrap();
    }
    assert!(accept(&world, &without(&[1]), 0).unwrap());
    for number in 3..6 {
        write(&source.path().join("1.txt"), &[number]);
        world.backup(source.path(), &Run::sound()).unwrap();
    }
    let listed = || world.archive(&[1]).snapshots().unwrap();
    let (snapshots, mut log, _) = listed();
    refuse_unsettled(&snapshots, &mut log).unwrap();
    assert_eq!(world.flip(1, "log/00000002-0000000000000003", 40), 1);
    let (snapshots, mut log, _) = listed();
    let error = refuse_unsettled(&snapshots, &mut log).unwrap_err();
    assert!(
        matches!(error, EngineError::Unforgettable { .. }),
        "{error}"
    );
    // What cannot be read now is an error of its own.
    let passing = StoreError::Stopped;
    let mut log = Log::default();
    log.problems.push(passing.into());
    let error = refuse_unsettled(&[], &mut log).unwrap_err();
    assert_eq!(error.class(), Class::Retry);
}

/// Goes back, dies on the way, and the disk that it went back to is lost: what was given up is accepted after all.
#[test]
fn what_was_given_up_is_taken_again_where_going_back_died_matrix() {
    let source = source();
    for calls in 0.. {
        let case = format!("died after {calls} calls");
        let world = World::new(2);
        world.backup(source.path(), &Run::sound()).unwrap();
        write(&source.path().join("1.txt"), case.as_bytes());
        world.backup(source.path(), &without(&[0])).unwrap();
        let run = Run {
            plan: Some(Arc::new(FaultPlan::stop_after(calls))),
            dies: true,
            away: &[1],
        };
        let died = accept(&world, &run, 0).is_err();
        world.delete(0, "");
        if !died {
            break;
        }
        accept(&world, &without(&[0]), 1).unwrap_or_else(|error| panic!("{case}: {error}"));
        world.backup(source.path(), &without(&[0])).unwrap();
        assert!(world.verify_clean(1, &case).0.len() > 2, "{case}");
    }
}

/// Goes back, dies on the way, and is tried again or not: what was lost is stored again, and the number of a
/// generation that may come back is not taken.
#[test]
fn what_was_lost_is_stored_again_wherever_going_back_died_matrix() {
    let source = source();
    for calls in 0.. {
        let mut died = false;
        for again in [false, true] {
            let case = format!("died after {calls} calls, again: {again}");
            let old = World::new(2);
            old.backup(source.path(), &Run::sound()).unwrap();
            let world = old.elsewhere();
            world.adopt(&Run::sound()).unwrap();
            write(&source.path().join("lost"), &noise(7, 700_000));
            world.backup(source.path(), &without(&[0])).unwrap();
            // The records of its generation are lost at d0, and d1 is lost as a whole.
            assert_eq!(world.delete(0, "log/00000002"), 1);
            let run = Run {
                plan: Some(Arc::new(FaultPlan::stop_after(calls))),
                dies: true,
                away: &[1],
            };
            died = accept(&world, &run, 0).is_err();
            let head = world.setup.memory.load().unwrap().head.unwrap();
            if again || head.id.generation == Generation(2) {
                accept(&world, &without(&[1]), 0).unwrap();
            }
            let summary = world.backup(source.path(), &without(&[1]));
            let summary = summary.unwrap_or_else(|error| panic!("{case}: {error}"));
            assert!(summary.snapshot.id.generation > Generation(2), "{case}");
            world.verify_clean(0, &case);
            std::fs::remove_file(source.path().join("lost")).unwrap();
        }
        if !died {
            break;
        }
    }
}

#[test]
fn who_dies_and_adopts_and_dies_leaves_no_gap() {
    let source = source();
    let start = World::new(2);
    let first = start.backup(source.path(), &Run::sound()).unwrap().snapshot;
    let dies = |calls| Run {
        plan: Some(Arc::new(FaultPlan::stop_after(calls))),
        dies: true,
        away: &[],
    };
    let mut cases = 0;
    for calls in 0.. {
        let forked = start.fork();
        if forked.forget(&[first.id.seq], &dies(calls)).is_ok() {
            break;
        }
        for calls in 0.. {
            let world = forked.fork();
            let adopted = world.adopt(&dies(calls));
            world.adopt(&Run::sound()).unwrap();
            for store in 0..2 {
                world.verify_clean(store, &format!("after {calls} calls"));
            }
            cases += 1;
            if adopted.is_ok() {
                break;
            }
        }
    }
    assert!(cases > 50, "{cases}");
}
