//! Checks this computer in at its server, where it is enrolled, on a thread of its own: no backup waits for it, and that a
//! server is not reached is no failure of one. `spec/check-in-v1.md`, section 2.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Weak};
use std::time::Duration;

use strongroom_base::random::RandomSource;

use super::control::Shared;
use super::moment::{Moment, Uptime};
use super::server_status::{Next, ServerStatus};
use crate::AgentError;
use crate::server::{self, ServerMemory};

/// The version of this program.
const PROGRAM_VERSION: &str = env!("CARGO_PKG_VERSION");

/// Within so long the first one is, so that many computers that are switched on together do not come at once.
const FIRST_WITHIN: Duration = Duration::from_secs(10);
/// How long there is between two where the server does not say, more or less by [`SPREAD`].
const USUAL: Duration = Duration::from_mins(15);
const SPREAD: Duration = Duration::from_mins(2);
/// The least that comes of it.
const SOONEST: Duration = Duration::from_mins(13);
/// What a server may ask for.
const ASKED_MIN: Duration = Duration::from_mins(1);
const ASKED_MAX: Duration = Duration::from_hours(1);
/// How long after a server was not reached; twice as long after each further time, up to the usual.
const RETRY: Duration = Duration::from_secs(30);
/// How often is looked whether the computer is enrolled.
const LOOK_EVERY: Duration = Duration::from_mins(1);
/// Waiting does not go on while the computer sleeps, but what is due comes nearer.
const WAIT_MAX: Duration = Duration::from_mins(1);

/// Begins; whoever sends lets the next one be now. It ends with what it shares.
pub(super) fn begin(
    shared: &Arc<Shared>,
    uptime: Arc<dyn Uptime>,
    random: Arc<dyn RandomSource>,
) -> Sender<()> {
    let (sender, calls) = channel();
    let checks = CheckIns {
        shared: Arc::downgrade(shared),
        memory: ServerMemory::at(shared.profile().dir()),
        uptime,
        random,
        failures: 0,
    };
    shared.status().server = shared.notebook().read().server;
    let thread = std::thread::Builder::new().name("check-ins".to_owned());
    if let Err(error) = thread.spawn(move || checks.run(&calls)) {
        shared.status().server.get_or_insert_default().reason =
            Some(format!("nobody checks in: {error}"));
    }
    sender
}

/// The thread that checks in.
struct CheckIns {
    shared: Weak<Shared>,
    memory: ServerMemory,
    uptime: Arc<dyn Uptime>,
    random: Arc<dyn RandomSource>,
    /// How often in a row the server was not reached.
    failures: u32,
}

impl CheckIns {
    fn run(mut self, calls: &Receiver<()>) {
        let mut due = self.uptime.now() + part_of(FIRST_WITHIN, self.chance());
        loop {
            let called = calls.recv_timeout(self.left(due).min(WAIT_MAX));
            if called == Err(RecvTimeoutError::Disconnected) {
                return;
            }
            while calls.try_recv().is_ok() {}
            if called.is_err() && !self.left(due).is_zero() {
                continue;
            }
            let Some(shared) = self.shared.upgrade() else {
                return;
            };
            let wait = self.check_in(&shared);
            due = self.uptime.now() + wait;
        }
    }

    fn left(&self, due: Moment) -> Duration {
        due.saturating_duration_since(self.uptime.now())
    }

    /// Checks in, notes what came of it, and returns how long to wait.
    fn check_in(&mut self, shared: &Shared) -> Duration {
        let mut status = shared.notebook().read().server.unwrap_or_default();
        let report = shared.report(shared.now());
        let next = match self.ask(&mut status, &report, shared) {
            Ok(Some(next)) => next,
            Ok(None) => {
                self.failures = 0;
                note(shared, None);
                return LOOK_EVERY;
            }
            // What the profile remembers cannot be read.
            Err(error) => status.take(&Err(error), shared.now()),
        };
        self.failures = match next {
            Next::Retry(_) => self.failures.saturating_add(1),
            Next::Asked(_) | Next::Usual => 0,
        };
        let wait = wait(next, self.failures, self.chance());
        let seconds = i64::try_from(wait.as_secs()).unwrap_or(i64::MAX);
        status.next_check_in = Some(shared.now().saturating_add(seconds));
        note(shared, Some(status));
        wait
    }

    /// Asks the server; `None` where this computer is not enrolled.
    fn ask(
        &self,
        status: &mut ServerStatus,
        report: &super::Status,
        shared: &Shared,
    ) -> Result<Option<Next>, AgentError> {
        let Some(known) = self.memory.remembered()? else {
            return Ok(None);
        };
        if known.computer.is_none() {
            return Ok(None);
        }
        if status.server != known.server {
            *status = ServerStatus {
                server: known.server,
                ..ServerStatus::default()
            };
        }
        let checked_in = server::check_in(
            &self.memory,
            PROGRAM_VERSION,
            Some(shared.profile()),
            Some(report),
        );
        let Some(checked_in) = checked_in.transpose() else {
            return Ok(None);
        };
        Ok(Some(status.take(&checked_in, shared.now())))
    }

    fn chance(&self) -> u32 {
        let mut chance = [0; 4];
        self.random.fill(&mut chance);
        u32::from_le_bytes(chance)
    }
}

/// Notes how the service stands with the server. What cannot be noted is known until the service ends.
fn note(shared: &Shared, status: Option<ServerStatus>) {
    shared.status().server.clone_from(&status);
    let _ = shared.notebook().change(|note| note.server = status);
    // Somebody may have to be told.
    shared.wake();
}

/// Returns how long to wait after so many failures in a row.
fn wait(next: Next, failures: u32, chance: u32) -> Duration {
    match next {
        Next::Asked(seconds) => Duration::from_secs(u64::from(seconds)).clamp(ASKED_MIN, ASKED_MAX),
        Next::Usual => SOONEST + part_of(SPREAD * 2, chance),
        Next::Retry(asked) => {
            let doubled = 1 << failures.saturating_sub(1).min(10);
            let whole = RETRY.saturating_mul(doubled).min(USUAL);
            let asked = Duration::from_secs(asked).min(ASKED_MAX);
            (whole / 2 + part_of(whole / 2, chance)).max(asked)
        }
    }
}

/// Returns a part of a time, by chance.
fn part_of(time: Duration, chance: u32) -> Duration {
    time.mul_f64(f64::from(chance) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_says_when_within_reason() {
        assert_eq!(wait(Next::Asked(840), 0, 7), Duration::from_mins(14));
        assert_eq!(wait(Next::Asked(0), 0, 7), ASKED_MIN);
        assert_eq!(wait(Next::Asked(u32::MAX), 0, 7), ASKED_MAX);
    }

    #[test]
    fn who_is_refused_comes_again_at_the_usual_time() {
        assert_eq!(wait(Next::Usual, 0, 0), SOONEST);
        assert_eq!(wait(Next::Usual, 0, u32::MAX), USUAL + SPREAD);
    }

    #[test]
    fn who_finds_nobody_comes_later_and_later_and_never_by_the_clock() {
        for (failures, longest) in [(1, 30), (2, 60), (3, 120), (5, 480), (6, 900), (99, 900)] {
            let longest = Duration::from_secs(longest);
            let wait = |chance| wait(Next::Retry(0), failures, chance);
            assert_eq!(wait(0), longest / 2, "{failures}");
            assert_eq!(wait(u32::MAX), longest, "{failures}");
        }
        let asked = wait(Next::Retry(120), 1, 0);
        assert_eq!(asked, Duration::from_mins(2));
        assert_eq!(wait(Next::Retry(u64::MAX), 1, 0), ASKED_MAX);
    }
}
