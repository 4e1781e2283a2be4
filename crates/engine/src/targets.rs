//! Where a writer may write.

use strongroom_replica::Replica;

use crate::destination::Destination;

/// Where a writer may write: destinations, and a spool where there is one.
pub struct Targets {
    /// The destinations.
    pub destinations: Vec<Destination>,
    /// A folder of this computer that nothing else uses, limited in size: it takes what is written while a destination
    /// is away, and loses it when all have it.
    pub spool: Option<Replica>,
}

impl From<Vec<Destination>> for Targets {
    /// Takes destinations, and no spool.
    fn from(destinations: Vec<Destination>) -> Self {
        Self {
            destinations,
            spool: None,
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
