//! `strongroom versions`

use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};
use strongroom_agent::look::{self, Version, short_name};
use strongroom_agent::{AgentError, ReadError, SnapshotInfo};
use strongroom_base::ids::to_hex;
use strongroom_base::with_causes;

use crate::context::Context;
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::reading::{Snapshots, Source};
use crate::{show, time};

/// Arguments of `versions`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The path, as it was on the computer
    path: PathBuf,
    #[command(flatten)]
    source: Source,
}

pub(crate) fn run(context: &Context<'_>, arguments: &Arguments) -> Result<Outcome, Failure> {
    let all = Snapshots::open(&arguments.source, context)?;
    let path = context.environment.absolute(&arguments.path);
    let bytes = path.as_os_str().as_bytes();
    let mut told = None;
    let mut lost = |info: &SnapshotInfo, error: &ReadError| {
        // One directory that is lost is often that of many snapshots.
        let what = with_causes(error);
        if told.as_ref() != Some(&what) {
            let subject = format!("snapshot {}: {}", short_name(&info.hash), path.display());
            all.lost(context, &subject, error);
            told = Some(what);
        }
    };
    let versions = look::versions(&all.opened.archive, &all.snapshots, bytes, &mut lost)?;
    if versions.is_empty() && !all.has_lost() {
        return Err(Failure::Agent(AgentError::InNoSnapshot {
            path: path.display().to_string(),
        }));
    }
    for version in &versions {
        if context.output.is_json() {
            context.output.object(&object(bytes, version))?;
        } else {
            context.output.line(&line(version))?;
        }
    }
    Ok(all.outcome(&[]))
}

fn line(version: &Version<'_>) -> String {
    let first = short_name(&version.first.hash);
    let last = short_name(&version.last.hash);
    let started = time::local(version.first.snapshot.started);
    match &version.entry {
        Some(entry) => {
            let size = show::size(entry).map_or_else(|| show::kind(entry).to_owned(), show::bytes);
            let modified = time::local(entry.meta.mtime);
            format!("{first} to {last}  since {started}  modified {modified}  {size}")
        }
        None => format!("{first} to {last}  since {started}  not there"),
    }
}

fn object(path: &[u8], version: &Version<'_>) -> Value {
    let mut object = match &version.entry {
        Some(entry) => show::entry(path, entry),
        None => json!({ "path": String::from_utf8_lossy(path), "kind": null }),
    };
    object["first"] = json!(to_hex(&version.first.hash));
    object["last"] = json!(to_hex(&version.last.hash));
    object["since"] = json!(time::rfc3339(version.first.snapshot.started));
    object
}
