//! `strongroom spool`

use clap::Args;
use serde_json::{Value, json};
use strongroom_agent::spool::{self, Spool, Spooled};

use crate::context::Context;
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::{amount, show};

/// Arguments of `spool`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Keep at most so many bytes for each archive, as 500M or 20G; from then on backups work while all destinations
    /// are away
    #[arg(long, value_name = "BYTES", value_parser = amount::bytes)]
    limit: Option<u64>,
    /// Keep no spool
    #[arg(long, conflicts_with = "limit")]
    off: bool,
    /// With --off: also where a destination lacks what is in it
    #[arg(long, requires = "off")]
    give_up: bool,
}

pub(crate) fn run(context: &Context<'_>, arguments: &Arguments) -> Result<Outcome, Failure> {
    let profile = context.profile()?;
    if arguments.off {
        spool::turn_off(&profile, arguments.give_up)?;
    } else if let Some(limit) = arguments.limit {
        spool::set_limit(&profile, limit)?;
    }
    let found = spool::look(&profile)?;
    let is_asked = !arguments.off && arguments.limit.is_none();
    if context.output.is_json() {
        context.output.object(&object(&found))?;
    } else {
        text(context, is_asked, &found)?;
    }
    Ok(Outcome::Done)
}

fn text(context: &Context<'_>, is_asked: bool, found: &Spool) -> Result<(), Failure> {
    match found.limit {
        None => context.output.told(is_asked, "there is no spool")?,
        Some(limit) => {
            let limit = show::bytes(limit);
            context.output.told(
                is_asked,
                &format!("a spool of at most {limit} for each archive"),
            )?;
        }
    }
    for there in &found.archives {
        let Spooled {
            archive,
            bytes,
            unacknowledged,
            ..
        } = there;
        let bytes = show::bytes(*bytes);
        let records = show::count(
            *unacknowledged,
            "record that no destination has",
            "records that no destination has",
        );
        let text = format!("{archive}: {bytes}, {records}");
        context.output.told(is_asked, &text)?;
    }
    Ok(())
}

fn object(found: &Spool) -> Value {
    let archive = |there: &Spooled| {
        json!({
            "archive": there.archive.to_string(),
            "bytes": there.bytes,
            "unacknowledged_records": there.unacknowledged,
            "needed": there.is_needed,
        })
    };
    json!({
        "limit_bytes": found.limit,
        "archives": found.archives.iter().map(archive).collect::<Vec<_>>(),
    })
}
