//! What an archive holds and what that takes.

use std::collections::BTreeMap;

use strongroom_base::clock::Timestamp;
use strongroom_base::ids::ArchiveId;
use strongroom_base::object::ObjectKind;
use strongroom_read::{Archive, SnapshotInfo};
use strongroom_replica::log::Log;

/// Objects of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KindStats {
    /// How many there are.
    pub objects: u64,
    /// Their size.
    pub bytes: u64,
}

/// What an archive holds.
#[derive(Debug)]
pub struct Stats {
    /// The archive.
    pub archive: ArchiveId,
    /// Its snapshots.
    pub snapshots: usize,
    /// When the oldest one began.
    pub oldest: Option<Timestamp>,
    /// When the newest one began.
    pub newest: Option<Timestamp>,
    /// Bytes of the files of the newest snapshot.
    pub newest_bytes: u64,
    /// Files of the newest snapshot.
    pub newest_files: u64,
    /// Bytes of the files of all snapshots, each counted.
    pub all_bytes: u64,
    /// The live objects by kind.
    pub kinds: BTreeMap<ObjectKind, KindStats>,
}

impl Stats {
    /// Returns the bytes of all live objects.
    pub fn stored_bytes(&self) -> u64 {
        self.kinds.values().map(|kind| kind.bytes).sum()
    }
}

/// Counts what an archive holds, by its log.
pub fn stats(archive: &Archive, snapshots: &[SnapshotInfo], log: &Log) -> Stats {
    let mut kinds: BTreeMap<ObjectKind, KindStats> = BTreeMap::new();
    let mut count = |kind, bytes| {
        let stats = kinds.entry(kind).or_default();
        stats.objects += 1;
        stats.bytes += bytes;
    };
    for (object, size) in log.live().iter() {
        if object.kind() != ObjectKind::Record {
            count(object.kind(), size);
        }
    }
    for entry in &log.entries {
        count(ObjectKind::Record, entry.len);
    }
    let newest = snapshots.last().map(|info| &info.snapshot);
    Stats {
        archive: archive.id(),
        snapshots: snapshots.len(),
        oldest: snapshots.first().map(|info| info.snapshot.started),
        newest: newest.map(|snapshot| snapshot.started),
        newest_bytes: newest.map_or(0, |snapshot| snapshot.statistics.bytes),
        newest_files: newest.map_or(0, |snapshot| snapshot.statistics.files),
        all_bytes: snapshots
            .iter()
            .map(|info| info.snapshot.statistics.bytes)
            .sum(),
        kinds,
    }
}
