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

use crate::arguments::{Cli, Global};
use crate::context::Context;
use crate::failure::Failure;
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
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() && wants_json() => return refused(&error),
        Err(error) => error.exit(),
    };
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

/// Says whether objects are wanted, where the arguments could not be understood.
fn wants_json() -> bool {
    let options = std::env::args_os().skip(1).take_while(|text| text != "--");
    options.into_iter().any(|text| text == "--json")
}

/// Says as an object what is wrong with the arguments.
fn refused(error: &clap::Error) -> ExitCode {
    let text = error.to_string();
    let (what, _) = text.split_once("\n\nUsage:").unwrap_or((&text, ""));
    let (what, _) = what
        .split_once("\n\nFor more information")
        .unwrap_or((what, ""));
    let words: Vec<&str> = what.split_whitespace().collect();
    let what = words.join(" ");
    let what = what.strip_prefix("error: ").unwrap_or(&what).to_owned();
    let global = Global {
        json: true,
        ..Global::default()
    };
    let failure = Failure::Usage(what);
    Output::new(&global).failure(&failure);
    ExitCode::from(exit::code_of(&failure))
}
