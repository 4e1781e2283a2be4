//! `strongroom backup`

use std::sync::Arc;

use clap::Args;
use serde_json::{Value, json};
use strongroom_agent::keys;
use strongroom_agent::look::short_name;
use strongroom_agent::profile::{Profile, WantedPlace};
use strongroom_agent::{
    BackedUp, BackupRequest, DestinationReport, Progress, SpoolReport, SpoolStatus, Suite, Survey,
    Tools, init,
};
use strongroom_base::ids::to_hex;

use crate::commands::init::advise;
use crate::commands::reports;
use crate::context::Context;
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::progress::{self, Kind, Printer};
use crate::selection::Selection;
use crate::show;

/// Arguments of `backup`.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    what: Selection,
    /// Say what would be backed up, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Seal new objects in this way from now on: aes-128, aes-256, chacha20 or blowfish-448
    #[arg(long, value_name = "SUITE")]
    suite: Option<Suite>,
}

pub(crate) fn run(context: &Context<'_>, arguments: &Arguments) -> Result<Outcome, Failure> {
    let excludes = arguments.what.excludes(&context.environment)?;
    let dry_run = arguments.dry_run;
    let profile = if dry_run {
        context.profile_if_any()?
    } else {
        Some(profile(context, arguments)?)
    };
    let environment = &context.environment;
    let paths = arguments.what.paths(environment)?;
    for path in &paths {
        context
            .output
            .detail(&format!("backing up {}", path.display()));
    }
    let request = BackupRequest {
        paths,
        to: &arguments.what.to,
        excludes: &excludes,
        tags: arguments.what.tag.clone(),
        suite: arguments.suite,
        one_file_system: arguments.what.one_file_system,
        current: environment.current(),
        host: environment.host().to_vec(),
        program: concat!("strongroom ", env!("CARGO_PKG_VERSION")).to_owned(),
    };
    let counters = Progress::default();
    let tools = Tools {
        clock: Arc::new(context.clock),
        random: Arc::new(context.random),
        monitor: &Printer(context.output),
        progress: &counters,
        stop: &context.stop,
    };
    let Some(profile) = profile.filter(|_| !dry_run) else {
        let there = context.profile_if_any()?;
        let found = progress::show(context.output, Kind::Backup, &counters, || {
            strongroom_agent::survey(there.as_ref(), &request, &tools)
        })?;
        return report_survey(context, &found);
    };
    if let Err(error) = keys::settle(&profile) {
        context.output.warning_of("", &error);
    }
    let done = progress::show(context.output, Kind::Backup, &counters, || {
        strongroom_agent::backup(&profile, &request, &tools)
    })?;
    report(context, &done)?;
    super::locks::tell(context, &done.locks);
    let destinations = &done.summary.destinations;
    let has_it = |there: &DestinationReport| there.status.is_complete();
    Ok(
        if destinations.iter().any(|there| there.status.is_damage()) {
            Outcome::Damage
        } else if !destinations.iter().any(has_it) {
            Outcome::Undelivered
        } else if done.summary.failed + done.summary.unsettled > 0 {
            Outcome::SomeLeftOut
        } else {
            Outcome::Done
        },
    )
}

fn report_survey(context: &Context<'_>, found: &Survey) -> Result<Outcome, Failure> {
    let files = &found.files;
    if context.output.is_json() {
        context.output.object(&json!({
            "dry_run": true,
            "files_new": files.new,
            "files_changed": files.changed,
            "files_unmodified": files.unmodified,
            "files_failed": found.failed,
            "directories": found.directories,
            "bytes_scanned": found.bytes_scanned,
            "bytes_to_read": found.bytes_to_read,
        }))?;
    } else {
        context.output.done(&format!(
            "would back up {} new, {} changed, {}: {}, of which {} would be read",
            files.new,
            files.changed,
            show::count(files.unmodified, "unmodified file", "unmodified files"),
            show::bytes(found.bytes_scanned),
            show::bytes(found.bytes_to_read),
        ))?;
    }
    Ok(if found.failed > 0 {
        Outcome::SomeLeftOut
    } else {
        Outcome::Done
    })
}

/// Opens the profile; makes one where there is none and a destination was named.
fn profile(context: &Context<'_>, arguments: &Arguments) -> Result<Profile, Failure> {
    if let Some(there) = context.profile_if_any()? {
        // A first backup that was killed may have left a profile without a key; it is begun again.
        if there.custody_key()?.is_some() || !there.config()?.archives.is_empty() {
            return Ok(there);
        }
    }
    if arguments.what.to.is_empty() {
        return context.profile();
    }
    let dir = context.environment.profile()?;
    let suite = arguments.suite.unwrap_or(Suite::Aes256);
    let made = init(dir, suite, None, WantedPlace::Any, &context.random)?;
    context
        .output
        .note(&format!("made the profile {}", dir.display()));
    advise(context, &made);
    context.output.note("");
    Ok(made.profile)
}

fn report(context: &Context<'_>, done: &BackedUp) -> Result<(), Failure> {
    let summary = &done.summary;
    let output = context.output;
    let destinations = reports::tell(context, &summary.destinations);
    if let Some(spool) = &summary.spool {
        warn_of_spool(context, spool);
    }
    if done.lacks_password {
        let message =
            "no private password opens this new archive; `strongroom key password set` sets one";
        output.warning("", message);
    }
    if output.is_json() {
        return output.object(&object(done, &destinations));
    }
    let files = &summary.files;
    output.done(&format!(
        "snapshot {}: {} new, {} changed, {}, {} scanned",
        short_name(&summary.snapshot.hash),
        files.new,
        files.changed,
        show::count(files.unmodified, "unmodified file", "unmodified files"),
        show::bytes(summary.bytes_scanned),
    ))?;
    output.done(&format!(
        "{} read, {} new, {} stored in {:.1} s",
        show::bytes(summary.bytes_read),
        show::bytes(summary.bytes_new),
        show::bytes(summary.bytes_stored),
        summary.duration.as_secs_f64(),
    ))?;
    if summary.failed > 0 {
        output.done(&format!(
            "{} could not be read and {} not in the snapshot",
            summary.failed,
            if summary.failed == 1 { "is" } else { "are" },
        ))?;
    }
    if summary.unsettled > 0 {
        output.done(&format!(
            "{} changed while being read, and kept as read last",
            show::count(summary.unsettled, "file", "files"),
        ))?;
    }
    for there in &summary.destinations {
        output.done(&format!("{}: {}", there.name, reports::status(there)))?;
    }
    Ok(())
}

/// Says what is in the spool alone, and what is wrong with it.
fn warn_of_spool(context: &Context<'_>, spool: &SpoolReport) {
    let output = context.output;
    if let SpoolStatus::Failed(why) = &spool.status {
        let message = format!(
            "cannot be used, and destinations that are away must catch up from others: {why}"
        );
        output.warning("the spool", &message);
    }
    if spool.unacknowledged > 0 {
        let records = show::count(spool.unacknowledged, "record is", "records are");
        let message = format!(
            "{records} in the spool of this computer alone: no destination has them, and they go there when one \
             can be reached"
        );
        output.warning("", &message);
    }
}

fn object(done: &BackedUp, destinations: &[Value]) -> Value {
    let summary = &done.summary;
    json!({
        "snapshot": to_hex(&summary.snapshot.hash),
        "archive": done.archive.to_string(),
        "files_new": summary.files.new,
        "files_changed": summary.files.changed,
        "files_unmodified": summary.files.unmodified,
        "files_failed": summary.failed,
        "files_unsettled": summary.unsettled,
        "directories": summary.directories,
        "bytes_scanned": summary.bytes_scanned,
        "bytes_read": summary.bytes_read,
        "bytes_new": summary.bytes_new,
        "bytes_stored": summary.bytes_stored,
        "duration_seconds": summary.duration.as_secs_f64(),
        "destinations": destinations,
        "spool": summary.spool.as_ref().map(|spool| json!({
            "bytes": spool.bytes,
            "unacknowledged_records": spool.unacknowledged,
            "problem": match &spool.status {
                SpoolStatus::Failed(why) => Some(why),
                SpoolStatus::Idle | SpoolStatus::Engaged => None,
            },
        })),
    })
}
