//! `cargo xtask bench`: builds the command line in release and runs `strongroom-bench` beside it.
//!
//! Every argument goes to `strongroom-bench` unchanged; `docs/benchmarks.md` describes them.

use std::ffi::OsString;
use std::process::Command;

use anyhow::Result;

use crate::command;

/// Measure Strongroom side by side with other backup tools.
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Arguments {
    /// Arguments of `strongroom-bench`; `--help` lists them.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<OsString>,
}

/// Builds what is measured, then measures it.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
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
        "--",
    ];
    command::quietly(Command::new("cargo").args(bench).args(&arguments.rest))
}
