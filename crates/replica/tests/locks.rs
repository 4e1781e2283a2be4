//! What is live stays locked, what was given up does not, and nothing goes before its time.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod common;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use common::{World, authority, is_keys, replica};
use strongroom_base::clock::{Clock, Timestamp};
use strongroom_replica::expected::Owner;
use strongroom_replica::layout::object_path;
use strongroom_replica::locks::{Extended, Round, extend, is_due, live_paths};
use strongroom_replica::sync::sync;
use strongroom_store::{LockMode, LockRule, Memory, ObjectPath, Store, StoreError};

const DAY: i64 = 86_400;
const RULE: LockRule = LockRule {
    mode: LockMode::Compliance,
    days: 40,
};

#[derive(Default)]
struct Days(AtomicI64);

impl Days {
    fn set(&self, day: i64) {
        self.0.store(day * DAY, Ordering::SeqCst);
    }
}

impl Clock for Days {
    fn now(&self) -> Timestamp {
        Timestamp::from_parts(self.0.load(Ordering::SeqCst), 0)
    }
}

/// A destination that locks, the archive that is synchronized to it, and what its writer remembers.
struct Vault {
    world: World,
    clock: Arc<Days>,
    store: Arc<Memory>,
    round: Option<Round>,
}

fn owner() -> Owner<'static> {
    Owner {
        authority: authority(),
        is_keys: &is_keys,
    }
}

impl Vault {
    fn new() -> Self {
        let clock = Arc::new(Days::default());
        let store = Arc::new(Memory::with_lock(clock.clone(), RULE));
        Self {
            world: World::new(),
            clock,
            store,
            round: None,
        }
    }

    fn deliver(&self) {
        let source = replica(&self.world.store());
        sync(&replica(&self.store), &[&source], &owner(), &mut |_| {
            ControlFlow::Continue(())
        })
        .unwrap();
    }

    /// What a run on this day does.
    fn run(&mut self, day: i64) -> Option<Extended> {
        self.clock.set(day);
        let now = self.clock.now();
        if !is_due(self.round.as_ref(), RULE, now) {
            return None;
        }
        let live = live_paths(&replica(&self.store), &owner()).unwrap();
        let last = self.round.take();
        let (round, extended) = extend(&self.store, &live, RULE, now, last, &mut || {
            ControlFlow::Continue(())
        })
        .unwrap();
        self.round = Some(round);
        Some(extended)
    }

    /// The days until which objects are locked.
    fn locks(&self) -> BTreeMap<ObjectPath, i64> {
        let mut paths = Vec::new();
        self.store
            .list("", &mut |path, _| paths.push(path))
            .unwrap();
        let day = |path: &ObjectPath| {
            let until = self.store.locked_until(path).unwrap().unwrap();
            i64::try_from(until.0 / 1_000_000_000).unwrap() / DAY
        };
        paths.iter().map(|path| (path.clone(), day(path))).collect()
    }
}

#[test]
fn what_is_live_stays_locked_and_what_was_given_up_can_be_erased() {
    let mut vault = Vault::new();
    let (_, adds) = vault.world.snapshot(2, 500);
    vault.world.snapshot(1, 500);
    vault.deliver();
    let count = vault.locks().len() as u64;
    // Everything was put just now.
    let all = |extended| Extended {
        looked_at: count,
        extended,
        left: 0,
    };
    assert_eq!(vault.run(0), Some(all(0)));
    assert_eq!(vault.run(9), None, "a quarter of the time has not passed");
    assert_eq!(vault.run(10), Some(all(0)), "half of it is left");
    vault.clock.set(15);
    vault.world.prune(&[adds[0].object]);
    vault.deliver();
    // Without the one that was given up, with the record that says so.
    assert_eq!(vault.run(21), Some(all(count - 1)));
    let gone = object_path(common::ARCHIVE, &adds[0].object);
    let locks = vault.locks();
    for (path, until) in &locks {
        let expected = match path {
            path if *path == gone => 40,
            path if path.as_str().ends_with(&format!("{:016x}", 4)) => 55,
            _ => 61,
        };
        assert_eq!(*until, expected, "{path}");
    }
    vault.clock.set(39);
    for path in locks.keys() {
        let error = vault.store.delete(path).unwrap_err();
        assert!(matches!(error, StoreError::Denied { .. }), "{error}");
    }
    for day in (40..400).step_by(5) {
        vault.run(day);
        for (path, until) in vault.locks() {
            assert!(
                path == gone || until >= day + 10,
                "{path}: day {day} of {until}"
            );
        }
    }
    vault.store.delete(&gone).unwrap();
}

#[test]
fn a_run_has_a_bound_and_the_next_one_goes_on() {
    let mut vault = Vault::new();
    vault.world.snapshot(1_400, 10);
    vault.deliver();
    let count = vault.locks().len() as u64;
    let first = vault.run(30).unwrap();
    assert_eq!((first.looked_at, first.extended), (1_000, 1_000));
    assert_eq!(first.left, count - 1_000);
    let second = vault.run(30).unwrap();
    assert_eq!((second.looked_at, second.left), (count - 1_000, 0));
    assert_eq!(second.extended, second.looked_at);
    assert_eq!(vault.run(31), None);
    // Who has forgotten it all asks once more, and locks nothing.
    vault.round = None;
    assert_eq!(vault.run(31).unwrap().extended, 0);
}
