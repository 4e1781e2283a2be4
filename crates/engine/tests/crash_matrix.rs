//! A backup that dies at any call leaves an archive that is sound, and the next one goes on from there:
//! `spec/archive-v1.md`, section 1.
//!
//! A case is a fresh copy of everything that outlives a process, one backup that is cut short, and what
//! must hold then.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod common;

use std::path::Path;
use std::sync::Arc;

use common::crash::{Run, World};
use common::trees::{Tree, fast_folder, read_tree};
use common::{noise, write};
use strongroom_base::ids::Seq;
use strongroom_engine::prune::PruneOptions;
use strongroom_store::fault::{Fault, FaultPlan};

/// What a crash starts from: an archive with a history, and files that changed since.
struct Start {
    world: World,
    source: tempfile::TempDir,
    /// The trees of the snapshots that there are, and at last the files as they are now.
    trees: Vec<Tree>,
    /// How many snapshots each destination holds.
    held: Vec<usize>,
    away: Vec<usize>,
    /// What is away while the backup dies.
    away_then: &'static [usize],
}

impl Start {
    fn new(destinations: usize) -> Self {
        let source = fast_folder();
        for number in 0..520_u32 {
            let text = format!("file {number}\n").repeat(number as usize % 90);
            let path = format!("{:02}/{number}.txt", number % 23);
            write(&source.path().join(path), text.as_bytes());
        }
        Self {
            world: World::new(destinations),
            source,
            trees: Vec::new(),
            held: vec![0; destinations],
            away: Vec::new(),
            away_then: &[],
        }
    }

    /// Adds a snapshot of the files as they are.
    fn backed_up(mut self) -> Self {
        let away = &self.away;
        let run = Run {
            away,
            ..Run::sound()
        };
        self.world.backup(self.source.path(), &run).unwrap();
        self.trees.push(read_tree(self.source.path()));
        for (number, held) in self.held.iter_mut().enumerate() {
            *held += usize::from(!self.away.contains(&number));
        }
        self
    }

    /// Changes files: some small ones, and `large` bytes that do not compress.
    fn changed(self, turn: u32, large: usize) -> Self {
        let file = |name: &str| self.source.path().join(name);
        write(&file("00/0.txt"), format!("turn {turn}").as_bytes());
        write(&file(&format!("new/{turn}")), &noise(turn, 3_000));
        if large > 0 {
            write(&file("large"), &noise(1_000 + turn, large));
        }
        self
    }

    /// Lets a destination be away from now on, until the crash.
    fn without(mut self, destination: usize) -> Self {
        self.away.push(destination);
        self
    }

    /// What the next backup finds is the last change.
    fn ready(mut self) -> Self {
        self.trees.push(read_tree(self.source.path()));
        self
    }

    fn dying(&self, plan: &Arc<FaultPlan>) -> Run<'static> {
        Run {
            away: self.away_then,
            ..dying(plan)
        }
    }

    /// Gives the world a spool.
    fn with_spool(mut self) -> Self {
        self.world = self.world.with_spool();
        self
    }

    /// Lets these destinations alone be away from now on.
    fn with_away(mut self, away: &[usize]) -> Self {
        self.away = away.to_vec();
        self
    }

    /// Lets these be away while the backup dies.
    fn dying_without(mut self, away: &'static [usize]) -> Self {
        self.away_then = away;
        self
    }

    fn calls(&self) -> u64 {
        let plan = Arc::new(FaultPlan::none());
        let world = self.world.fork();
        let run = self.dying(&plan);
        world.backup(self.source.path(), &run).unwrap();
        plan.calls()
    }

    /// Every destination is sound and holds what it held; every snapshot restores.
    fn check(&self, world: &World, restored: usize, case: &str) {
        for store in 0..self.held.len() {
            if self.held[store] == 0 {
                // It may be empty, or not have come far enough to be opened.
                let replica = world.setup.replica(&world.setup.stores[store]);
                if replica.record_ids().unwrap().is_empty() {
                    continue;
                }
            }
            let (infos, _) = world.verify_clean(store, case);
            assert!(infos.len() >= self.held[store], "{case}: d{store}");
            assert!(infos.len() <= self.trees.len(), "{case}: d{store}");
            if store == restored {
                // The oldest, and the newest two.
                let trees: Vec<&Tree> = self.trees.iter().collect();
                let late = infos.len().saturating_sub(2).max(1).min(infos.len());
                let first = infos.len().min(1);
                world.restores(store, &infos[..first], &trees, case);
                world.restores(store, &infos[late..], &trees[late..], case);
            }
        }
    }

    /// The next backup works, and brings all destinations to the same state.
    fn goes_on(&self, world: &World, restored: usize, case: &str) {
        let summary = world.backup(self.source.path(), &Run::sound());
        let summary = summary.unwrap_or_else(|error| panic!("{case}: {error}"));
        for report in &summary.destinations {
            assert!(report.status.is_complete(), "{case}: {report:?}");
        }
        let first = world.recorded(0);
        for store in 0..self.held.len() {
            let (infos, _) = world.verify_clean(store, case);
            assert!(first == world.recorded(store), "{case}: d{store}");
            if store == restored {
                let newest = infos.len() - 1;
                let latest = [self.trees.last().unwrap()];
                world.restores(store, &infos[newest..], &latest, case);
            }
        }
    }

    /// Dies after every `stride`th number of calls; returns the number of cases.
    fn die_everywhere(&self, stride: usize) -> u64 {
        let calls = self.calls();
        let mut cases = 0;
        for stop in (0..calls).step_by(stride) {
            let case = format!("died after {stop} of {calls} calls");
            let plan = Arc::new(FaultPlan::stop_after(stop));
            let world = self.world.fork();
            let outcome = world.backup(self.source.path(), &self.dying(&plan));
            // What dies after the last record was noted has nothing more to lose; only a spool is not looked through.
            assert!(outcome.is_err() || stop + 12 > calls, "{case}");
            let restored = usize::try_from(stop).unwrap() % self.held.len();
            self.check(&world, restored, &case);
            self.goes_on(&world, restored, &case);
            cases += 1;
        }
        cases
    }
}

fn dying(plan: &Arc<FaultPlan>) -> Run<'static> {
    Run {
        plan: Some(plan.clone()),
        dies: true,
        away: &[],
    }
}

#[expect(clippy::print_stdout, reason = "the number of cases is a result")]
fn tell(what: &str, cases: u64) {
    println!("{what}: {cases} cases");
}

#[test]
fn one_destination_dies_at_every_call_matrix() {
    let start = Start::new(1)
        .changed(1, 2_000_000)
        .backed_up()
        .changed(2, 0)
        .backed_up()
        .changed(3, 1_500_000)
        .ready();
    tell("one destination, packs", start.die_everywhere(1));
    let small = Start::new(1)
        .backed_up()
        .changed(1, 0)
        .backed_up()
        .changed(2, 0)
        .ready();
    tell("one destination, small", small.die_everywhere(1));
}

#[test]
fn the_first_backup_dies_at_every_call_matrix() {
    let start = Start::new(1).changed(1, 2_000_000).ready();
    tell("one destination, first", start.die_everywhere(1));
}

#[test]
fn three_destinations_die_at_every_call_matrix() {
    let start = Start::new(3)
        .changed(1, 2_000_000)
        .backed_up()
        .changed(2, 0)
        .backed_up()
        .changed(3, 1_500_000)
        .ready();
    tell("three destinations, packs", start.die_everywhere(1));
}

#[test]
fn catching_up_dies_at_every_call_matrix() {
    let start = Start::new(3)
        .backed_up()
        .without(2)
        .changed(1, 2_000_000)
        .backed_up()
        .changed(2, 0)
        .backed_up()
        .changed(3, 1_500_000)
        .backed_up()
        .changed(4, 0)
        .ready();
    tell("three destinations, one behind", start.die_everywhere(1));
}

#[test]
fn what_only_the_spool_has_dies_at_every_call_matrix() {
    // Two disks that take turns: each time the other one has what this one lacks, and only the spool is there.
    let start = Start::new(2)
        .with_spool()
        .backed_up()
        .with_away(&[1])
        .changed(1, 2_000_000)
        .backed_up()
        .changed(2, 0)
        .backed_up()
        .changed(3, 1_500_000)
        .ready()
        .dying_without(&[0]);
    tell("two destinations in turn, a spool", start.die_everywhere(1));
    let start = Start::new(2)
        .with_spool()
        .backed_up()
        .with_away(&[0, 1])
        .changed(1, 2_000_000)
        .backed_up()
        .changed(2, 1_000_000)
        .ready()
        .dying_without(&[0, 1]);
    tell("no destination, a spool", start.die_everywhere(1));
    let start = start.dying_without(&[]);
    tell("a spool that empties", start.die_everywhere(1));
}

#[test]
fn merging_runs_dies_at_every_call_matrix() {
    let mut start = Start::new(1).backed_up();
    for turn in 0..7 {
        start = start.changed(turn, 0).backed_up();
    }
    let start = start.changed(8, 0).ready();
    let world = start.world.fork();
    world.backup(start.source.path(), &Run::sound()).unwrap();
    let condemned = |world: &World| {
        let (_, log, _) = world.archive(&[0]).snapshots().unwrap();
        log.head().unwrap().header.changes.adds.len()
    };
    assert!(condemned(&world) > 0, "a merged run is an object");
    tell("one destination, merging", start.die_everywhere(1));
}

#[test]
fn a_new_catalogue_dies_at_every_call_matrix() {
    let start = Start::new(1)
        .changed(1, 2_000_000)
        .backed_up()
        .changed(2, 0)
        .backed_up()
        .changed(3, 0)
        .ready();
    std::fs::remove_dir_all(start.world.setup.folder.path().join("catalogue")).unwrap();
    tell("one destination, no catalogue", start.die_everywhere(1));
}

/// Writes so many bytes that do not compress that there are twenty packs.
fn twenty_packs(destinations: usize) -> Start {
    let start = Start::new(destinations);
    for number in 0..22 {
        let bytes = noise(number, 15 << 20);
        let path = format!("noise/{number}");
        write(&start.source.path().join(Path::new(&path)), &bytes);
    }
    start.ready()
}

fn die_in_twenty_packs(destinations: usize, stride: usize) {
    let start = twenty_packs(destinations);
    let world = start.world.fork();
    world.backup(start.source.path(), &Run::sound()).unwrap();
    let objects = world.objects(0);
    let packs = objects
        .keys()
        .filter(|path| path.as_str().contains("/packs/"));
    assert!(packs.count() >= 20);
    drop((objects, world));
    tell("twenty packs", start.die_everywhere(stride));
}

#[test]
fn twenty_packs_die_at_some_calls_matrix() {
    die_in_twenty_packs(1, 7);
}

#[test]
#[ignore = "takes many minutes: every call with 340 MB each"]
fn twenty_packs_die_at_every_call_matrix() {
    die_in_twenty_packs(1, 1);
    die_in_twenty_packs(3, 1);
}

const FAULTS: [Fault; 6] = [
    Fault::Full,
    Fault::ReadOnly,
    Fault::Denied,
    Fault::Gone,
    Fault::Io,
    Fault::LostAnswer,
];

/// A destination that fails once is named, the others go on, and the next backup makes it whole.
#[test]
fn one_fault_at_every_call_is_made_good_matrix() {
    let start = Start::new(3)
        .changed(1, 1_200_000)
        .backed_up()
        .changed(2, 0)
        .backed_up()
        .changed(3, 1_200_000)
        .ready();
    let faulty = |plan: &Arc<FaultPlan>| Run {
        plan: Some(plan.clone()),
        dies: false,
        away: &[],
    };
    let counting = Arc::new(FaultPlan::none());
    start
        .world
        .fork()
        .backup(start.source.path(), &faulty(&counting))
        .unwrap();
    let (calls, mut cases, mut named) = (counting.calls(), 0, 0);
    for call in 1..=calls {
        for fault in FAULTS {
            let case = format!("{fault:?} at call {call} of {calls}");
            let plan = Arc::new(FaultPlan::none().with_fault(call, fault));
            let world = start.world.fork();
            let summary = world.backup(start.source.path(), &faulty(&plan));
            let summary = summary.unwrap_or_else(|error| panic!("{case}: {error:?}"));
            let failed = summary.destinations.iter().enumerate();
            let failed: Vec<usize> = failed
                .filter(|(_, report)| !report.status.is_complete())
                .map(|(number, _)| number)
                .collect();
            assert!(failed.len() <= 1, "{case}: {:?}", summary.destinations);
            named += failed.len();
            for store in (0..3).filter(|store| !failed.contains(store)) {
                let (infos, _) = world.verify_clean(store, &case);
                assert_eq!(infos.len(), 3, "{case}: d{store}");
            }
            let restored = (cases % 3) as usize;
            start.check(&world, 9, &case);
            start.goes_on(&world, restored, &case);
            cases += 1;
        }
    }
    assert!(named as u64 > cases / 2, "{named} of {cases} were named");
    tell("one fault, three destinations", cases);
}

/// A destination that is said to have everything has everything, whatever could not be read while it caught up.
#[test]
fn one_fault_while_one_catches_up_leaves_nothing_out_matrix() {
    let start = Start::new(2)
        .without(1)
        .backed_up()
        .changed(1, 700_000)
        .backed_up()
        .changed(2, 0)
        .backed_up()
        .ready();
    let away = Run {
        away: &start.away,
        ..Run::sound()
    };
    // What proves a generation is read once, and so is what is before a checkpoint.
    let adopted = start.world.elsewhere();
    adopted.adopt(&away).unwrap();
    adopted.forget(&[Seq(2)], &away).unwrap();
    let options = PruneOptions::default();
    adopted.prune(&options, &away).unwrap();
    for call in 1.. {
        let case = format!("fault at call {call}");
        let world = adopted.fork();
        let plan = Arc::new(FaultPlan::none().with_fault(call, Fault::Denied));
        let run = Run {
            plan: Some(plan.clone()),
            dies: false,
            away: &[],
        };
        let summary = world.backup(start.source.path(), &run);
        let reports = summary.map_or_else(|_| Vec::new(), |summary| summary.destinations);
        for (store, report) in reports.iter().enumerate() {
            if report.status.is_complete() {
                assert_eq!(world.verify_clean(store, &case).0.len(), 3, "{case}");
            }
        }
        world.backup(start.source.path(), &Run::sound()).unwrap();
        for store in 0..2 {
            world.verify_clean(store, &case);
        }
        if plan.calls() < call {
            break;
        }
    }
}

/// A destination that is there again after a lost answer, and missed a backup in between, catches up.
#[test]
fn a_lost_record_is_no_other_history() {
    let start = Start::new(2).backed_up().changed(1, 0).ready();
    let run = |plan: FaultPlan| Run {
        plan: Some(Arc::new(plan)),
        dies: false,
        away: &[],
    };
    let calls = {
        let plan = Arc::new(FaultPlan::none());
        let counted = Run {
            plan: Some(plan.clone()),
            dies: false,
            away: &[],
        };
        start
            .world
            .fork()
            .backup(start.source.path(), &counted)
            .unwrap();
        plan.calls()
    };
    for call in 1..=calls {
        let case = format!("lost answer {call}");
        let world = start.world.fork();
        let plan = FaultPlan::none().with_fault(call, Fault::LostAnswer);
        world.backup(start.source.path(), &run(plan)).unwrap();
        let away = Run {
            away: &[0],
            ..Run::sound()
        };
        let Ok(_) = world.backup(start.source.path(), &away) else {
            continue;
        };
        start.goes_on(&world, 0, &case);
    }
}
