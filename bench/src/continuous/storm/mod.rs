//! Storms: whatever happens in the tree, and to the agent meanwhile, in the end the newest snapshot is what is there.

mod checkout;
mod field;
mod mount;
mod strict;
mod watchman;
mod winds;

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::agent::Agent;
use crate::openings::Openings;
use crate::options::Options;
use crate::place::Place;
use crate::random::{Rng as _, seeded};
use crate::report::{Goal, Report, amount, number};
use crate::say;
use crate::status::Status;
use field::Field;
use watchman::{Seen, Watchman};

const PART: &str = "storm";

const NEAR: [&str; 2] = ["one", "two"];
/// So long an overflow may take to be noticed, and everything to be backed up when it is calm.
const PATIENCE: Duration = Duration::from_mins(10);
/// The agent lives at least so long before it is killed.
const LIFE_MIN: Duration = Duration::from_millis(200);
const NONE: Goal = Goal::AtMost(0.0);

/// Measures with forced overflows, or with kills.
pub(crate) fn storm(options: &Options, report: &mut Report) -> Result<()> {
    Field::clear(options, PART);
    let place = Place::new(options, PART, &NEAR)?;
    let field = Field::make(&place, options)?;
    let words = words(options);
    crate::tree::let_settle();
    let agent = Agent::start(&place, &field.root, options.way(), words)?;
    agent.until_synchronised(options.patience())?;
    let watchman = Watchman::new(place.profile());
    say::progress("storm: it storms");
    let mut living = Some(agent);
    let deeds = field.storm_during(options, &watchman, || {
        if options.kills > 0 {
            kill_many(options, &field, (&place, &watchman), &mut living, report)
        } else {
            let agent = living.as_ref().context("there is no agent")?;
            overflow_many(options, &field, agent, report)
        }
    })?;
    let agent = living.context("there is no agent")?;
    let begun = Instant::now();
    calm_down(&agent, &watchman)?;
    report.told(PART, "things that happened in the tree", number(deeds), "");
    let what = "from the end of the storm until all is backed up";
    report.told(PART, what, begun.elapsed().as_secs_f64(), "s");
    let seen = watchman.seen();
    tell(options, &field, &seen, report);
    prove(options, (&place, &field), &seen, report)?;
    agent.stop()
}

/// An agent that is killed every few seconds would make no snapshot at its usual pace.
fn words(options: &Options) -> &'static [&'static str] {
    if options.kills > 0 {
        return &["--burst", "1s"];
    }
    &[]
}

/// Lets the queue of each file system overflow, in turn, while the agent stands still.
fn overflow_many(
    options: &Options,
    field: &Field<'_>,
    agent: &Agent<'_>,
    report: &mut Report,
) -> Result<()> {
    let begun = Instant::now();
    let tops = field.tops();
    let n = options.overflows * u32::try_from(tops.len())?;
    let each = Duration::from_secs(options.seconds) / (n + 1);
    let mut opened = 0;
    for (number, top) in (1..=n).zip(tops.iter().cycle()) {
        let due = each * number;
        std::thread::sleep(due.saturating_sub(begun.elapsed()));
        say::progress(&format!("storm: overflow {number} of {n}"));
        opened += overflow(field, agent, top)?;
    }
    if tops.len() > 1 {
        let what =
            "folders looked at in the file system that had no overflow, where nothing had changed";
        report.judged(PART, what, number(opened), "", NONE);
    }
    let rest = Duration::from_secs(options.seconds).saturating_sub(begun.elapsed());
    std::thread::sleep(rest);
    Ok(())
}

/// Lets one queue overflow, and waits until the agent has walked that file system; returns how many folders were opened in
/// the parts of others in which nothing ever changes.
fn overflow(field: &Field<'_>, agent: &Agent<'_>, top: &Path) -> Result<usize> {
    let before = agent.status()?;
    let others = Openings::of(&field.calm_beside(top))?;
    let ((), count) = others.during(|| {
        agent.halt()?;
        let flooded = field.flood(top);
        agent.go_on()?;
        flooded?;
        let is_walked = |status: &Status| {
            scans_of(status, top) > scans_of(&before, top) && status.rounds > before.rounds
        };
        let walked = agent.until("a walk after an overflow", PATIENCE, is_walked)?;
        // The round that walks was begun when it was counted; the next one begins when it has ended.
        let is_over = |status: &Status| status.rounds > walked.rounds || !status.is_at_work();
        agent.until("the end of the walk", PATIENCE, is_over)?;
        Ok(())
    })?;
    Ok(count.folders_opened)
}

fn scans_of(status: &Status, top: &Path) -> u64 {
    let mut sources = status.sources.iter();
    let source = sources.find(|source| Path::new(&source.path) == top);
    source.map_or(0, |source| source.reconcile_scans)
}

/// Kills the agent at moments drawn by lot, and starts it again each time.
fn kill_many<'p>(
    options: &Options,
    field: &Field<'_>,
    (place, watchman): (&'p Place, &Watchman),
    living: &mut Option<Agent<'p>>,
    report: &mut Report,
) -> Result<()> {
    let mut random = seeded(options.seed);
    let most = Duration::from_secs(options.seconds * 2) / options.kills;
    let mut at_work = 0;
    for turn in 1..=options.kills {
        if turn % 10 == 1 {
            say::progress(&format!("storm: kill {turn} of {}", options.kills));
        }
        let lot = f64::from(random.next_u32()) / f64::from(u32::MAX);
        std::thread::sleep(most.mul_f64(lot).max(LIFE_MIN));
        let state = watchman.seen().state;
        at_work += usize::from(state.is_some_and(|(state, _)| is_at_work(&state)));
        living.take().context("there is no agent")?.kill()?;
        let words = words(options);
        *living = Some(Agent::start(place, &field.root, options.way(), words)?);
    }
    let kills = f64::from(options.kills);
    report.told(PART, "kills by SIGKILL", kills, "");
    let what = "of these while it was starting, scanning or synchronizing";
    report.told(PART, what, number(at_work), "");
    Ok(())
}

fn is_at_work(state: &str) -> bool {
    matches!(state, "starting" | "scanning" | "synchronizing")
}

/// Waits until the agent says that all is backed up, and is watched while it comes to that.
fn calm_down(agent: &Agent<'_>, watchman: &Watchman) -> Result<()> {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| watchman.look_until(&is_over));
        let calm = agent.until_synchronised(PATIENCE);
        is_over.store(true, std::sync::atomic::Ordering::Relaxed);
        calm.map(|_| ())
    })
}

/// Tells how the agent has fared.
fn tell(options: &Options, field: &Field<'_>, seen: &Seen, report: &mut Report) {
    report.told(PART, "snapshots", amount(seen.snapshots()), "");
    if options.kills == 0 {
        for (top, which) in std::iter::zip(field.tops(), ["outer", "inner"]) {
            let forced = f64::from(options.overflows);
            let what = format!("{which} file system: forced overflows");
            report.told(PART, what, forced, "");
            let scans = amount(seen.reconcile_scans(&top.display().to_string()));
            let what = format!("{which} file system: walks because something may have been missed");
            report.judged(PART, what, scans, "", Goal::AtMost(forced));
        }
        let full = amount(seen.later_full_scans());
        report.judged(
            PART,
            "looks at everything, besides the first",
            full,
            "",
            NONE,
        );
    }
    for (what, time) in &seen.times {
        let what = what.replace(&field.root.display().to_string(), "the tree");
        report.told(PART, format!("time: {what}"), time.as_secs_f64(), "s");
    }
}

/// Proves that the newest snapshot is what is there, and after kills that every other one can be had, too.
fn prove(
    options: &Options,
    (place, field): (&Place, &Field<'_>),
    seen: &Seen,
    report: &mut Report,
) -> Result<()> {
    for name in NEAR {
        say::progress(&format!("storm: comparing with {name}"));
        let found = strict::differences(place, name, &field.root)?;
        let what = format!("differences between the tree and the newest snapshot at {name}");
        report.judged(PART, what, number(found.len()), "", NONE);
    }
    crate::replicas::judge(place, NEAR, report, PART)?;
    if options.kills == 0 {
        return Ok(());
    }
    for name in NEAR {
        let (n, lost) = strict::everything(place, name, &seen.acknowledged)?;
        let what = format!("snapshots at {name}, each restored");
        report.told(PART, what, number(n), "");
        let what = format!("snapshots that were acknowledged, and {name} has no more");
        report.judged(PART, what, number(lost), "", NONE);
    }
    let kept = number(seen.acknowledged.len());
    report.told(PART, "snapshots seen to be acknowledged", kept, "");
    Ok(())
}
