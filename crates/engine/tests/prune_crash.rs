//! Forgetting and pruning that die at any call leave an archive that is sound, whose snapshots restore, and in
//! which the next backup and the next prune work: `spec/archive-v1.md`, section 11.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::crash::{Run, World};
use common::trees::{Tree, fast_folder, read_tree};
use common::{noise, write};
use strongroom_base::ids::Seq;
use strongroom_base::{Class, Classified};
use strongroom_engine::EngineError;
use strongroom_engine::prune::PruneOptions;
use strongroom_store::fault::{Fault, FaultPlan};

/// What dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Forget,
    Prune,
    Erase,
}

/// An archive of which a part is to go.
struct Start {
    world: World,
    source: tempfile::TempDir,
    /// The trees of the snapshots that survive, by seq.
    kept: Vec<(Seq, Tree)>,
    /// The snapshots that are forgotten, or are about to be.
    gone: Vec<Seq>,
    deed: Deed,
}

impl Start {
    /// Makes snapshots, large and small, of which every third survives; the last destination misses `missed` of
    /// the last ones.
    fn new(deed: Deed, destinations: usize, missed: usize) -> Self {
        let world = World::new(destinations);
        let source = fast_folder();
        let put = |path: &str, bytes: &[u8]| write(&source.path().join(path), bytes);
        for number in 0..40_u32 {
            put(
                &format!("few/{number}"),
                &noise(number, 600 + number as usize),
            );
        }
        let (mut kept, mut gone) = (Vec::new(), Vec::new());
        for turn in 0..9_u32 {
            if turn % 4 == 0 {
                put("large/one", &noise(1_000 + turn, 1_100_000));
                put(&format!("large/{turn}"), &noise(2_000 + turn, 300_000));
            }
            put("small", &noise(3_000 + turn, 2_000));
            put(&format!("new/{turn}"), &noise(4_000 + turn, 900));
            let away = [destinations - 1];
            let is_away = turn as usize + missed >= 9;
            let run = Run {
                away: if is_away { &away } else { &[] },
                ..Run::sound()
            };
            let seq = world.backup(source.path(), &run).unwrap().snapshot.id.seq;
            if turn % 3 == 2 {
                kept.push((seq, read_tree(source.path())));
            } else {
                gone.push(seq);
            }
        }
        if deed != Deed::Forget {
            let run = Run {
                away: if missed > 0 { &[1] } else { &[] },
                ..Run::sound()
            };
            world.forget(&gone, &run).unwrap();
        }
        if deed == Deed::Erase {
            world
                .prune(&PruneOptions::default(), &Run::sound())
                .unwrap();
            // A destination erases what it holds a later record of.
            world.backup(source.path(), &Run::sound()).unwrap();
            let (infos, _, _) = world.archive(&[0]).snapshots().unwrap();
            kept.push((infos.last().unwrap().id.seq, read_tree(source.path())));
        }
        Self {
            world,
            source,
            kept,
            gone,
            deed,
        }
    }

    fn act(&self, world: &World, run: &Run<'_>) -> Result<(), EngineError> {
        match self.deed {
            Deed::Forget => world.forget(&self.gone, run).map(drop),
            Deed::Prune => world.prune(&PruneOptions::default(), run).map(drop),
            Deed::Erase => world.erase(Duration::ZERO, run).map(drop),
        }
    }

    fn calls(&self, dies: bool) -> u64 {
        let plan = Arc::new(FaultPlan::none());
        let run = Run {
            plan: Some(plan.clone()),
            dies,
            away: &[],
        };
        self.act(&self.world.fork(), &run).unwrap();
        plan.calls()
    }

    /// Every destination is sound, and holds every surviving snapshot that it held.
    fn check(&self, world: &World, restored: usize, case: &str) {
        for store in 0..world.stores.len() {
            let (infos, _) = world.verify_clean(store, case);
            let seqs: Vec<Seq> = infos.iter().map(|info| info.id.seq).collect();
            let newest = *seqs.last().unwrap();
            for (seq, _) in self.kept.iter().filter(|(seq, _)| *seq <= newest) {
                assert!(seqs.contains(seq), "{case}: d{store} lacks {}", seq.0);
            }
            if self.deed != Deed::Forget && store == 0 {
                assert_eq!(seqs.len(), self.kept.len(), "{case}");
            }
            if store == restored {
                let found = infos.iter().filter_map(|info| {
                    let (_, tree) = self.kept.iter().find(|(seq, _)| *seq == info.id.seq)?;
                    Some((info.clone(), tree))
                });
                let (infos, trees): (Vec<_>, Vec<_>) = found.unzip();
                world.restores(store, &infos, &trees, case);
            }
        }
    }

    /// The next forget, prune and backup work, and bring all destinations to the same state.
    fn goes_on(&self, world: &World, restored: usize, case: &str) {
        let failed = |error| panic!("{case}: {error}");
        world
            .forget(&self.gone, &Run::sound())
            .unwrap_or_else(failed);
        let pruned = world.prune(&PruneOptions::default(), &Run::sound());
        pruned.unwrap_or_else(|error| panic!("{case}: {error}"));
        // What was given up comes back as new data: the content of a forgotten snapshot.
        let again = fast_folder();
        write(&again.path().join("large/one"), &noise(1_000, 1_100_000));
        write(&again.path().join("small"), &noise(3_000, 2_000));
        let summary = world.backup(again.path(), &Run::sound());
        summary.unwrap_or_else(|error| panic!("{case}: {error}"));
        let summary = world.backup(self.source.path(), &Run::sound());
        let summary = summary.unwrap_or_else(|error| panic!("{case}: {error}"));
        for report in &summary.destinations {
            assert!(report.status.is_complete(), "{case}: {report:?}");
        }
        let erased = world.erase(Duration::ZERO, &Run::sound());
        for erasure in erased.unwrap_or_else(|error| panic!("{case}: {error}")) {
            assert!(erasure.held.is_none(), "{case}: {erasure:?}");
        }
        let trees: Vec<Tree> = self.kept.iter().map(|(_, tree)| tree.clone()).collect();
        let last = [read_tree(again.path()), read_tree(self.source.path())];
        let trees: Vec<&Tree> = trees.iter().chain(&last).collect();
        let first = world.live(0);
        for store in 0..world.stores.len() {
            let (infos, _) = world.verify_clean(store, case);
            assert_eq!(infos.len(), trees.len(), "{case}: d{store}");
            assert!(first == world.live(store), "{case}: d{store}");
            // Descriptor, keys and their copy, and nothing that is not live.
            let mut there = world.objects(store);
            there.retain(|path, _| !path.as_str().starts_with("probe/"));
            assert_eq!(there.len(), first.len() + 3, "{case}: d{store}");
            if store == restored {
                world.restores(store, &infos, &trees, case);
            }
        }
    }

    /// Dies at every call; returns the number of cases.
    fn die_everywhere(&self) -> u64 {
        let calls = self.calls(true);
        for stop in 0..calls {
            let case = format!("{:?} died after {stop} of {calls} calls", self.deed);
            let plan = Arc::new(FaultPlan::stop_after(stop));
            let world = self.world.fork();
            let run = Run {
                plan: Some(plan),
                dies: true,
                away: &[],
            };
            let outcome = self.act(&world, &run);
            let tells = self.deed == Deed::Erase || outcome.is_err() || stop + 12 > calls;
            assert!(tells, "{case}");
            // Nothing is damaged: it works when it is tried again.
            let class = outcome.as_ref().err().map(Classified::class);
            assert!(
                class.is_none_or(|class| class == Class::Retry),
                "{case}: {outcome:?}"
            );
            let restored = usize::try_from(stop).unwrap() % world.stores.len();
            self.check(&world, restored, &case);
            self.goes_on(&world, restored, &case);
        }
        calls
    }
}

#[expect(clippy::print_stdout, reason = "the number of cases is a result")]
fn tell(what: &str, cases: u64) {
    println!("{what}: {cases} cases");
}

#[test]
fn forget_dies_at_every_call_matrix() {
    tell(
        "forget, one",
        Start::new(Deed::Forget, 1, 0).die_everywhere(),
    );
    tell(
        "forget, two",
        Start::new(Deed::Forget, 2, 0).die_everywhere(),
    );
}

#[test]
fn prune_dies_at_every_call_matrix() {
    tell("prune, one", Start::new(Deed::Prune, 1, 0).die_everywhere());
}

#[test]
fn prune_of_two_dies_at_every_call_matrix() {
    tell("prune, two", Start::new(Deed::Prune, 2, 0).die_everywhere());
}

#[test]
fn prune_with_one_behind_dies_at_every_call_matrix() {
    tell(
        "prune, one behind",
        Start::new(Deed::Prune, 2, 3).die_everywhere(),
    );
}

#[test]
fn erasing_dies_at_every_call_matrix() {
    tell("erase, two", Start::new(Deed::Erase, 2, 0).die_everywhere());
}

/// A destination that fails once, or whose answer is lost, harms nothing.
#[test]
fn one_fault_at_every_call_of_prune_is_made_good_matrix() {
    let start = Start::new(Deed::Prune, 2, 0);
    let (calls, mut cases) = (start.calls(false), 0);
    for call in 1..=calls {
        for fault in [Fault::Full, Fault::Io, Fault::LostAnswer] {
            let case = format!("{fault:?} at call {call} of {calls}");
            let world = start.world.fork();
            let plan = FaultPlan::none().with_fault(call, fault);
            let run = Run {
                plan: Some(Arc::new(plan)),
                dies: false,
                away: &[],
            };
            // It may go on with the other destination, or give up.
            let _ = start.act(&world, &run);
            let restored = (cases % 2) as usize;
            start.check(&world, restored, &case);
            if cases % 5 == 0 {
                start.goes_on(&world, restored, &case);
            }
            cases += 1;
        }
    }
    tell("prune, one fault, two destinations", cases);
}
