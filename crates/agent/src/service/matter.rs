//! What can be wrong, and how bad it is after which time.

use serde::{Deserialize, Serialize};

const MINUTE: i64 = 60;
pub(super) const HOUR: i64 = 60 * MINUTE;
pub(super) const DAY: i64 = 24 * HOUR;

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Matter {
    /// Nothing is noticed in a source.
    SourceBlind,
    /// Some changes in a source are noticed late.
    SourceDegraded,
    /// A destination has not had everything for long.
    DestinationSilent,
    /// A destination went back in time, or has another history.
    DestinationSetAside,
    /// Somebody else writes the archive at a destination.
    DestinationAhead,
    /// No backup succeeds.
    BackupFailing,
    /// The server refuses this computer.
    ServerRefuses,
    /// The server is an older copy of itself.
    ServerOlderCopy,
    /// The server was told of a newer record than this profile knows.
    ProfileBehind,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// It is over.
    Over,
    /// Somebody should look.
    Warning,
    /// Somebody must look.
    Critical,
}

impl Severity {
    /// Returns the word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Over => "over",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

impl Matter {
    /// Returns the word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::SourceBlind => "source-blind",
            Self::SourceDegraded => "source-degraded",
            Self::DestinationSilent => "destination-silent",
            Self::DestinationSetAside => "destination-set-aside",
            Self::DestinationAhead => "destination-ahead",
            Self::BackupFailing => "backup-failing",
            Self::ServerRefuses => "server-refuses",
            Self::ServerOlderCopy => "server-older-copy",
            Self::ProfileBehind => "profile-behind",
        }
    }

    /// Returns how bad it is after so many seconds; `None` where that is usual.
    pub(super) fn severity(self, seconds: i64) -> Option<Severity> {
        let (warning, critical) = match self {
            Self::SourceBlind => (10 * MINUTE, DAY),
            Self::SourceDegraded => (DAY, i64::MAX),
            Self::DestinationSilent => (3 * DAY, 5 * DAY),
            Self::DestinationSetAside | Self::DestinationAhead | Self::ProfileBehind => (0, 0),
            Self::BackupFailing => (HOUR, DAY),
            // Backups go on: nobody has to hurry.
            Self::ServerRefuses | Self::ServerOlderCopy => (0, i64::MAX),
        };
        match seconds {
            seconds if seconds >= critical => Some(Severity::Critical),
            seconds if seconds >= warning => Some(Severity::Warning),
            _ => None,
        }
    }

    /// Returns a sentence without a full stop.
    pub(super) fn sentence(self, subject: &str) -> String {
        match self {
            Self::SourceBlind => format!("changes in {subject} are not noticed"),
            Self::SourceDegraded => format!("some changes in {subject} are noticed late"),
            Self::DestinationSilent => format!("{subject} has not had everything"),
            Self::DestinationSetAside => {
                format!("{subject} is set aside: nothing is written to it")
            }
            Self::DestinationAhead => {
                format!("somebody else writes the archive at {subject}: no snapshots are made")
            }
            Self::BackupFailing => "no backup succeeds".to_owned(),
            Self::ServerRefuses => format!("{subject} refuses this computer"),
            Self::ServerOlderCopy => format!("{subject} is an older copy of itself"),
            Self::ProfileBehind => {
                format!(
                    "the server was told of a newer record at {subject} than this profile knows"
                )
            }
        }
    }
}
