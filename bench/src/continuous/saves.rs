//! A saved file at two destinations, and at a bucket far away: how soon, and what it costs.

use anyhow::{Context as _, Result};

use crate::agent::Agent;
use crate::arrivals::{Arrivals, Many, SOON, extents, growth, save};
use crate::bucket::Bucket;
use crate::options::{Options, Way};
use crate::place::Place;
use crate::random;
use crate::report::{Goal, Report, amount, milliseconds, number};
use crate::say;
use crate::status::Status;
use crate::tree::Tree;

const PART: &str = "saves";

/// The folder destinations.
const NEAR: [&str; 2] = ["one", "two"];
/// The bucket.
const FAR: &str = "cloud";
/// Every so many saves, the other destinations too must give the file back.
const OTHERS_EVERY: u32 = 10;

/// Measures with each way of noticing changes.
pub(crate) fn saves(options: &Options, report: &mut Report) -> Result<()> {
    let n_files = options.files(1_000_000);
    let shared = Place::new(options, "saves-tree", &[])?;
    say::progress(&format!("saves: writing {n_files} files"));
    let tree = Tree::make(shared.path("tree"), n_files)?;
    for way in options.ways() {
        let measured = with(options, way, &tree, report);
        measured.with_context(|| format!("with {}", way.name()))?;
    }
    Ok(())
}

fn with(options: &Options, way: Way, tree: &Tree, report: &mut Report) -> Result<()> {
    let place = Place::new(options, &format!("saves-{}", way.name()), &NEAR)?;
    let bucket = options.s3.as_deref();
    let bucket = bucket
        .map(|file| Bucket::open(&place, FAR, file, options.round_trip))
        .transpose()?;
    let of = |what: &str| format!("{}: {what}", way.name());
    say::progress(&of("first backup"));
    let agent = Agent::start(&place, &tree.path, Some(way), &[])?;
    begin(options, &agent, report, &of("first start"))?;
    agent.stop()?;
    let agent = Agent::start(&place, &tree.path, Some(way), &[])?;
    begin(options, &agent, report, &of("later start"))?;
    say::progress(&of("saves"));
    let far = bucket.is_some().then_some(FAR);
    let (at_first, begun) = (extents(&place, &NEAR)?, agent.processor()?);
    let n_before = agent.status()?.snapshots;
    let mut many = save_many(options, (&place, tree), &agent, far)?;
    let n = usize::try_from(agent.status()?.snapshots - n_before)?;
    let took = agent.processor()?.saturating_sub(begun);
    many.judge(report, PART, &of("a saved file at both folders"));
    for (name, percent) in [("median", 50), ("99th", 99)] {
        let seen = many.seen.within(percent);
        report.told(
            PART,
            of(&format!("{name}, from close to the record's file")),
            seen,
            "ms",
        );
        if far.is_some() {
            let what = of(&format!(
                "{name}, from close to the acknowledgement of a bucket {} ms away",
                options.round_trip
            ));
            report.judged(PART, what, many.far.within(percent), "ms", SOON);
        }
    }
    let each = milliseconds(took) / number(n.max(1));
    let what = of("processor for each snapshot");
    report.judged(PART, what, each, "ms", Goal::AtMost(50.0));
    let sum = growth(&at_first, &extents(&place, &NEAR)?);
    let goals = [("KiB", Goal::AtMost(32.0)), ("objects", Goal::AtMost(1.0))];
    let medians = [many.kibibytes.within(50), many.objects.within(50)];
    for ((sum, median), (unit, goal)) in sum.into_iter().zip(medians).zip(goals) {
        let what = of("written by a snapshot to each destination");
        report.judged(PART, format!("{what}: median"), median, unit, goal);
        report.told(PART, format!("{what}: mean"), sum / number(n.max(1)), unit);
    }
    tell_memory(&agent, report, &of("after the saves"))?;
    agent.stop()
}

fn save_many(
    options: &Options,
    (place, tree): (&Place, &Tree),
    agent: &Agent<'_>,
    far: Option<&str>,
) -> Result<Many> {
    let mut random = random::seeded(options.seed);
    let mut arrivals = Arrivals::at(place, agent, &NEAR)?.and_far(far);
    let mut many = Many::default();
    let mut before = extents(place, &NEAR)?;
    for number in 0..options.saves {
        let mut proofs = vec![NEAR[0]];
        if number % OTHERS_EVERY == 0 {
            proofs.push(NEAR[1]);
            proofs.extend(far);
        }
        many.add(save((place, tree), &mut arrivals, &mut random, &proofs)?);
        let after = extents(place, &NEAR)?;
        many.add_growth(&before, &after);
        before = after;
    }
    Ok(many)
}

/// Waits until an agent that was just started watches everything, and until all is backed up.
fn begin(options: &Options, agent: &Agent<'_>, report: &mut Report, when: &str) -> Result<()> {
    let patience = options.patience();
    let is_watching = |status: &Status| status.is_live() || status.rounds > 0;
    agent.until("the watch", patience, is_watching)?;
    let live = agent.begun.elapsed();
    agent.until_synchronised(patience)?;
    let complete = agent.begun.elapsed();
    let what = format!("{when}: until every change is noticed");
    report.told(PART, what, live.as_secs_f64(), "s");
    let what = format!("{when}: until all is looked at and backed up");
    report.told(PART, what, complete.as_secs_f64(), "s");
    tell_memory(agent, report, when)
}

fn tell_memory(agent: &Agent<'_>, report: &mut Report, when: &str) -> Result<()> {
    let memory = agent.memory()?;
    for (what, bytes) in [("memory", memory.now), ("most memory", memory.peak)] {
        let mebibytes = amount(bytes) / f64::from(1 << 20);
        report.told(PART, format!("{when}: {what}"), mebibytes, "MiB");
    }
    Ok(())
}
