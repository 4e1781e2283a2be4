//! `cargo xtask ci`: what runs for every change, which is everything.

use std::process::ExitCode;

use crate::test;

/// Run every check, as `test` does.
#[derive(clap::Args)]
pub(crate) struct Arguments {}

/// Fails where a check fails.
pub(crate) fn run(_arguments: &Arguments) -> ExitCode {
    test::run(&test::Arguments::default())
}
