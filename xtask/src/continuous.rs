//! `cargo xtask continuous`: builds the command line in release, and measures its agent with `strongroom-continuous`.
//!
//! Every other argument goes to `strongroom-continuous` unchanged; `docs/benchmarks.md` describes them.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result};

use crate::checkout::Checkout;
use crate::{command, services, tools};

/// Programs that it runs, and the Debian packages that have them.
const PROGRAMS: &[(&str, &str)] = &[
    ("rsync", "rsync"),
    ("git", "git"),
    ("setpriv", "util-linux"),
    ("diff", "diffutils"),
];

/// Measure the agent: saved files, storms, kills, absent and slow destinations, renaming, idling. Everything it prints but
/// the result goes to standard error.
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Arguments {
    /// With a bucket far away too, on the Garage of `cargo xtask services start`, which is started
    #[arg(long)]
    s3: bool,
    /// Arguments of `strongroom-continuous`; `--help` lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<OsString>,
}

/// Builds what is measured, then measures it; fails where a goal is missed.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let checkout = Checkout::find()?;
    let mut build = Command::new("cargo");
    build.args(["build", "--release", "--package", "strongroom-cli"]);
    build.args(["--package", "strongroom-bench"]);
    command::quietly(build.current_dir(&checkout.root))?;
    let programs = checkout.target.join("release");
    let mut continuous = Command::new(programs.join("strongroom-continuous"));
    let program = programs.join("strongroom");
    continuous.arg("--strongroom").arg(program);
    let folder = checkout.target.join("continuous");
    continuous.arg("--work").arg(folder);
    continuous.arg("--repository").arg(&checkout.root);
    let asks_for_help = |word: &OsString| word == "--help" || word == "-h";
    if !arguments.rest.iter().any(asks_for_help) {
        install_missing()?;
    }
    if arguments.s3 {
        services::start()?;
        let file = checkout.target.join("services/services.json");
        continuous.arg("--s3").arg(file);
    }
    let status = continuous.args(&arguments.rest).status();
    let status = status.context("strongroom-continuous could not be started")?;
    Ok(ExitCode::from(u8::from(!status.success())))
}

fn install_missing() -> Result<()> {
    let missing = PROGRAMS
        .iter()
        .filter(|(program, _)| !command::answers(program, &["--version"]));
    let packages: Vec<&str> = missing.map(|(_, package)| *package).collect();
    if packages.is_empty() {
        return Ok(());
    }
    tools::install_packages(&packages)
}
