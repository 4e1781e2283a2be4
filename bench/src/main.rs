//! Measures Strongroom side by side with other backup tools and prints one Markdown table.
//!
//! `docs/benchmarks.md` says how to run it and what the numbers mean; the goals are those of
//! [`goals`]. Nothing is installed or downloaded here: a tool that is not there is left out, and the
//! data sets are made from what the caller names.

mod attacker;
mod course;
mod folders;
mod goals;
mod measure;
mod memory;
mod options;
mod ours;
mod peers;
mod random;
mod results;
mod say;
mod sets;
mod table;
mod tool;

use std::fs::{self, File};
use std::io::Write as _;

use anyhow::{Context as _, Result, ensure};
use clap::Parser as _;

use crate::options::Options;
use crate::results::Results;
use crate::sets::Set;
use crate::tool::Tool;

fn main() -> Result<()> {
    let options = Options::parse();
    if let Some(bytes) = options.touch_memory {
        return memory::touch(bytes);
    }
    fs::create_dir_all(&options.work)?;
    let work = options.work.canonicalize()?;
    if options.attacker {
        return attacker::run(&options, &work);
    }
    let sets = sets::prepare(&options, &work)?;
    if options.prepare {
        return Ok(());
    }
    let tools = installed(&options);
    ensure!(
        !tools.is_empty(),
        "no tool to measure: neither strongroom nor a peer was found"
    );
    let mut results = Results::default();
    for tool in &tools {
        results
            .versions
            .insert(tool.name().to_owned(), tool.version().unwrap_or_default());
    }
    let course = course::Course::new(&options, &work)?;
    for set in &sets {
        measure_set(&course, set.as_ref(), &tools, &options, &mut results)?;
    }
    say::table(&table::render(&results));
    Ok(())
}

/// Runs every tool in turn, as often as asked, and keeps the raw results after each turn.
fn measure_set(
    course: &course::Course<'_>,
    set: &dyn Set,
    tools: &[Box<dyn Tool>],
    options: &Options,
    results: &mut Results,
) -> Result<()> {
    for run in 1..=options.runs {
        for tool in tools {
            say::progress(&format!(
                "{}: {}, run {run} of {}",
                set.name(),
                tool.name(),
                options.runs
            ));
            course.run(set, tool.as_ref(), run, results)?;
            if let Some(path) = &options.json {
                let mut file = File::create(path).with_context(|| path.display().to_string())?;
                serde_json::to_writer_pretty(&mut file, results)?;
                writeln!(file)?;
            }
        }
    }
    set.rewind()
}

/// The tools that were asked for and answer, Strongroom first.
fn installed(options: &Options) -> Vec<Box<dyn Tool>> {
    let mut tools = Vec::new();
    for tool in ours::find(options).into_iter().chain(peers::find(options)) {
        match tool.version() {
            Some(version) => {
                say::progress(&format!("{}: {version}", tool.name()));
                tools.push(tool);
            }
            None if tool.name() == ours::NAME => {
                say::progress(
                    "strongroom: left out, it does not answer to --version; build it or name it with --strongroom",
                );
            }
            None => say::progress(&format!("{}: not found, left out", tool.name())),
        }
    }
    tools
}
