//! The commands, one a file: each takes its arguments, calls one deed of the agent and shows what came
//! back.

mod accept;
pub(crate) mod acknowledge_loss;
pub(crate) mod admin;
pub(crate) mod agent;
pub(crate) mod backup;
pub(crate) mod completions;
pub(crate) mod destination;
pub(crate) mod diff;
pub(crate) mod dump;
pub(crate) mod enroll;
pub(crate) mod find;
pub(crate) mod forget;
pub(crate) mod init;
pub(crate) mod key;
mod locks;
pub(crate) mod login;
pub(crate) mod ls;
pub(crate) mod man;
pub(crate) mod mount;
pub(crate) mod prune;
pub(crate) mod repair;
mod replicas;
mod reports;
pub(crate) mod restore;
pub(crate) mod snapshots;
pub(crate) mod spool;
pub(crate) mod stats;
pub(crate) mod verify;
pub(crate) mod versions;

use crate::arguments::Command;
use crate::context::Context;
use crate::exit::Outcome;
use crate::failure::Failure;

/// Runs a command.
pub(crate) fn run(context: &Context<'_>, command: Command) -> Result<Outcome, Failure> {
    match command {
        Command::Init(arguments) => init::run(context, &arguments),
        Command::Destination(command) => destination::run(context, command),
        Command::Backup(arguments) => backup::run(context, &arguments),
        Command::Agent(command) => agent::run(context, command),
        Command::Snapshots(arguments) => snapshots::run(context, &arguments),
        Command::Ls(arguments) => ls::run(context, &arguments),
        Command::Find(arguments) => find::run(context, &arguments),
        Command::Versions(arguments) => versions::run(context, &arguments),
        Command::Diff(arguments) => diff::run(context, &arguments),
        Command::Stats(arguments) => stats::run(context, &arguments),
        Command::Restore(arguments) => restore::run(context, &arguments),
        Command::Mount(arguments) => mount::run(context, &arguments),
        Command::Dump(arguments) => dump::run(context, &arguments),
        Command::Verify(arguments) => verify::run(context, &arguments),
        Command::Forget(arguments) => forget::run(context, arguments),
        Command::Prune(arguments) => prune::run(context, &arguments),
        Command::Repair(arguments) => repair::run(context, &arguments),
        Command::AcknowledgeLoss(arguments) => acknowledge_loss::run(context, &arguments),
        Command::Key(command) => key::run(context, command),
        Command::Spool(arguments) => spool::run(context, &arguments),
        Command::Login(arguments) => done(login::run(context, &arguments)),
        Command::Logout => done(login::log_out(context)),
        Command::Whoami => done(login::who_am_i(context)),
        Command::Enroll(arguments) => done(enroll::run(context, &arguments)),
        Command::Admin(chosen) => admin::run(context, &chosen),
        Command::Completions(arguments) => completions::run(context, &arguments),
        Command::Man(arguments) => man::run(context, &arguments),
    }
}

fn done(ran: Result<(), Failure>) -> Result<Outcome, Failure> {
    ran.map(|()| Outcome::Done)
}
