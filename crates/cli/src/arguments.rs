//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::commands::{
    acknowledge_loss, admin, agent, backup, completions, destination, diff, dump, enroll, find,
    forget, init, key, login, ls, man, mount, prune, repair, restore, snapshots, spool, stats,
    verify, versions,
};

/// Backups that only their owner can read.
#[derive(Parser)]
#[command(
    name = "strongroom",
    version,
    propagate_version = true,
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done but some files could not be read, \
                  4 damage found, 5 wrong key or password, 130 interrupted."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command understands.
#[derive(Args, Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one switch")]
pub(crate) struct Global {
    /// Folder of settings and keys [default: `STRONGROOM_PROFILE`, else .config/strongroom]
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        help_heading = "Global options"
    )]
    pub(crate) profile: Option<PathBuf>,
    /// Print one JSON object a line
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) json: bool,
    /// Print warnings and errors only, and what a command like ls is for
    #[arg(
        short,
        long,
        global = true,
        conflicts_with = "verbose",
        help_heading = "Global options"
    )]
    pub(crate) quiet: bool,
    /// Print more
    #[arg(short, long, global = true, help_heading = "Global options")]
    pub(crate) verbose: bool,
    /// Show no progress
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) no_progress: bool,
}

/// What is to be done.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make a new identity: settings and keys
    Init(init::Arguments),
    /// Say where backups go
    #[command(subcommand)]
    Destination(destination::Command),
    /// Back up files
    Backup(backup::Arguments),
    /// Back up what changes, as it changes
    #[command(subcommand)]
    Agent(agent::Command),
    /// List the snapshots
    Snapshots(snapshots::Arguments),
    /// List what a snapshot holds
    Ls(ls::Arguments),
    /// Find entries by name in all snapshots
    Find(find::Arguments),
    /// List the versions of a file in all snapshots
    Versions(versions::Arguments),
    /// Show what differs between two snapshots
    Diff(diff::Arguments),
    /// Show how much an archive holds and takes
    Stats(stats::Arguments),
    /// Bring files back
    Restore(restore::Arguments),
    /// Show all snapshots, and all versions of every file, as folders
    Mount(mount::Arguments),
    /// Write the content of a file to the standard output
    Dump(dump::Arguments),
    /// Check that an archive is whole
    Verify(verify::Arguments),
    /// Forget snapshots that need not be kept
    Forget(forget::Arguments),
    /// Give up what no snapshot needs, and get the room back
    Prune(prune::Arguments),
    /// Make good what is lost at every destination, as far as it can be
    Repair(repair::Arguments),
    /// List what is lost for good, and accept it
    AcknowledgeLoss(acknowledge_loss::Arguments),
    /// Keep what destinations that are away lack, on this computer
    Spool(spool::Arguments),
    /// Show, keep and change keys and private passwords
    #[command(subcommand)]
    Key(key::Command),
    /// Sign in to a server
    Login(Box<login::Arguments>),
    /// Sign out
    Logout,
    /// Say who is signed in
    Whoami,
    /// Enrol this computer at a server, with a registration key
    Enroll(Box<enroll::Arguments>),
    /// Administer a server: organisations, users, groups, roles, computers, the audit log
    #[command(subcommand)]
    Admin(admin::Chosen),
    /// Print completions for a shell
    Completions(completions::Arguments),
    /// Write manual pages
    Man(man::Arguments),
}
