//! A destination or the spool, and what the writer thinks of it.

use crate::destination::{Destination, DestinationReport, DestinationStatus};
use crate::targets::{Queued, Role};

/// What is said of a destination of which something was left out before.
pub(crate) const LEFT_OUT: &str =
    "what nobody had undamaged was left out when it was filled: `strongroom destination heal`";

/// A destination or the spool, and what the writer thinks of it.
pub(crate) struct Slot {
    pub(crate) destination: Destination,
    pub(crate) role: Role,
    pub(crate) standing: Standing,
    pub(crate) bytes_written: u64,
}

/// What the writer thinks of a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It has the newest record.
    Ready,
    /// It has an older one that it acknowledged, or nothing yet.
    Behind,
    /// It was behind, and has caught up.
    CaughtUp,
    /// It cannot be reached, or stopped working.
    Unreachable(String),
    /// It was behind, and has caught up but for what no source has.
    Incomplete(String),
    /// Its history is not the one it acknowledged.
    SetAside(String),
    /// It is left to its queue, and may catch up or not.
    Queued {
        /// Whether it may.
        may_catch_up: bool,
    },
    /// The spool: it is empty, and takes what is written from now on.
    Fresh,
    /// The spool: nobody needs it.
    Idle,
}

impl Slot {
    /// Makes the slot of a destination that is left to its queue.
    pub(crate) fn queued(there: Queued) -> Self {
        let Queued {
            id,
            name,
            may_catch_up,
        } = there;
        Self {
            destination: Destination {
                id,
                name,
                replica: Err("it is left to its queue".to_owned()),
            },
            role: Role::Destination,
            standing: Standing::Queued { may_catch_up },
            bytes_written: 0,
        }
    }

    pub(crate) fn report(&self, is_incomplete: bool) -> DestinationReport {
        let status = match &self.standing {
            Standing::Ready | Standing::CaughtUp | Standing::Behind if is_incomplete => {
                DestinationStatus::Incomplete(LEFT_OUT.to_owned())
            }
            Standing::Ready | Standing::Fresh | Standing::Idle => DestinationStatus::UpToDate,
            Standing::CaughtUp => DestinationStatus::CaughtUp,
            Standing::Behind => DestinationStatus::Unreachable("it is behind".to_owned()),
            Standing::Unreachable(reason) => DestinationStatus::Unreachable(reason.clone()),
            Standing::Incomplete(reason) => DestinationStatus::Incomplete(reason.clone()),
            Standing::SetAside(reason) => DestinationStatus::SetAside(reason.clone()),
            Standing::Queued { .. } => DestinationStatus::Queued,
        };
        let Destination { id, name, .. } = self.destination.clone();
        DestinationReport {
            id,
            name,
            status,
            bytes_written: self.bytes_written,
        }
    }
}
