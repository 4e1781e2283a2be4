//! `strongroom key show` and `key slots`

use serde_json::json;
use strongroom_agent::keys::{self, ShownArchive};

use crate::commands::init::place;
use crate::context::Context;
use crate::failure::Failure;

/// Shows ids, archives and epochs.
pub(super) fn show(context: &Context<'_>) -> Result<(), Failure> {
    let profile = context.profile()?;
    let shown = keys::show(&profile)?;
    let place = place(&profile, shown.place);
    if let Some(unfinished) = &shown.unfinished {
        context.output.warning_of("", unfinished);
    }
    if context.output.is_json() {
        let archives: Vec<_> = shown.archives.iter().map(object).collect();
        return context.output.object(&json!({
            "custody_key_id": shown.custody_key_id,
            "place": place,
            "archives": archives,
            "rotation_unfinished": shown.unfinished.is_some(),
        }));
    }
    context
        .output
        .line(&format!("custody key {} in {place}", shown.custody_key_id))?;
    for archive in &shown.archives {
        let (_, suite) = archive.epochs.last().copied().unzip();
        let suite = suite.map_or_else(String::new, |suite| suite.to_string());
        let destinations = if archive.destinations.is_empty() {
            "no destination yet".to_owned()
        } else {
            archive.destinations.join(", ")
        };
        context.output.line(&format!(
            "archive {}: {destinations}; epoch {}, {suite}; private passwords: {}{}",
            archive.id,
            archive.epochs.last().map_or(0, |(epoch, _)| epoch.0),
            archive.slots.len(),
            if archive.begun { "" } else { "; empty" },
        ))?;
    }
    Ok(())
}

/// Lists private passwords.
pub(super) fn slots(context: &Context<'_>) -> Result<(), Failure> {
    for archive in keys::show(&context.profile()?)?.archives {
        for slot in &archive.slots {
            if context.output.is_json() {
                context.output.object(&json!({
                    "archive": archive.id.to_string(),
                    "slot": slot.id.to_string(),
                    "name": slot.name,
                }))?;
            } else {
                let line = format!("{}  {}  archive {}", slot.id, slot.name, archive.id);
                context.output.line(&line)?;
            }
        }
    }
    Ok(())
}

fn object(archive: &ShownArchive) -> serde_json::Value {
    let epochs = archive.epochs.iter();
    let epochs: Vec<_> = epochs
        .map(|(epoch, suite)| json!({ "epoch": epoch.0, "suite": suite.name() }))
        .collect();
    let slots = archive.slots.iter();
    let slots: Vec<_> = slots
        .map(|slot| json!({ "slot": slot.id.to_string(), "name": slot.name }))
        .collect();
    json!({
        "archive": archive.id.to_string(),
        "default": archive.default,
        "begun": archive.begun,
        "destinations": archive.destinations,
        "number": archive.number,
        "epochs": epochs,
        "slots": slots,
    })
}
