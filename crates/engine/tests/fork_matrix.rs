//! A record that only some destinations have, because the writer died while it wrote it, and a backup that
//! cannot look at them: nothing stays aside, and every snapshot that was reported restores from every
//! replica (`spec/archive-v1.md`, section 12).

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod common;

use std::sync::Arc;

use common::crash::{Run, World};
use common::trees::{Tree, fast_folder, read_tree};
use common::{noise, write};
use strongroom_engine::{EngineError, Memory as _, Writer};
use strongroom_store::fault::FaultPlan;

/// An archive with a history, and the trees of the snapshots that were reported done.
struct Case {
    world: World,
    source: tempfile::TempDir,
    reported: Vec<([u8; 32], Tree)>,
}

impl Case {
    fn new(destinations: usize) -> Self {
        let source = fast_folder();
        for number in 0..12_u32 {
            let text = format!("file {number}\n").repeat(40);
            write(
                &source.path().join(format!("{number}.txt")),
                text.as_bytes(),
            );
        }
        let world = World::new(destinations);
        let mut case = Self {
            world,
            source,
            reported: Vec::new(),
        };
        case.backs_up(&Run::sound(), "first");
        case
    }

    fn fork(&self) -> Self {
        let source = fast_folder();
        common::crash::copy_folder(self.source.path(), source.path());
        Self {
            world: self.world.fork(),
            source,
            reported: self.reported.clone(),
        }
    }

    fn change(&self, turn: u32, large: usize) {
        write(&self.source.path().join("turn"), &noise(turn, 900));
        write(&self.source.path().join("large"), &noise(100 + turn, large));
    }

    fn backs_up(&mut self, run: &Run<'_>, case: &str) {
        let summary = self.world.backup(self.source.path(), run);
        let summary = summary.unwrap_or_else(|error| panic!("{case}: {error}"));
        self.reported
            .push((summary.snapshot.hash, read_tree(self.source.path())));
        for (number, report) in summary.destinations.iter().enumerate() {
            let away = run.away.contains(&number);
            assert!(away || report.status.is_complete(), "{case}: {report:?}");
        }
    }

    /// Dies after so many calls; says whether it died.
    fn dies(&self, calls: u64, away: &[usize]) -> bool {
        let run = Run {
            plan: Some(Arc::new(FaultPlan::stop_after(calls))),
            dies: true,
            away,
        };
        self.world.backup(self.source.path(), &run).is_err()
    }

    /// Every destination holds the same history, and every snapshot that was reported.
    fn is_whole(&self, case: &str) {
        let chain = |store| {
            let (_, log, _) = self.world.archive(&[store]).snapshots().unwrap();
            log.entries
                .iter()
                .map(|entry| entry.hash)
                .collect::<Vec<_>>()
        };
        let first = chain(0);
        for store in 0..self.world.stores.len() {
            let (infos, _) = self.world.verify_clean(store, case);
            assert_eq!(chain(store), first, "{case}: d{store}");
            for (hash, tree) in &self.reported {
                let info = infos.iter().find(|info| info.hash == *hash);
                let info = info.unwrap_or_else(|| panic!("{case}: d{store} lacks a snapshot"));
                self.world
                    .restores(store, std::slice::from_ref(info), &[tree], case);
            }
        }
        let state = self.world.setup.memory.load().unwrap();
        assert!(state.announced.is_empty(), "{case}");
    }
}

/// Dies at every call, backs up without one destination, for each of them, and then with all.
fn die_and_lose_one(destinations: usize, large: usize) -> u64 {
    let start = Case::new(destinations);
    start.change(1, large);
    let (mut cases, mut generations) = (0, 0);
    for calls in 0.. {
        for lost in 0..destinations {
            let case = format!("died after {calls} calls, then without d{lost}");
            let mut fork = start.fork();
            if !fork.dies(calls, &[]) {
                assert!(generations > 0, "no case was open-ended");
                return cases;
            }
            let away = [lost];
            let run = Run {
                away: &away,
                ..Run::sound()
            };
            fork.change(2, large);
            fork.backs_up(&run, &case);
            fork.backs_up(&Run::sound(), &case);
            fork.is_whole(&case);
            let head = fork.world.setup.memory.load().unwrap().head.unwrap();
            generations += u64::from(head.id.generation.0 > 1);
            cases += 1;
        }
    }
    cases
}

#[expect(clippy::print_stdout, reason = "the number of cases is a result")]
fn tell(what: &str, cases: u64) {
    println!("{what}: {cases} cases");
}

#[test]
fn two_destinations_matrix() {
    tell("two destinations, small", die_and_lose_one(2, 1_000));
    tell("two destinations, packs", die_and_lose_one(2, 700_000));
}

#[test]
fn three_destinations_matrix() {
    tell("three destinations, small", die_and_lose_one(3, 1_000));
}

/// The writer dies again while it begins the generation that makes good for the first death, with another
/// destination away each time.
#[test]
fn it_dies_again_and_again_matrix() {
    let start = Case::new(3);
    start.change(1, 1_000);
    let mut cases = 0;
    for first in 0.. {
        let mut died = false;
        for second in 0.. {
            let mut fork = start.fork();
            died = fork.dies(first, &[]);
            fork.change(2, 1_000);
            let again = fork.dies(second, &[0]);
            let case = format!("died after {first} calls, then after {second} without d0");
            fork.change(3, 1_000);
            for away in [[1], [2]] {
                let run = Run {
                    away: &away,
                    ..Run::sound()
                };
                fork.backs_up(&run, &case);
            }
            fork.backs_up(&Run::sound(), &case);
            fork.is_whole(&case);
            cases += 1;
            if !again {
                break;
            }
        }
        if !died {
            break;
        }
    }
    tell("two deaths, three destinations", cases);
}

#[test]
fn a_record_that_was_found_is_the_newest_from_then_on() {
    let start = Case::new(2);
    start.change(1, 500);
    // It dies when one destination has the record, and before that is noted.
    let (calls, died) = (0..1_000)
        .map(|calls| (calls, start.fork()))
        .find(|(calls, fork)| {
            assert!(fork.dies(*calls, &[]), "it never dies in between");
            let has = |store| fork.world.objects(store).len();
            has(0) != has(1) && !fork.world.setup.memory.load().unwrap().announced.is_empty()
        })
        .unwrap();
    let (there, away) = if died.world.objects(0).len() > died.world.objects(1).len() {
        (0, 1)
    } else {
        (1, 0)
    };
    let without = |away: usize| {
        let away = [away];
        let run = Run {
            away: &away,
            ..Run::sound()
        };
        let identity = died.world.setup.identity.clone();
        let writer = Writer::open(
            identity,
            died.world.destinations(&run),
            &died.world.setup.memory,
        );
        writer.map(|writer| writer.head())
    };
    let found = without(away).unwrap();
    assert!(died.world.setup.memory.load().unwrap().announced.is_empty());
    let error = without(there).unwrap_err();
    assert!(
        matches!(error, EngineError::NoDestination { .. }),
        "{calls}: {error:?}"
    );
    assert_eq!(without(away).unwrap(), found);
}
