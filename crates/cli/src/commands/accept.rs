//! `strongroom destination accept`

use serde_json::json;
use strongroom_agent::Progress;

use super::reports;
use crate::commands::repair::tools;
use crate::context::Context;
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::progress::Printer;

pub(super) fn accept(context: &Context<'_>, name: &str) -> Result<Outcome, Failure> {
    let (profile, counters) = (context.profile()?, Progress::default());
    let printer = Printer(context.output);
    let tools = tools(context, &counters, &printer);
    let accepted = strongroom_agent::accept(&profile, name, None, &tools)?;
    let destinations = reports::tell(context, &accepted.destinations);
    let went_back_to = accepted.went_back_to;
    let outcome = reports::outcome(&accepted.destinations);
    if context.output.is_json() {
        context.output.object(&json!({
            "name": name,
            "archive_went_back": went_back_to.is_some(),
            "went_back_to": went_back_to.map(|id| id.to_string()),
            "generation": accepted.head.generation.0,
            "seq": accepted.head.seq.0,
            "destinations": destinations,
        }))?;
        return Ok(outcome);
    }
    let mut there = accepted.destinations.iter();
    let is_complete = there
        .find(|there| there.id == accepted.destination)
        .is_some_and(|there| there.status.is_complete());
    let what = match went_back_to {
        Some(id) => {
            format!("the archive goes on from record {id}: what was stored later is given up")
        }
        None if is_complete => "it has everything now".to_owned(),
        None => "it does NOT have everything yet".to_owned(),
    };
    context.output.done(&format!("accepted {name}; {what}"))?;
    Ok(outcome)
}
