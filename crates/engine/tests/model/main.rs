//! Random operations over three destinations against a reference model: a live chunk is never lost while one
//! replica that held it lives, whatever is killed, away, damaged, lost or set back in time.
//!
//! An operation is a backup, a forgetting, a prune with erasing, a sync, a healing, a verification, an adoption,
//! an acceptance, or something that happens: a destination comes or goes, a clock jumps, a disk is damaged, is
//! lost, or is an older copy of itself; the spool is lost, or gets another limit. Those of the program are killed at a
//! random call, or one call fails.
//!
//! All decisions come from a seed, and the calls of stores come one by one, so that a seed gives the same run again, but
//! for what depends on the names of objects: the birth times of files are in them. In every fifth seed threads race.
//!
//! What is checked after operations: a snapshot that a destination held is listed there and restores (`check.rs`); what
//! an operation says fits what is there (`judge.rs`); what was erased might be erased (`erasing.rs`); what only the spool
//! has is there without a gap, and reaches a destination (`spool.rs`); a destination that went back is noticed, and what one
//! that is away lacks is kept (`notice.rs`); when all is calm, everything is everywhere, and
//! the same (`calm.rs`).

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

#[path = "../common/mod.rs"]
mod common;

mod acts;
mod calm;
mod check;
mod dice;
mod erasing;
mod judge;
mod look;
mod machine;
mod notice;
mod profile;
mod reference;
mod run;
mod site;
mod source;
mod spool;
mod step;
mod tally;
mod tend;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use step::Theme;
use tally::Tally;

const THEMES: [Theme; 4] = [Theme::Plain, Theme::Disks, Theme::Profiles, Theme::Spool];

/// Nothing more is tried when so many seeds have failed.
const FAILED_MAX: usize = 6;

/// Runs seeds one after the other on so many threads, and tells what was done.
#[expect(clippy::print_stdout, reason = "the counts are a result")]
fn run_all(seeds: std::ops::Range<u64>, steps: u64, theme: Option<Theme>, threads: usize) {
    let (seed, steps) = (asked("SEED"), asked("STEPS").unwrap_or(steps));
    let count = asked("SEEDS").unwrap_or(1);
    let seeds = seed.map_or(seeds, |seed| seed..seed + count);
    let (next, tally) = (AtomicU64::new(seeds.start), Mutex::new(Tally::default()));
    let failed = Mutex::new(Vec::new());
    let work = || {
        while failed.lock().unwrap().len() < FAILED_MAX {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if !seeds.contains(&seed) {
                return;
            }
            let theme = theme.unwrap_or(THEMES[usize::try_from(seed % 4).unwrap()]);
            let (done, ended) = run::run(seed, steps, theme);
            tally.lock().unwrap().add(&done);
            failed.lock().unwrap().extend(ended.err());
        }
    };
    let begun = std::time::Instant::now();
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    println!(
        "{}{} seeds failed; in {:?}",
        tally.into_inner().unwrap(),
        failed.lock().unwrap().len(),
        begun.elapsed()
    );
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

#[expect(clippy::disallowed_methods, reason = "a failed run is seen again")]
fn asked(what: &str) -> Option<u64> {
    let text = std::env::var(format!("STRONGROOM_MODEL_{what}")).ok()?;
    Some(text.parse().expect("a number"))
}

#[test]
fn kills_absences_and_clocks_lose_nothing() {
    run_all(0..4, 250, Some(Theme::Plain), 1);
}

#[test]
fn lost_and_damaged_disks_lose_nothing_that_another_one_has() {
    run_all(100..104, 250, Some(Theme::Disks), 1);
}

#[test]
fn other_profiles_lose_nothing() {
    run_all(200..204, 250, Some(Theme::Profiles), 1);
}

#[test]
fn disks_that_take_turns_and_a_spool_lose_nothing() {
    run_all(300..304, 250, Some(Theme::Spool), 1);
}

#[test]
#[ignore = "takes many minutes: 120,000 operations"]
fn a_hundred_thousand_operations_lose_nothing() {
    run_all(1_000..1_200, 600, None, 2);
}
