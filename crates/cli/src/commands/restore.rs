//! `strongroom restore`

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use strongroom_agent::look::SnapshotName;
use strongroom_base::clock::Timestamp;

use crate::context::Context;
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::reading::{Snapshots, Source};
use crate::time;

/// Where files are restored to.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Target {
    /// Restore into this folder: the content of what was backed up, or one folder for each of several
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// Restore to where the files were
    #[arg(long)]
    in_place: bool,
}

/// What becomes of a file that is in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnConflict {
    /// It is kept under another name
    Rename,
    /// It is replaced
    Overwrite,
    /// It is kept, and nothing is restored there
    Skip,
    /// It is replaced where what is restored is newer
    Newer,
}

/// Arguments of `restore`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// A snapshot (latest where none is named), then paths in it as they were on the computer [default:
    /// all]. A path that looks like a snapshot is written as ./PATH
    #[arg(value_name = "SNAPSHOT|PATH")]
    operands: Vec<OsString>,
    /// Take the newest snapshot that had begun at this time: 2026-01-31, 2026-01-31 14:05, RFC 3339
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    at: Option<Timestamp>,
    #[command(flatten)]
    target: Target,
    /// What to do with a file that is in the way
    #[arg(long, value_enum, default_value = "rename")]
    on_conflict: OnConflict,
    /// Delete what is in the restored folders and not in the snapshot
    #[arg(long)]
    delete: bool,
    /// Say what would be restored, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Read everything again after it was written, and compare
    #[arg(long)]
    verify: bool,
    #[command(flatten)]
    source: Source,
}

pub(crate) fn run(context: &Context<'_>, arguments: &Arguments) -> Result<Outcome, Failure> {
    let (name, paths) = operands(context, arguments);
    let all = Snapshots::open(&arguments.source, context)?;
    let info = all.select(&name)?;
    let _ = (info, paths);
    Err(Failure::Usage("restore is not yet in this version".to_owned()))
}

/// Divides the operands into a snapshot and absolute paths.
fn operands(context: &Context<'_>, arguments: &Arguments) -> (SnapshotName, Vec<PathBuf>) {
    let mut operands = &arguments.operands[..];
    let mut name = SnapshotName::Latest;
    if let Some(time) = arguments.at {
        name = SnapshotName::At(time);
    } else if let [first, rest @ ..] = operands
        && let Some(parsed) = first.to_str().and_then(|text| text.parse().ok())
    {
        (name, operands) = (parsed, rest);
    }
    let absolute = |path: &OsString| context.environment.absolute(Path::new(path));
    (name, operands.iter().map(absolute).collect())
}
