//! Commands of the user that run before and after a snapshot, and when there is an alarm.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use serde::{Deserialize, Serialize};

/// How often a command is asked whether it has ended.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// What is asked to end has so long, before it is made to.
const GRACE: Duration = Duration::from_secs(2);
/// Variables of the service that no command is given, because they are secrets.
const SECRETS: [&str; 3] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
];

/// The commands: the table `hooks` of `config.toml`. A shell understands each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HookSettings {
    /// Runs before a snapshot; where it fails, none is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Runs after a snapshot was made, or failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Is given the text of an alarm at its standard input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alarm: Option<String>,
    /// A command that takes longer than so many seconds is ended, and has failed.
    pub seconds: u64,
    /// Whether alarms are shown on the desktop.
    pub desktop: bool,
}

impl Default for HookSettings {
    fn default() -> Self {
        Self {
            before: None,
            after: None,
            alarm: None,
            seconds: 300,
            desktop: true,
        }
    }
}

impl HookSettings {
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    /// It could not be started, or waited for.
    #[error("it cannot be run")]
    Run(#[source] std::io::Error),
    /// It ended badly.
    #[error("it ended with {0}")]
    Ended(ExitStatus),
    /// It took too long.
    #[error("it took longer than {0} s, and was ended")]
    TooLong(u64),
    /// The service is to stop.
    #[error("it was ended, because the service is to stop")]
    Stopped,
}

/// A command to run.
pub(super) struct Hook<'a> {
    /// As a shell understands it.
    pub(super) command: &'a str,
    /// It is ended after so many seconds.
    pub(super) seconds: u64,
    /// What it is told by its environment; names begin with `STRONGROOM_`.
    pub(super) variables: Vec<(&'static str, String)>,
    /// What it is given at its standard input.
    pub(super) input: String,
}

impl Hook<'_> {
    /// Runs it to its end, or until `is_to_stop`.
    pub(super) fn run(&self, is_to_stop: &dyn Fn() -> bool) -> Result<(), HookError> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", self.command]).process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        for secret in SECRETS {
            command.env_remove(secret);
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        let mut child = command.spawn().map_err(HookError::Run)?;
        if let Some(mut input) = child.stdin.take() {
            // Whoever does not read it does not want it. What is given fits into a pipe.
            let _ = input.write_all(self.input.as_bytes());
        }
        let result = self.wait(&mut child, is_to_stop);
        if result.is_err() {
            end(&mut child);
        }
        match result? {
            status if status.success() => Ok(()),
            status => Err(HookError::Ended(status)),
        }
    }

    fn wait(
        &self,
        child: &mut Child,
        is_to_stop: &dyn Fn() -> bool,
    ) -> Result<ExitStatus, HookError> {
        let begun = Instant::now();
        loop {
            if let Some(status) = child.try_wait().map_err(HookError::Run)? {
                return Ok(status);
            }
            if is_to_stop() {
                return Err(HookError::Stopped);
            }
            if begun.elapsed() >= Duration::from_secs(self.seconds) {
                return Err(HookError::TooLong(self.seconds));
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

/// Ends a command with all that it has started.
fn end(child: &mut Child) {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let Some(group) = group else { return };
    let _ = kill_process_group(group, Signal::TERM);
    let begun = Instant::now();
    while begun.elapsed() < GRACE && matches!(child.try_wait(), Ok(None)) {
        std::thread::sleep(LOOK_EVERY);
    }
    let _ = kill_process_group(group, Signal::KILL);
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(command: &str, seconds: u64, input: &str) -> Result<(), HookError> {
        let hook = Hook {
            command,
            seconds,
            variables: vec![("STRONGROOM_HOOK", "before".to_owned())],
            input: input.to_owned(),
        };
        hook.run(&|| false)
    }

    #[test]
    fn a_command_is_told_what_it_is_for_and_says_how_it_went() {
        run("test $STRONGROOM_HOOK = before", 10, "").unwrap();
        run("read a && test \"$a\" = 'some text'", 10, "some text\n").unwrap();
        run("true", 10, &"x".repeat(60_000)).unwrap();
        let failed = run("exit 3", 10, "").unwrap_err();
        assert_eq!(failed.to_string(), "it ended with exit status: 3");
    }

    #[test]
    fn one_that_hangs_is_ended_with_what_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let mark = folder.path().join("pid");
        let command = format!(
            "trap '' TERM; sleep 100 & echo $! > {}; wait; wait",
            mark.display()
        );
        let begun = Instant::now();
        assert!(matches!(run(&command, 1, ""), Err(HookError::TooLong(1))));
        assert!(begun.elapsed() < Duration::from_secs(30));
        let pid = std::fs::read_to_string(mark).unwrap();
        // Gone, or a zombie that nobody has waited for.
        let is_there = || {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
            stat.is_ok_and(|stat| !stat.contains(") Z "))
        };
        while is_there() {
            assert!(begun.elapsed() < Duration::from_secs(30));
            std::thread::sleep(LOOK_EVERY);
        }
        let stopped = Hook {
            command: "sleep 100",
            seconds: 100,
            variables: Vec::new(),
            input: String::new(),
        };
        assert!(matches!(stopped.run(&|| true), Err(HookError::Stopped)));
    }
}
