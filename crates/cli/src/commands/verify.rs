//! `strongroom verify`

use clap::Args;
use serde_json::json;
use strongroom_agent::{Progress, ReadData, VerifyReport};
use strongroom_base::clock::Clock as _;
use strongroom_base::{Class, Classified as _};

use crate::context::Context;
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::progress::{self, Kind};
use crate::reading::Source;
use crate::show;

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
    #[command(flatten)]
    source: Source,
}

pub(crate) fn run(context: &Context<'_>, arguments: &Arguments) -> Result<Outcome, Failure> {
    let opened = arguments.source.open(context)?;
    let read_data = arguments
        .read_data
        .map_or(ReadData::No, |percent| ReadData::Percent {
            percent,
            turn: turn(context),
        });
    let (output, stop) = (context.output, &*context.stop);
    let counters = Progress::default();
    let verified = progress::show(output, Kind::Goal("verified"), &counters, || {
        strongroom_agent::verify(&opened, read_data, &counters, stop)
    })?;
    let mut outcome = Outcome::Done;
    for there in verified {
        match there.report {
            Ok(report) => {
                print(context, &there.destination, &report)?;
                if !report.is_clean() {
                    outcome = Outcome::Damage;
                }
            }
            Err(error) if error.class() == Class::Damage => {
                output.warning_of(&there.destination, &error);
                outcome = Outcome::Damage;
            }
            Err(error) => return Err(error.into()),
        }
    }
    if outcome == Outcome::Done && !opened.problems.is_empty() {
        outcome = Outcome::Damage;
    }
    Ok(outcome)
}

/// Returns which part of the data is read: another one every day, so that all is read in time.
fn turn(context: &Context<'_>) -> u8 {
    let days = context.clock.now().0 / NANOSECONDS_A_DAY;
    u8::try_from(days.rem_euclid(100)).unwrap_or_default()
}

fn print(context: &Context<'_>, name: &str, report: &VerifyReport) -> Result<(), Failure> {
    let output = context.output;
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
            "snapshots": report.snapshots,
            "objects": report.objects,
            "bytes": report.bytes,
            "packs_read": report.packs_read,
            "chunks_checked": report.chunks_checked,
            "unrecorded_objects": unrecorded,
            "unrecorded_bytes": unrecorded_bytes,
            "damage": damage,
        }));
    }
    let sound = match report.damage.len() {
        0 => "sound".to_owned(),
        found => format!("{found} DAMAGED"),
    };
    output.done(&format!(
        "{name}: {sound}; {}, {}, {}, {}; {} read",
        show::count(report.snapshots, "snapshot", "snapshots"),
        show::count(report.records, "record", "records"),
        show::count(report.objects, "object", "objects"),
        show::bytes(report.bytes),
        show::count(report.packs_read, "pack", "packs"),
    ))?;
    if unrecorded > 0 {
        let size = show::bytes(unrecorded_bytes);
        output.note(&format!(
            "{name}: {} ({size}) of interrupted backups",
            show::count(unrecorded, "object", "objects"),
        ));
    }
    Ok(())
}
