//! `strongroom forget`

use std::sync::Arc;

use clap::Args;
use serde_json::json;
use strongroom_agent::look::{SnapshotName, short_name};
use strongroom_agent::retain::{ForgetRequest, Forgotten, Grouping, Judged, forget};
use strongroom_agent::{Age, Period, Policy, Progress, Tools};
use strongroom_base::ids::{ArchiveId, to_hex};

use crate::commands::{prune, reports};
use crate::context::Context;
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::progress::Printer;
use crate::time;

/// Arguments of `forget`.
#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is one switch")]
pub(crate) struct Arguments {
    /// Forget these snapshots; with rules, these go in any case, and the rules look at the others
    #[arg(value_name = "SNAPSHOT")]
    snapshots: Vec<SnapshotName>,
    #[command(flatten)]
    keep: Keep,
    /// Look at snapshots with this tag only
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
    /// Look at all snapshots together, and not at those of the same paths
    #[arg(long)]
    together: bool,
    /// Show what would go and why, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Give up at once what no snapshot needs any more, as `strongroom prune` does
    #[arg(long)]
    prune: bool,
    /// Forget all snapshots, if that is what the rules or names say
    #[arg(long)]
    forget_everything: bool,
    /// The archive, where there are several
    #[arg(long, value_name = "ID")]
    archive: Option<ArchiveId>,
}

/// The rules; what any of them keeps, stays.
#[derive(Args)]
#[command(next_help_heading = "What is kept")]
#[expect(clippy::struct_field_names, reason = "fields are named as the options")]
struct Keep {
    /// The newest N
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    keep_last: u64,
    /// The newest of each of the newest N hours that have one
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    keep_hourly: u64,
    /// The same for days
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    keep_daily: u64,
    /// The same for weeks, from Monday on
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    keep_weekly: u64,
    /// The same for months
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    keep_monthly: u64,
    /// The same for years
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    keep_yearly: u64,
    /// All that are not older than the newest by more than AGE: years, months, weeks, days, hours as in 1y6m or 36h
    #[arg(long, value_name = "AGE")]
    keep_within: Option<Age>,
    /// The newest of each hour within AGE
    #[arg(long, value_name = "AGE")]
    keep_within_hourly: Option<Age>,
    /// The newest of each day within AGE
    #[arg(long, value_name = "AGE")]
    keep_within_daily: Option<Age>,
    /// The newest of each week within AGE
    #[arg(long, value_name = "AGE")]
    keep_within_weekly: Option<Age>,
    /// The newest of each month within AGE
    #[arg(long, value_name = "AGE")]
    keep_within_monthly: Option<Age>,
    /// The newest of each year within AGE
    #[arg(long, value_name = "AGE")]
    keep_within_yearly: Option<Age>,
    /// All with this tag; may be repeated
    #[arg(long, value_name = "TAG")]
    keep_tag: Vec<String>,
}

impl Keep {
    fn policy(self) -> Policy {
        let counts = [
            self.keep_hourly,
            self.keep_daily,
            self.keep_weekly,
            self.keep_monthly,
            self.keep_yearly,
        ];
        let ages = [
            self.keep_within_hourly,
            self.keep_within_daily,
            self.keep_within_weekly,
            self.keep_within_monthly,
            self.keep_within_yearly,
        ];
        let ages = Period::ALL.into_iter().zip(ages);
        Policy {
            last: self.keep_last,
            periods: Period::ALL.into_iter().zip(counts).collect(),
            within: self.keep_within,
            periods_within: ages
                .filter_map(|(period, age)| Some((period, age?)))
                .collect(),
            tags: self.keep_tag,
        }
    }
}

pub(crate) fn run(context: &Context<'_>, arguments: Arguments) -> Result<Outcome, Failure> {
    let profile = context.profile()?;
    let counters = Progress::default();
    let tools = Tools {
        clock: Arc::new(context.clock),
        random: Arc::new(context.random),
        monitor: &Printer(context.output),
        progress: &counters,
        stop: &context.stop,
    };
    let dry_run = arguments.dry_run;
    let request = ForgetRequest {
        archive: arguments.archive,
        snapshots: &arguments.snapshots,
        policy: arguments.keep.policy(),
        tag: arguments.tag.as_deref(),
        grouping: if arguments.together {
            Grouping::Together
        } else {
            Grouping::Paths
        },
        zone: jiff::tz::TimeZone::system(),
        may_empty: arguments.forget_everything,
        dry_run,
    };
    let done = forget(&profile, &request, &tools)?;
    let outcome = report(context, &done, &request)?;
    let any = done.judged.iter().any(Judged::goes);
    if arguments.prune && !dry_run {
        return prune::run(context, &prune::Arguments::of(arguments.archive));
    }
    if any && !dry_run && !context.output.is_json() {
        context
            .output
            .note("`strongroom prune` gives up what no snapshot needs any more");
    }
    Ok(outcome)
}

fn report(
    context: &Context<'_>,
    done: &Forgotten,
    request: &ForgetRequest<'_>,
) -> Result<Outcome, Failure> {
    let output = context.output;
    let tell = |text: &str| output.told(request.dry_run, text);
    for problem in &done.problems {
        output.warning("", problem);
    }
    for judged in &done.judged {
        // Where snapshots were named, the others are no news.
        if request.policy.is_empty() && !judged.goes() {
            continue;
        }
        if output.is_json() {
            output.object(&object(judged))?;
        } else {
            tell(&line(judged))?;
        }
    }
    let forgotten = done.judged.iter().filter(|judged| judged.goes()).count();
    let destinations = reports::tell(context, &done.destinations);
    if output.is_json() {
        output.object(&json!({
            "archive": done.archive.to_string(),
            "dry_run": request.dry_run,
            "forgotten": forgotten,
            "kept": done.left,
            "destinations": destinations,
        }))?;
    } else {
        let verb = if request.dry_run {
            "would be forgotten"
        } else {
            "forgotten"
        };
        tell(&format!(
            "{forgotten} {} {verb}, {} kept",
            plural(forgotten as u64, "snapshot"),
            done.left
        ))?;
    }
    Ok(reports::outcome(&done.destinations))
}

/// Returns a word in the form that fits a number.
pub(crate) fn plural(number: u64, word: &str) -> String {
    if number == 1 {
        word.to_owned()
    } else {
        format!("{word}s")
    }
}

fn line(judged: &Judged) -> String {
    let snapshot = &judged.info.snapshot;
    let verdict = if judged.goes() { "forget" } else { "keep  " };
    let mut line = format!(
        "{verdict}  {}  {}",
        short_name(&judged.info.hash),
        time::local(snapshot.started),
    );
    if !snapshot.tags.is_empty() {
        line.push_str("  [");
        line.push_str(&snapshot.tags.join(", "));
        line.push(']');
    }
    if !judged.goes() {
        line.push_str("  ");
        line.push_str(&judged.reasons.join(", "));
    }
    line
}

fn object(judged: &Judged) -> serde_json::Value {
    json!({
        "snapshot": to_hex(&judged.info.hash),
        "name": short_name(&judged.info.hash),
        "started": time::rfc3339(judged.info.snapshot.started),
        "tags": judged.info.snapshot.tags,
        "action": if judged.goes() { "forget" } else { "keep" },
        "reasons": judged.reasons,
    })
}
