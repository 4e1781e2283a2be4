//! The spool holds what destinations lack, and nothing else depends on it.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod common;

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use common::crash::{Run, World};
use common::trees::{fast_folder, read_tree};
use common::{noise, write};
use strongroom_base::ids::DestinationId;
use strongroom_base::{Class, Classified as _};
use strongroom_engine::backup::BackupSummary;
use strongroom_engine::prune::PruneOptions;
use strongroom_engine::{
    DestinationReport, DestinationStatus, EngineError, Memory as _, SpoolStatus, Writer,
};
use strongroom_replica::Replica;
use strongroom_store::fault::{Fault, FaultPlan};

/// An archive at two destinations with a snapshot at both, and a spool.
struct Disks {
    world: World,
    source: tempfile::TempDir,
}

impl Disks {
    fn new() -> Self {
        let (world, source) = (World::new(2).with_spool(), fast_folder());
        write(&source.path().join("first"), &noise(1, 3_000));
        let disks = Self { world, source };
        disks.backup(&[]).unwrap();
        disks
    }

    fn path(&self) -> &Path {
        self.source.path()
    }

    fn backup(&self, away: &[usize]) -> Result<BackupSummary, EngineError> {
        let run = Run {
            away,
            ..Run::sound()
        };
        self.world.backup(self.path(), &run)
    }

    fn change(&self, number: u32, len: usize) {
        write(
            &self.path().join(format!("file-{number}")),
            &noise(number, len),
        );
    }

    fn spooled(&self) -> usize {
        let mut count = 0;
        let spool = self.world.spool.as_ref().unwrap();
        strongroom_store::Store::list(spool, "", &mut |_, _| count += 1).unwrap();
        count
    }

    /// Everything is at both, and the newest snapshot is the files as they are.
    fn all_is_well(&self) {
        let summary = self.backup(&[]).unwrap();
        for there in &summary.destinations {
            assert!(there.status.is_complete(), "{there:?}");
        }
        let spool = summary.spool.unwrap();
        assert_eq!((spool.status, spool.bytes), (SpoolStatus::Idle, 0));
        assert!(self.world.recorded(0) == self.world.recorded(1));
        let tree = read_tree(self.path());
        for store in 0..2 {
            let (infos, _) = self.world.verify_clean(store, "at last");
            let newest = infos.len() - 1;
            self.world
                .restores(store, &infos[newest..], &[&tree], "at last");
        }
    }
}

#[test]
fn a_spool_that_nobody_needs_is_empty() {
    let disks = Disks::new();
    assert_eq!(disks.spooled(), 0);
    disks.change(2, 2_000_000);
    let summary = disks.backup(&[1]).unwrap();
    let spool = summary.spool.unwrap();
    assert_eq!(spool.status, SpoolStatus::Engaged);
    assert!(spool.bytes > 2_000_000 && spool.unacknowledged == 0);
    disks.all_is_well();
    assert_eq!(disks.spooled(), 0);
}

#[test]
fn disks_that_take_turns_catch_up() {
    let disks = Disks::new();
    for turn in 0..6 {
        disks.change(turn, if turn % 2 == 0 { 1_500_000 } else { 500 });
        let (there, away) = if turn % 2 == 0 { (0, 1) } else { (1, 0) };
        let summary = disks.backup(&[away]).unwrap();
        let status = &summary.destinations[there].status;
        assert!(status.is_complete(), "turn {turn}: {status:?}");
        let (infos, _) = disks.world.verify_clean(there, "turn");
        assert_eq!(infos.len(), turn as usize + 2);
    }
    disks.all_is_well();
}

#[test]
fn without_any_destination_it_takes_everything() {
    let disks = Disks::new();
    for turn in 0..3 {
        disks.change(turn, 700_000);
        let summary = disks.backup(&[0, 1]).unwrap();
        let spool = summary.spool.unwrap();
        assert_eq!(spool.unacknowledged, u64::from(turn) + 1);
        assert!(
            (700_000..702_000).contains(&summary.bytes_new),
            "what is in the spool is not stored again"
        );
    }
    disks.all_is_well();
    let (infos, _) = disks.world.verify_clean(1, "later");
    assert_eq!(infos.len(), 5, "no snapshot of the time in between is lost");
}

#[test]
fn a_full_spool_stops_a_backup_that_has_no_destination() {
    let mut disks = Disks::new();
    disks.world.spool_limit = 3_000_000;
    disks.change(1, 1_500_000);
    disks.backup(&[0, 1]).unwrap();
    disks.change(2, 4_000_000);
    let error = disks.backup(&[0, 1]).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("the spool: there is no space left"),
        "{error}"
    );
    std::fs::remove_file(disks.path().join("file-2")).unwrap();
    disks.change(3, 500_000);
    let summary = disks.backup(&[0, 1]).unwrap();
    assert!(
        (500_000..502_000).contains(&summary.bytes_new),
        "what it held before it was full stays"
    );
    disks.all_is_well();
}

#[test]
fn a_record_that_nothing_took_is_not_announced_for_ever() {
    let mut disks = Disks::new();
    disks.world.spool_limit = 100;
    disks.change(1, 300);
    for _ in 0..4 {
        disks.backup(&[0, 1]).unwrap_err();
    }
    let announced = disks.world.setup.memory.load().unwrap().announced;
    assert!(announced.is_empty(), "{announced:?}");
    disks.world.spool_limit = u64::MAX;
    disks.backup(&[0, 1]).unwrap();
    disks.all_is_well();
}

#[test]
fn catching_up_stops_where_it_is_told_to_and_goes_on_later() {
    let disks = Disks::new();
    for turn in 0..3 {
        disks.change(turn, 900_000);
        disks.backup(&[1]).unwrap();
    }
    let setup = &disks.world.setup;
    let destinations = disks.world.destinations(&Run::sound());
    let mut writer = Writer::open(setup.identity.clone(), destinations, &setup.memory).unwrap();
    let mut objects = 0;
    let stop = &mut |_, _| {
        objects += 1;
        ControlFlow::Break(())
    };
    writer.catch_up_while(stop).unwrap();
    let reports = writer.reports();
    assert!(reports[0].status.is_complete() && !reports[1].status.is_complete());
    assert_eq!(objects, 1);
    drop(writer);
    disks.all_is_well();
}

#[test]
fn what_needs_the_archive_says_that_no_destination_is_there() {
    let disks = Disks::new();
    disks.change(1, 3_000);
    disks.backup(&[0, 1]).unwrap();
    let away = Run {
        away: &[0, 1],
        ..Run::sound()
    };
    let error = disks.world.prune(&PruneOptions::default(), &away);
    let error = error.unwrap_err();
    assert_eq!(error.class(), Class::Retry, "{error:?}");
    let EngineError::NoDestination { reasons, .. } = error else {
        panic!("{error:?}");
    };
    assert_eq!(reasons, ["d0: it is away", "d1: it is away"]);
    // Index runs that only destinations have.
    std::fs::remove_dir_all(disks.world.setup.folder.path().join("catalogue")).unwrap();
    let error = disks.backup(&[0, 1]).unwrap_err();
    assert!(
        matches!(error, EngineError::NoDestination { .. }),
        "{error:?}"
    );
    disks.all_is_well();
}

#[test]
fn a_fault_at_any_call_makes_no_destination_complete_that_is_not() {
    let mut disks = Disks::new();
    for turn in 0..2 {
        disks.change(turn, 1_500_000);
        disks.backup(&[1]).unwrap();
    }
    let start = disks.world.fork();
    for call in 1.. {
        disks.world = start.fork();
        let plan = Arc::new(FaultPlan::none().with_fault(call, Fault::Io));
        let run = Run {
            plan: Some(plan.clone()),
            dies: false,
            away: &[0],
        };
        let done = disks.world.backup(disks.path(), &run);
        if plan.calls() < call {
            done.unwrap();
            assert!(call > 20, "{call} calls");
            return;
        }
        let reports = done.map_or(Vec::new(), |done| done.destinations);
        if reports.iter().any(|there| there.status.is_complete()) {
            let (infos, _) = disks.world.verify_clean(1, "told to be complete");
            assert_eq!(infos.len(), 4, "call {call}");
        }
        disks.all_is_well();
    }
}

#[test]
fn numbers_of_a_branch_are_not_taken_for_the_chain() {
    let mut disks = Disks::new();
    // d1 has records 3 to 5 alone; the archive goes back to record 2 at d0, and on from there.
    disks.world.spool_limit = 0;
    for turn in 1..4 {
        disks.change(turn, 600);
        disks.backup(&[0]).unwrap();
    }
    let run = Run {
        away: &[1],
        ..Run::sound()
    };
    assert!(disks.world.accept(DestinationId([0; 16]), &run).unwrap());
    for turn in 4..6 {
        disks.change(turn, 600);
        disks.backup(&[1]).unwrap();
    }
    // Now at 2-5. The spool begins at 2-6, and d1 ends with 1-5.
    disks.world.spool_limit = u64::MAX;
    disks.change(6, 600);
    disks.backup(&[1]).unwrap();
    let summary = disks.backup(&[0]);
    let reports = summary.map_or(Vec::new(), |summary| summary.destinations);
    let is_complete = |report: &DestinationReport| report.status.is_complete();
    assert!(!reports.iter().any(is_complete), "{reports:?}");
    let summary = disks.backup(&[]).unwrap();
    assert!(summary.destinations.iter().all(is_complete), "{summary:?}");
    let ids = |store| {
        let (infos, _) = disks.world.verify_clean(store, "at last");
        infos.iter().map(|info| info.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(0), ids(1));
}

#[test]
fn what_nobody_can_ever_take_is_not_spooled() {
    let mut disks = Disks::new();
    disks.change(1, 3_000);
    disks.world.spool_limit = 0;
    // Only d0 has it.
    disks.backup(&[1]).unwrap();
    disks.world.spool_limit = u64::MAX;
    disks.change(2, 3_000);
    disks.backup(&[0, 1]).unwrap();
    // Another disk takes the place of d0.
    let mut state = disks.world.setup.memory.load().unwrap();
    state.heads.remove(&DestinationId([0; 16])).unwrap();
    disks.world.setup.memory.save(&state).unwrap();
    disks.world.delete(0, "");
    disks.change(3, 3_000);
    let error = disks.backup(&[1]).unwrap_err();
    let EngineError::NoDestination { reasons, .. } = error else {
        panic!("{error:?}");
    };
    let why = "the spool: what is in it does not continue what any destination has";
    assert!(reasons.contains(&why.to_owned()), "{reasons:?}");
    assert!(
        disks.spooled() > 0,
        "it is not for the program to give it up"
    );
}

#[test]
fn runs_that_are_made_anew_are_spooled() {
    let disks = Disks::new();
    // Large enough for a pack and an index run of its own.
    disks.change(1, 3_000_000);
    disks.backup(&[]).unwrap();
    assert!(disks.world.delete(0, "/indexes/") > 0 && disks.world.delete(1, "/indexes/") > 0);
    let run = |away| Run {
        away,
        ..Run::sound()
    };
    disks.world.repair(&run(&[1])).unwrap();
    disks.change(2, 3_000);
    disks.backup(&[0]).unwrap();
    disks.all_is_well();
}

#[test]
fn a_full_spool_does_not_stop_a_destination() {
    let mut disks = Disks::new();
    disks.world.spool_limit = 1_000_000;
    disks.change(1, 4_000_000);
    let summary = disks.backup(&[1]).unwrap();
    assert!(summary.destinations[0].status.is_complete());
    assert!(matches!(
        summary.spool.unwrap().status,
        SpoolStatus::Failed(_)
    ));
    // The other one must meet this one.
    disks.change(2, 100);
    let summary = disks.backup(&[0]).unwrap();
    assert!(!summary.destinations[1].status.is_complete());
    disks.all_is_well();
}

#[test]
fn what_a_destination_has_makes_room() {
    let mut disks = Disks::new();
    disks.world.spool_limit = 4_000_000;
    disks.change(1, 3_000_000);
    disks.backup(&[1]).unwrap();
    disks.change(2, 3_000_000);
    let summary = disks.backup(&[0, 1]).unwrap();
    assert_eq!(summary.spool.unwrap().unacknowledged, 1);
    // The first disk has what was evicted, and takes the rest.
    let summary = disks.backup(&[1]).unwrap();
    assert!(summary.destinations[0].status.is_complete());
    disks.all_is_well();
}

#[test]
fn a_destination_that_ends_before_the_spool_begins_waits() {
    let mut disks = Disks::new();
    let spool = disks.world.spool.take();
    disks.change(1, 100);
    disks.backup(&[1]).unwrap();
    disks.world.spool = spool;
    disks.change(2, 100);
    disks.backup(&[1]).unwrap();
    disks.change(3, 100);
    let before = disks.world.recorded(1);
    let summary = disks.backup(&[0]).unwrap();
    assert!(matches!(
        summary.destinations[1].status,
        DestinationStatus::Unreachable(_)
    ));
    assert!(
        before == disks.world.recorded(1),
        "nothing was written to it"
    );
    assert_eq!(summary.spool.unwrap().unacknowledged, 1);
    disks.all_is_well();
}

#[test]
fn a_spool_that_is_gone_with_what_only_it_had_stops_the_writer() {
    let mut disks = Disks::new();
    disks.change(1, 100);
    disks.backup(&[0, 1]).unwrap();
    disks.world = disks.world.with_spool();
    let error = disks.backup(&[]).unwrap_err();
    assert!(
        matches!(error, EngineError::NoDestination { .. }),
        "{error}"
    );
}

/// A checkpoint names records and objects that others added: those that a destination has make room all the same.
#[test]
fn a_checkpoint_in_the_spool_leaves_no_gap() {
    let mut disks = Disks::new();
    disks.change(1, 700_000);
    disks.backup(&[1]).unwrap();
    disks.change(2, 500);
    let forgotten = disks.backup(&[1]).unwrap().snapshot.id.seq;
    disks.change(3, 500);
    let seen = disks.backup(&[0]).unwrap().snapshot.id;
    let run = Run {
        away: &[1],
        ..Run::sound()
    };
    disks.world.forget(&[forgotten], &run).unwrap();
    disks.world.prune(&PruneOptions::default(), &run).unwrap();
    // The disk that has the checkpoint is lost, and room is needed.
    disks.world.delete(0, "");
    let mut state = disks.world.setup.memory.load().unwrap();
    state.heads.remove(&DestinationId([0; 16]));
    disks.world.setup.memory.save(&state).unwrap();
    disks.world.spool_limit = 1_200_000;
    disks.change(4, 500);
    disks.backup(&[0, 1]).unwrap();
    let spool = disks.world.spool.clone().unwrap();
    let ids = Replica::new(spool, disks.world.setup.identity.archive).record_ids();
    let seqs: Vec<u64> = ids.unwrap().iter().map(|id| id.seq.0).collect();
    let newest = disks.world.setup.memory.load().unwrap().head.unwrap().id;
    let after = seen.seq.0 + 1..=newest.seq.0;
    assert_eq!(seqs, after.collect::<Vec<u64>>());
    let summary = disks.backup(&[0]).unwrap();
    assert!(summary.destinations[1].status.is_complete());
    // The new disk gets what is live.
    let summary = disks.backup(&[]).unwrap();
    let mut all = summary.destinations.iter();
    assert!(all.all(|there| there.status.is_complete()));
    for store in 0..2 {
        assert_eq!(disks.world.verify_clean(store, "at last").0.len(), 6);
    }
}
