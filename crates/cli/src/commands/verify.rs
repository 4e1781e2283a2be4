//! `strongroom verify`

use clap::Args;
use serde_json::json;
use strongroom_agent::access::Opened;
use strongroom_agent::{Age, Progress, ReadData, Verified, VerifyReport};
use strongroom_base::clock::Clock as _;
use strongroom_base::object::RecordId;
use strongroom_base::{Class, Classified as _, with_causes};

use crate::context::Context;
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::progress::{self, Kind};
use crate::reading::Source;
use crate::{hint, show};

const NANOSECONDS_A_DAY: i128 = 86_400 * 1_000_000_000;

/// Arguments of `verify`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Read the data too, all or this part of it, and not only what says where it is
    #[arg(
        long,
        value_name = "PERCENT",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "100",
        value_parser = clap::value_parser!(u8).range(1..=100)
    )]
    read_data: Option<u8>,
    /// Read the packs too that were not read within AGE: years, months, weeks, days, hours as in 3m or 36h
    #[arg(long, value_name = "AGE", conflicts_with = "read_data")]
    max_age: Option<Age>,
    #[command(flatten)]
    source: Source,
}

pub(crate) fn run(context: &Context<'_>, arguments: &Arguments) -> Result<Outcome, Failure> {
    let opened = arguments.source.open(context)?;
    let profile = context.profile_if_any()?;
    let now = context.clock.now();
    let read_data = match (arguments.read_data, arguments.max_age) {
        (_, Some(age)) => ReadData::OlderThan {
            age: age.to_duration(),
            now,
        },
        (Some(percent), None) => ReadData::Percent {
            percent,
            turn: turn(context),
        },
        (None, None) => ReadData::No,
    };
    let (output, stop) = (context.output, &*context.stop);
    let counters = Progress::default();
    let verified = progress::show(output, Kind::Goal("verified"), &counters, || {
        strongroom_agent::verify(&opened, profile.as_ref(), read_data, now, &counters, stop)
    })?;
    tell(context, verified, &opened)
}

/// Tells what was found at each destination.
fn tell(
    context: &Context<'_>,
    verified: Vec<Verified>,
    opened: &Opened,
) -> Result<Outcome, Failure> {
    let output = context.output;
    let is_alone = verified.len() == 1;
    let (mut is_damaged, mut failed) = (false, None);
    let known = verified
        .iter()
        .filter_map(|there| there.report.as_ref().ok());
    let newest = known.filter_map(|report| Some(report.newest?.id)).max();
    let mut refused = None;
    for there in verified {
        let name = &there.destination;
        match there.report {
            Ok(report) => {
                let is_ahead =
                    matches!(&there.others, Some(error) if error.class() == Class::Caller);
                print(context, name, &report, (newest, is_ahead))?;
                is_damaged |= !report.is_clean();
            }
            Err(error) if error.class() == Class::Damage => {
                output.warning_of(name, &error);
                is_damaged = true;
            }
            Err(error) if is_alone => return Err(error.into()),
            Err(error) => {
                output.warning(name, &format!("NOT VERIFIED: {}", with_causes(&error)));
                failed = Some(Failure::from(error));
            }
        }
        if let Some(error) = there.unnoted {
            let why = with_causes(&error);
            output.warning(
                name,
                &format!("which packs were read cannot be noted: {why}"),
            );
        }
        match there.others {
            Some(error) if error.class() == Class::Damage => {
                output.warning_of("", &error);
                is_damaged = true;
            }
            others => refused = refused.or(others),
        }
    }
    if let Some(hint) = failed.as_ref().and_then(hint::of) {
        output.note(&format!("hint: {hint}"));
    }
    if is_damaged {
        output
            .note("what one destination lacks, `strongroom destination heal` copies from another;");
        output.note("what none has, `strongroom repair` makes good as far as it can be");
    }
    // What merely could not be read now is no damage.
    let mut problems = opened.problems.iter();
    let outcome = if is_damaged || problems.any(|problem| problem.class() == Class::Damage) {
        Outcome::Damage
    } else if failed.is_some() || !opened.problems.is_empty() {
        Outcome::DestinationFailed
    } else {
        Outcome::Done
    };
    match refused {
        // What is there is whole, and this profile can add nothing to it.
        Some(error) if outcome == Outcome::Done => Err(error.into()),
        Some(error) => {
            output.warning_of("", &error);
            Ok(outcome)
        }
        None => Ok(outcome),
    }
}

/// Returns which part of the data is read: another one every day, so that all is read in time.
pub(super) fn turn(context: &Context<'_>) -> u8 {
    let days = context.clock.now().0 / NANOSECONDS_A_DAY;
    u8::try_from(days.rem_euclid(100)).unwrap_or_default()
}

/// `newest` is the newest record anywhere; `is_ahead` says that somebody else has written here.
fn print(
    context: &Context<'_>,
    name: &str,
    report: &VerifyReport,
    (newest, is_ahead): (Option<RecordId>, bool),
) -> Result<(), Failure> {
    let output = context.output;
    let own = report.newest.map(|head| head.id);
    let is_behind = own < newest;
    for (subject, message) in &report.damage {
        if message.contains(subject.as_str()) {
            output.warning(name, message);
        } else {
            output.warning(&format!("{name}: {subject}"), message);
        }
    }
    let (unrecorded, unrecorded_bytes) = report.unrecorded;
    if output.is_json() {
        let damage: Vec<_> = report
            .damage
            .iter()
            .map(|(subject, message)| json!({ "subject": subject, "message": message }))
            .collect();
        return output.object(&json!({
            "destination": name,
            "records": report.records,
            "newest_record": own.map(|id| id.to_string()),
            "behind": is_behind,
            "ahead_of_profile": is_ahead,
            "snapshots": report.snapshots,
            "objects": report.objects,
            "bytes": report.bytes,
            "packs_read": report.packs_read,
            "record_packs_read": report.record_packs_read,
            "acknowledged": report.acknowledged,
            "chunks_checked": report.chunks_checked,
            "unrecorded_objects": unrecorded,
            "unrecorded_bytes": unrecorded_bytes,
            "damage": damage,
        }));
    }
    let sound = match report.damage.len() {
        0 if is_behind => "sound, but BEHIND".to_owned(),
        0 if is_ahead => "sound, but AHEAD of this profile".to_owned(),
        0 => "sound".to_owned(),
        found => format!("{found} DAMAGED"),
    };
    let in_records = match report.record_packs_read {
        0 => String::new(),
        count => format!(" and {count} in records"),
    };
    output.done(&format!(
        "{name}: {sound}; {}, {}, {}, {}; {}{in_records} read",
        show::count(report.snapshots, "snapshot", "snapshots"),
        show::count(report.records, "record", "records"),
        show::count(report.objects, "object", "objects"),
        show::bytes(report.bytes),
        show::count(report.packs_read, "pack", "packs"),
    ))?;
    if report.acknowledged > 0 {
        let count = report.acknowledged;
        output.note(&format!("{name}: {count} losses that were acknowledged"));
    }
    if unrecorded > 0 {
        let size = show::bytes(unrecorded_bytes);
        output.note(&format!(
            "{name}: {} ({size}) given up or unrecorded",
            show::count(unrecorded, "object", "objects"),
        ));
    }
    Ok(())
}
