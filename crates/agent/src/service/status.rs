//! What the service says of itself.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use strongroom_engine::Progress;

use super::server_status::ServerStatus;
use crate::guest::GuestStatus;

/// What the service says of itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
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
    /// How many of these times it looked at everything.
    pub full_scans: u64,
    /// How often somebody has asked for a snapshot.
    pub asked: u64,
    /// How many of these were answered: all that was there when they asked was looked at, or that failed.
    pub answered: u64,
    /// What became of the last of these.
    pub answer: Option<Answered>,
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
    /// Bytes that each destination had to store since it began.
    pub bytes_stored: u64,
    /// What the spool of this computer takes, in bytes.
    pub spool_bytes: u64,
    /// When all that had changed was backed up for the last time, in seconds since 1970.
    pub last_success: Option<i64>,
    /// When each destination had everything for the last time, or was seen first, in seconds since 1970.
    pub complete: BTreeMap<String, i64>,
    /// Why the command after the last snapshot failed.
    pub hook_failed: Option<String>,
    /// Why people could not be told of an alarm.
    pub alarm_failed: Option<String>,
    /// Since when no snapshot succeeds, in seconds since 1970.
    pub failing_since: Option<i64>,
    /// Since when nothing has moved, in seconds since 1970, where that is too long.
    pub still_since: Option<i64>,
    /// Bytes of the files that the last look at everything saw.
    pub full_bytes: Option<u64>,
    /// When the work that goes on began, in seconds since 1970.
    pub busy_since: Option<i64>,
    /// How far the work has come, while there is some.
    pub progress: Option<WorkDone>,
    /// When the next snapshot is made, in seconds since 1970, where changes wait because the battery is to last.
    pub next_at: Option<i64>,
    /// What it knows of its surroundings, and allows itself.
    pub guest: GuestStatus,
    /// How it stands with the server, where this computer is enrolled.
    pub server: Option<ServerStatus>,
}

/// What became of a snapshot that somebody asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answered {
    /// All that was there is in the newest snapshot.
    Done,
    /// All but what could not be read, or lies in a folder that is blind.
    LeftOut,
    /// There is none; the reason says why.
    Failed,
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
    /// As [`BackupComplete`](Self::BackupComplete), but a folder is blind, and not in that snapshot.
    SourceBlind,
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

    /// Returns the name for programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Scanning => "scanning",
            Self::Synchronizing => "synchronizing",
            Self::BackupComplete => "backup-complete",
            Self::SourceBlind => "source-blind",
            Self::WaitingForDestination => "waiting-for-destination",
            Self::Paused => "paused",
            Self::LowBattery => "low-battery",
            Self::BackupSchedule => "backup-schedule",
            Self::UnderMaintenance => "under-maintenance",
            Self::Failing => "failing",
        }
    }

    /// Returns the words for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Scanning => "scanning",
            Self::Synchronizing => "synchronizing",
            Self::BackupComplete => "backup complete",
            Self::SourceBlind => "a folder is not backed up",
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
#[serde(default)]
pub struct WorkDone {
    /// Files and other entries that were seen.
    pub entries: u64,
    /// Bytes of the files that were seen.
    pub bytes_seen: u64,
    /// Bytes that were read.
    pub bytes_read: u64,
    /// Bytes that were sent to each destination.
    pub bytes_stored: u64,
    /// How many seconds it will take, where the last look at everything tells how much there is.
    pub seconds_left: Option<u64>,
}

impl WorkDone {
    /// Returns what was counted; `full` is how many bytes there are to see, and `seconds` how long the work goes on.
    pub(super) fn of(progress: &Progress, full: Option<u64>, seconds: u64) -> Self {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let bytes_seen = count(&progress.bytes_scanned);
        Self {
            entries: count(&progress.entries),
            bytes_seen,
            bytes_read: count(&progress.bytes_read),
            bytes_stored: count(&progress.bytes_stored),
            seconds_left: full.and_then(|full| seconds_left(full, bytes_seen, seconds)),
        }
    }
}

/// Returns how long the rest takes at the speed so far; `None` where nothing was seen yet.
fn seconds_left(all: u64, seen: u64, seconds: u64) -> Option<u64> {
    let rest = u128::from(all.saturating_sub(seen)) * u128::from(seconds);
    u64::try_from(rest.checked_div(u128::from(seen))?).ok()
}

/// What is watched, and how well.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
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
    /// How often it was walked because something may have been missed there.
    pub reconcile_scans: u64,
}

impl Status {
    /// Takes in how the destinations are, where that is known.
    pub(super) fn take_destinations(&mut self, destinations: Vec<DestinationState>) {
        if destinations.is_empty() {
            return;
        }
        self.destinations = destinations;
        self.look_again();
    }

    /// Notes which destinations have everything now.
    pub(super) fn note_complete(&mut self, now: i64) {
        for there in &self.destinations {
            let last = self.complete.entry(there.name.clone()).or_insert(now);
            if there.is_complete() {
                *last = now;
            }
        }
    }

    /// Takes in what is watched, and how well.
    pub(super) fn take_sources(&mut self, sources: Vec<SourceStatus>) {
        self.sources = sources;
        self.look_again();
    }

    /// Says again what it does when it does nothing.
    fn look_again(&mut self) {
        if matches!(
            self.state,
            State::BackupComplete | State::SourceBlind | State::WaitingForDestination
        ) {
            self.state = super::state_of(self);
        }
    }

    /// Says whether a folder is blind.
    pub fn has_blind_source(&self) -> bool {
        self.sources.iter().any(|source| source.health == "blind")
    }

    /// Says what a snapshot that somebody asked for lacks, now that it is made.
    pub(super) fn answer_now(&self) -> Answered {
        let has_failed = |last: &LastSnapshot| last.files_failed + last.files_unsettled > 0;
        if self.has_blind_source() || self.last.as_ref().is_some_and(has_failed) {
            Answered::LeftOut
        } else {
            Answered::Done
        }
    }

    /// Returns what it does in a line, with the reason where there is one.
    pub fn headline(&self) -> String {
        if self.still_since.is_some() {
            return format!(
                "{}: nothing has moved for long; it hangs",
                self.state.words()
            );
        }
        match &self.reason {
            Some(reason) => format!("{}: {reason}", self.state.words()),
            None => self.state.words().to_owned(),
        }
    }
}

impl DestinationState {
    /// Says whether it has everything.
    pub fn is_complete(&self) -> bool {
        matches!(&*self.status, "up-to-date" | "caught-up")
    }
}

/// The last snapshot.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
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
    /// Files that changed while they were read.
    pub files_unsettled: u64,
    /// Bytes that each destination had to store.
    pub bytes_stored: u64,
}

/// How the queue of a destination is. Times are in seconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_takes_as_long_as_what_was_done() {
        assert_eq!(seconds_left(100, 25, 10), Some(30));
        assert_eq!(seconds_left(100, 150, 10), Some(0));
        assert_eq!(seconds_left(100, 0, 10), None);
        assert_eq!(seconds_left(u64::MAX, 1, u64::MAX), None);
    }
}
