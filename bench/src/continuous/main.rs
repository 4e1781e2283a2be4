//! Measures the agent: how soon a saved file is durable, what survives storms and kills, what is slow for whom, and what
//! watching costs.
//!
//! `docs/benchmarks.md` says how to run it (`cargo xtask continuous`) and what the figures mean. The agent is the program
//! as it is shipped, in a process of its own, with a home that is thrown away.

mod agent;
mod arrivals;
mod away;
mod bucket;
#[path = "../folders.rs"]
#[expect(dead_code, reason = "what the page cache holds does not matter here")]
mod folders;
mod idle;
mod notices;
mod openings;
mod options;
mod place;
#[path = "../process.rs"]
mod process;
#[path = "../random.rs"]
mod random;
mod rename;
mod replicas;
#[path = "../report.rs"]
#[expect(dead_code, reason = "some of it is for the other program")]
mod report;
mod saves;
#[path = "../say.rs"]
mod say;
mod status;
mod storm;
mod tree;

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Parser as _;

use options::{Options, Part};
use report::Report;

/// A part, and what measures it.
type Measure = (Part, &'static str, fn(&Options, &mut Report) -> Result<()>);

/// The parts, in the order in which they are measured.
const PARTS: &[Measure] = &[
    (Part::Saves, "saves", saves::saves),
    (Part::Storm, "storm", storm::storm),
    (Part::Away, "away", away::away),
    (Part::Rename, "rename", rename::rename),
    (Part::Idle, "idle", idle::idle),
];

fn main() -> Result<ExitCode> {
    let options = Options::parse();
    let mut report = Report::default();
    let measured = measure(&options, &mut report);
    let text = if options.json {
        serde_json::to_string_pretty(&report)? + "\n"
    } else {
        report.table()
    };
    // What was measured before something failed is told, too.
    say::table(&text);
    measured?;
    Ok(ExitCode::from(u8::from(!report.is_good())))
}

fn measure(options: &Options, report: &mut Report) -> Result<()> {
    for (part, name, measure) in PARTS {
        if options.wants(*part) {
            say::progress(name);
            measure(options, report).with_context(|| format!("measuring {name}"))?;
        }
    }
    Ok(())
}
