//! `strongroom man`

use std::path::PathBuf;

use clap::{Args, CommandFactory as _};

use serde_json::json;

use crate::arguments::Cli;
use crate::context::Context;
use crate::exit::Outcome;
use crate::failure::Failure;

/// Arguments of `man`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The folder to write the pages to
    dir: PathBuf,
}

pub(crate) fn run(context: &Context<'_>, arguments: &Arguments) -> Result<Outcome, Failure> {
    let failed = |source| Failure::File {
        path: arguments.dir.clone(),
        source,
    };
    std::fs::create_dir_all(&arguments.dir).map_err(failed)?;
    clap_mangen::generate_to(Cli::command(), &arguments.dir).map_err(failed)?;
    if context.output.is_json() {
        let dir = arguments.dir.display().to_string();
        context.output.object(&json!({ "dir": dir }))?;
    }
    Ok(Outcome::Done)
}
