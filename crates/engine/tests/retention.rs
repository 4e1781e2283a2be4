//! Forgetting and pruning: what is kept restores, what is not comes back as room, and what was given up is
//! never counted on again.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod common;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::crash::{Run, World};
use common::trees::{Tree, fast_folder, read_tree};
use common::{MovedClock, noise, write};
use strongroom_base::clock::{Clock as _, Timestamp};
use strongroom_base::ids::Seq;
use strongroom_engine::prune::{PruneOptions, PruneSummary};
use strongroom_read::SnapshotInfo;

/// An index run of 16 KiB, sealed: header, salt and commitment, one full cell and an empty one.
const SHORTEST_RUN_LEN: u64 = 72 + (16 << 10) + 2 * 16;

/// An archive, its source, and what each snapshot holds.
struct Case {
    world: World,
    source: tempfile::TempDir,
    trees: Vec<Tree>,
}

impl Case {
    fn new(destinations: usize) -> Self {
        Self {
            world: World::new(destinations),
            source: fast_folder(),
            trees: Vec::new(),
        }
    }

    fn put(&self, path: &str, bytes: &[u8]) {
        write(&self.source.path().join(path), bytes);
    }

    fn remove(&self, path: &str) {
        std::fs::remove_file(self.source.path().join(path)).unwrap();
    }

    fn backup(&mut self) {
        self.world
            .backup(self.source.path(), &Run::sound())
            .unwrap();
        self.trees.push(read_tree(self.source.path()));
    }

    fn snapshots(&self) -> Vec<SnapshotInfo> {
        self.world.archive(&[0]).snapshots().unwrap().0
    }

    /// Forgets all snapshots but those with these numbers, counted from the first that is left.
    fn keep_only(&mut self, kept: &[usize]) {
        let all = self.snapshots();
        assert_eq!(all.len(), self.trees.len());
        let goes = |number: &usize| !kept.contains(number);
        let forgotten: Vec<Seq> = (0..all.len()).filter(goes).map(|n| all[n].id.seq).collect();
        self.world.forget(&forgotten, &Run::sound()).unwrap();
        self.trees = kept
            .iter()
            .map(|number| self.trees[*number].clone())
            .collect();
    }

    fn prune(&self) -> PruneSummary {
        self.prune_with(&PruneOptions::default())
    }

    fn prune_with(&self, options: &PruneOptions) -> PruneSummary {
        self.world.prune(options, &Run::sound()).unwrap()
    }

    /// Every snapshot that is left restores, at every destination.
    fn check(&self, case: &str) {
        for store in 0..self.world.stores.len() {
            let (infos, _) = self.world.verify_clean(store, case);
            assert_eq!(infos.len(), self.trees.len(), "{case}");
            let trees: Vec<&Tree> = self.trees.iter().collect();
            self.world.restores(store, &infos, &trees, case);
        }
    }
}

#[test]
fn what_was_given_up_is_stored_again() {
    let mut case = Case::new(1);
    case.put("a/large", &noise(1, 3_000_000));
    case.put("a/small", &noise(2, 3_000));
    case.put("b/other", &noise(3, 40_000));
    case.backup();
    let first = case.snapshots();
    case.world
        .forget(&[first[0].id.seq], &Run::sound())
        .unwrap();
    case.trees.clear();
    let pruned = case.prune();
    assert!(pruned.unneeded.bytes > 3_000_000, "{pruned:?}");
    assert!(case.snapshots().is_empty());
    // Nothing changed in the source: only the catalogue could say that it is known.
    case.backup();
    case.check("the same again");
    let again = case.prune();
    assert!(again.head.is_none(), "{again:?}");
}

#[test]
fn a_part_that_is_given_up_is_stored_again() {
    let mut case = Case::new(2);
    case.put("keep/a", &noise(1, 700_000));
    case.put("gone/b", &noise(2, 900_000));
    case.put("gone/c", &noise(3, 900));
    case.backup();
    case.remove("gone/b");
    case.remove("gone/c");
    case.backup();
    case.keep_only(&[1]);
    let pruned = case.prune();
    assert!(pruned.repacked.bytes > 1_600_000, "{pruned:?}");
    assert!(pruned.unused_left < 10_000, "{pruned:?}");
    case.check("after prune");
    case.put("gone/b", &noise(2, 900_000));
    case.put("gone/c", &noise(3, 900));
    case.backup();
    case.check("stored again");
}

#[test]
fn a_policy_of_no_repacking_and_a_budget_are_kept() {
    let mut case = Case::new(1);
    case.put("a", &noise(1, 700_000));
    case.put("b", &noise(2, 700_000));
    case.backup();
    case.remove("b");
    case.backup();
    case.keep_only(&[1]);
    let lazy = PruneOptions {
        max_unused_percent: 100,
        dry_run: true,
        ..PruneOptions::default()
    };
    let found = case.prune_with(&lazy);
    assert!(
        found.repacked.count == 0 && found.unused_left >= 700_000,
        "{found:?}"
    );
    let poor = PruneOptions {
        max_repack_bytes: 100_000,
        ..PruneOptions::default()
    };
    let found = case.prune_with(&poor);
    assert!(
        found.repacked.bytes <= 100_000 && found.unused_left >= 700_000,
        "{found:?}"
    );
    case.check("poor");
    let found = case.prune();
    assert!(
        found.repacked.count == 1 && found.unused_left < 1_000,
        "{found:?}"
    );
    case.check("rich");
}

#[test]
fn a_dry_run_says_what_comes_and_writes_nothing() {
    let mut case = Case::new(1);
    for number in 0..12 {
        case.put("large", &noise(number, 1_200_000));
        case.put("small", &noise(100 + number, 5_000));
        case.backup();
    }
    case.keep_only(&[3, 11]);
    let before = case.world.objects(0);
    let dry = PruneOptions {
        dry_run: true,
        ..PruneOptions::default()
    };
    let planned = case.prune_with(&dry);
    assert!(before == case.world.objects(0));
    let done = case.prune();
    assert_eq!(planned.unneeded, done.unneeded);
    assert_eq!(planned.repacked, done.repacked);
    assert!(done.unneeded.count >= 10);
    case.check("pruned");
}

#[test]
fn small_snapshots_are_bundled_and_objects_stay_few() {
    let mut case = Case::new(1);
    case.put("base", &noise(0, 200_000));
    for number in 0..150_u32 {
        case.put("small", &noise(number, 2_000));
        case.put(&format!("kept/{number}"), &noise(1_000 + number, 2_000));
        case.backup();
        if number % 30 == 29 {
            let newest = case.trees.len() - 1;
            case.keep_only(&[newest]);
            let pruned = case.prune();
            assert!(pruned.records.count >= 30, "{pruned:?}");
        }
    }
    case.check("bundled");
    let (_, log, _) = case.world.archive(&[0]).snapshots().unwrap();
    let live = log.live().iter().count();
    assert!(live < 30, "{live}");
}

#[test]
fn many_small_packs_become_few() {
    let mut case = Case::new(1);
    for number in 0..40_u32 {
        case.put(&format!("kept/{number}"), &noise(number, 1_100_000));
        case.backup();
    }
    let packs = |case: &Case| {
        let (_, log, _) = case.world.archive(&[0]).snapshots().unwrap();
        let live = log.live();
        let is_pack = |object: &strongroom_base::object::ObjectRef| object.kind().word() == "pack";
        live.iter().filter(|(object, _)| is_pack(object)).count()
    };
    assert!(packs(&case) >= 80);
    case.keep_only(&(0..40).collect::<Vec<_>>());
    let pruned = case.prune();
    assert!(pruned.repacked.count >= 80, "{pruned:?}");
    assert!(packs(&case) <= 6, "{}", packs(&case));
    let (infos, _) = case.world.verify_clean(0, "bundled");
    let trees: Vec<&Tree> = case.trees.iter().collect();
    case.world
        .restores(0, &infos[20..21], &trees[20..21], "bundled");
    case.world
        .restores(0, &infos[39..], &trees[39..], "bundled");
    assert!(case.prune().head.is_none());
}

#[test]
fn what_was_given_up_goes_after_the_grace() {
    let clock = Arc::new(MovedClock(Mutex::new(Timestamp(4_000_000_000_000_000_000))));
    let hours = |hours: i128| clock.0.lock().unwrap().0 += hours * 3_600_000_000_000;
    let mut case = Case::new(2);
    case.world = World::with_clock(2, clock.clone());
    for number in 0..12 {
        case.put("large", &noise(number, 1_200_000));
        case.backup();
        hours(1);
    }
    case.keep_only(&[11]);
    case.prune();
    let grace = Duration::from_hours(48);
    let erase = |case: &Case| case.world.erase(grace, &Run::sound()).unwrap();
    for erasure in erase(&case) {
        assert_eq!(erasure.erased.count, 0, "{erasure:?}");
        assert!(erasure.waiting.bytes > 12_000_000, "{erasure:?}");
        let until = erasure.until.unwrap().0;
        assert_eq!(
            until - clock.now().0,
            i128::try_from(grace.as_nanos()).unwrap()
        );
    }
    hours(47);
    for erasure in erase(&case) {
        // Index runs that were merged on the way are older; nothing else is as long as the shortest of them.
        let of_runs = erasure.erased.count * SHORTEST_RUN_LEN;
        assert_eq!(erasure.erased.bytes, of_runs, "{erasure:?}");
    }
    case.check("before the grace is over");
    hours(2);
    // What the newest record condemned goes only when there is a later one.
    case.backup();
    for erasure in erase(&case) {
        assert!(erasure.erased.bytes > 12_000_000, "{erasure:?}");
        assert_eq!(erasure.waiting.count, 0, "{erasure:?}");
    }
    case.check("after it");
    assert_eq!(case.world.objects(0).len(), case.world.live(0).len() + 3);
    case.put("large", &noise(3, 1_200_000));
    case.backup();
    case.check("stored again");
}
