//! Writes a checkpoint: `spec/archive-v1.md`, section 9.2.

use std::collections::BTreeSet;

use strongroom_base::object::ObjectRef;
use strongroom_format::body::Deed;
use strongroom_replica::record::{Added, Changes};

use super::history::History;
use crate::deed::commit_deed;
use crate::error::EngineError;
use crate::memory::Head;
use crate::writer::Writer;

/// Returns the records that can go once those in `staying` stay.
pub(crate) fn records_to_go<'a>(
    history: &'a History,
    staying: &BTreeSet<ObjectRef>,
) -> impl Iterator<Item = (&'a ObjectRef, u64)> {
    let records = history.records.iter();
    records
        .filter(|(record, _)| !staying.contains(record))
        .map(|(record, size)| (record, *size))
}

/// Writes a checkpoint of what `history` says, as of the newest record.
///
/// `staying` are the records before it that stay. Records that are newer than `history` go.
pub(crate) fn write_checkpoint(
    writer: &mut Writer<'_>,
    history: &History,
    staying: &BTreeSet<ObjectRef>,
    newer: &[ObjectRef],
) -> Result<Head, EngineError> {
    let live: Vec<(ObjectRef, u64)> = history
        .objects
        .iter()
        .map(|(object, size)| (*object, *size))
        .collect();
    let added = |(object, size): (&ObjectRef, &u64)| Added {
        object: *object,
        size: *size,
    };
    let kept = history
        .records
        .iter()
        .filter(|(record, _)| staying.contains(record));
    let mut adds: Vec<Added> = history.objects.iter().chain(kept).map(added).collect();
    adds.sort_unstable();
    let mut condemns: BTreeSet<ObjectRef> = history.condemned.clone();
    condemns.extend(records_to_go(history, staying).map(|(record, _)| *record));
    condemns.extend(newer);
    let mut snapshots: Vec<_> = history
        .snapshots
        .iter()
        .map(|info| (info.id, info.hash))
        .collect();
    snapshots.sort_unstable();
    let changes = Changes {
        adds,
        condemns: condemns.into_iter().collect(),
        voids: Vec::new(),
        // A loss stays acknowledged while the object is live, or a snapshot misses something.
        acks: history
            .lost
            .iter()
            .filter(|object| {
                let is_live = history.objects.contains_key(object) || staying.contains(object);
                is_live || history.misses_chunks
            })
            .copied()
            .collect(),
    };
    let runs = writer.runs().to_vec();
    commit_deed(writer, Deed::Checkpoint { live, snapshots }, changes, runs)
}
