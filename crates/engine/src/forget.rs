//! Forgets snapshots: one record, and nothing is erased. `spec/archive-v1.md`, section 11.

use strongroom_base::ids::Seq;
use strongroom_format::body::Deed;
use strongroom_replica::record::Changes;

use crate::deed::commit_deed;
use crate::error::EngineError;
use crate::memory::Head;
use crate::writer::Writer;

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
