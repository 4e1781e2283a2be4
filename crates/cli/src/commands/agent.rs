//! `strongroom agent`

mod set;

use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use strongroom_agent::guest::{GuestStatus, lower_priority};
use strongroom_agent::service::{self, Ask, Rhythm, ServiceRequest, State, Status, SystemUptime};
use strongroom_agent::{AgentError, BackupRequest, Choice, Mechanism, Progress, Tools};
use strongroom_base::clock::Timestamp;

use crate::context::Context;
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::progress::Printer;
use crate::selection::Selection;
use crate::{show, time};

/// How long to wait between two looks at the status.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What is to be done with the background service.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Back up what changes, as it changes, until interrupted
    Run(RunArguments),
    /// Show what the running service does, and how well it sees changes
    Status,
    /// Make a snapshot now, and wait for it
    BackupNow,
    /// Make no snapshots for a while; changes are still noticed
    Pause(PauseArguments),
    /// Go on after a pause
    Resume,
    /// Say what the service may use of this computer, and when it waits; without options show that
    Set(set::Arguments),
    /// End the running service
    Stop,
}

/// Arguments of `agent run`.
#[derive(Args)]
pub(crate) struct RunArguments {
    #[command(flatten)]
    what: Selection,
    /// Notice changes in this way, and not in the best one that works
    #[arg(long, value_name = "WAY")]
    watch: Option<Way>,
    /// Make a snapshot when it was calm for so long after a change
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = time::span)]
    calm: Duration,
    /// Make one so long after the first change where it does not become calm
    #[arg(long, value_name = "TIME", default_value = "15s", value_parser = time::span)]
    burst: Duration,
    /// Look at everything so often, whatever was noticed
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = time::span)]
    full: Duration,
}

/// A way to notice changes.
#[derive(Clone, Copy, ValueEnum)]
enum Way {
    Fanotify,
    Inotify,
    Polling,
}

/// Arguments of `agent pause`.
#[derive(Args)]
pub(crate) struct PauseArguments {
    /// For how long, as 30m or 4h [default: until `agent resume`]
    #[arg(value_name = "TIME", value_parser = time::span)]
    time: Option<Duration>,
}

pub(crate) fn run(context: &Context<'_>, command: Command) -> Result<Outcome, Failure> {
    match command {
        Command::Run(arguments) => serve(context, &arguments),
        Command::Status => {
            let status = ask(context, Ask::Status)?;
            tell(context, &status)
        }
        Command::BackupNow => backup_now(context),
        Command::Pause(arguments) => {
            let seconds = arguments.time.map(|time| time.as_secs());
            let status = ask(context, Ask::Pause { seconds })?;
            tell(context, &status)
        }
        Command::Resume => {
            let status = ask(context, Ask::Resume)?;
            tell(context, &status)
        }
        Command::Set(arguments) => set::run(context, &arguments),
        Command::Stop => stop(context),
    }
}

fn serve(context: &Context<'_>, arguments: &RunArguments) -> Result<Outcome, Failure> {
    let profile = context.profile()?;
    let environment = &context.environment;
    let excludes = arguments.what.excludes(environment)?;
    let paths = arguments.what.paths(environment)?;
    let counters = Arc::new(Progress::default());
    for (what, error) in lower_priority() {
        context
            .output
            .note(&format!("{what} cannot be lowered: {error}"));
    }
    let request = ServiceRequest {
        backup: BackupRequest {
            paths,
            to: &arguments.what.to,
            excludes: &excludes,
            tags: arguments.what.tag.clone(),
            suite: None,
            one_file_system: arguments.what.one_file_system,
            current: environment.current(),
            host: environment.host().to_vec(),
            program: concat!("strongroom ", env!("CARGO_PKG_VERSION")).to_owned(),
        },
        rhythm: Rhythm {
            calm: arguments.calm,
            burst: arguments.burst,
            full: arguments.full,
            ..Rhythm::default()
        },
        choice: arguments.watch.map_or(Choice::Automatic, |way| {
            Choice::Only(match way {
                Way::Fanotify => Mechanism::Fanotify,
                Way::Inotify => Mechanism::Inotify,
                Way::Polling => Mechanism::Polling,
            })
        }),
        stop: Arc::clone(&context.stop),
        progress: Arc::clone(&counters),
        uptime: Arc::new(SystemUptime),
    };
    let tools = Tools {
        clock: Arc::new(context.clock),
        random: Arc::new(context.random),
        monitor: &Printer(context.output),
        progress: &counters,
        stop: &context.stop,
    };
    for path in &request.backup.paths {
        context.output.note(&format!("watching {}", path.display()));
    }
    service::run(&profile, &request, &tools)?;
    Ok(Outcome::Done)
}

fn ask(context: &Context<'_>, what: Ask) -> Result<Status, Failure> {
    let profile = context.profile()?;
    let status = service::ask(&profile, what)?;
    Ok(status.ok_or(AgentError::NoService)?)
}

/// Asks for a snapshot, and waits until everything that was there when it was asked for has been looked at.
fn backup_now(context: &Context<'_>) -> Result<Outcome, Failure> {
    let before = ask(context, Ask::BackupNow)?;
    // A round that is under way may have looked already where something changed since.
    let is_busy = matches!(before.state, State::Scanning | State::Synchronizing);
    let wanted = before.rounds + if is_busy { 2 } else { 1 };
    loop {
        let status = ask(context, Ask::Status)?;
        if status.rounds >= wanted {
            return tell(context, &status);
        }
        if status.state == State::Paused {
            let message = "the service is paused; `strongroom agent resume` lets it go on";
            return Err(Failure::Usage(message.to_owned()));
        }
        if context.stop.is_requested() {
            return Err(AgentError::from(strongroom_agent::EngineError::Interrupted).into());
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Asks the service to end, and waits until it has.
fn stop(context: &Context<'_>) -> Result<Outcome, Failure> {
    let profile = context.profile()?;
    ask(context, Ask::Stop)?;
    while service::ask(&profile, Ask::Status)?.is_some() && !context.stop.is_requested() {
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(Outcome::Done)
}

fn tell(context: &Context<'_>, status: &Status) -> Result<Outcome, Failure> {
    let output = context.output;
    if output.is_json() {
        let object = serde_json::to_value(status).map_err(std::io::Error::from);
        output.object(&object.map_err(Failure::Output)?)?;
    } else {
        for line in lines(status) {
            output.line(&line)?;
        }
    }
    let is_well = status.reason.is_none() || status.state == State::UnderMaintenance;
    Ok(if is_well {
        Outcome::Done
    } else {
        Outcome::Undelivered
    })
}

/// Says what the service knows of its surroundings, and allows itself.
fn guest(guest: &GuestStatus) -> String {
    let battery = guest.battery_percent;
    let battery = battery.map_or_else(String::new, |percent| format!(", {percent} % left"));
    let io = guest.io_bytes_per_second;
    let io = io.map_or_else(String::new, |bytes| {
        format!(" and {} a second of disks", show::bytes(bytes))
    });
    let network = match (guest.metered, guest.far_allowed) {
        (false, _) => "",
        (true, true) => "; metered network, which is used",
        (true, false) => "; metered network: destinations beyond this computer wait",
    };
    let unknown = match guest.unknown.join("; ") {
        unknown if unknown.is_empty() => unknown,
        unknown => format!("; not known: {unknown}"),
    };
    format!(
        "{}{battery}: at most {} % of the processors{io}{network}{unknown}",
        guest.situation.words(),
        guest.cpu_percent
    )
}

fn timestamp(seconds: i64) -> Timestamp {
    Timestamp(i128::from(seconds) * 1_000_000_000)
}

fn lines(status: &Status) -> Vec<String> {
    let mut lines = vec![match &status.reason {
        Some(reason) => format!("{}: {reason}", status.state.words()),
        None => status.state.words().to_owned(),
    }];
    if let Some(until) = status.paused_until {
        lines.push(format!("paused until {}", time::local(timestamp(until))));
    }
    if let Some(next) = status.next_at {
        lines.push(format!("next backup at {}", time::local(timestamp(next))));
    }
    lines.push(guest(&status.guest));
    for source in &status.sources {
        let by = source.mechanism.as_deref().unwrap_or("nothing");
        let why = source.why.as_ref();
        let why = why.map_or_else(String::new, |why| format!(" ({why})"));
        lines.push(format!("{}: {} by {by}{why}", source.path, source.health));
    }
    for there in &status.destinations {
        let why = there.reason.as_ref();
        let why = why.map_or_else(String::new, |why| format!(": {why}"));
        lines.push(format!(
            "{}: {}{why}",
            there.name,
            there.status.replace('-', " ")
        ));
    }
    if status.waiting > 0 {
        let waiting = show::count(
            status.waiting,
            "changed folder waits",
            "changed folders wait",
        );
        lines.push(waiting);
    }
    if let Some(last) = &status.last {
        lines.push(format!(
            "last snapshot {} at {}: {} new, {} changed, {} stored in {:.2} s",
            last.snapshot.chars().take(8).collect::<String>(),
            time::local(timestamp(last.at)),
            last.files_new,
            last.files_changed,
            show::bytes(last.bytes_stored),
            last.duration_seconds,
        ));
    }
    if let Some(failed) = status.last.as_ref().map(|last| last.files_failed)
        && failed > 0
    {
        let count = show::count(
            failed,
            "entry could not be read",
            "entries could not be read",
        );
        lines.push(count);
    }
    if status.unacknowledged > 0 {
        lines.push(show::count(
            status.unacknowledged,
            "record is in the spool of this computer alone",
            "records are in the spool of this computer alone",
        ));
    }
    lines
}
