//! Where replicas are kept.

use strongroom_base::ids::DestinationId;
use strongroom_replica::Replica;

use crate::error::EngineError;
use crate::writer::{Writer, no_destination};

/// A place that holds a replica of the archive.
#[derive(Clone)]
pub struct Destination {
    /// Names the destination in records.
    pub id: DestinationId,
    /// Names it for people.
    pub name: String,
    /// The replica there; `Err` with a sentence where the destination cannot be reached.
    pub replica: Result<Replica, String>,
}

/// What became of a destination during an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DestinationReport {
    /// The destination.
    pub id: DestinationId,
    /// Its name for people.
    pub name: String,
    /// What became of it.
    pub status: DestinationStatus,
    /// Bytes that were written there.
    pub bytes_written: u64,
}

/// What became of a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DestinationStatus {
    /// It has everything up to the newest record.
    UpToDate,
    /// It was behind, and has everything now.
    CaughtUp,
    /// It cannot be reached, or stopped working; it catches up later.
    Unreachable(String),
    /// It was behind, and has everything now but what no other destination has whole.
    Incomplete(String),
    /// It lacks history that it had acknowledged, or has another one: nothing is written to it.
    SetAside(String),
    /// It is left to its queue.
    Queued,
}

impl DestinationStatus {
    /// Says whether the destination has everything.
    pub fn is_complete(&self) -> bool {
        matches!(self, Self::UpToDate | Self::CaughtUp)
    }

    /// Says whether something at the destination is not as it should be, and stays so by itself.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Incomplete(_) | Self::SetAside(_))
    }
}

impl Writer<'_> {
    /// Returns the replicas of the destinations that have the newest record, for what cannot do without one: a spool
    /// does not hold the rest of the archive.
    pub(crate) fn ready_replicas(&self) -> Result<Vec<Replica>, EngineError> {
        let replicas: Vec<Replica> = self.ready().map(|(_, replica)| replica.clone()).collect();
        if replicas.is_empty() {
            return Err(no_destination(self.identity.archive, &self.slots));
        }
        Ok(replicas)
    }

    /// Returns the destinations that have the newest record: ids, names and replicas.
    pub fn ready_destinations(&self) -> impl Iterator<Item = (DestinationId, &str, &Replica)> {
        self.ready().map(|(number, replica)| {
            let destination = &self.slots[number].destination;
            (destination.id, destination.name.as_str(), replica)
        })
    }
}
