//! `cargo xtask bench`: builds the command line in release and runs `strongroom-bench` beside it.
//!
//! Every argument goes to `strongroom-bench` unchanged; `docs/benchmarks.md` describes them. With `--stages`
//! alone the stages of a backup are measured one by one, each beside what limits it.

use std::ffi::OsString;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::command;

/// The programs that measure stages: package and example.
const STAGES: &[(&str, &str)] = &[
    ("strongroom-crypto", "stage_speed"),
    ("strongroom-engine", "compress_speed"),
];

/// Measure Strongroom side by side with other backup tools; with --stages, each stage of it on one core.
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Arguments {
    /// Arguments of `strongroom-bench`; `--help` lists them.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<OsString>,
}

/// Builds what is measured, then measures it.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if arguments.rest.iter().any(|word| word == "--stages") {
        ensure!(
            arguments.rest.len() == 1,
            "--stages goes with no other argument"
        );
        return stages();
    }
    let asks_for_help = |word: &OsString| word == "--help" || word == "-h";
    if !arguments.rest.iter().any(asks_for_help) {
        command::quietly(Command::new("cargo").args([
            "build",
            "--release",
            "--package",
            "strongroom-cli",
        ]))?;
    }
    let bench = [
        "run",
        "--quiet",
        "--release",
        "--package",
        "strongroom-bench",
        "--bin",
        "strongroom-bench",
        "--",
    ];
    command::quietly(Command::new("cargo").args(bench).args(&arguments.rest))
}

/// Measures every stage, and prints one table.
fn stages() -> Result<()> {
    let mut rows = Vec::new();
    for (package, example) in STAGES {
        let mut cargo = Command::new("cargo");
        cargo.args(["run", "--release", "--quiet", "--package", package]);
        let output = cargo
            .args(["--example", example])
            .stderr(std::process::Stdio::inherit())
            .output()?;
        ensure!(
            output.status.success(),
            "{example} ended with {}",
            output.status
        );
        let text = String::from_utf8(output.stdout)?;
        for line in text.lines() {
            rows.push(Row::parse(line).with_context(|| format!("{example}: `{line}`"))?);
        }
    }
    print!("{}", table(&rows));
    Ok(())
}

/// A stage and what limits it, in MB/s on one core.
struct Row {
    stage: String,
    speed: f64,
    limit: String,
    limit_speed: f64,
}

impl Row {
    fn parse(line: &str) -> Result<Self> {
        let mut fields = line.split('\t');
        let mut field = || fields.next().context("a field is missing");
        Ok(Self {
            stage: field()?.to_owned(),
            speed: field()?.parse()?,
            limit: field()?.to_owned(),
            limit_speed: field()?.parse()?,
        })
    }
}

fn table(rows: &[Row]) -> String {
    let mut lines = vec![
        "| stage | MB/s on one core | limit | MB/s of the limit | share |".to_owned(),
        "|---|--:|---|--:|--:|".to_owned(),
    ];
    for row in rows {
        let share = 100.0 * row.speed / row.limit_speed;
        lines.push(format!(
            "| {} | {:.0} | {} | {:.0} | {share:.0} % |",
            row.stage, row.speed, row.limit, row.limit_speed
        ));
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_rows() {
        let row = Row::parse("hash\t3900\tBLAKE3\t4000").unwrap();
        let table = table(&[row]);
        let last = table.lines().last().unwrap();
        assert_eq!(last, "| hash | 3900 | BLAKE3 | 4000 | 98 % |");
        assert!(Row::parse("hash\t3900").is_err());
        assert!(Row::parse("hash\tfast\tBLAKE3\t4000").is_err());
    }
}
