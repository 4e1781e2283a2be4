//! `strongroom agent install` and `uninstall`

use std::path::PathBuf;

use clap::Args;
use strongroom_agent::service::{Manager, Unit, UnitScope as Scope};

use super::run::RunArguments;
use crate::context::Context;
use crate::exit::Outcome;
use crate::failure::Failure;

/// Who the service runs for.
#[derive(Args)]
pub(crate) struct ScopeArguments {
    /// For this user [default]
    #[arg(long, conflicts_with = "system")]
    user: bool,
    /// For the whole computer, as root: changes are noticed by fanotify
    #[arg(long)]
    system: bool,
}

/// Arguments of `agent install`.
#[derive(Args)]
pub(crate) struct InstallArguments {
    #[command(flatten)]
    scope: ScopeArguments,
    /// Start it now, too; where it runs, it begins anew
    #[arg(long)]
    now: bool,
    /// Print the unit, and install nothing
    #[arg(long, conflicts_with = "now")]
    print: bool,
    #[command(flatten)]
    run: RunArguments,
}

impl ScopeArguments {
    fn scope(&self) -> Scope {
        if self.system {
            Scope::System
        } else {
            Scope::User
        }
    }

    fn manager(&self, context: &Context<'_>) -> Result<Manager, Failure> {
        let scope = self.scope();
        if scope == Scope::System && !rustix::process::geteuid().is_root() {
            let message = "only root can do that for the whole computer; leave --system out for yourself alone";
            return Err(Failure::Usage(message.to_owned()));
        }
        Ok(Manager::find(scope, context.environment.settings()?))
    }
}

pub(crate) fn install(
    context: &Context<'_>,
    arguments: &InstallArguments,
) -> Result<Outcome, Failure> {
    let unit = Unit {
        scope: arguments.scope.scope(),
        command: command(context, &arguments.run)?,
    };
    let output = context.output;
    if arguments.print {
        for line in unit.to_text().lines() {
            output.line(line)?;
        }
        return Ok(Outcome::Done);
    }
    // What would keep the service from starting is said here, and not in the journal.
    context.profile()?;
    let manager = arguments.scope.manager(context)?;
    manager.install(&unit, arguments.now)?;
    output.line(&format!("installed {}", manager.path().display()))?;
    if unit.scope == Scope::User {
        output.note(
            "it runs while you are logged in; `loginctl enable-linger` lets it run at all times",
        );
    }
    Ok(Outcome::Done)
}

pub(crate) fn uninstall(
    context: &Context<'_>,
    arguments: &ScopeArguments,
) -> Result<Outcome, Failure> {
    let manager = arguments.manager(context)?;
    let path = manager.path();
    let line = if manager.uninstall()? {
        format!("removed {}", path.display())
    } else {
        format!("there is no {}", path.display())
    };
    context.output.line(&line)?;
    Ok(Outcome::Done)
}

/// Returns the command of the unit: this program, with what it was given here.
fn command(context: &Context<'_>, run: &RunArguments) -> Result<Vec<String>, Failure> {
    let environment = &context.environment;
    let program = std::env::current_exe().map_err(|source| Failure::Input {
        path: PathBuf::from("/proc/self/exe"),
        source,
    })?;
    let mut words = vec![text(&program)?, "--profile".to_owned()];
    words.push(text(environment.profile()?)?);
    words.extend(["agent".to_owned(), "run".to_owned()]);
    words.extend(run.words(environment)?);
    Ok(words)
}

/// Returns a path as text, which is all that a unit can hold.
pub(super) fn text(path: &std::path::Path) -> Result<String, Failure> {
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| {
        let path = path.display();
        Failure::Usage(format!("{path} is not UTF-8, and cannot be in a unit"))
    })
}
