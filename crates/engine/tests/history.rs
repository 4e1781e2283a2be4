//! A simulated history with one change an hour, forgotten daily and pruned weekly: what is kept is what was
//! promised, space comes back, the number of objects stays bounded, and every kept snapshot restores.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use common::crash::{Run, World, restore_to};
use common::trees::fast_folder;
use common::{MovedClock, noise, write};
use jiff::tz::TimeZone;
use strongroom_base::clock::{Clock, Timestamp};
use strongroom_base::ids::Seq;
use strongroom_engine::erase::GRACE;
use strongroom_engine::prune::{PruneOptions, PruneSummary};
use strongroom_engine::retention::{Candidate, Period, Policy};

const HOUR: i128 = 3_600_000_000_000;
/// Monday, and later than the files that the test writes.
const BEGIN: &str = "2035-01-01T00:00:00Z";

/// What a file holds: a seed and a length.
type Files = BTreeMap<String, (u32, usize)>;

/// What there is after a prune.
#[derive(Debug)]
struct Point {
    snapshots: usize,
    /// Live objects and their bytes.
    objects: usize,
    bytes: u64,
    /// Objects at the destination.
    there: usize,
    /// Bytes of the contents that the kept snapshots have together.
    needed: u64,
}

struct Simulation {
    world: World,
    clock: Arc<MovedClock>,
    source: tempfile::TempDir,
    files: Files,
    /// The snapshots that were ever made: when, and what was in them.
    made: BTreeMap<Seq, (Timestamp, Files)>,
    policy: Policy,
}

impl Simulation {
    fn new(destinations: usize) -> Self {
        let begin: jiff::Timestamp = BEGIN.parse().unwrap();
        let begin = Timestamp(begin.as_nanosecond());
        let clock = Arc::new(MovedClock(Mutex::new(begin)));
        let mut simulation = Self {
            world: World::with_clock(destinations, clock.clone()),
            clock,
            source: fast_folder(),
            files: Files::new(),
            made: BTreeMap::new(),
            policy: Policy {
                periods: vec![
                    (Period::Hour, 24),
                    (Period::Day, 7),
                    (Period::Week, 5),
                    (Period::Month, 12),
                    (Period::Year, 2),
                ],
                ..Policy::default()
            },
        };
        for number in 0..60 {
            simulation.put(format!("{}/{number}", number % 6), number, 1_500);
        }
        simulation.put("large".to_owned(), 99, 1_500_000);
        simulation
    }

    fn put(&mut self, path: String, seed: u32, len: usize) {
        write(&self.source.path().join(&path), &noise(seed, len));
        self.files.insert(path, (seed, len));
    }

    /// Lets an hour pass, in which something changes.
    fn hour(&mut self, hour: u32) {
        self.clock.0.lock().unwrap().0 += HOUR;
        let number = hour * 7 % 60;
        let len = 1_000 + hour as usize % 3_000;
        self.put(format!("{}/{number}", number % 6), 1_000 + hour, len);
        if hour % 24 == 11 {
            self.put(format!("daily/{}", hour / 24 % 5), 1 << 20 | hour, 120_000);
        }
        if hour % 168 == 100 {
            self.put("weekly".to_owned(), 1 << 21 | hour, 900_000 + hour as usize);
        }
        let summary = self
            .world
            .backup(self.source.path(), &Run::sound())
            .unwrap();
        let seq = summary.snapshot.id.seq;
        self.made
            .insert(seq, (self.clock.now(), self.files.clone()));
    }

    fn forget(&self) {
        let (infos, _, _) = self.world.archive(&[0]).snapshots().unwrap();
        let candidate = |info: &strongroom_read::SnapshotInfo| Candidate {
            time: info.snapshot.started,
            tags: info.snapshot.tags.clone(),
        };
        let candidates: Vec<Candidate> = infos.iter().map(candidate).collect();
        let reasons = self.policy.reasons(&candidates, &TimeZone::UTC).unwrap();
        let gone = infos.iter().zip(&reasons).filter(|(_, why)| why.is_empty());
        let gone: Vec<Seq> = gone.map(|(info, _)| info.id.seq).collect();
        self.world.forget(&gone, &Run::sound()).unwrap();
    }

    fn prune(&self) -> PruneSummary {
        let pruned = self
            .world
            .prune(&PruneOptions::default(), &Run::sound())
            .unwrap();
        for erasure in self.world.erase(GRACE, &Run::sound()).unwrap() {
            assert!(erasure.held.is_none(), "{erasure:?}");
        }
        pruned
    }

    /// What must be kept, of everything that was ever made, found in another way than the policy does.
    fn promised(&self) -> BTreeSet<Seq> {
        let mut promised = BTreeSet::new();
        let mut rule = |of: &dyn Fn(&jiff::Zoned) -> i64, count: usize| {
            let mut newest: BTreeMap<i64, Seq> = BTreeMap::new();
            for (seq, (time, _)) in &self.made {
                let time = jiff::Timestamp::from_nanosecond(time.0).unwrap();
                newest.insert(of(&time.to_zoned(TimeZone::UTC)), *seq);
            }
            promised.extend(newest.values().rev().take(count).copied());
        };
        let hours = |time: &jiff::Zoned| time.timestamp().as_second() / 3_600;
        rule(&hours, 24);
        rule(&|time| hours(time) / 24, 7);
        // The first of January 1970 was a Thursday.
        rule(&|time| (hours(time) / 24 + 3) / 7, 5);
        let months = |time: &jiff::Zoned| i64::from(time.year()) * 12 + i64::from(time.month());
        rule(&months, 12);
        rule(&|time| i64::from(time.year()), 2);
        promised
    }

    /// The snapshots are those that were promised; these restore as they were.
    fn check(&self, stores: usize, every: usize) {
        let promised = self.promised();
        for store in 0..stores {
            let (infos, _) = self.world.verify_clean(store, "history");
            let found: BTreeSet<Seq> = infos.iter().map(|info| info.id.seq).collect();
            assert_eq!(found, promised);
            let archive = self.world.archive(&[store]);
            for info in infos.iter().step_by(every) {
                let target = fast_folder();
                let summary = restore_to(&archive, info, target.path());
                assert_eq!((summary.damaged, summary.failed), (0, 0));
                let files = &self.made[&info.id.seq].1;
                let mut found = 0;
                for (path, (seed, len)) in files {
                    let bytes = std::fs::read(target.path().join(path)).unwrap();
                    assert!(bytes == noise(*seed, *len), "{}: {path}", info.id);
                    found += 1;
                }
                assert_eq!(found, files.len());
            }
        }
    }

    #[expect(clippy::print_stdout, reason = "the curve is a result")]
    fn tell(&self, day: u32, pruned: &PruneSummary) -> Point {
        let live = self.world.live(0);
        let all = self.world.objects(0);
        let bytes = |objects: &BTreeMap<_, Vec<u8>>| -> u64 {
            objects.values().map(|bytes| bytes.len() as u64).sum()
        };
        let records = live.keys().filter(|path| path.as_str().contains("/log/"));
        println!(
            "day {day}: {} snapshots; live {} objects ({} records), {} KiB; there {} objects, {} KiB; \
             pruned {} packs {} records, {} copied",
            pruned.snapshots,
            live.len(),
            records.count(),
            bytes(&live) >> 10,
            all.len(),
            bytes(&all) >> 10,
            pruned.unneeded.count,
            pruned.records.count,
            pruned.repacked.count,
        );
        let promised = self.promised();
        let contents = promised.iter().flat_map(|seq| self.made[seq].1.values());
        let contents: BTreeSet<&(u32, usize)> = contents.collect();
        Point {
            snapshots: promised.len(),
            objects: live.len(),
            bytes: bytes(&live),
            there: all.len(),
            needed: contents.iter().map(|(_, len)| *len as u64).sum(),
        }
    }

    /// Runs so many days; returns what there is after each prune.
    fn run(&mut self, days: u32) -> Vec<Point> {
        let mut curve = Vec::new();
        for day in 0..days {
            for hour in 0..24 {
                self.hour(day * 24 + hour);
            }
            self.forget();
            if day % 7 == 6 {
                let pruned = self.prune();
                curve.push(self.tell(day + 1, &pruned));
            }
        }
        self.forget();
        let pruned = self.prune();
        curve.push(self.tell(days, &pruned));
        curve
    }
}

/// Objects and bytes are bounded by what is kept, not by how long it went on.
fn is_bounded(curve: &[Point]) {
    for point in curve {
        // A record for each snapshot; packs, runs and the rest do not grow with time.
        assert!(point.objects <= point.snapshots + 60, "{point:?}");
        // What was given up in two weeks, and the snapshots of a week.
        assert!(point.there <= point.objects + 900, "{point:?}");
        // 5 % unused, and padding, trees and records.
        assert!(point.bytes < point.needed * 6 / 5 + (1 << 20), "{point:?}");
    }
}

#[test]
fn forty_five_days_of_hours_are_kept_as_promised() {
    let mut simulation = Simulation::new(1);
    let curve = simulation.run(45);
    is_bounded(&curve);
    simulation.check(1, 2);
}

#[test]
#[ignore = "takes many minutes: 9,600 snapshots"]
fn four_hundred_days_of_hours_are_kept_as_promised() {
    let mut simulation = Simulation::new(2);
    let curve = simulation.run(400);
    is_bounded(&curve);
    simulation.check(2, 1);
}
