//! `strongroom agent`

mod install;
mod run;
mod set;
mod watch;

use std::fmt::Write as _;
use std::time::Duration;

use clap::{Args, Subcommand};
use strongroom_agent::AgentError;
use strongroom_agent::guest::GuestStatus;
use strongroom_agent::server::HeadBehind;
use strongroom_agent::service::{
    self, Answered, Ask, DestinationState, LastSnapshot, State, Status,
};
use strongroom_base::clock::{Clock as _, Timestamp};

use crate::context::Context;
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::output::escaped;
use crate::{show, time};

/// How long to wait between two looks at the status.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What is to be done with the background service.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Back up what changes, as it changes, until interrupted
    Run(run::RunArguments),
    /// Let systemd run the service, with these options, whenever you are logged in or the computer is on
    Install(install::InstallArguments),
    /// Let systemd run it no more
    Uninstall(install::ScopeArguments),
    /// Show what the running service does, and how well it sees changes
    Status(StatusArguments),
    /// Print what the running service does as metrics for Prometheus
    Metrics,
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

/// Arguments of `agent status`.
#[derive(Args)]
pub(crate) struct StatusArguments {
    /// Show it on the terminal as it changes, until q or Ctrl-C
    #[arg(long)]
    watch: bool,
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
        Command::Run(arguments) => run::run(context, &arguments),
        Command::Install(arguments) => install::install(context, &arguments),
        Command::Uninstall(arguments) => install::uninstall(context, &arguments),
        Command::Metrics => metrics(context),
        Command::Status(StatusArguments { watch: true }) => watch::run(context),
        Command::Status(_) => {
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

fn ask(context: &Context<'_>, what: Ask) -> Result<Status, Failure> {
    let profile = context.profile()?;
    let status = service::ask(&profile, what)?;
    Ok(status.ok_or(AgentError::NoService)?)
}

/// Asks for a snapshot, and waits until everything that was there when it was asked for has been looked at.
fn backup_now(context: &Context<'_>) -> Result<Outcome, Failure> {
    let wanted = ask(context, Ask::BackupNow)?.asked;
    let mut was_told = false;
    loop {
        let status = ask(context, Ask::Status)?;
        if status.answered >= wanted && !is_on_its_way(&status) {
            tell(context, &status)?;
            return Ok(outcome_of(&status));
        }
        if status.state == State::Paused {
            let message = "the service is paused; `strongroom agent resume` lets it go on";
            return Err(Failure::Usage(message.to_owned()));
        }
        if status.state == State::UnderMaintenance && !std::mem::replace(&mut was_told, true) {
            let why = status.reason.as_deref().unwrap_or("a command works on it");
            context.output.note(&format!("it waits: {}", escaped(why)));
        }
        if context.stop.is_requested() {
            return Err(AgentError::from(strongroom_agent::EngineError::Interrupted).into());
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Says whether no destination has everything yet, and a queue brings it to one.
fn is_on_its_way(status: &Status) -> bool {
    let is_moving = |there: &DestinationState| {
        matches!(&*there.status, "starting" | "catching-up") && status.reason.is_none()
    };
    let mut destinations = status.destinations.iter();
    !destinations.clone().any(DestinationState::is_complete) && destinations.any(is_moving)
}

/// Returns how a snapshot that was asked for ended, as `backup` says it.
fn outcome_of(status: &Status) -> Outcome {
    let is_delivered = status
        .destinations
        .iter()
        .any(DestinationState::is_complete);
    match status.answer {
        Some(Answered::Failed) | None => Outcome::Undelivered,
        Some(_) if !is_delivered => Outcome::Undelivered,
        Some(Answered::LeftOut) => Outcome::SomeLeftOut,
        Some(Answered::Done) => Outcome::Done,
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
            // Names of folders come from anybody.
            output.line(&escaped(&line))?;
        }
    }
    let is_well = status.reason.is_none() || status.state == State::UnderMaintenance;
    Ok(if is_well {
        Outcome::Done
    } else {
        Outcome::Undelivered
    })
}

/// Says in a line what the service does, why, and when it goes on.
fn headline(status: &Status) -> String {
    let at = |time: Option<i64>| time.map(|time| time::local(timestamp(time)));
    let (until, next) = (at(status.paused_until), at(status.next_at));
    match (status.state, until, next) {
        (State::Paused, Some(until), _) => format!("paused until {until}"),
        (State::BackupSchedule, _, Some(next)) => format!("backup schedule: next backup at {next}"),
        _ => status.headline(),
    }
}

/// Prints the metrics of the service.
fn metrics(context: &Context<'_>) -> Result<Outcome, Failure> {
    let status = ask(context, Ask::Status)?;
    let (now, _) = context.clock.now().to_parts().unwrap_or_default();
    for line in service::metrics(&status, now).lines() {
        context.output.line(line)?;
    }
    Ok(Outcome::Done)
}

/// Says what the last snapshot was.
fn last_snapshot(last: &LastSnapshot) -> String {
    format!(
        "last snapshot {} at {}: {} new, {} changed, {} stored in {:.2} s",
        last.snapshot.chars().take(8).collect::<String>(),
        time::local(timestamp(last.at)),
        last.files_new,
        last.files_changed,
        show::bytes(last.bytes_stored),
        last.duration_seconds,
    )
}

/// Says what the service knows of its surroundings, and allows itself.
fn guest(guest: &GuestStatus) -> String {
    let battery = guest.battery_percent;
    let battery = battery.map_or_else(String::new, |percent| format!(", {percent} % left"));
    let io = guest.io_bytes_per_second;
    let io = io.map_or_else(String::new, |bytes| {
        format!(", {} a second of disks", show::bytes(bytes))
    });
    let limit = guest.network_bytes_per_second;
    let limit = limit.map_or_else(String::new, |bytes| {
        format!(", {} a second of the network", show::bytes(bytes.get()))
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
        "{}{battery}: at most {} % of the processors{io}{limit}{network}{unknown}",
        guest.situation.words(),
        guest.cpu_percent
    )
}

fn timestamp(seconds: i64) -> Timestamp {
    Timestamp(i128::from(seconds) * 1_000_000_000)
}

/// Says how a destination is, and its queue where it has something to do.
fn destination(there: &DestinationState) -> String {
    let word = there.status.replace('-', " ");
    format!("{}: {word}{}", there.name, destination_more(there))
}

/// Says why a destination is as it is, and what its queue does.
fn destination_more(there: &DestinationState) -> String {
    let queue = &there.queue;
    let at = |seconds: Option<i64>| seconds.map(|seconds| time::local(timestamp(seconds)));
    let mut line = String::new();
    if let Some(since) = at(queue.since).filter(|_| there.status != "up-to-date") {
        let _ = write!(line, " since {since}");
    }
    if let Some(until) = at(queue.until) {
        let _ = write!(line, ", waits until {until}");
    }
    if let Some(why) = &there.reason {
        let _ = write!(line, ": {why}");
    }
    let mut more = Vec::new();
    if queue.records_waiting > 0 {
        more.push(show::count(
            queue.records_waiting,
            "record waits",
            "records wait",
        ));
    }
    if let Some(bytes) = queue.bytes_waiting {
        let speed = queue.bytes_per_second.unwrap_or(0);
        more.push(format!(
            "{} to copy at {}/s",
            show::bytes(bytes),
            show::bytes(speed)
        ));
    }
    if let Some(next) = at(queue.next_try) {
        more.push(format!("next try {next}"));
    }
    if let (Some(newest), Some(when)) = (queue.newest, at(queue.acknowledged_at))
        && there.status != "up-to-date"
    {
        more.push(format!("has record {newest}, as of {when}"));
    }
    if !more.is_empty() {
        let _ = write!(line, " ({})", more.join("; "));
    }
    line
}

/// Says how the service stands with the server, where this computer is enrolled.
fn server(status: &Status) -> Vec<String> {
    let Some(server) = &status.server else {
        return Vec::new();
    };
    let changed = server.changed.and_then(|changed| changed.since.words());
    let at = |seconds| time::local(timestamp(seconds));
    let behind = server.behind.iter().map(HeadBehind::words);
    [server.line(at)]
        .into_iter()
        .chain(changed)
        .chain(behind)
        .collect()
}

fn lines(status: &Status) -> Vec<String> {
    let mut lines = vec![headline(status)];
    if let Some(until) = status.paused_until
        && status.state != State::Paused
    {
        lines.push(format!("paused until {}", time::local(timestamp(until))));
    }
    lines.extend(status.hook_failed.clone());
    lines.extend(status.alarm_failed.clone());
    lines.push(guest(&status.guest));
    for source in &status.sources {
        let by = source.mechanism.as_deref().unwrap_or("nothing");
        let why = source.why.as_ref();
        let why = why.map_or_else(String::new, |why| format!(" ({why})"));
        lines.push(format!("{}: {} by {by}{why}", source.path, source.health));
    }
    lines.extend(status.destinations.iter().map(destination));
    lines.extend(server(status));
    if status.waiting > 0 {
        let waiting = show::count(
            status.waiting,
            "changed folder waits",
            "changed folders wait",
        );
        lines.push(waiting);
    }
    lines.extend(status.last.as_ref().map(last_snapshot));
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
    if let Some(unsettled) = status.last.as_ref().map(|last| last.files_unsettled)
        && unsettled > 0
    {
        let count = show::count(unsettled, "file", "files");
        lines.push(format!(
            "{count} changed while being read, and kept as read last"
        ));
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
