//! A destination that is away and comes back, and one that is slow: the others do not notice, and the source is left
//! alone.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::Result;
use rand_pcg::Pcg64;

use crate::agent::Agent;
use crate::arrivals::{Arrivals, Many, SAVED, save};
use crate::openings::{Count, Openings};
use crate::options::Options;
use crate::place::Place;
use crate::random;
use crate::replicas;
use crate::report::{Goal, Report, number};
use crate::say;
use crate::status::Status;
use crate::tree::{self, Tree};

const PART: &str = "away";

/// Those that are always there.
const NEAR: [&str; 2] = ["one", "two"];
/// The one that is not.
const THIRD: &str = "three";
/// What it may be given in a second while it is slow.
const SLOW: u64 = 200 * 1024;
/// A save with what proves it takes about so long.
const SAVE_SECONDS: u64 = 2;
/// So long the third may take for the last bit of what it lacks.
const PATIENCE: Duration = Duration::from_hours(2);

/// A measurement under way.
struct Away<'a> {
    options: &'a Options,
    place: &'a Place,
    tree: Tree,
    agent: Agent<'a>,
    random: Pcg64,
}

/// Measures both.
pub(crate) fn away(options: &Options, report: &mut Report) -> Result<()> {
    let place = Place::new(options, PART, &[NEAR[0], NEAR[1], THIRD])?;
    let n_files = options.files(100_000);
    say::progress(&format!("away: writing {n_files} files"));
    let tree = Tree::make(place.path("tree"), n_files)?;
    tree::let_settle();
    let agent = Agent::start(&place, &tree.path, options.way(), &[])?;
    agent.until_synchronised(options.patience())?;
    let mut away = Away {
        options,
        place: &place,
        tree,
        agent,
        random: random::seeded(options.seed),
    };
    away.saves("before", report)?;
    away.comes_and_goes(report)?;
    away.saves("after the third came back", report)?;
    away.is_slow(report)?;
    away.agent.stop()
}

impl Away<'_> {
    /// Saves as many files as is asked for, one after another.
    fn saves(&mut self, when: &str, report: &mut Report) -> Result<()> {
        say::progress(&format!("away: saves {when}"));
        let mut arrivals = Arrivals::at(self.place, &self.agent, &NEAR)?;
        let mut many = Many::default();
        for _ in 0..self.options.saves {
            let here = (self.place, &self.tree);
            many.add(save(here, &mut arrivals, &mut self.random, &NEAR[..1])?);
        }
        many.judge(report, PART, &format!("{when}, at the two others"));
        Ok(())
    }

    fn comes_and_goes(&mut self, report: &mut Report) -> Result<()> {
        let (there, elsewhere) = (self.place.destination(THIRD), self.place.path("elsewhere"));
        fs::rename(&there, &elsewhere)?;
        let mut many = self.while_it_is_away()?;
        many.judge(report, PART, "while the third is away, at the two others");
        // From here on nothing changes.
        let is_settled = |status: &Status| status.is_calm() && has_seen_it_go(status);
        let before = self
            .agent
            .until("that it is missed", PATIENCE, is_settled)?;
        let waiting = before.destination(THIRD);
        let waiting = waiting.map_or(0, |there| there.queue.records_waiting);
        let waiting = number(usize::try_from(waiting)?);
        report.told(PART, "records that the third lacked", waiting, "");
        let openings = Openings::of(&[&self.tree.path])?;
        let (seconds, count) = openings.during(|| {
            let begun = Instant::now();
            fs::rename(&elsewhere, &there)?;
            self.agent.until_synchronised(PATIENCE)?;
            Ok(begun.elapsed().as_secs_f64())
        })?;
        report.told(PART, "until the third had all of it", seconds, "s");
        tell_reads(report, count);
        self.compare(report)
    }

    fn while_it_is_away(&mut self) -> Result<Many> {
        let minutes = self.options.minutes;
        say::progress(&format!("away: {minutes} minutes with the third away"));
        let mut arrivals = Arrivals::at(self.place, &self.agent, &NEAR)?;
        let mut many = Many::default();
        let begun = Instant::now();
        let every = Duration::from_secs(self.options.every);
        while begun.elapsed() < Duration::from_secs(minutes * 60) {
            let next = Instant::now() + every;
            let here = (self.place, &self.tree);
            many.add(save(here, &mut arrivals, &mut self.random, &NEAR[..1])?);
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
        }
        Ok(many)
    }

    /// Saves files while the third has much to copy and may be given little.
    fn is_slow(&mut self, report: &mut Report) -> Result<()> {
        let limit = format!("{}K", SLOW / 1024);
        let set = ["--quiet", "destination", "set", THIRD, "--limit-upload"];
        self.place.run(set.into_iter().chain([limit.as_str()]))?;
        let len = SLOW * SAVE_SECONDS * u64::from(self.options.saves) + SLOW * 30;
        let len = usize::try_from(len)?;
        let path = self.tree.any_folder(&mut self.random).join("large");
        let bytes = tree::noise(&mut self.random, len);
        let mut arrivals = Arrivals::at(self.place, &self.agent, &NEAR)?;
        arrivals.of(|| tree::put(&path, &bytes))?;
        drop(arrivals);
        self.saves("while the third takes 200 KiB/s and is behind", report)?;
        let status = self.agent.status()?;
        let waiting = status.destination(THIRD);
        let waiting = waiting.map_or(0, |there| there.queue.records_waiting);
        let what = "records that the slow one lacked at the end";
        let waiting = number(usize::try_from(waiting)?);
        report.judged(PART, what, waiting, "", Goal::AtLeast(1.0));
        self.place.run(set.into_iter().chain(["none"]))?;
        say::progress("away: the third catches up");
        self.agent.until_synchronised(PATIENCE)?;
        self.compare(report)
    }

    /// Compares the third destination with the first, and takes something out of it.
    fn compare(&mut self, report: &mut Report) -> Result<()> {
        let path = self.tree.any_folder(&mut self.random).join("last");
        let bytes = tree::noise(&mut self.random, SAVED);
        tree::put(&path, &bytes)?;
        let snapshots = self.agent.status()?.snapshots;
        let is_done = |status: &Status| status.is_synchronised() && status.snapshots > snapshots;
        self.agent.until("a complete backup", PATIENCE, is_done)?;
        self.place.prove(THIRD, &path, &bytes)?;
        replicas::judge(self.place, [NEAR[0], THIRD], report, PART)
    }
}

fn has_seen_it_go(status: &Status) -> bool {
    let there = status.destination(THIRD);
    there.is_some_and(|there| there.status == "unreachable")
}

fn tell_reads(report: &mut Report, count: Count) {
    let none = Goal::AtMost(0.0);
    let what = "reads of files of the source meanwhile";
    report.judged(PART, what, number(count.reads), "", none);
    let what = "files of the source opened meanwhile";
    report.judged(PART, what, number(count.files_opened), "", none);
    let what = "folders of the source opened meanwhile";
    report.told(PART, what, number(count.folders_opened), "");
}
