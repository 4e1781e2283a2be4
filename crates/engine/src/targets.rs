//! Where a writer may write.

use strongroom_base::ids::DestinationId;
use strongroom_replica::Replica;

use crate::destination::Destination;

/// Where a writer may write: destinations, and a spool where there is one.
pub struct Targets {
    /// The destinations.
    pub destinations: Vec<Destination>,
    /// A folder of this computer that nothing else uses, limited in size: it takes what is written while a destination
    /// is away, and loses it when all have it.
    pub spool: Option<Replica>,
    /// Who else brings destinations up to date; `None` where nobody does.
    pub queues: Option<Queues>,
}

/// Who beside the writer brings destinations up to date. The writer lets it: it copies nothing that would take long.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Queues {
    /// The destinations that are left to queues alone: the writer makes no call to them.
    pub destinations: Vec<Queued>,
    /// Whether the spool holds nothing but what its records name: nothing was cut short since somebody looked.
    pub is_spool_tidy: bool,
}

/// A destination that is left to a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    /// Names the destination in records.
    pub id: DestinationId,
    /// Names it for people.
    pub name: String,
    /// Whether it may catch up; one that was set aside may not.
    pub may_catch_up: bool,
}

impl From<Vec<Destination>> for Targets {
    /// Takes destinations, and no spool.
    fn from(destinations: Vec<Destination>) -> Self {
        Self {
            destinations,
            spool: None,
            queues: None,
        }
    }
}

/// What a slot of a writer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// A destination: what it acknowledged is safe.
    Destination,
    /// The spool: it holds on this computer what destinations lack.
    Spool,
}
