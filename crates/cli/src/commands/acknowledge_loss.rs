//! `strongroom acknowledge-loss`

use clap::Args;
use serde_json::json;
use strongroom_agent::{Loss, Losses, Progress};
use strongroom_base::object::ObjectKind;

use crate::commands::repair::tools;
use crate::context::Context;
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::progress::Printer;
use crate::reading::Source;

/// Fewest characters that name an object.
const NAME_LEN_MIN: usize = 3;

/// Arguments of `acknowledge-loss`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The objects whose loss is accepted: the first digits of their names; none to list them
    #[arg(value_name = "OBJECT")]
    objects: Vec<String>,
    /// Accept the loss of all of them
    #[arg(long, conflicts_with = "objects")]
    all: bool,
    #[command(flatten)]
    source: Source,
}

pub(crate) fn run(context: &Context<'_>, arguments: &Arguments) -> Result<Outcome, Failure> {
    let opened = arguments.source.open(context)?;
    let counters = Progress::default();
    let printer = Printer(context.output);
    let tools = tools(context, &counters, &printer);
    let losses = strongroom_agent::losses(&opened, &tools)?;
    if losses.objects.is_empty() {
        if !context.output.is_json() {
            context.output.done("nothing is lost")?;
        }
        return Ok(Outcome::Done);
    }
    let chosen = chosen(arguments, &losses.objects)?;
    if chosen.is_empty() {
        list(context, &losses)?;
        return Ok(Outcome::Damage);
    }
    let objects: Vec<_> = chosen.iter().map(|loss| loss.object).collect();
    let (profile, archive) = (context.profile()?, opened.archive.id());
    drop(opened);
    strongroom_agent::acknowledge_loss(&profile, Some(archive), &objects, &tools)?;
    for loss in chosen {
        let object = loss.object.to_string();
        if context.output.is_json() {
            context.output.object(&json!({ "acknowledged": object }))?;
        } else {
            context
                .output
                .done(&format!("{object}: its loss is acknowledged"))?;
        }
    }
    Ok(Outcome::Done)
}

fn chosen<'a>(arguments: &Arguments, losses: &'a [Loss]) -> Result<Vec<&'a Loss>, Failure> {
    if arguments.all {
        return Ok(losses.iter().collect());
    }
    let mut chosen = Vec::new();
    for asked in &arguments.objects {
        let is_named = |loss: &&Loss| {
            let text = loss.object.to_string();
            let name = text.split(' ').next_back().unwrap_or_default();
            asked.len() >= NAME_LEN_MIN && name.starts_with(asked.as_str())
        };
        let found: Vec<&Loss> = losses.iter().filter(is_named).collect();
        if found.is_empty() {
            return Err(Failure::Usage(format!(
                "nothing that is lost is called {asked}"
            )));
        }
        chosen.extend(found);
    }
    Ok(chosen)
}

fn list(context: &Context<'_>, losses: &Losses) -> Result<(), Failure> {
    let output = context.output;
    if output.is_json() {
        for loss in &losses.objects {
            output.object(&json!({ "object": loss.object.to_string(), "what": loss.what }))?;
        }
        for (path, what) in &losses.paths {
            output.object(&json!({ "path": path, "what": what }))?;
        }
        return Ok(());
    }
    for loss in &losses.objects {
        output.line(&format!("{} {}", loss.object, loss.what))?;
    }
    for (path, what) in &losses.paths {
        output.line(&format!("  {path}: {what}"))?;
    }
    let is_record = |loss: &Loss| loss.object.kind() == ObjectKind::Record;
    if losses.objects.iter().any(is_record) {
        output.note("A record that is lost may have been a snapshot, which is lost with it.");
    }
    if losses.paths.is_empty() {
        output.note(if losses.objects.iter().any(is_record) {
            "Every file of every snapshot that is left has its content."
        } else {
            "Every file of every snapshot has its content again: nothing was lost with them."
        });
    }
    output.note(
        "To accept it, name the objects, or give --all; `strongroom verify` is content then.",
    );
    Ok(())
}
