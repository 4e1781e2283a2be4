//! `strongroom agent set`

use std::num::NonZeroU64;
use std::time::Duration;

use clap::{Args, ValueEnum};
use strongroom_agent::guest::{Metered, Share, Situation};
use strongroom_agent::service::{HookSettings, ServiceSettings, change_settings};

use crate::context::Context;
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::{amount, show, time};

/// Arguments of `agent set`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// When --cpu, --io and --network hold: while somebody works at the computer, while nobody does, or on battery
    #[arg(value_name = "SITUATION", requires = "budget")]
    situation: Option<When>,
    #[command(flatten)]
    budget: BudgetArguments,
    /// What destinations beyond this computer do on a network that costs money
    #[arg(long, value_name = "WHAT")]
    metered: Option<OnMetered>,
    /// Make snapshots rarer when the battery holds less than this
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    sparing: Option<u8>,
    /// How far apart they are then, as 15m
    #[arg(long, value_name = "TIME", value_parser = time::span)]
    sparing_every: Option<Duration>,
    /// Make none when the battery holds less than this
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    critical: Option<u8>,
    #[command(flatten)]
    hooks: HookArguments,
}

/// Commands that the service runs.
#[derive(Args)]
struct HookArguments {
    /// Run this before each snapshot, by a shell; where it fails, none is made; an empty text for nothing
    #[arg(long, value_name = "COMMAND")]
    before: Option<String>,
    /// Run this after each snapshot
    #[arg(long, value_name = "COMMAND")]
    after: Option<String>,
    /// Give the text of alarms to this, at its standard input
    #[arg(long, value_name = "COMMAND")]
    alarm: Option<String>,
    /// End a command that takes longer
    #[arg(long, value_name = "TIME", value_parser = time::span)]
    hook_timeout: Option<Duration>,
    /// Whether alarms are shown on the desktop
    #[arg(long, value_name = "WHETHER")]
    desktop: Option<Switch>,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Switch {
    On,
    Off,
}

impl HookArguments {
    fn apply(&self, hooks: &mut HookSettings) {
        let pairs = [
            (&self.before, &mut hooks.before),
            (&self.after, &mut hooks.after),
            (&self.alarm, &mut hooks.alarm),
        ];
        for (asked, setting) in pairs {
            if let Some(command) = asked {
                *setting = Some(command.clone()).filter(|command| !command.is_empty());
            }
        }
        if let Some(timeout) = self.hook_timeout {
            hooks.seconds = timeout.as_secs();
        }
        if let Some(switch) = self.desktop {
            hooks.desktop = switch == Switch::On;
        }
    }
}

/// What may be used.
#[derive(Args)]
#[group(id = "budget", multiple = true, requires = "situation")]
struct BudgetArguments {
    /// Most of the machine's processors, as 20%
    #[arg(long, value_name = "PERCENT")]
    cpu: Option<Share>,
    /// Most bytes a second from and to disks, as 50M, or off
    #[arg(long, value_name = "BYTES", value_parser = limit)]
    io: Option<Limit>,
    /// Most bytes a second over the network, for all destinations together, as 500K, or off
    #[arg(long, value_name = "BYTES", value_parser = limit)]
    network: Option<Limit>,
}

/// A limit, or that there is none.
#[derive(Clone, Copy)]
struct Limit(Option<NonZeroU64>);

fn limit(text: &str) -> Result<Limit, String> {
    if text == "off" {
        return Ok(Limit(None));
    }
    match NonZeroU64::new(amount::bytes(text)?) {
        None => Err("0 would stop everything; `agent pause` does that".to_owned()),
        bytes => Ok(Limit(bytes)),
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum When {
    Present,
    Away,
    Battery,
}

#[derive(Clone, Copy, ValueEnum)]
enum OnMetered {
    Wait,
    Go,
}

impl Arguments {
    fn apply(&self, settings: &mut ServiceSettings) {
        self.hooks.apply(&mut settings.hooks);
        let settings = &mut settings.guest;
        if let Some(when) = self.situation {
            let budget = settings.budget_mut(match when {
                When::Present => Situation::Present,
                When::Away => Situation::Away,
                When::Battery => Situation::Battery,
            });
            budget.cpu = self.budget.cpu.unwrap_or(budget.cpu);
            budget.io = self
                .budget
                .io
                .map_or(budget.io, |limit| limit.0.map(NonZeroU64::get));
            budget.network = self.budget.network.map_or(budget.network, |limit| limit.0);
        }
        if let Some(metered) = self.metered {
            settings.metered = match metered {
                OnMetered::Wait => Metered::Wait,
                OnMetered::Go => Metered::Go,
            };
        }
        settings.sparing = self.sparing.unwrap_or(settings.sparing);
        settings.critical = self.critical.unwrap_or(settings.critical);
        if let Some(every) = self.sparing_every {
            settings.sparing_seconds = every.as_secs();
        }
    }
}

pub(crate) fn run(context: &Context<'_>, arguments: &Arguments) -> Result<Outcome, Failure> {
    let profile = context.profile()?;
    let settings = change_settings(&profile, |settings| arguments.apply(settings))?;
    if context.output.is_json() {
        let object = serde_json::to_value(&settings).map_err(std::io::Error::from);
        context.output.object(&object.map_err(Failure::Output)?)?;
        return Ok(Outcome::Done);
    }
    for line in lines(&settings) {
        context.output.line(&line)?;
    }
    Ok(Outcome::Done)
}

fn lines(settings: &ServiceSettings) -> Vec<String> {
    let (settings, hooks) = (&settings.guest, &settings.hooks);
    let situations = [Situation::Present, Situation::Away, Situation::Battery];
    let mut lines: Vec<String> = situations
        .into_iter()
        .map(|situation| {
            let budget = settings.budget(situation);
            let io = budget.io.map_or_else(String::new, |bytes| {
                format!(", {} a second of disks", show::bytes(bytes))
            });
            let network = budget.network.map_or_else(String::new, |bytes| {
                format!(", {} a second of the network", show::bytes(bytes.get()))
            });
            let situation = situation.words();
            format!("{situation}: {} of the processors{io}{network}", budget.cpu)
        })
        .collect();
    lines.push(format!(
        "battery below {} %: a snapshot every {} at most; below {} %: none",
        settings.sparing,
        time::spoken(settings.sparing_seconds),
        settings.critical
    ));
    lines.push(match settings.metered {
        Metered::Wait => "metered network: destinations beyond this computer wait".to_owned(),
        Metered::Go => "metered network: used as any other".to_owned(),
    });
    for (when, command) in [
        ("before a snapshot", &hooks.before),
        ("after a snapshot", &hooks.after),
        ("alarms", &hooks.alarm),
    ] {
        lines.extend(command.as_ref().map(|command| format!("{when}: {command}")));
    }
    if !hooks.desktop {
        lines.push("alarms are not shown on the desktop".to_owned());
    }
    lines
}
