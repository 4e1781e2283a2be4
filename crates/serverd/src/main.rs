//! `strongroom-server`: the server of Strongroom.
//!
//! This file only picks the command; what one does is in the module of its name.

mod arguments;
mod audit;
mod backup;
mod certificate;
mod config;
mod environment;
mod logging;
mod open;
mod output;
mod run;
mod second_factor;
mod secrets;

use std::process::ExitCode;

use clap::Parser as _;
use strongroom_base::with_causes;

use arguments::{Arguments, Audit, Command};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match &arguments.command {
        Command::Run => run::run(&arguments),
        Command::Config(config) => config::run(&arguments, config),
        Command::Audit(Audit::Verify { file, trusted_key }) => {
            audit::verify_file(file, trusted_key)
        }
        Command::Audit(Audit::Key) => audit::key(&arguments),
        Command::Backup { to } => backup::make(&arguments, to.as_deref()),
        Command::Restore { file, replace } => backup::restore(&arguments, file, *replace),
        Command::SecondFactor(command) => second_factor::run(&arguments, command),
        Command::Certificate(command) => certificate::run(&arguments, command),
        Command::Secrets(secrets) => secrets::run(&arguments, secrets),
        Command::Openapi => {
            output::line(strongroom_server::http::openapi::text().trim_end());
            Ok(())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::error(&format!("strongroom-server: {}", with_causes(&*error)));
            ExitCode::FAILURE
        }
    }
}
