//! What a backup did.

use std::time::Duration;

use super::hints::Hints;
use crate::destination::DestinationReport;
use crate::memory::Head;
use crate::spool::SpoolReport;

/// How many files are new, changed and unmodified.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Files that the last snapshot did not have.
    pub new: u64,
    /// Files that the last snapshot had in another state.
    pub changed: u64,
    /// Files that the last snapshot had in this state.
    pub unmodified: u64,
}

impl Counts {
    /// Counts the others of so many files as unmodified.
    pub(super) fn of(self, files: u64) -> Self {
        let unmodified = files.saturating_sub(self.new + self.changed);
        Self { unmodified, ..self }
    }
}

/// What a backup did.
#[derive(Clone, Debug)]
pub struct BackupSummary {
    /// The record of the snapshot.
    pub snapshot: Head,
    /// How many files there were.
    pub files: Counts,
    /// New and changed ones that have several names, and were not known to, where hints said what to look at: the next
    /// backup is to look at their other names.
    pub linked: Hints,
    /// How many entries could not be read.
    pub failed: u64,
    /// How many files changed while they were read, each time it was tried. They are kept as they were read last.
    pub unsettled: u64,
    /// Directories.
    pub directories: u64,
    /// Bytes of the files that were seen.
    pub bytes_scanned: u64,
    /// Bytes that were read.
    pub bytes_read: u64,
    /// Bytes of chunks that were new.
    pub bytes_new: u64,
    /// Bytes that each destination had to store.
    pub bytes_stored: u64,
    /// How long it took.
    pub duration: Duration,
    /// What became of every destination.
    pub destinations: Vec<DestinationReport>,
    /// What is in the spool; `None` where there is none.
    pub spool: Option<SpoolReport>,
}
