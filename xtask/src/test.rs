//! `cargo xtask test`: everything that is checked, in one command.

use std::fmt::Write as _;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::{arrows, book, command, reader, services, tools};

/// Run every check: format, lints, tests, layers, dependencies, the commands of the book.
#[derive(clap::Args, Default)]
pub(crate) struct Arguments {
    /// Format, lints, layers and the tests that do not take long; installs nothing but what tests need
    #[arg(long)]
    quick: bool,
}

/// One check.
type Step = (&'static str, fn() -> Result<()>);

/// What `--quick` runs.
const QUICK: &[Step] = &[
    ("tools", tools::for_tests),
    ("format", format),
    ("arrows", layers),
    ("clippy", clippy),
    ("tests", quick_tests),
];

/// What is run without it.
const ALL: &[Step] = &[
    ("tools", tools::for_all_tests),
    ("format", format),
    ("arrows", layers),
    ("clippy", clippy),
    ("services", services::start),
    ("tests", tests),
    ("remote tests", remote_tests),
    ("no services", services::stop),
    ("doc tests", doc_tests),
    ("reader", reader::run),
    ("dependencies", dependencies),
    ("book", book::run_as_tested),
];

/// Runs every step, also after one that failed, and fails where one failed; the count is the last line.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let (summary, failed) = run_steps(if arguments.quick { QUICK } else { ALL });
    println!("\n{summary}");
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Runs the steps; returns a line for each and one with the count, and how many failed.
fn run_steps(steps: &[Step]) -> (String, usize) {
    let (mut summary, mut failed) = (String::new(), 0);
    for (name, step) in steps {
        println!("\n== {name}");
        let begun = Instant::now();
        let result = step();
        if let Err(error) = &result {
            println!("{name} failed: {error:#}");
            failed += 1;
        }
        let word = if result.is_ok() { "ok" } else { "FAILED" };
        summary.push_str(&line(word, name, begun.elapsed()));
    }
    let passed = steps.len() - failed;
    let _ = write!(summary, "{passed} passed, {failed} failed");
    (summary, failed)
}

fn line(word: &str, name: &str, took: Duration) -> String {
    format!("{word:<7} {name:<13} {:>7.1} s\n", took.as_secs_f64())
}

fn format() -> Result<()> {
    cargo(&["fmt", "--all", "--check"])
}

fn layers() -> Result<()> {
    arrows::run(&arrows::Arguments {})
}

fn clippy() -> Result<()> {
    cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ])
}

/// The tests that need servers, and fail where these are missing; elsewhere they are ignored.
fn remote_tests() -> Result<()> {
    cargo(&[
        "nextest",
        "run",
        "--workspace",
        "--no-fail-fast",
        "--run-ignored",
        "only",
        "-E",
        "binary(services) or binary(kinds) or test(/^services::/)",
    ])
}

fn tests() -> Result<()> {
    cargo(&["nextest", "run", "--workspace", "--no-fail-fast"])
}

fn quick_tests() -> Result<()> {
    let quick = "not test(matrix)";
    cargo(&[
        "nextest",
        "run",
        "--workspace",
        "--no-fail-fast",
        "-E",
        quick,
    ])
}

fn doc_tests() -> Result<()> {
    cargo(&["test", "--doc", "--workspace"])
}

fn dependencies() -> Result<()> {
    tools::cargo_tool("deny")?;
    if cargo(&["deny", "fetch", "db"]).is_ok() {
        return cargo(&["deny", "check"]);
    }
    println!("the advisory database cannot be fetched: advisories are skipped");
    cargo(&["deny", "check", "bans", "licenses", "sources"])
}

fn cargo(words: &[&str]) -> Result<()> {
    if command::run(Command::new("cargo").args(words)).is_err() {
        bail!("cargo {}", words.join(" "));
    }
    Ok(())
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn steps_after_a_failure_are_run_and_the_last_line_counts() {
        let steps: &[Step] = &[
            ("one", || Ok(())),
            ("two", || bail!("no")),
            ("three", || Ok(())),
        ];
        let (summary, failed) = run_steps(steps);
        let lines: Vec<&str> = summary.lines().collect();
        assert_eq!(failed, 1);
        assert!(lines[1].starts_with("FAILED  two"), "{summary}");
        assert!(lines[2].starts_with("ok      three"), "{summary}");
        assert_eq!(lines[3..], ["2 passed, 1 failed"]);
    }
}
