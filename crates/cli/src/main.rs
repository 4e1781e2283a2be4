//! `strongroom`: backups that only their owner can read. Arguments in, text out; the deeds are the
//! agent's.

mod amount;
mod arguments;
mod commands;
mod context;
mod environment;
mod exit;
mod failure;
mod hint;
mod interrupt;
mod output;
mod platform;
mod process;
mod progress;
mod reading;
mod secrets;
mod selection;
mod show;
mod supervisor;
mod time;

use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::Cli;
use crate::context::Context;
use crate::output::Output;

/// Trees are restored directory by directory, as deep as an archive may have them.
const STACK_LEN: usize = 128 << 20;

fn main() -> ExitCode {
    platform::tune_allocator();
    process::prepare();
    let thread = std::thread::Builder::new().stack_size(STACK_LEN);
    match thread.spawn(work).map(std::thread::JoinHandle::join) {
        Ok(Ok(code)) => code,
        Ok(Err(panic)) => std::panic::resume_unwind(panic),
        // Without room for such a stack, the usual one has to do.
        Err(_) => work(),
    }
}

fn work() -> ExitCode {
    let cli = Cli::parse();
    let output = Output::new(&cli.global);
    let answer = Context::new(&cli.global, &output).and_then(|context| {
        let outcome = commands::run(&context, cli.command)?;
        output.flush()?;
        Ok(outcome)
    });
    ExitCode::from(match answer {
        Ok(outcome) => outcome.code(),
        Err(failure) => {
            output.failure(&failure);
            exit::code_of(&failure)
        }
    })
}
