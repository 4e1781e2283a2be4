//! `strongroom agent run`

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use strongroom_agent::guest::lower_priority;
use strongroom_agent::service::{self, Rhythm, ServiceRequest, SystemUptime};
use strongroom_agent::{BackupRequest, Choice, Mechanism, Progress, Tools};

use super::install::text;
use crate::context::Context;
use crate::environment::Environment;
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::output::escaped;
use crate::progress::Printer;
use crate::selection::Selection;
use crate::supervisor::Systemd;
use crate::time;

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
    /// Look so often at destinations that are written at once, while nothing changes
    #[arg(long, value_name = "TIME", default_value = "1m", value_parser = time::span)]
    look: Duration,
    /// Give metrics for Prometheus to whoever asks at this address and port for /metrics
    #[arg(long, value_name = "ADDRESS")]
    metrics: Option<SocketAddr>,
    /// Let --metrics be an address that other computers reach; they see names of folders and destinations
    #[arg(long, requires = "metrics")]
    metrics_for_others: bool,
}

/// A way to notice changes.
#[derive(Clone, Copy, ValueEnum)]
enum Way {
    Fanotify,
    Inotify,
    Polling,
}

impl RunArguments {
    /// Returns the same as words of a command line, with paths that are absolute.
    pub(super) fn words(&self, environment: &Environment) -> Result<Vec<String>, Failure> {
        let mut words = self.what.words(environment)?;
        let mut add = |name: &str, value: String| words.extend([format!("--{name}"), value]);
        if let Some(way) = self.watch.and_then(|way| way.to_possible_value()) {
            add("watch", way.get_name().to_owned());
        }
        for (name, time, usual) in [
            ("calm", self.calm, "1s"),
            ("burst", self.burst, "15s"),
            ("full", self.full, "24h"),
            ("look", self.look, "1m"),
        ] {
            if time::span(usual) != Ok(time) {
                add(name, format!("{}s", time.as_secs()));
            }
        }
        if let Some(address) = self.metrics {
            add("metrics", address.to_string());
        }
        if self.metrics_for_others {
            words.push("--metrics-for-others".to_owned());
        }
        let paths = self.what.named_paths(environment);
        if !paths.is_empty() {
            words.push("--".to_owned());
        }
        for path in paths {
            words.push(text(&path)?);
        }
        Ok(words)
    }
}

pub(crate) fn run(context: &Context<'_>, arguments: &RunArguments) -> Result<Outcome, Failure> {
    let profile = context.profile()?;
    if let Some(address) = arguments.metrics
        && !(address.ip().is_loopback() || arguments.metrics_for_others)
    {
        let message = format!("other computers reach {address}; --metrics-for-others allows that");
        return Err(Failure::Usage(message));
    }
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
            look: arguments.look,
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
        supervisor: Arc::new(Systemd::default()),
        metrics: arguments.metrics,
    };
    let tools = Tools {
        clock: Arc::new(context.clock),
        random: Arc::new(context.random),
        monitor: &Printer(context.output),
        progress: &counters,
        stop: &context.stop,
    };
    for path in &request.backup.paths {
        context
            .output
            .note(&escaped(&format!("watching {}", path.display())));
    }
    service::run(&profile, &request, &tools)?;
    Ok(Outcome::Done)
}
