//! Forgets snapshots: one record, and nothing is erased. `spec/archive-v1.md`, section 11.

use strongroom_base::ids::Seq;
use strongroom_base::{Class, Classified as _};
use strongroom_format::body::Deed;
use strongroom_read::SnapshotInfo;
use strongroom_replica::log::Log;
use strongroom_replica::record::Changes;

use crate::deed::commit_deed;
use crate::error::EngineError;
use crate::memory::Head;
use crate::writer::Writer;

/// Fails where a list of snapshots may be another one the next time, since a part of the log cannot be read for now, or where two of
/// them have one number: whoever forgets one by that would forget both. What a generation that cannot be proven hides
/// as a branch is listed then.
pub fn refuse_unsettled(snapshots: &[SnapshotInfo], log: &mut Log) -> Result<(), EngineError> {
    let mut problems = log.problems.iter();
    if let Some(passing) = problems.position(|problem| problem.class() == Class::Retry) {
        return Err(log.problems.swap_remove(passing).into());
    }
    let mut seqs: Vec<Seq> = snapshots.iter().map(|info| info.id.seq).collect();
    seqs.sort_unstable();
    let same = seqs.windows(2).find(|pair| pair[0] == pair[1]);
    same.map_or(Ok(()), |pair| {
        Err(EngineError::Unforgettable { seq: pair[0] })
    })
}

/// Records at every ready destination that these snapshots are forgotten; `None` where there are none.
///
/// What they alone needed stays until [`prune`](crate::prune::prune) gives it up.
pub fn forget(writer: &mut Writer<'_>, snapshots: &[Seq]) -> Result<Option<Head>, EngineError> {
    let mut snapshots = snapshots.to_vec();
    snapshots.sort_unstable();
    snapshots.dedup();
    if snapshots.is_empty() {
        return Ok(None);
    }
    let runs = writer.runs().to_vec();
    commit_deed(writer, Deed::Forget { snapshots }, Changes::default(), runs).map(Some)
}
