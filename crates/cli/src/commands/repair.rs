//! `strongroom repair`

use std::sync::Arc;

use clap::Args;
use serde_json::json;
use strongroom_agent::{Progress, Repaired, Tools};
use strongroom_base::ids::ArchiveId;

use crate::context::Context;
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::progress::{self, Kind, Printer};
use crate::show;

/// Arguments of `repair`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Read all data to find what is damaged, and not only what is missing
    #[arg(long)]
    read_data: bool,
    /// Repair this archive, where there are several
    #[arg(long, value_name = "ID")]
    archive: Option<ArchiveId>,
}

pub(crate) fn run(context: &Context<'_>, arguments: &Arguments) -> Result<Outcome, Failure> {
    let profile = context.profile()?;
    let counters = Progress::default();
    let printer = Printer(context.output);
    let tools = tools(context, &counters, &printer);
    let repaired = progress::show(context.output, Kind::Goal("examined"), &counters, || {
        strongroom_agent::repair(&profile, arguments.archive, arguments.read_data, &tools)
    })?;
    print(context, &repaired)?;
    let is_left = !repaired.elsewhere.is_empty();
    Ok(if is_left {
        Outcome::Damage
    } else {
        Outcome::Done
    })
}

/// Returns what deeds that write an archive work with.
pub(crate) fn tools<'a>(
    context: &'a Context<'_>,
    counters: &'a Progress,
    printer: &'a Printer<'a>,
) -> Tools<'a> {
    Tools {
        clock: Arc::new(context.clock),
        random: Arc::new(context.random),
        monitor: printer,
        progress: counters,
        stop: &context.stop,
    }
}

fn print(context: &Context<'_>, repaired: &Repaired) -> Result<(), Failure> {
    let output = context.output;
    let names =
        |objects: &[_]| -> Vec<String> { objects.iter().map(ToString::to_string).collect() };
    if output.is_json() {
        return output.object(&json!({
            "record": repaired.record.map(|head| head.id.to_string()),
            "index_runs": names(&repaired.runs),
            "void": names(&repaired.voided),
            "elsewhere": names(&repaired.elsewhere),
        }));
    }
    for object in &repaired.elsewhere {
        let why = "is whole at no destination that can be reached; nothing was done about it";
        output.warning(&object.to_string(), why);
    }
    for object in &repaired.voided {
        output.warning(
            &object.to_string(),
            "is whole at no destination: it is void now",
        );
    }
    if !repaired.runs.is_empty() {
        let count = repaired.runs.len() as u64;
        output.done(&format!(
            "made {} of the index anew from the packs",
            show::count(count, "part", "parts")
        ))?;
    }
    match (&repaired.record, repaired.voided.is_empty()) {
        (None, _) => output.done("nothing to repair")?,
        (Some(_), true) => {}
        (Some(_), false) => {
            output.done("the next backup reads every file again, and stores what is missing")?;
            output.note("then `strongroom acknowledge-loss` lists what is gone for good");
        }
    }
    Ok(())
}
