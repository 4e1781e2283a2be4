//! `strongroom prune`

use std::sync::Arc;

use clap::Args;
use serde_json::{Value, json};
use strongroom_agent::retain::{PruneRequest, Pruned, prune};
use strongroom_agent::{Age, Amount, Erasure, Progress, PruneOptions, PruneSummary, Tools};
use strongroom_base::clock::Clock as _;
use strongroom_base::ids::ArchiveId;

use crate::commands::forget::plural;
use crate::commands::reports;
use crate::context::Context;
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::progress::{self, Kind, Printer};
use crate::{amount, show, time};

/// Arguments of `prune`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Say what would be given up, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Let so much of what is stored be unused; packs are put together anew while there is more
    #[arg(long, value_name = "PERCENT", default_value = "5%", value_parser = percent)]
    max_unused: u8,
    /// Read and put together anew packs of at most so many bytes: a number, or one with K, M, G or T
    #[arg(long, value_name = "BYTES", value_parser = amount::bytes)]
    max_repack_bytes: Option<u64>,
    /// Keep what is given up for so long at each destination: days and hours as in 14d [default: what the settings
    /// say, else 7d]
    #[arg(long, value_name = "AGE")]
    grace: Option<Age>,
    /// The archive, where there are several
    #[arg(long, value_name = "ID")]
    archive: Option<ArchiveId>,
}

impl Arguments {
    /// Returns the arguments of a prune that nothing more is said about.
    pub(crate) fn of(archive: Option<ArchiveId>) -> Self {
        Self {
            dry_run: false,
            max_unused: PruneOptions::default().max_unused_percent,
            max_repack_bytes: None,
            grace: None,
            archive,
        }
    }
}

fn percent(text: &str) -> Result<u8, String> {
    let number = text.strip_suffix('%').unwrap_or(text).parse::<u8>();
    number
        .ok()
        .filter(|number| *number <= 100)
        .ok_or_else(|| "a share is 0% to 100%".to_owned())
}

pub(crate) fn run(context: &Context<'_>, arguments: &Arguments) -> Result<Outcome, Failure> {
    let profile = context.profile()?;
    let counters = Progress::default();
    let tools = Tools {
        clock: Arc::new(context.clock),
        random: Arc::new(context.random),
        monitor: &Printer(context.output),
        progress: &counters,
        stop: &context.stop,
    };
    let request = PruneRequest {
        archive: arguments.archive,
        options: PruneOptions {
            max_unused_percent: arguments.max_unused,
            max_repack_bytes: arguments.max_repack_bytes.unwrap_or(u64::MAX),
            dry_run: arguments.dry_run,
        },
        grace: arguments.grace,
    };
    let done = progress::show(context.output, Kind::Prune, &counters, || {
        prune(&profile, &request, &tools)
    })?;
    report(context, &done, arguments.dry_run)?;
    super::locks::tell(context, &done.locks);
    let found = reports::outcome(&done.summary.destinations);
    Ok(if done.summary.damaged > 0 {
        Outcome::Damage
    } else {
        found
    })
}

fn report(context: &Context<'_>, done: &Pruned, dry_run: bool) -> Result<(), Failure> {
    let (output, summary) = (context.output, &done.summary);
    let there = reports::tell(context, &summary.destinations);
    for erasure in &done.erasures {
        if let Some(why) = &erasure.held {
            output.warning(&erasure.destination, &format!("nothing is erased: {why}"));
        }
    }
    if output.is_json() {
        return output.object(&json!({
            "archive": done.archive.to_string(),
            "dry_run": dry_run,
            "snapshots": summary.snapshots,
            "chunks": summary.chunks,
            "objects_before": amount(summary.before),
            "packs_unneeded": amount(summary.unneeded),
            "packs_repacked": amount(summary.repacked),
            "written": amount(summary.written),
            "indexes_replaced": amount(summary.runs),
            "records_unneeded": amount(summary.records),
            "bytes_unused_left": summary.unused_left,
            "bytes_reclaimable": summary.reclaimable(),
            "packs_damaged": summary.damaged,
            "destinations": there,
            "erased": done.erasures.iter().map(erasure).collect::<Vec<_>>(),
        }));
    }
    if summary.condemns() {
        report_summary(context, summary, dry_run)?;
    } else {
        output.told(dry_run, "there is nothing to give up")?;
    }
    for erasure in &done.erasures {
        report_erasure(context, erasure, dry_run)?;
    }
    Ok(())
}

fn report_erasure(context: &Context<'_>, found: &Erasure, dry_run: bool) -> Result<(), Failure> {
    let would = if dry_run { "would be " } else { "" };
    let mut parts = vec![format!("{} {would}erased", show::bytes(found.erased.bytes))];
    if found.waiting.count > 0 {
        // Beyond its grace, what was given up goes when there is a later record.
        let grace = found.until.filter(|until| *until > context.clock.now());
        let until = grace.map_or_else(
            || "there are more backups".to_owned(),
            |until| format!("{} for the grace", time::local(until)),
        );
        parts.push(format!(
            "{} kept until {until}",
            show::bytes(found.waiting.bytes)
        ));
    }
    if found.denied > 0 {
        parts.push(format!(
            "{} {} not let go by the destination yet",
            found.denied,
            plural(found.denied, "object")
        ));
    }
    let text = format!("{}: {}", found.destination, parts.join(", "));
    context.output.told(dry_run, &text)
}

fn erasure(found: &Erasure) -> Value {
    json!({
        "name": found.destination,
        "erased": amount(found.erased),
        "waiting": amount(found.waiting),
        "waiting_until": found.until.map(time::rfc3339),
        "denied": found.denied,
        "reason": found.held,
    })
}

fn report_summary(
    context: &Context<'_>,
    summary: &PruneSummary,
    dry_run: bool,
) -> Result<(), Failure> {
    let tell = |text: &str| context.output.told(dry_run, text);
    let would = if dry_run { "would be " } else { "" };
    let of = |amount: Amount, word: &str| {
        let word = plural(amount.count, word);
        format!("{} {word} ({})", amount.count, show::bytes(amount.bytes))
    };
    tell(&format!(
        "{} and {} {would}given up",
        of(summary.unneeded, "pack"),
        of(summary.records, "record"),
    ))?;
    if summary.repacked.count > 0 {
        tell(&format!(
            "{} {would}put together anew: {} written",
            of(summary.repacked, "pack"),
            show::bytes(summary.written.bytes),
        ))?;
    }
    tell(&format!(
        "{} {} in use; {} come back at each destination, {} unused stay in packs that are in use",
        summary.snapshots,
        plural(summary.snapshots, "snapshot"),
        show::bytes(summary.reclaimable()),
        show::bytes(summary.unused_left),
    ))
}

fn amount(amount: Amount) -> Value {
    json!({ "count": amount.count, "bytes": amount.bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares() {
        assert_eq!(percent("5%"), Ok(5));
        assert_eq!(percent("100"), Ok(100));
        assert!(percent("101%").is_err() && percent("x").is_err());
    }
}
