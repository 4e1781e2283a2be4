//! How an archive is pruned, and what came of it.

use crate::destination::DestinationReport;
use crate::memory::Head;

/// How an archive is pruned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PruneOptions {
    /// Packs are put together anew while more than this of every hundred stored bytes is not needed; 100
    /// leaves every pack as it is of which something is needed.
    pub max_unused_percent: u8,
    /// Packs of at most so many bytes are read and put together anew.
    pub max_repack_bytes: u64,
    /// Nothing is written.
    pub dry_run: bool,
}

impl Default for PruneOptions {
    fn default() -> Self {
        Self {
            max_unused_percent: 5,
            max_repack_bytes: u64::MAX,
            dry_run: false,
        }
    }
}

/// A number of objects and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// How many.
    pub count: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Amount {
    pub(crate) fn add(&mut self, bytes: u64) {
        self.count += 1;
        self.bytes += bytes;
    }
}

/// What pruning did, or would do.
#[derive(Clone, Debug, Default)]
pub struct PruneSummary {
    /// Snapshots that survive.
    pub snapshots: u64,
    /// Chunks that they need.
    pub chunks: u64,
    /// Live objects before, records among them.
    pub before: Amount,
    /// Packs of which nothing is needed.
    pub unneeded: Amount,
    /// Packs of which a part is needed, and which are copied to new ones; those in records too.
    pub repacked: Amount,
    /// New packs and index runs; of a dry run an estimate, without index runs.
    pub written: Amount,
    /// Index runs that new ones replace.
    pub runs: Amount,
    /// Records that are not needed any more.
    pub records: Amount,
    /// Bytes in packs that stay, though nothing needs them.
    pub unused_left: u64,
    /// Packs that could not be read and were left as they are.
    pub damaged: u64,
    /// The newest record that was written; `None` where nothing was to be done.
    pub head: Option<Head>,
    /// What became of the destinations.
    pub destinations: Vec<DestinationReport>,
}

impl PruneSummary {
    /// Returns how many bytes each destination gets back once what is condemned is erased there.
    pub fn reclaimable(&self) -> u64 {
        let gone = self.unneeded.bytes + self.repacked.bytes + self.runs.bytes + self.records.bytes;
        gone.saturating_sub(self.written.bytes)
    }

    /// Says whether something is condemned, or would be.
    pub fn condemns(&self) -> bool {
        let amounts = [self.unneeded, self.repacked, self.runs, self.records];
        amounts.iter().any(|amount| amount.count > 0)
    }
}
