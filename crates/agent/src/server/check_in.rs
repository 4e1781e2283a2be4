//! Checking in: this computer tells its server how it is, and learns what it is to know. `spec/check-in-v1.md`.

use serde::{Deserialize, Serialize};
use strongroom_client::{endpoints, v1};

use super::ServerMemory;
use super::heads::{self, HeadBehind};
use crate::AgentError;
use crate::profile::Profile;
use crate::service::Status;

/// What came of a check-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedIn {
    /// What the server said.
    pub answer: v1::CheckedIn,
    /// What became of the server since the last time.
    pub since: Since,
    /// Heads that the server was told of, and that this profile is behind.
    pub behind: Vec<HeadBehind>,
}

/// What became of a server since this computer checked in last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Since {
    /// It goes on, or it is the first time.
    Same,
    /// It was restored from a backup: what it learned in between may be gone.
    Restored {
        /// The epoch that was known.
        known: u32,
        /// The one it has now.
        now: u32,
    },
    /// It has an epoch that was over: somebody started an old copy of it.
    OlderCopy {
        /// The epoch that was known.
        known: u32,
        /// The one it has now.
        now: u32,
    },
}

impl Since {
    fn of(known: Option<u32>, now: u32) -> Self {
        match known {
            Some(known) if known < now => Self::Restored { known, now },
            Some(known) if known > now => Self::OlderCopy { known, now },
            Some(_) | None => Self::Same,
        }
    }

    /// Returns the words for people, where there is something to say.
    pub fn words(self) -> Option<String> {
        match self {
            Self::Same => None,
            Self::Restored { known, now } => Some(format!(
                "the server was restored from a backup since (epoch {known} then, {now} now): what it learned in \
                 between may be gone, and who was signed in signs in again"
            )),
            Self::OlderCopy { known, now } => Some(format!(
                "the server has an epoch that was over (epoch {known} then, {now} now): it is an older copy of itself; \
                 ask whoever runs it"
            )),
        }
    }
}

/// Checks in, with what the service says of the backups here, and the heads that the profile remembers; `None` where this
/// computer is not enrolled. The epoch of the server is remembered, so that another one is noticed; that of an older copy is
/// not taken for it.
pub fn check_in(
    memory: &ServerMemory,
    program_version: &str,
    profile: Option<&Profile>,
    status: Option<&Status>,
) -> Result<Option<CheckedIn>, AgentError> {
    let Some(client) = memory.computer_client()? else {
        return Ok(None);
    };
    let known = memory.remembered()?.and_then(|known| known.epoch);
    let request = v1::CheckIn {
        program_version: program_version.to_owned(),
        policy: None,
        epoch: known,
        backup: status.map(report),
        heads: profile.map(heads::presented).unwrap_or_default(),
    };
    let answer = client.call(&endpoints::CHECK_IN, &[], &request)?;
    let since = Since::of(known, answer.epoch);
    if known.is_none() || matches!(since, Since::Restored { .. }) {
        let _lock = memory.lock()?;
        if let Some(mut remembered) = memory.remembered()? {
            remembered.epoch = Some(answer.epoch);
            memory.remember(&remembered)?;
        }
    }
    let behind = heads::behind(profile, &request.heads, &answer.heads_behind);
    Ok(Some(CheckedIn {
        answer,
        since,
        behind,
    }))
}

fn report(status: &Status) -> v1::BackupReport {
    let completed = status
        .last_success
        .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    v1::BackupReport {
        state: status.state.name().to_owned(),
        completed: completed.map(|moment| moment.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_epoch_is_noticed() {
        assert_eq!(Since::of(None, 3), Since::Same);
        assert_eq!(Since::of(Some(3), 3), Since::Same);
        let restored = Since::of(Some(3), 4);
        assert_eq!(restored, Since::Restored { known: 3, now: 4 });
        assert!(restored.words().unwrap().contains("restored from a backup"));
        let older = Since::of(Some(3), 2);
        assert!(older.words().unwrap().contains("an older copy"));
    }

    #[test]
    fn the_state_of_the_service_is_told() {
        let status = Status {
            last_success: Some(1_700_000_000),
            ..Status::default()
        };
        let report = report(&status);
        assert_eq!(report.state, "starting");
        assert_eq!(report.completed.as_deref(), Some("2023-11-14T22:13:20Z"));
    }
}
