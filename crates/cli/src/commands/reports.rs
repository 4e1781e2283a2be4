//! What became of the destinations, after a command that wrote to all of them: in words, as objects, and what helps.

use serde_json::{Value, json};
use strongroom_agent::{DestinationReport, DestinationStatus};

use crate::context::Context;
use crate::exit::Outcome;
use crate::hint;

/// Warns of destinations that do not have everything, says once what helps, and returns all of them as objects.
pub(super) fn tell(context: &Context<'_>, reports: &[DestinationReport]) -> Vec<Value> {
    for there in reports {
        if let Some(why) = trouble(there) {
            context.output.warning(&there.name, &why);
        }
    }
    let is_aside =
        |there: &DestinationReport| matches!(there.status, DestinationStatus::SetAside(_));
    if reports.iter().any(is_aside) {
        context.output.note(&format!("hint: {}", hint::SET_ASIDE));
    }
    reports.iter().map(object).collect()
}

/// Returns the state of a destination in two or three words.
pub(super) fn status(there: &DestinationReport) -> &'static str {
    match &there.status {
        DestinationStatus::UpToDate => "up to date",
        DestinationStatus::CaughtUp => "caught up",
        DestinationStatus::Unreachable(_) => "unreachable",
        DestinationStatus::Incomplete(_) => "not complete",
        DestinationStatus::SetAside(_) => "set aside",
        DestinationStatus::Queued => "queued",
    }
}

/// A destination that was set aside, or that lacks something, is damage.
pub(super) fn outcome(reports: &[DestinationReport]) -> Outcome {
    if reports.iter().any(|there| there.status.is_damage()) {
        Outcome::Damage
    } else {
        Outcome::Done
    }
}

/// Says what keeps a destination from having everything.
fn trouble(there: &DestinationReport) -> Option<String> {
    match &there.status {
        DestinationStatus::UpToDate | DestinationStatus::CaughtUp | DestinationStatus::Queued => {
            None
        }
        DestinationStatus::Unreachable(why) => {
            Some(format!("takes nothing now, and catches up later: {why}"))
        }
        DestinationStatus::Incomplete(why) => Some(format!("not complete: {why}")),
        DestinationStatus::SetAside(why) => Some(hint::set_aside(why)),
    }
}

fn object(there: &DestinationReport) -> Value {
    json!({
        "name": there.name,
        "id": there.id.to_string(),
        "status": status(there).replace(' ', "-"),
        "reason": trouble(there),
        "bytes_written": there.bytes_written,
    })
}
