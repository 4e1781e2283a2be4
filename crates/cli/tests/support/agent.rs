//! An agent that runs in a place, and its status.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::Place;

/// So long anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);
/// An address where no bus is.
const NOWHERE: &str = "unix:path=/nowhere/at/all";

/// An agent that runs.
pub(crate) struct Agent<'p> {
    pub(crate) place: &'p Place,
    pub(crate) child: Child,
    /// How long its status is waited for.
    pub(crate) patience: Duration,
}

impl<'p> Agent<'p> {
    /// Starts it with words for `agent run` and variables, with no bus unless these name one.
    pub(crate) fn start(place: &'p Place, line: &str, variables: &[(&str, &str)]) -> Self {
        Self::start_by(
            place,
            Command::new(env!("CARGO_BIN_EXE_strongroom")),
            line,
            variables,
        )
    }

    /// As [`start`](Self::start), by a command that runs the program.
    pub(crate) fn start_by(
        place: &'p Place,
        mut command: Command,
        line: &str,
        variables: &[(&str, &str)],
    ) -> Self {
        let child = command
            .args(["agent", "run"])
            .args(line.split(' '))
            .current_dir(place.path(""))
            .env_clear()
            .env("STRONGROOM_PROFILE", place.path("profile"))
            .env("HOME", place.path("home"))
            .env("PATH", "/usr/bin:/bin")
            .env("TZ", "UTC")
            .env("DBUS_SESSION_BUS_ADDRESS", NOWHERE)
            .env("DBUS_SYSTEM_BUS_ADDRESS", NOWHERE)
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(place.path("agent.log")).unwrap())
            .spawn()
            .unwrap();
        Self {
            place,
            child,
            patience: PATIENCE,
        }
    }

    /// Waits until the first round is over.
    pub(crate) fn after_first_round(self) -> Self {
        self.until("the first round", |status| {
            status["rounds"].as_u64() > Some(0)
        });
        self
    }

    /// Waits until the status is as it should be.
    pub(crate) fn until(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        let mut last = String::new();
        while begun.elapsed() < self.patience {
            let ran = self.place.run(["agent", "status", "--json"]);
            if let Ok(status) = serde_json::from_str::<Value>(&ran.out)
                && is_so(&status)
            {
                return status;
            }
            last = format!("{ran:?}");
            sleep(Duration::from_millis(20));
        }
        let log = self.place.read("agent.log");
        panic!("not in time: {what}; {last}; {log}");
    }

    /// Waits for so many snapshots.
    pub(crate) fn snapshots(&self, count: u64) -> Value {
        self.until("a snapshot", |status| {
            status["snapshots"].as_u64() >= Some(count)
        })
    }

    /// Waits until a destination is as it should be.
    pub(crate) fn until_destination(
        &self,
        name: &str,
        what: &str,
        is_so: impl Fn(&Value) -> bool,
    ) -> Value {
        let there = |status: &Value| {
            let mut all = status["destinations"].as_array().unwrap().iter();
            all.find(|there| there["name"] == name).cloned()
        };
        let status = self.until(what, |status| there(status).is_some_and(|it| is_so(&it)));
        there(&status).unwrap()
    }

    /// Saves a file, and waits until it is in a snapshot; returns how long that took.
    pub(crate) fn save(&self, name: &str, text: impl AsRef<[u8]>) -> Duration {
        let before = self.until("a status", |_| true)["snapshots"]
            .as_u64()
            .unwrap();
        self.place.write(&format!("files/{name}"), text);
        let begun = Instant::now();
        self.until("a snapshot", |status| {
            status["snapshots"].as_u64() > Some(before)
        });
        begun.elapsed()
    }

    /// Ends it as a user does; returns how long that took.
    pub(crate) fn stop(mut self) -> Duration {
        let begun = Instant::now();
        self.place.ok("agent stop");
        assert!(self.child.wait().unwrap().success());
        begun.elapsed()
    }

    /// Ends it without a word.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Agent<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The newest snapshot at a destination, restored, has this in a file.
pub(crate) fn restored(place: &Place, from: &str, file: &str) -> String {
    let _ = fs::remove_dir_all(place.path("back"));
    place.ok(&format!(
        "restore latest --from {from} --to back --no-progress"
    ));
    place.read(&format!("back/{file}"))
}
