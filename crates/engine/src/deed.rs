//! Writes a record that carries nothing but its body.

use strongroom_base::object::ObjectRef;
use strongroom_format::body::{Body, Deed};
use strongroom_replica::record::{Changes, PartKind, RecordKind};

use crate::create::seal_body;
use crate::error::EngineError;
use crate::memory::Head;
use crate::writer::Writer;

/// Seals and signs a record of a deed, and writes it to every ready destination. `runs` are the index runs
/// after it, in any order.
pub(crate) fn commit_deed(
    writer: &mut Writer<'_>,
    deed: Deed,
    changes: Changes,
    mut runs: Vec<ObjectRef>,
) -> Result<Head, EngineError> {
    runs.sort_unstable();
    let kind = RecordKind::from_code(deed.code()).expect("every deed is a kind of record");
    let body = Body {
        time: writer.identity.clock.now(),
        destinations: writer.acknowledged(),
        runs,
        deed,
    };
    let identity = &writer.identity;
    let sealed = seal_body(
        identity.archive,
        writer.next_id().generation,
        &identity.ring,
        &body,
        &*identity.random,
    );
    let parts: [(PartKind, &[u8]); 1] = [(PartKind::Body, &sealed)];
    writer.commit(kind, changes, &parts, body.runs)
}
