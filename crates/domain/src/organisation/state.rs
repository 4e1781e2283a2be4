//! Whether an organisation works: active, inactive or blocked (administration 2.2, 2.3).
//!
//! The state of an organisation is never copied to what is below it. An account's standing is reckoned
//! from its own state and those of the organisations above ([`crate::account::effective`]), so that an
//! organisation that comes back brings back exactly the accounts that were active, and no other.

use strongroom_base::clock::Timestamp;
use strongroom_base::ids::OrganisationId;
use strongroom_base::{Class, Classified};

use crate::access::{Action, On, Permit, Removal, SysadminRemains};

/// The own state of an organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrganisationState {
    /// Its users may work, if nothing above says otherwise.
    Active,
    /// Its users are as if inactive, and so is everything below.
    Inactive {
        /// Since when; the beginning of an inactivity that a block continued.
        since: Timestamp,
    },
    /// Its users are as if blocked, and so is everything below.
    Blocked {
        /// Since when; the beginning of an inactivity that came before the block.
        since: Timestamp,
    },
}

impl OrganisationState {
    /// Returns since when it has not been active; `None` if it is.
    pub fn since(self) -> Option<Timestamp> {
        match self {
            Self::Active => None,
            Self::Inactive { since } | Self::Blocked { since } => Some(since),
        }
    }
}

/// What may be done to the state of an organisation.
#[derive(Debug, PartialEq, Eq)]
pub enum OrganisationChange {
    /// It and all below it stop; whoever was active comes back with it.
    Deactivate(SysadminRemains),
    /// The same, and nobody below it signs in.
    Block(SysadminRemains),
    /// It works again.
    Reactivate,
}

/// Why the state of an organisation was not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OrganisationRefusal {
    /// It is in that state already.
    #[error("the organisation is in this state already")]
    Unchanged,
    /// It is blocked: what is weaker would lift that.
    #[error("the organisation is blocked; reactivate it first")]
    Blocked,
    /// The right, or the proof that a sysadmin remains, was for something else.
    #[error("the right shown was for something else")]
    WrongProof,
}

impl Classified for OrganisationRefusal {
    fn class(&self) -> Class {
        Class::Caller
    }
}

/// An organisation as far as its state goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Organisation {
    /// Which one.
    pub id: OrganisationId,
    /// Its own state.
    pub state: OrganisationState,
}

impl Organisation {
    /// Changes the state. The standing of every account below is to be reckoned before and after, and
    /// [`crate::account::effects`] says what follows for each.
    pub fn change(
        self,
        change: &OrganisationChange,
        permit: &Permit,
        now: Timestamp,
    ) -> Result<Self, OrganisationRefusal> {
        let (action, remains) = match change {
            OrganisationChange::Deactivate(remains) => {
                (Action::OrganisationDeactivate, Some(remains))
            }
            OrganisationChange::Block(remains) => (Action::OrganisationDeactivate, Some(remains)),
            OrganisationChange::Reactivate => (Action::OrganisationReactivate, None),
        };
        let is_permitted = permit.allows(action, On::Organisation(self.id));
        let leaves_one =
            remains.is_none_or(|remains| remains.without() == Removal::Organisation(self.id));
        if !is_permitted || !leaves_one {
            return Err(OrganisationRefusal::WrongProof);
        }
        let state = self.state.after(change, now)?;
        Ok(Self { state, ..self })
    }
}

impl OrganisationState {
    fn after(
        self,
        change: &OrganisationChange,
        now: Timestamp,
    ) -> Result<Self, OrganisationRefusal> {
        match (self, change) {
            (Self::Active, OrganisationChange::Deactivate(_)) => Ok(Self::Inactive { since: now }),
            (Self::Active, OrganisationChange::Block(_)) => Ok(Self::Blocked { since: now }),
            (Self::Inactive { since }, OrganisationChange::Block(_)) => Ok(Self::Blocked { since }),
            (Self::Inactive { .. } | Self::Blocked { .. }, OrganisationChange::Reactivate) => {
                Ok(Self::Active)
            }
            (Self::Blocked { .. }, OrganisationChange::Deactivate(_)) => {
                Err(OrganisationRefusal::Blocked)
            }
            (Self::Active, OrganisationChange::Reactivate)
            | (Self::Inactive { .. }, OrganisationChange::Deactivate(_))
            | (Self::Blocked { .. }, OrganisationChange::Block(_)) => {
                Err(OrganisationRefusal::Unchanged)
            }
        }
    }
}
