//! `strongroom stats`

use clap::Args;
use serde_json::{Map, json};
use strongroom_agent::look::{self, Stats};

use crate::context::Context;
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::reading::{Snapshots, Source};
use crate::{show, time};

/// Arguments of `stats`.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    source: Source,
}

pub(crate) fn run(context: &Context<'_>, arguments: &Arguments) -> Result<Outcome, Failure> {
    let all = Snapshots::open(&arguments.source, context)?;
    let stats = look::stats(&all.opened.archive, &all.snapshots, &all.log);
    if context.output.is_json() {
        object(context, &stats)?;
    } else {
        text(context, &stats, &all.opened.destinations)?;
    }
    Ok(all.outcome(&[]))
}

fn text(context: &Context<'_>, stats: &Stats, destinations: &[String]) -> Result<(), Failure> {
    let day = |time: Option<_>| time.map_or_else(|| "none".to_owned(), time::local);
    let mut lines = vec![
        ("archive".to_owned(), stats.archive.to_string()),
        ("destinations".to_owned(), destinations.join(", ")),
        ("snapshots".to_owned(), stats.snapshots.to_string()),
        ("oldest".to_owned(), day(stats.oldest)),
        ("newest".to_owned(), day(stats.newest)),
        (
            "files in the newest".to_owned(),
            stats.newest_files.to_string(),
        ),
        (
            "bytes in the newest".to_owned(),
            show::bytes(stats.newest_bytes),
        ),
        ("bytes in all".to_owned(), show::bytes(stats.all_bytes)),
        (
            "stored at each".to_owned(),
            show::bytes(stats.stored_bytes()),
        ),
    ];
    for (kind, count) in &stats.kinds {
        let name = format!("  {} objects", kind.word());
        lines.push((
            name,
            format!("{}, {}", count.objects, show::bytes(count.bytes)),
        ));
    }
    for (what, value) in lines {
        context.output.line(&format!("{what:<20} {value}"))?;
    }
    Ok(())
}

fn object(context: &Context<'_>, stats: &Stats) -> Result<(), Failure> {
    let mut kinds = Map::new();
    for (kind, count) in &stats.kinds {
        let value = json!({ "objects": count.objects, "bytes": count.bytes });
        kinds.insert(kind.word().to_owned(), value);
    }
    context.output.object(&json!({
        "archive": stats.archive.to_string(),
        "snapshots": stats.snapshots,
        "oldest": stats.oldest.map(time::rfc3339),
        "newest": stats.newest.map(time::rfc3339),
        "files_newest": stats.newest_files,
        "bytes_newest": stats.newest_bytes,
        "bytes_all": stats.all_bytes,
        "bytes_stored": stats.stored_bytes(),
        "objects": kinds,
    }))
}
