//! How the service stands with the server of the computer, where that is enrolled.

use serde::{Deserialize, Serialize};
use strongroom_base::{Class, Classified as _, with_causes};
use strongroom_client::ClientError;

use crate::AgentError;
use crate::server::{CheckedIn, HeadBehind, ServerError, Since};

/// For so long somebody is told that the server was restored, in seconds.
const RESTORED_FOR: i64 = 7 * 24 * 3600;

/// How the service stands with the server. Times are in seconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerStatus {
    /// The address of the server.
    pub server: String,
    /// What became of the last check-in.
    pub state: CheckInState,
    /// Why it failed.
    pub reason: Option<String>,
    /// Since when they fail.
    pub failing_since: Option<i64>,
    /// When the last one was taken.
    pub last_check_in: Option<i64>,
    /// When there is another one.
    pub next_check_in: Option<i64>,
    /// How often the server was restored, as it said last.
    pub epoch: Option<u32>,
    /// What became of the server, where it is not as it was.
    pub changed: Option<ServerChange>,
    /// Heads that the server was told of, and that this profile is behind.
    pub behind: Vec<HeadBehind>,
}

/// What became of the last check-in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckInState {
    /// There was none yet.
    #[default]
    NotYet,
    /// It was taken.
    Taken,
    /// The server was not reached, or could not answer: it is tried again, and no backup waits for it.
    Unreachable,
    /// The server refuses this computer, or is not the one it should be.
    Refused,
}

/// The server has another epoch than it had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerChange {
    /// Which.
    pub since: Since,
    /// When that was noticed.
    pub at: i64,
}

/// When there is to be another check-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// After so many seconds, as the server says.
    Asked(u32),
    /// After the usual time: another one now is refused, too.
    Usual,
    /// Sooner or later, but not before so many seconds.
    Retry(u64),
}

impl ServerStatus {
    /// Takes in what became of a check-in, and says when there is another one.
    pub(super) fn take(&mut self, result: &Result<CheckedIn, AgentError>, now: i64) -> Next {
        match result {
            Ok(done) => {
                self.take_answer(done, now);
                Next::Asked(done.answer.next_seconds)
            }
            Err(error) => {
                let (state, next) = judge(error);
                if self.state != state {
                    self.failing_since = Some(now);
                }
                (self.state, self.reason) = (state, Some(with_causes(error)));
                next
            }
        }
    }

    fn take_answer(&mut self, done: &CheckedIn, now: i64) {
        (self.state, self.reason, self.failing_since) = (CheckInState::Taken, None, None);
        self.last_check_in = Some(now);
        match done.since {
            // One that is the same as that of an older copy is the server again.
            Since::Same => self.changed = self.changed.filter(|was| was.is_to_be_told(now)),
            since => self.changed = Some(ServerChange { since, at: now }),
        }
        self.epoch = Some(done.answer.epoch);
        self.behind.clone_from(&done.behind);
    }

    /// Says in a line what somebody is to know; times are written by `at`.
    pub fn line(&self, at: impl Fn(i64) -> String) -> String {
        let last = match self.last_check_in {
            Some(last) => format!("last check-in {}", at(last)),
            None => "no check-in yet".to_owned(),
        };
        let next = self.next_check_in.map(at);
        let next = next.map_or_else(String::new, |next| format!(", next {next}"));
        let word = match self.state {
            CheckInState::NotYet | CheckInState::Taken => {
                return format!("server {}: {last}{next}", self.server);
            }
            CheckInState::Unreachable => "not reached",
            CheckInState::Refused => "refuses this computer",
        };
        let why = self.reason.as_deref().unwrap_or("nobody knows why");
        format!("server {}: {word}: {why} ({last}{next})", self.server)
    }
}

impl ServerChange {
    /// Says whether somebody is told still, where nothing new was noticed since.
    fn is_to_be_told(self, now: i64) -> bool {
        let is_recent = now.saturating_sub(self.at) < RESTORED_FOR;
        matches!(self.since, Since::Restored { .. }) && is_recent
    }
}

/// Says what a check-in that failed means.
fn judge(error: &AgentError) -> (CheckInState, Next) {
    let AgentError::Server(ServerError::Client(client)) = error else {
        return (CheckInState::Unreachable, Next::Retry(0));
    };
    match &**client {
        ClientError::Refused { retry_after, .. } if client.class() == Class::Retry => (
            CheckInState::Unreachable,
            Next::Retry(retry_after.unwrap_or(0)),
        ),
        ClientError::Refused { .. }
        | ClientError::OtherCertificate { .. }
        | ClientError::Unvouched { .. } => (CheckInState::Refused, Next::Usual),
        _ => (CheckInState::Unreachable, Next::Retry(0)),
    }
}

#[cfg(test)]
mod tests {
    use strongroom_client::v1;

    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "it is what a check-in comes to")]
    fn taken(epoch: u32, since: Since) -> Result<CheckedIn, AgentError> {
        let answer = v1::CheckedIn {
            epoch,
            next_seconds: 900,
            ..answer()
        };
        Ok(CheckedIn {
            answer,
            since,
            behind: Vec::new(),
        })
    }

    fn answer() -> v1::CheckedIn {
        v1::CheckedIn {
            computer: "00".repeat(16),
            server: "11".repeat(16),
            server_version: "0.1.0".to_owned(),
            epoch: 1,
            policy: "00ff".to_owned(),
            next_seconds: 900,
            heads_behind: Vec::new(),
        }
    }

    fn refused(status: u16, retry_after: Option<u64>) -> Result<CheckedIn, AgentError> {
        let problem = v1::Problem {
            kind: "/problems/any".to_owned(),
            title: String::new(),
            status,
            detail: "the server says no".to_owned(),
            request: None,
            attempt: None,
            errors: Vec::new(),
        };
        let problem = Box::new(problem);
        let error = ClientError::Refused {
            problem,
            retry_after,
        };
        Err(AgentError::from(error))
    }

    #[test]
    fn a_refusal_is_told_from_a_server_that_is_away() {
        let mut status = ServerStatus::default();
        assert_eq!(status.take(&taken(1, Since::Same), 10), Next::Asked(900));
        assert_eq!(status.state, CheckInState::Taken);
        assert_eq!(status.take(&refused(401, None), 20), Next::Usual);
        assert_eq!(status.state, CheckInState::Refused);
        assert_eq!(status.reason.as_deref(), Some("the server says no"));
        assert_eq!(status.take(&refused(403, None), 30), Next::Usual);
        // Since the first of them.
        assert_eq!(status.failing_since, Some(20));
        for (number, after) in [(408, None), (429, Some(70)), (503, None)] {
            let next = status.take(&refused(number, after), 40);
            assert_eq!(next, Next::Retry(after.unwrap_or(0)), "{number}");
            assert_eq!(status.state, CheckInState::Unreachable);
        }
        assert_eq!(
            (status.last_check_in, status.failing_since),
            (Some(10), Some(40))
        );
        status.take(&taken(1, Since::Same), 50);
        let fails = (status.reason.clone(), status.failing_since);
        assert_eq!(fails, (None, None));
        assert_eq!(status.last_check_in, Some(50));
    }

    #[test]
    fn another_epoch_is_told_for_a_week_and_an_older_copy_as_long_as_it_is_there() {
        let mut status = ServerStatus::default();
        let restored = Since::Restored { known: 1, now: 2 };
        status.take(&taken(2, restored), 100);
        status.take(&taken(2, Since::Same), 100 + RESTORED_FOR - 1);
        assert_eq!(status.changed.map(|changed| changed.since), Some(restored));
        status.take(&taken(2, Since::Same), 100 + RESTORED_FOR);
        assert_eq!(status.changed, None);
        let older = Since::OlderCopy { known: 2, now: 1 };
        status.take(&taken(1, older), 200);
        status.take(&refused(503, None), 210);
        assert_eq!(status.changed.map(|changed| changed.since), Some(older));
        status.take(&taken(2, Since::Same), 220);
        assert_eq!(status.changed, None);
    }

    #[test]
    fn a_line_says_what_somebody_is_to_know() {
        let at = |seconds: i64| format!("<{seconds}>");
        let mut status = ServerStatus {
            server: "https://host".to_owned(),
            ..ServerStatus::default()
        };
        assert_eq!(status.line(at), "server https://host: no check-in yet");
        status.take(&taken(1, Since::Same), 10);
        status.next_check_in = Some(900);
        let line = status.line(at);
        assert_eq!(line, "server https://host: last check-in <10>, next <900>");
        status.take(&refused(401, None), 20);
        let line = status.line(at);
        let said = "server https://host: refuses this computer: the server says no (last check-in <10>, next <900>)";
        assert_eq!(line, said);
    }
}
