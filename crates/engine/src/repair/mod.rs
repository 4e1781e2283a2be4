//! Making good what is lost everywhere: index runs are made anew from the packs, and what no replica has
//! any more becomes void, so that the next backup stores it again. `spec/archive-v1.md`, sections 9 and 12.

mod found;
mod losses;

use std::collections::BTreeSet;

use strongroom_base::ids::ObjectName;
use strongroom_base::object::{ObjectKind, ObjectRef};
use strongroom_crypto::hash::hash;
use strongroom_crypto::keys::SealedKind;
use strongroom_format::index::Run;
use strongroom_format::padding::Carrier;
use strongroom_read::{Archive, Replicas};
use strongroom_replica::record::{Added, Changes};

pub use losses::{Loss, acknowledge, losses};

use crate::create::seal;
use crate::error::EngineError;
use crate::memory::Head;
use crate::monitor::{Progress, Stop};
use crate::writer::Writer;
use found::{Found, log_of, unrecorded};

/// What a repair did.
#[derive(Debug, Default)]
pub struct Repaired {
    /// The repair record; none where nothing was to be done.
    pub record: Option<Head>,
    /// Index runs that were lost, and are made anew.
    pub runs: Vec<ObjectRef>,
    /// Packs and records that no destination has whole: void from now on. What was in them is stored again
    /// by the next backup, where the source still has it.
    pub voided: Vec<ObjectRef>,
    /// What no destination that was asked has whole, while others could not be asked. It stays as it is.
    pub elsewhere: Vec<ObjectRef>,
}

/// Looks for what is lost at every destination, all of it or, without `read_data`, what is missing or has
/// another size, and writes a repair record.
///
/// A lost run gives way only to runs that place something in every live pack that is not void.
pub fn repair(
    writer: &mut Writer<'_>,
    read_data: bool,
    progress: &Progress,
    stop: &Stop,
) -> Result<Repaired, EngineError> {
    let archive = open(writer)?;
    let log = log_of(&archive)?;
    let mut found = Found::look(&archive, &log, writer.runs(), read_data, (progress, stop))?;
    let lost: Vec<ObjectRef> = found.lost.iter().copied().collect();
    let mut repaired = Repaired::default();
    if writer.lacks_destination() {
        repaired.elsewhere = lost;
        if found.is_uncovered {
            // What the others have may be all that tells where chunks lie.
            repaired.elsewhere.append(&mut found.lost_runs);
            return Ok(repaired);
        }
    } else {
        repaired.voided = lost;
    }
    repaired.runs.clone_from(&found.lost_runs);
    let voided: BTreeSet<ObjectRef> = repaired.voided.iter().copied().collect();
    let replaced = found.strip(&voided);
    found.fresh.retain(|run| !run.entries.is_empty());
    let known = found.runs.iter().map(|(object, run)| (*object, run));
    let mut adds = unrecorded(&archive, &log, known, &found.fresh)?;
    adds.retain(|added| !voided.contains(&added.object));
    let is_idle = found.lost_runs.is_empty() && voided.is_empty() && found.fresh.is_empty();
    if is_idle && adds.is_empty() {
        return Ok(repaired);
    }
    let fresh = put_runs(writer, &found.fresh);
    let mut kept: Vec<ObjectRef> = found.runs.into_keys().collect();
    kept.extend(fresh.iter().map(|added| added.object));
    adds.extend(fresh);
    adds.sort_unstable();
    let is_index = |object: &&ObjectRef| object.kind() == ObjectKind::Index;
    let mut voids: Vec<ObjectRef> = found.lost_runs.iter().filter(is_index).copied().collect();
    voids.extend(voided);
    voids.sort_unstable();
    voids.dedup();
    let mut condemns: Vec<ObjectRef> = replaced.iter().filter(is_index).copied().collect();
    condemns.sort_unstable();
    let changes = Changes {
        adds,
        condemns,
        voids,
        acks: Vec::new(),
    };
    let note = format!("{} index runs made anew", repaired.runs.len());
    repaired.record = Some(writer.record_repair(&note, changes, kept)?);
    Ok(repaired)
}

fn open(writer: &Writer<'_>) -> Result<Archive, EngineError> {
    let ring = writer.identity.ring.clone();
    let replicas = Replicas::new(writer.ready_replicas()?)?;
    Ok(Archive::with_key_ring(replicas, ring, &mut Vec::new())?)
}

/// Writes index runs to every ready destination, and to the spool where one lacks something.
fn put_runs(writer: &mut Writer<'_>, runs: &[Run]) -> Vec<Added> {
    let mut adds = Vec::new();
    for run in runs {
        let identity = &writer.identity;
        let generation = writer.next_id().generation;
        let (ring, random) = (&identity.ring, &*identity.random);
        let mut bytes = Vec::new();
        let kind = SealedKind::Index;
        let plaintext = run.encode(Carrier::Object);
        seal(
            identity.archive,
            generation,
            ring,
            kind,
            &plaintext,
            random,
            &mut bytes,
        );
        let object = ObjectRef::index(ObjectName(hash(&bytes)));
        let targets: Vec<_> = writer
            .targets()
            .map(|(number, replica)| (number, replica.clone()))
            .collect();
        for (number, replica) in targets {
            if let Err(error) = replica.put(&object, &bytes) {
                writer.fail(number, &error.to_string());
            }
        }
        adds.push(Added {
            object,
            size: bytes.len() as u64,
        });
    }
    adds
}
