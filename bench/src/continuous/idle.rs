//! What watching costs while nothing changes, and whether the agent holds its budget while it backs up much.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::agent::Agent;
use crate::options::Options;
use crate::place::Place;
use crate::random;
use crate::report::{Goal, Report, Times, amount, number};
use crate::say;
use crate::tree::{Tree, noise};

const PART: &str = "idle";

const NEAR: [&str; 2] = ["one", "two"];
/// What the agent may use of all processors, and what is looked at each time.
const BUDGET: &str = "20%";
const WINDOW: Duration = Duration::from_secs(10);
/// The most that it may use in each, in percent: the agent promises to keep within 3 points.
const AT_MOST: f64 = 23.0;
/// Fewer windows than this say nothing.
const WINDOWS_MIN: usize = 3;
/// The length of each large file.
const LARGE: usize = 16 << 20;
/// How many of them are in a folder.
const LARGE_EACH: u32 = 16;

/// Measures a first backup within a budget, then nothing.
pub(crate) fn idle(options: &Options, report: &mut Report) -> Result<()> {
    let place = Place::new(options, PART, &NEAR)?;
    let root = place.path("tree");
    let n_files = options.files(1_000_000);
    say::progress(&format!(
        "idle: writing {n_files} files and {} MiB",
        options.bulk
    ));
    Tree::make(root.join("small"), n_files)?;
    write_bulk(&root.join("large"), options.bulk)?;
    place.run(["agent", "set", "present", "--cpu", BUDGET])?;
    let agent = Agent::start(&place, &root, options.way(), &[])?;
    budget(options, &agent, report)?;
    say::progress(&format!(
        "idle: {} s without a change",
        options.idle_seconds
    ));
    let rounds = agent.status()?.rounds;
    let (before, begun) = (agent.processor()?, Instant::now());
    std::thread::sleep(Duration::from_secs(options.idle_seconds));
    let took = agent.processor()?.saturating_sub(before).as_secs_f64();
    let share = 100.0 * took / begun.elapsed().as_secs_f64();
    let what = format!(
        "processor in {} s, {n_files} files watched",
        options.idle_seconds
    );
    report.told(PART, what, took, "s");
    let what = "share of one processor while nothing changes";
    report.judged(PART, what, share, "%", Goal::AtMost(0.1));
    let rounds = amount(agent.status()?.rounds - rounds);
    report.told(PART, "looks at destinations meanwhile", rounds, "");
    let memory = amount(agent.memory()?.now) / f64::from(1 << 20);
    report.told(PART, "memory", memory, "MiB");
    agent.stop()
}

/// Looks every ten seconds what share of the machine the agent used, until the first backup is complete.
fn budget(options: &Options, agent: &Agent<'_>, report: &mut Report) -> Result<()> {
    say::progress("idle: first backup within the budget");
    let n_processors = std::thread::available_parallelism()?.get();
    let mut shares = Times::default();
    let whole = (agent.processor()?, Instant::now());
    let mut before = whole;
    while !agent.status()?.is_synchronised() {
        ensure!(
            whole.1.elapsed() < options.patience(),
            "the first backup did not end: {}",
            agent.status()?.told()
        );
        std::thread::sleep(Duration::from_millis(100));
        if before.1.elapsed() >= WINDOW {
            let now = (agent.processor()?, Instant::now());
            shares.add(share(before, now, n_processors));
            before = now;
        }
    }
    ensure!(
        shares.len() >= WINDOWS_MIN,
        "the first backup was over too soon to say whether the budget was held; --bulk makes it longer"
    );
    let n = shares.len();
    let what =
        format!("first backup: share of {n_processors} processors in the busiest of {n} × 10 s");
    report.judged(PART, what, shares.within(100), "%", Goal::AtMost(AT_MOST));
    let what = "first backup: share, median";
    report.told(PART, what, shares.within(50), "%");
    let seconds = whole.1.elapsed().as_secs_f64();
    report.told(PART, "first backup", seconds, "s");
    Ok(())
}

/// Returns how many percent of all processors were used between two looks.
fn share(before: (Duration, Instant), now: (Duration, Instant), n_processors: usize) -> f64 {
    let used = now.0.saturating_sub(before.0).as_secs_f64();
    let passed = (now.1 - before.1).as_secs_f64();
    100.0 * used / passed / number(n_processors)
}

/// Writes so many MiB that do not compress.
fn write_bulk(folder: &Path, mebibytes: u32) -> Result<()> {
    let mut random = random::seeded(u64::from(mebibytes));
    for number in 0..mebibytes.div_ceil(16) {
        let folder = folder.join((number / LARGE_EACH).to_string());
        fs::create_dir_all(&folder)?;
        let bytes = noise(&mut random, LARGE);
        File::create(folder.join(number.to_string()))?.write_all(&bytes)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_seconds_in_ten_on_two_processors_are_a_fifth() {
        let begun = Instant::now();
        let later = begun + Duration::from_secs(10);
        let (none, four) = (Duration::ZERO, Duration::from_secs(4));
        let found = share((none, begun), (four, later), 2);
        assert!((found - 20.0).abs() < 0.001, "{found}");
    }
}
