//! `strongroom dump`

use std::ffi::OsString;

use clap::Args;
use strongroom_agent::AgentError;
use strongroom_agent::look::{self, short_name};

use crate::commands::ls::parse_place;
use crate::context::Context;
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::reading::{Snapshots, Source};

/// Arguments of `dump`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// A snapshot, and the path of a file in it as it was on the computer
    #[arg(value_name = "SNAPSHOT:PATH")]
    place: OsString,
    #[command(flatten)]
    source: Source,
}

pub(crate) fn run(context: &Context<'_>, arguments: &Arguments) -> Result<Outcome, Failure> {
    let (name, path) = parse_place(context, &arguments.place)?;
    if path.is_empty() {
        return Err(Failure::Usage(
            "name a file, as in latest:/home/me/file".to_owned(),
        ));
    }
    context.output.keep_for_content();
    let all = Snapshots::open(&arguments.source, context)?;
    let info = all.select(&name)?;
    let mut writer = context.output.writer();
    let archive = &all.opened.archive;
    let shown = short_name(&info.hash);
    match look::dump(archive, &info.snapshot, &shown, &path, &mut writer) {
        Err(AgentError::Output(error)) => Err(error.into()),
        other => Ok(other.map(|()| all.outcome(&[&name]))?),
    }
}
