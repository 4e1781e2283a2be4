//! `strongroom completions`

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::arguments::Cli;
use crate::context::Context;
use crate::exit::Outcome;
use crate::failure::Failure;

/// Arguments of `completions`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(context: &Context<'_>, arguments: &Arguments) -> Result<Outcome, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(
        arguments.shell,
        &mut Cli::command(),
        "strongroom",
        &mut script,
    );
    context.output.bytes(&script)?;
    Ok(Outcome::Done)
}
