//! What the service says of itself.

use serde::{Deserialize, Serialize};

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
    /// The destinations.
    pub destinations: Vec<DestinationState>,
    /// Records that only the spool of this computer has.
    pub unacknowledged: u64,
    /// Until when it is paused, in seconds since 1970.
    pub paused_until: Option<i64>,
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
    /// Another command works on the archive.
    UnderMaintenance,
    /// The last attempt failed; there will be another one.
    Failing,
}

impl State {
    /// Returns the words for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Scanning => "scanning",
            Self::Synchronizing => "synchronizing",
            Self::BackupComplete => "backup complete",
            Self::WaitingForDestination => "waiting for destination",
            Self::Paused => "paused",
            Self::UnderMaintenance => "under maintenance",
            Self::Failing => "failing",
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

/// How the queue of a destination is. Times are in seconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueState {
    /// `foreground` where the rounds of the service serve it, else `background`.
    pub lane: String,
    /// How many records it lacks.
    pub records_waiting: u64,
    /// How many bytes are still to be copied, while it catches up.
    pub bytes_waiting: Option<u64>,
    /// How fast it catches up.
    pub bytes_per_second: Option<u64>,
    /// Since when it is as it is.
    pub since: Option<i64>,
    /// When its hours begin, where it waits for them.
    pub until: Option<i64>,
    /// When it is tried again, where it failed.
    pub next_try: Option<i64>,
    /// The number of the newest record that it acknowledged.
    pub newest: Option<u64>,
    /// When it did so, or when that was seen.
    pub acknowledged_at: Option<i64>,
}

/// A destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DestinationState {
    /// Its name.
    pub name: String,
    /// `starting`, `up-to-date`, `catching-up`, `scheduled`, `waiting`, `under-maintenance`, `unreachable`, `not-complete`,
    /// `set-aside` or `ahead`.
    pub status: String,
    /// Why it lacks something.
    pub reason: Option<String>,
    /// How its queue is.
    pub queue: QueueState,
}
