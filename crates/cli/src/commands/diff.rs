//! `strongroom diff`

use clap::Args;
use serde_json::json;
use strongroom_agent::AgentError;
use strongroom_agent::look::{self, Change, Changed, SnapshotName};

use crate::context::Context;
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::reading::{Snapshots, Source};
use crate::show;

/// Arguments of `diff`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The snapshot to start from
    first: SnapshotName,
    /// The snapshot to compare with it
    second: SnapshotName,
    #[command(flatten)]
    source: Source,
}

pub(crate) fn run(context: &Context<'_>, arguments: &Arguments) -> Result<Outcome, Failure> {
    let all = Snapshots::open(&arguments.source, context)?;
    let first = all.select(&arguments.first)?;
    let second = all.select(&arguments.second)?;
    let mut failure = None;
    let mut visit = |changed: Changed| {
        print(context, &changed).map_err(|error| {
            failure = Some(error);
            AgentError::Interrupted
        })
    };
    let compared = look::diff(
        &all.opened.archive,
        &first.snapshot,
        &second.snapshot,
        &mut visit,
        &mut |path, error| all.lost(context, &String::from_utf8_lossy(path), error),
    );
    if let Some(failure) = failure {
        return Err(failure);
    }
    compared?;
    Ok(all.outcome(&[&arguments.first, &arguments.second]))
}

fn print(context: &Context<'_>, changed: &Changed) -> Result<(), Failure> {
    let (letter, word) = match changed.change {
        Change::Added => ('+', "added"),
        Change::Removed => ('-', "removed"),
        Change::Modified => ('M', "modified"),
        Change::Metadata => ('m', "metadata"),
    };
    if context.output.is_json() {
        let of = |entry| show::entry(&changed.path, entry);
        return context.output.object(&json!({
            "change": word,
            "path": String::from_utf8_lossy(&changed.path),
            "before": changed.before.as_ref().map(of),
            "after": changed.after.as_ref().map(of),
        }));
    }
    let mut line = format!("{letter}  ").into_bytes();
    line.extend_from_slice(&context.output.shown(&changed.path));
    line.push(b'\n');
    context.output.bytes(&line)
}
