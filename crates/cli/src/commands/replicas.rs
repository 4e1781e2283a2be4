//! `strongroom destination sync` and `strongroom destination heal`

use std::sync::Arc;
use strongroom_base::with_causes;

use serde_json::json;
use strongroom_agent::replicas::{self, Task, Tended, Tending};
use strongroom_agent::{AgentError, Progress, Sample, Tools};

use super::verify::turn;
use crate::context::Context;
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::progress::{self, Kind, Printer};
use crate::{hint, show};

pub(super) fn sync(context: &Context<'_>, names: &[String]) -> Result<Outcome, Failure> {
    tend(context, names, Task::Sync, "copied")
}

pub(super) fn heal(
    context: &Context<'_>,
    names: &[String],
    dry_run: bool,
    percent: u8,
) -> Result<Outcome, Failure> {
    let seed = u64::from(turn(context));
    let sample = Sample { percent, seed };
    tend(context, names, Task::Heal { sample, dry_run }, "checked")
}

fn tend(
    context: &Context<'_>,
    names: &[String],
    task: Task,
    verb: &'static str,
) -> Result<Outcome, Failure> {
    let profile = context.profile()?;
    let output = context.output;
    let counters = Progress::default();
    let tools = Tools {
        clock: Arc::new(context.clock),
        random: Arc::new(context.random),
        monitor: &Printer(output),
        progress: &counters,
        stop: &context.stop,
    };
    let (tended, unreached) = progress::show(output, Kind::Goal(verb), &counters, || {
        replicas::tend(&profile, names, task, &tools)
    })?;
    for there in &tended {
        print(context, there, task)?;
    }
    for there in &unreached {
        let message = format!("cannot be reached: {}", with_causes(&there.reason));
        output.warning(&there.name, &message);
    }
    let is_damaged = tended.iter().any(replicas::is_damage);
    let failed = tended.into_iter().find_map(|there| there.result.err());
    // One that nobody asked for by its name may be away.
    let asked = unreached.into_iter().find(|_| !names.is_empty());
    let error = failed
        .or(asked.map(|there| there.reason))
        .map(Failure::from);
    if let Some(hint) = error.as_ref().and_then(hint::of) {
        output.note(&format!("hint: {hint}"));
    }
    Ok(match error {
        _ if is_damaged => Outcome::Damage,
        Some(_) => Outcome::DestinationFailed,
        None => Outcome::Done,
    })
}

/// Says why a destination failed.
fn why(error: &AgentError) -> String {
    match error {
        AgentError::SetAside { reason, .. } => hint::set_aside(reason),
        error => with_causes(error),
    }
}

fn print(context: &Context<'_>, there: &Tended, task: Task) -> Result<(), Failure> {
    let name = &there.destination;
    let tending = match &there.result {
        Ok(tending) => tending,
        Err(error) => {
            context.output.warning(name, &why(error));
            if context.output.is_json() {
                return context.output.object(&json!({
                    "destination": name,
                    "archive": there.archive.to_string(),
                    "error": why(error),
                }));
            }
            return Ok(());
        }
    };
    warn(context, name, tending);
    super::locks::tell(context, tending.locks.as_slice());
    if context.output.is_json() {
        return object(context, there, tending);
    }
    let copied = tending.synced.copied;
    let mut words = Vec::new();
    if copied.objects > 0 || matches!(task, Task::Sync) {
        let size = show::bytes(copied.bytes);
        let objects = show::count(copied.objects, "object", "objects");
        words.push(format!("{objects} copied, {size}"));
    }
    if let Some(found) = &tending.found {
        let (read, size) = (found.read.objects, show::bytes(found.read.bytes));
        words.push(format!("{read} of {} objects read, {size}", found.live));
        words.push(match found.findings.len() {
            0 => "sound".to_owned(),
            damaged => format!("{damaged} DAMAGED, {} healed", tending.healed.healed.len()),
        });
        if !tending.given_up.is_empty() {
            let (found, mended) = (tending.given_up.len(), tending.put_back.healed.len());
            words.push(format!(
                "{mended} of {found} put back that wait to be erased"
            ));
        }
    }
    if matches!(task, Task::Sync) {
        let newest = if tending.is_newest {
            "up to date"
        } else {
            "BEHIND"
        };
        words.push(newest.to_owned());
    }
    let is_trial = matches!(task, Task::Heal { dry_run: true, .. });
    let text = format!("{name}: {}", words.join("; "));
    context.output.told(is_trial, &text)
}

/// Names what is damaged, what stays so, and what nobody knows.
fn warn(context: &Context<'_>, name: &str, tending: &Tending) {
    let output = context.output;
    if let Some(words) = &tending.went_back {
        output.warning(name, &format!("it went back: {words}"));
    }
    if tending.found.is_none() {
        for (place, error) in &tending.synced.left_out {
            output.warning(&format!("{name}: {place}"), &error.to_string());
        }
    }
    let Some(found) = &tending.found else {
        return;
    };
    for finding in &found.findings {
        output.warning(
            &format!("{name}: {}", finding.place),
            &finding.fault.to_string(),
        );
    }
    for place in &tending.healed.lost {
        output.warning(
            &format!("{name}: {place}"),
            "no other destination has it undamaged",
        );
    }
    for (place, error) in &tending.healed.failed {
        output.warning(&format!("{name}: {place}"), &error.to_string());
    }
    for (place, error) in &tending.put_back.failed {
        output.warning(&format!("{name}: {place}"), &error.to_string());
    }
    for path in &found.unknown {
        output.detail(&format!("{name}: nobody knows {path}"));
    }
    if !found.unknown.is_empty() {
        let count = found.unknown.len();
        output.note(&format!(
            "{name}: {count} objects that no record names were left alone"
        ));
    }
}

fn object(context: &Context<'_>, there: &Tended, tending: &Tending) -> Result<(), Failure> {
    let copied = tending.synced.copied;
    let mut object = json!({
        "destination": there.destination,
        "archive": there.archive.to_string(),
        "objects_copied": copied.objects,
        "bytes_copied": copied.bytes,
        "up_to_date": tending.is_newest,
        "went_back": tending.went_back.is_some(),
    });
    if let Some(found) = &tending.found {
        let list = |places: Vec<String>| json!(places);
        let damaged = found.findings.iter().map(|found| found.place.to_string());
        let failed = tending.healed.failed.iter().map(|(place, _)| place);
        let stays = tending.healed.lost.iter().chain(failed);
        object["objects"] = json!(found.live);
        object["objects_read"] = json!(found.read.objects);
        object["bytes_read"] = json!(found.read.bytes);
        object["damaged"] = list(damaged.collect());
        object["healed"] = json!(tending.healed.healed.len());
        object["bytes_healed"] = json!(tending.healed.bytes);
        object["not_healed"] = list(stays.map(ToString::to_string).collect());
        object["given_up"] = json!(tending.given_up.len());
        object["given_up_healed"] = json!(tending.put_back.healed.len());
        object["unknown"] = list(found.unknown.iter().map(ToString::to_string).collect());
    }
    context.output.object(&object)
}
