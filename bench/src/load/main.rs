//! Measures the server: what guessers reach, how fast it answers, and what connected computers take.
//!
//! `docs/benchmarks.md` says how to run it (`cargo xtask load`) and what the figures mean. The server is the program as it
//! is shipped, in a process of its own; everything is made and asked by the API.

mod answers;
mod guessing;
mod hammer;
mod idle;
mod people;
#[path = "../process.rs"]
mod process;
#[path = "../report.rs"]
#[expect(dead_code, reason = "some of it is for the other program")]
mod report;
#[path = "../say.rs"]
mod say;
mod server;
mod wire;
mod world;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::{Parser, ValueEnum};

use report::Report;
use server::{Plan, Server};
use world::{Size, World};

/// Measure the server.
///
/// `STRONGROOM_LOAD_DATABASE` and `STRONGROOM_LOAD_GUESSING_DATABASE` are two empty PostgreSQL databases; without them, the
/// servers have SQLite files.
#[derive(Parser)]
struct Options {
    /// What to measure; without it, everything
    #[arg(long, value_enum)]
    part: Vec<Part>,
    /// The server's program
    #[arg(long)]
    server: PathBuf,
    /// Where the servers keep what they need
    #[arg(long, default_value = "target/load")]
    work: PathBuf,
    /// How long each kind of request is sent, in seconds
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// How many times faster the clock runs of the server that is guessed at: an hour takes 3600 s / SPEED
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=60))]
    speed: u32,
    /// How many organisations there are
    #[arg(long, default_value_t = 500)]
    organisations: usize,
    /// How many users
    #[arg(long, default_value_t = 10_000)]
    users: usize,
    /// How many computers
    #[arg(long, default_value_t = 10_000)]
    computers: usize,
    /// How many of them are connected and idle
    #[arg(long, default_value_t = 1_000)]
    agents: usize,
    /// Print JSON in the place of the table
    #[arg(long)]
    json: bool,
}

/// What can be measured by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Guesses at registration keys and passwords
    Guessing,
    /// Check-ins, sign-ins, lists
    Load,
    /// Agents that are connected and idle
    Idle,
}

#[tokio::main(flavor = "multi_thread")]
async fn main() -> Result<ExitCode> {
    let options = Options::parse();
    let guessing_database = environment("STRONGROOM_LOAD_GUESSING_DATABASE");
    let database = environment("STRONGROOM_LOAD_DATABASE");
    let mut report = Report::default();
    if options.wants(Part::Guessing) {
        let plan = Plan {
            folder: options.work.join("guessing"),
            database: guessing_database.as_deref(),
            speed: options.speed,
            is_limited: true,
            ..options.plan(None)
        };
        let measured = guessing::guessing(&plan, &mut report).await;
        measured.context("guessing")?;
    }
    if options.wants(Part::Load) || options.wants(Part::Idle) {
        let plan = options.plan(database.as_deref());
        load(&options, &plan, &mut report).await.context("load")?;
    }
    let text = if options.json {
        serde_json::to_string_pretty(&report)? + "\n"
    } else {
        report.table()
    };
    say::table(&text);
    Ok(ExitCode::from(u8::from(!report.is_good())))
}

/// What holds a password is no argument.
#[expect(
    clippy::disallowed_methods,
    reason = "this is not the program, whose environment is read at one place"
)]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

async fn load(options: &Options, plan: &Plan<'_>, report: &mut Report) -> Result<()> {
    let size = Size {
        organisations: options.organisations.max(world::DEPTH),
        users: options.users.max(world::N_OWNERS),
        computers: options.computers.max(world::N_OWNERS),
    };
    let (server, link) = Server::start(plan)?;
    let world = World::new(&server, &link, size).await?;
    // What filling it took of its memory is given back.
    let server = server.restart(plan)?;
    if options.wants(Part::Idle) {
        idle::idle(&server, &world, options.agents, report).await?;
    }
    if options.wants(Part::Load) {
        let time = Duration::from_secs(options.seconds);
        say::progress("check-ins");
        answers::check_ins(&server, &world, time, report).await?;
        say::progress("lists and searches");
        answers::lists(&server, &world, time * 3, report).await?;
        say::progress("sign-ins");
        answers::sign_ins(&server, &world, time, report).await?;
    }
    Ok(())
}

impl Options {
    fn wants(&self, part: Part) -> bool {
        self.part.is_empty() || self.part.contains(&part)
    }

    fn plan<'a>(&'a self, database: Option<&'a str>) -> Plan<'a> {
        Plan {
            program: &self.server,
            folder: self.work.join("load"),
            database,
            speed: 1,
            is_limited: false,
        }
    }
}
