//! What the service says of itself.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use strongroom_engine::Progress;

use crate::guest::GuestStatus;

/// What the service says of itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The process.
    pub pid: u32,
    /// When it began, in seconds since 1970.
    pub since: i64,
    /// What it does.
    pub state: State,
    /// Why, where that is worth saying.
    pub reason: Option<String>,
    /// What is watched.
    pub sources: Vec<SourceStatus>,
    /// How many changes wait for the next snapshot; many in one folder are one.
    pub waiting: u64,
    /// How many times it looked for changes.
    pub rounds: u64,
    /// How many snapshots it made.
    pub snapshots: u64,
    /// The last one.
    pub last: Option<LastSnapshot>,
    /// The destinations, as of the last look at them.
    pub destinations: Vec<DestinationState>,
    /// Records that only the spool of this computer has.
    pub unacknowledged: u64,
    /// Until when it is paused, in seconds since 1970.
    pub paused_until: Option<i64>,
    /// How far the work has come, while there is some.
    pub progress: Option<WorkDone>,
    /// When the next snapshot is made, in seconds since 1970, where changes wait because the battery is to last.
    pub next_at: Option<i64>,
    /// What it knows of its surroundings, and allows itself.
    pub guest: GuestStatus,
}

/// What the service does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It has just begun: watches are put in place.
    #[default]
    Starting,
    /// It looks at everything.
    Scanning,
    /// It backs up what changed.
    Synchronizing,
    /// Every destination has the newest snapshot.
    BackupComplete,
    /// A destination lacks something.
    WaitingForDestination,
    /// Somebody asked it to pause.
    Paused,
    /// The battery is nearly empty: no snapshots, unless somebody asks for one.
    LowBattery,
    /// Changes wait for the next snapshot, because the battery is to last.
    BackupSchedule,
    /// Another command works on the archive.
    UnderMaintenance,
    /// The last attempt failed; there will be another one.
    Failing,
}

impl State {
    /// Says whether a snapshot is being made.
    pub fn is_busy(self) -> bool {
        matches!(self, Self::Scanning | Self::Synchronizing)
    }

    /// Returns the words for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Scanning => "scanning",
            Self::Synchronizing => "synchronizing",
            Self::BackupComplete => "backup complete",
            Self::WaitingForDestination => "waiting for destination",
            Self::Paused => "paused",
            Self::LowBattery => "battery low",
            Self::BackupSchedule => "backup schedule",
            Self::UnderMaintenance => "under maintenance",
            Self::Failing => "failing",
        }
    }
}

/// How far a snapshot has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkDone {
    /// Files and other entries that were seen.
    pub entries: u64,
    /// Bytes of the files that were seen.
    pub bytes_seen: u64,
    /// Bytes that were read.
    pub bytes_read: u64,
    /// Bytes that were sent to each destination.
    pub bytes_stored: u64,
}

impl WorkDone {
    /// Returns what was counted.
    pub(super) fn of(progress: &Progress) -> Self {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Self {
            entries: count(&progress.entries),
            bytes_seen: count(&progress.bytes_scanned),
            bytes_read: count(&progress.bytes_read),
            bytes_stored: count(&progress.bytes_stored),
        }
    }
}

/// What is watched, and how well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceStatus {
    /// Where it begins.
    pub path: String,
    /// How changes are noticed; none while it is not there.
    pub mechanism: Option<String>,
    /// `live`, `catching-up`, `degraded` or `blind`.
    pub health: String,
    /// Why it is not better.
    pub why: Option<String>,
    /// Since when it is blind, in seconds since 1970.
    pub blind_since: Option<i64>,
}

/// The last snapshot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LastSnapshot {
    /// Its hash, in hexadecimal digits.
    pub snapshot: String,
    /// When it was done, in seconds since 1970.
    pub at: i64,
    /// How long it took.
    pub duration_seconds: f64,
    /// New files.
    pub files_new: u64,
    /// Changed files.
    pub files_changed: u64,
    /// Entries that could not be read.
    pub files_failed: u64,
    /// Bytes that each destination had to store.
    pub bytes_stored: u64,
}

/// A destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DestinationState {
    /// Its name.
    pub name: String,
    /// `up-to-date`, `caught-up`, `unreachable`, `not-complete` or `set-aside`.
    pub status: String,
    /// Why it lacks something.
    pub reason: Option<String>,
}
