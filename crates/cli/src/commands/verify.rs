//! `strongroom verify`

use clap::Args;

use crate::context::Context;
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::reading::{Snapshots, Source};

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
    let _ = Snapshots::open(&arguments.source, context)?;
    Err(Failure::Usage("verify is not yet in this version".to_owned()))
}
