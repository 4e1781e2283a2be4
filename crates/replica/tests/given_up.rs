//! What was given up comes back as long as it may not be erased, and not later.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod common;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use common::{World, authority, contents, id, is_keys, plant, replica};
use strongroom_base::clock::{Clock, Timestamp};
use strongroom_base::random::RandomSource;
use strongroom_replica::Replica;
use strongroom_replica::erase::{Held, Rules, Unnamed};
use strongroom_replica::expected::{Expected, Owner};
use strongroom_replica::given_up::{GivenUp, Search, search};
use strongroom_replica::heal::heal;
use strongroom_replica::scrub::{Sample, scrub};
use strongroom_store::{Memory, ObjectPath, Store};

type Contents = BTreeMap<ObjectPath, Vec<u8>>;

const DAY: i64 = 86_400;

#[derive(Default)]
struct Days(AtomicI64);

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

/// Two replicas of an archive with condemned packs and runs, a record that a checkpoint did not keep, and a branch.
struct Pair {
    clock: Arc<Days>,
    target: Arc<Memory>,
    sister: Arc<Memory>,
    all: Contents,
}

impl Pair {
    fn new() -> Self {
        let mut world = World::new();
        let (_, gone) = world.snapshot(2, 900);
        let (kept, _) = world.snapshot(2, 900);
        world.prune(&[gone[0].object, gone[2].object]);
        world.checkpoint(&[id(1, 1), kept]);
        let (_, late) = world.snapshot(2, 900);
        let base = world.previous;
        let records = world.records.clone();
        // Two records that the next generation does not continue.
        world.snapshot(1, 700);
        world.snapshot(1, 700);
        world.previous = base;
        world.records = records;
        world.begin_generation();
        world.prune(&[late[0].object]);
        world.snapshot(1, 900);
        let clock = Arc::new(Days::default());
        let store = || {
            let store = Memory::with_clock(clock.clone());
            world.fill(&store);
            Arc::new(store)
        };
        let (target, sister) = (store(), store());
        let all = contents(&*target);
        Self {
            clock,
            target,
            sister,
            all,
        }
    }

    fn rules(&self) -> Rules {
        Rules {
            grace: Duration::from_hours(30 * 24),
            days: None,
            unnamed: Unnamed::Leave,
            now: self.clock.now(),
        }
    }

    /// Heals the target, and returns what was found of objects that were given up.
    fn heal(&self, rules: Rules) -> GivenUp {
        let (target, sister) = (replica(&self.target), replica(&self.sister));
        let sisters: [&Replica; 1] = [&sister];
        let expected = Expected::of(&[&sister, &target], &owner()).unwrap();
        let owner = owner();
        let go_on = || ControlFlow::Continue(());
        let found = scrub(&target, &expected, &owner, Sample::ALL, &mut |_| go_on()).unwrap();
        let given_up = || {
            let task = Search {
                replica: &target,
                sisters: &sisters,
                expected: &expected,
                owner: &owner,
                sample: Sample::ALL,
                rules,
            };
            search(&task, &Zero, &mut || go_on()).unwrap()
        };
        let mend = |findings: &[_]| {
            let mended = heal(&target, &sisters, &expected, &owner, findings, &mut |_| {
                go_on()
            });
            assert!(mended.unwrap().is_whole());
        };
        mend(&found.findings);
        let found = given_up();
        mend(&found.records);
        mend(&found.contents);
        assert!(found.held.is_some() || given_up().is_empty());
        found
    }
}

#[test]
fn every_object_comes_back_while_the_grace_lasts() {
    let pair = Pair::new();
    assert!(pair.heal(pair.rules()).is_empty());
    let mut given_up = 0;
    for (path, bytes) in &pair.all {
        pair.target.delete(path).unwrap();
        given_up += pair.heal(pair.rules()).len();
        assert!(contents(&*pair.target) == pair.all, "{path} was missing");
        plant(&*pair.target, path, &bytes[1..]);
        given_up += pair.heal(pair.rules()).len();
        assert!(contents(&*pair.target) == pair.all, "{path} was damaged");
    }
    // Three condemned objects, two records that the checkpoint let go, and the branch: two records, two packs, two runs.
    assert_eq!(given_up, 2 * (3 + 2 + 6));
    // Several at once: what says that another one was given up may be damaged itself.
    for turn in 0..6 {
        for (number, (path, bytes)) in pair.all.iter().enumerate() {
            match (number * (turn + 1) + turn) % 3 {
                0 => pair.target.delete(path).unwrap(),
                1 => plant(&*pair.target, path, &bytes[1..]),
                _ => {}
            }
        }
        let records = pair.all.iter();
        for (path, bytes) in
            records.filter(|(path, _)| turn == 5 && path.as_str().contains("/log/"))
        {
            plant(&*pair.target, path, &bytes[1..]);
        }
        pair.heal(pair.rules());
        assert!(contents(&*pair.target) == pair.all, "turn {turn}");
    }
}

#[test]
fn what_was_erased_rightly_stays_away() {
    let paths = Pair::new().all;
    let mut away = 0;
    for path in paths.keys() {
        let pair = Pair::new();
        pair.clock.0.store(31 * DAY, Ordering::SeqCst);
        pair.target.delete(path).unwrap();
        pair.heal(pair.rules());
        away += pair.all.len() - contents(&*pair.target).len();
    }
    // The three condemned objects and the two records; the branch stays, as it is never erased.
    assert_eq!(away, 5);
}

#[test]
fn where_nobody_can_tell_nothing_is_put_back() {
    let pair = Pair::new();
    let missing = pair.all.len();
    for path in pair.all.keys() {
        pair.target.delete(path).unwrap();
    }
    let wrong_clock = Rules {
        now: Timestamp(pair.clock.now().0 + 2 * i128::from(DAY) * 1_000_000_000),
        ..pair.rules()
    };
    assert_eq!(pair.heal(wrong_clock).held, Some(Held::Clock));
    assert!(contents(&*pair.target).len() < missing);
    pair.heal(pair.rules());
    assert!(contents(&*pair.target) == pair.all);
}
