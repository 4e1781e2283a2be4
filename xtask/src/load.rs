//! `cargo xtask load`: builds the server in release, and measures it with `strongroom-load` on a PostgreSQL of its own.
//!
//! Every other argument goes to `strongroom-load` unchanged; `docs/benchmarks.md` describes them.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result};

use crate::checkout::Checkout;
use crate::services::OwnPostgresql;
use crate::{command, tools};

/// Measure the server: guesses, check-ins, sign-ins, lists, idle agents. Everything it prints but the result goes to
/// standard error.
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Arguments {
    /// On a SQLite file in place of PostgreSQL
    #[arg(long)]
    sqlite: bool,
    /// Arguments of `strongroom-load`; `--help` lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<OsString>,
}

/// Builds what is measured, then measures it; fails where a goal is missed.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let checkout = Checkout::find()?;
    let mut build = Command::new("cargo");
    build.args(["build", "--release", "--package", "strongroom-serverd"]);
    build.args(["--package", "strongroom-bench"]);
    command::quietly(build.current_dir(&checkout.root))?;
    let programs = checkout.target.join("release");
    let mut load = Command::new(programs.join("strongroom-load"));
    load.arg("--server").arg(programs.join("strongroom-server"));
    let folder = checkout.target.join("load");
    load.arg("--work").arg(&folder);
    let asks_for_help = |word: &OsString| word == "--help" || word == "-h";
    let measures = !arguments.rest.iter().any(asks_for_help);
    // The server that is guessed at has a clock that runs faster.
    if measures && !command::answers("faketime", &["--version"]) {
        tools::install_packages(&["faketime"])?;
    }
    let postgresql = (measures && !arguments.sqlite)
        .then(|| OwnPostgresql::start(&folder.join("postgresql")))
        .transpose()?;
    if let Some(postgresql) = &postgresql {
        load.env("STRONGROOM_LOAD_DATABASE", postgresql.new_database()?);
        let guessing = postgresql.new_database()?;
        load.env("STRONGROOM_LOAD_GUESSING_DATABASE", guessing);
    }
    let status = load.args(&arguments.rest).status();
    let status = status.context("strongroom-load could not be started")?;
    Ok(ExitCode::from(u8::from(!status.success())))
}
