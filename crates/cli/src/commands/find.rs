//! `strongroom find`

use clap::Args;
use serde_json::json;
use strongroom_agent::AgentError;
use strongroom_agent::look::{self, Match, short_name};
use strongroom_base::ids::to_hex;

use crate::commands::ls;
use crate::context::Context;
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::reading::{Snapshots, Source};
use crate::show;

/// Arguments of `find`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// A pattern for names (*.jpg), or for paths where it holds a slash (/home/**/*.jpg)
    pattern: String,
    /// Show permissions, owner, size and time too
    #[arg(short, long)]
    long: bool,
    #[command(flatten)]
    source: Source,
}

pub(crate) fn run(context: &Context<'_>, arguments: &Arguments) -> Result<Outcome, Failure> {
    let all = Snapshots::open(&arguments.source, context)?;
    let mut failure = None;
    let mut visit = |found: Match| {
        print(context, arguments.long, &found).map_err(|error| {
            failure = Some(error);
            AgentError::Interrupted
        })
    };
    let found = look::find(
        &all.opened.archive,
        &all.snapshots,
        &arguments.pattern,
        &mut visit,
        &mut |path, error| all.lost(context, &String::from_utf8_lossy(path), error),
    );
    if let Some(failure) = failure {
        return Err(failure);
    }
    found?;
    Ok(all.outcome(&[]))
}

fn print(context: &Context<'_>, long: bool, found: &Match) -> Result<(), Failure> {
    let (path, entry) = (&found.found.path, &found.found.entry);
    if context.output.is_json() {
        let mut object = show::entry(path, entry);
        object["snapshot"] = json!(to_hex(&found.snapshot));
        return context.output.object(&object);
    }
    let mut line = format!("{}  ", short_name(&found.snapshot)).into_bytes();
    line.extend_from_slice(&ls::line(context, long, path, entry));
    context.output.bytes(&line)
}
