//! What is lost, and that somebody knows it.

use strongroom_base::object::ObjectRef;
use strongroom_read::Archive;
use strongroom_replica::ReplicaError;
use strongroom_replica::log::Log;
use strongroom_replica::record::Changes;

use super::found::{log_of, readable_runs, unrecorded};
use super::open;
use crate::error::EngineError;
use crate::memory::Head;
use crate::verify;
use crate::writer::Writer;

/// Something that is gone for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The pack or record.
    pub object: ObjectRef,
    /// What is known of it.
    pub what: &'static str,
}

/// Returns what is lost and not acknowledged: what is void, and records that no destination has whole.
pub fn losses(archive: &Archive) -> Result<Vec<Loss>, EngineError> {
    let log = log_of(archive)?;
    let acknowledged = log.acknowledged();
    let void = |object| Loss {
        object,
        what: "is void: no destination had it whole",
    };
    let mut losses: Vec<Loss> = verify::voids(&log).into_iter().map(void).collect();
    losses.extend(lost_records(&log).map(|object| Loss {
        object,
        what: "no destination has it whole",
    }));
    losses.retain(|loss| !acknowledged.contains(&loss.object));
    losses.sort_by_key(|loss| loss.object);
    losses.dedup_by_key(|loss| loss.object);
    Ok(losses)
}

/// Returns the records that the problems of a log are about.
fn lost_records(log: &Log) -> impl Iterator<Item = ObjectRef> {
    let is_broken = |problem: &ReplicaError| matches!(problem, ReplicaError::BrokenChain { .. });
    let problems = log.problems.iter().enumerate();
    problems
        .filter(move |(_, problem)| !is_broken(problem))
        .filter_map(|(number, _)| log.subject(number).map(ObjectRef::record))
}

/// Records that the loss of objects is known and accepted.
///
/// What lost records had added and an index run names is added again: nobody could tell that it is needed.
pub fn acknowledge(writer: &mut Writer<'_>, objects: &[ObjectRef]) -> Result<Head, EngineError> {
    let mut acks = objects.to_vec();
    acks.sort_unstable();
    acks.dedup();
    let archive = open(writer)?;
    let log = log_of(&archive)?;
    let mut adds = Vec::new();
    if !log.lost.is_empty() {
        let runs = readable_runs(&archive, writer.runs())?;
        let known = runs.iter().map(|(object, run)| (*object, run));
        adds = unrecorded(&archive, &log, known, &[])?;
    }
    let changes = Changes {
        adds,
        acks,
        ..Changes::default()
    };
    writer.record_repair("loss acknowledged", changes, writer.runs().to_vec())
}
