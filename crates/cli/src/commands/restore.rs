//! `strongroom restore`

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::json;
use strongroom_agent::look::{SnapshotName, short_name};
use strongroom_agent::{
    AgentError, Conflict, Excludes, Keep, Progress, RestoreRequest, RestoreSummary, never_deleted,
    restore, usual_excludes,
};
use strongroom_base::clock::Timestamp;
use strongroom_base::ids::{ArchiveId, to_hex};

use crate::context::Context;
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::progress::{self, Kind, Printer};
use crate::reading::{Snapshots, Source};
use crate::{show, time};

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
    /// It stays, and what is restored gets another name
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
    /// Take the newest snapshot that had begun by the end of this day, minute or second: 2026-01-31, 2026-01-31
    /// 14:05, RFC 3339
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    at: Option<Timestamp>,
    #[command(flatten)]
    target: Target,
    /// What to do with a file that is in the way
    #[arg(long, value_enum, default_value = "rename")]
    on_conflict: OnConflict,
    /// Delete what is in the restored folders and not in the snapshot, but for the profile, the destinations,
    /// what is mounted, and what a backup of the home folder leaves out
    #[arg(long)]
    delete: bool,
    /// Do not delete what matches: names, or paths where the pattern has a /
    #[arg(long, value_name = "GLOB", requires = "delete")]
    keep: Vec<String>,
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
    let to = arguments.target.to.as_deref();
    let request = RestoreRequest {
        paths,
        to: to.map(|to| context.environment.absolute(to)),
        on_conflict: arguments.on_conflict.into(),
        delete: keep(context, arguments)?,
        closed: closed(context, arguments),
        closed_archives: closed_archives(context, all.opened.archive.id()),
        dry_run: arguments.dry_run,
        verify: arguments.verify,
    };
    let (output, stop) = (context.output, &*context.stop);
    let counters = Progress::default();
    let done = progress::show(output, Kind::Goal("restored"), &counters, || {
        let archive = &all.opened.archive;
        restore(
            archive,
            &info.snapshot,
            request,
            &Printer(output),
            &counters,
            stop,
        )
        .map_err(|error| error.in_snapshot(&short_name(&info.hash)))
    })?;
    report(context, arguments.dry_run, &info.hash, &done)?;
    Ok(match (done, all.outcome(&[&name])) {
        (RestoreSummary { damaged: 1.., .. }, _) | (_, Outcome::Damage) => Outcome::Damage,
        (RestoreSummary { failed: 1.., .. }, _) => Outcome::SomeLeftOut,
        (_, outcome) => outcome,
    })
}

/// Returns the folders that nothing is restored into: the profile if it is in use. Where another source is named, it is
/// not, and may be what is restored.
fn closed(context: &Context<'_>, arguments: &Arguments) -> Vec<PathBuf> {
    let profile = context.profile_if_any().ok().flatten();
    let in_use = profile.filter(|_| !arguments.source.is_named());
    in_use
        .map(|profile| profile.dir().to_owned())
        .into_iter()
        .collect()
}

/// Returns the archives that nothing is restored into: those of the profile, and the one that is read.
fn closed_archives(context: &Context<'_>, read: ArchiveId) -> Vec<ArchiveId> {
    let config = context.profile_if_any().ok().flatten();
    let config = config.and_then(|profile| profile.config().ok());
    let own = config.into_iter().flat_map(|config| config.archives);
    own.map(|archive| archive.id).chain([read]).collect()
}

/// Returns what is kept where the rest is deleted.
fn keep(context: &Context<'_>, arguments: &Arguments) -> Result<Option<Keep>, Failure> {
    if !arguments.delete {
        return Ok(None);
    }
    let mut patterns = arguments.keep.clone();
    patterns.extend(
        context
            .environment
            .home()
            .map(usual_excludes)
            .unwrap_or_default(),
    );
    let excludes = Excludes::new(patterns.iter().map(String::as_str)).map_err(AgentError::from)?;
    let mut folders = match context.profile_if_any()? {
        Some(profile) => never_deleted(&profile)?,
        None => Vec::new(),
    };
    // A profile of another name may be in use: the usual one is kept all the same.
    let usual = context.environment.settings();
    folders.extend(usual.map(|settings| settings.join("strongroom")));
    folders.extend(arguments.source.folder(context)?);
    Ok(Some(Keep { folders, excludes }))
}

fn report(
    context: &Context<'_>,
    dry_run: bool,
    snapshot: &[u8; 32],
    done: &RestoreSummary,
) -> Result<(), Failure> {
    if context.output.is_json() {
        return context.output.object(&json!({
            "snapshot": to_hex(snapshot),
            "dry_run": dry_run,
            "files": done.files,
            "directories": done.directories,
            "others": done.others,
            "bytes": done.bytes,
            "skipped": done.skipped,
            "deleted": done.deleted,
            "damaged": done.damaged,
            "failed": done.failed,
        }));
    }
    let snapshot = short_name(snapshot);
    let what = if dry_run { "would restore" } else { "restored" };
    context.output.done(&format!(
        "{what} {}, {} and {} of {snapshot}: {}",
        show::count(done.files, "file", "files"),
        show::count(done.directories, "directory", "directories"),
        show::count(done.others, "other", "others"),
        show::bytes(done.bytes),
    ))?;
    let deleted = if dry_run {
        "not in the snapshot, would be deleted"
    } else {
        "not in the snapshot and deleted"
    };
    for (count, text) in [
        (done.skipped, "already there and left alone"),
        (done.deleted, deleted),
        (done.damaged, "damaged in the archive"),
        (done.failed, "not written"),
    ] {
        if count > 0 {
            context.output.done(&format!("{count} {text}"))?;
        }
    }
    Ok(())
}

impl From<OnConflict> for Conflict {
    fn from(choice: OnConflict) -> Self {
        match choice {
            OnConflict::Rename => Self::Rename,
            OnConflict::Overwrite => Self::Overwrite,
            OnConflict::Skip => Self::Skip,
            OnConflict::Newer => Self::Newer,
        }
    }
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
