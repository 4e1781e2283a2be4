//! `strongroom snapshots`

use clap::Args;
use serde_json::json;
use strongroom_agent::SnapshotInfo;
use strongroom_agent::look::short_name;
use strongroom_base::ids::to_hex;

use crate::context::Context;
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::reading::{Snapshots, Source};
use crate::{show, time};

/// Arguments of `snapshots`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// List those with this tag only
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
    #[command(flatten)]
    source: Source,
}

pub(crate) fn run(context: &Context<'_>, arguments: &Arguments) -> Result<Outcome, Failure> {
    let all = Snapshots::open(&arguments.source, context)?;
    let chain = all.snapshots.iter().map(|info| (info, false));
    let branches = all.branches.iter().map(|info| (info, true));
    for (info, is_branch) in chain.chain(branches) {
        let tag = arguments.tag.as_ref();
        if tag.is_some_and(|tag| !info.snapshot.tags.contains(tag)) {
            continue;
        }
        if context.output.is_json() {
            context.output.object(&object(info, is_branch))?;
        } else {
            context.output.bytes(&line(context, info, is_branch))?;
        }
    }
    Ok(all.outcome(&[]))
}

fn line(context: &Context<'_>, info: &SnapshotInfo, is_branch: bool) -> Vec<u8> {
    let snapshot = &info.snapshot;
    let totals = &snapshot.statistics;
    let start = format!(
        "{}  {}  {:>10} {} {:>11}  ",
        short_name(&info.hash),
        time::local(snapshot.started),
        totals.files,
        // The columns stay where they are.
        if totals.files == 1 { "file " } else { "files" },
        show::bytes(totals.bytes),
    );
    let mut line = start.into_bytes();
    let roots: Vec<_> = snapshot
        .roots
        .iter()
        .map(|root| context.output.shown(&root.path))
        .collect();
    line.extend_from_slice(&roots.join(&b' '));
    if !snapshot.tags.is_empty() {
        let tags = format!("  [{}]", snapshot.tags.join(", "));
        line.extend_from_slice(&context.output.shown(tags.as_bytes()));
    }
    if totals.failed > 0 {
        line.extend_from_slice(format!("  {} could not be read", totals.failed).as_bytes());
    }
    if is_branch {
        line.extend_from_slice(b"  (branch: its writer had been replaced)");
    }
    line.push(b'\n');
    line
}

fn object(info: &SnapshotInfo, is_branch: bool) -> serde_json::Value {
    let snapshot = &info.snapshot;
    let roots = snapshot.roots.iter();
    let roots: Vec<_> = roots
        .map(|root| String::from_utf8_lossy(&root.path))
        .collect();
    json!({
        "snapshot": to_hex(&info.hash),
        "name": short_name(&info.hash),
        "generation": info.id.generation.0,
        "seq": info.id.seq.0,
        "branch": is_branch,
        "started": time::rfc3339(snapshot.started),
        "ended": time::rfc3339(snapshot.ended),
        "host": String::from_utf8_lossy(&snapshot.host),
        "program": snapshot.program,
        "tags": snapshot.tags,
        "roots": roots,
        "files": snapshot.statistics.files,
        "directories": snapshot.statistics.directories,
        "others": snapshot.statistics.others,
        "bytes": snapshot.statistics.bytes,
        "files_failed": snapshot.statistics.failed,
    })
}
