//! The states of an account, and how it stands together with the organisations above it.
//!
//! | state | sign in | backup accepted | restore own | self-reactivate | archives |
//! |---|---|---|---|---|---|
//! | active | yes | yes | yes | – | active |
//! | inactive | only to reactivate | no | no | yes | cold, clock running |
//! | blocked | no | no | no | no | cold, clock running |
//!
//! *Suspended sign-in* is apart from these: nobody signs in, and backups go on (administration 2.2).

use strongroom_base::clock::Timestamp;
use strongroom_base::ids::{OrganisationId, UserId};

use crate::organisation::OrganisationState;

/// Who put an account into its state; the other one of the two does not lift it.
///
/// So a run of the directory never brings back whom an administrator blocked, and a leaver blocked by the
/// directory is brought back by it or by an administrator and by nobody else (identity 5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum By {
    /// The identity system that the account belongs to.
    Directory,
    /// A person with the right to; the directory does not lift it.
    Administrator,
}

/// The own state of an account (mission A21).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountState {
    /// It may be used.
    Active,
    /// It is at rest; its user may take it up again.
    Inactive {
        /// Since when it has not been active.
        since: Timestamp,
        /// Who decided so.
        by: By,
    },
    /// It is closed; its user cannot open it.
    Blocked {
        /// Since when it has not been active; a block does not begin the retention anew.
        since: Timestamp,
        /// Who decided so.
        by: By,
    },
}

/// Whether anybody may sign in to an account that is otherwise as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignIn {
    /// As the state has it.
    Open,
    /// Nobody signs in; computers go on backing up.
    Suspended {
        /// Since when.
        since: Timestamp,
    },
}

/// Where the account lives (mission A17).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Here; it has a password or passkey here.
    Internal,
    /// In an identity system, which may change its state; nothing that signs in is stored here.
    External,
}

/// An account as far as its state goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// Whose.
    pub user: UserId,
    /// Where it lives.
    pub origin: Origin,
    /// Its own state.
    pub state: AccountState,
    /// Whether sign-in is suspended.
    pub sign_in: SignIn,
}

/// What makes an account stand as it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Its own state.
    Own,
    /// The state of this organisation, in which the account is.
    Organisation(OrganisationId),
}

/// How an account stands when the organisations above it are taken into account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It works.
    Active {
        /// Whether sign-in is suspended.
        sign_in: SignIn,
    },
    /// It is at rest.
    Inactive {
        /// Since when anything has kept it from being active.
        since: Timestamp,
        /// What makes it so.
        cause: Cause,
        /// Whether sign-in is suspended.
        sign_in: SignIn,
    },
    /// It is closed.
    Blocked {
        /// Since when anything has kept it from being active.
        since: Timestamp,
        /// What makes it so.
        cause: Cause,
    },
}

impl Standing {
    /// Tells whether its user may sign in and work.
    pub fn may_sign_in(self) -> bool {
        matches!(self, Self::Active { sign_in } if sign_in == SignIn::Open)
    }

    /// Tells whether its user may sign in to take the account up again, and for nothing else.
    pub fn may_reactivate_itself(self) -> bool {
        matches!(
            self,
            Self::Inactive {
                cause: Cause::Own,
                sign_in: SignIn::Open,
                ..
            }
        )
    }

    /// Tells whether backups of its computers are accepted.
    pub fn may_back_up(self) -> bool {
        matches!(self, Self::Active { .. })
    }
}

/// Returns how an account stands below organisations that are in these states.
///
/// The worst state counts. What is inactive for two reasons has been so since the earlier of them, as
/// long as both last.
pub fn effective(account: &Account, above: &[(OrganisationId, OrganisationState)]) -> Standing {
    let own = match account.state {
        AccountState::Active => None,
        AccountState::Inactive { since, .. } => Some((Rank::Inactive, since, Cause::Own)),
        AccountState::Blocked { since, .. } => Some((Rank::Blocked, since, Cause::Own)),
    };
    let inherited = above.iter().filter_map(|(organisation, state)| {
        let cause = Cause::Organisation(*organisation);
        match *state {
            OrganisationState::Active => None,
            OrganisationState::Inactive { since } => Some((Rank::Inactive, since, cause)),
            OrganisationState::Blocked { since } => Some((Rank::Blocked, since, cause)),
        }
    });
    // Above first: an account whose own state is lifted stays where its organisation is, and whoever
    // reads the cause should go there.
    let reasons: Vec<_> = inherited.chain(own).collect();
    let sign_in = account.sign_in;
    let Some(since) = reasons.iter().map(|(_, since, _)| *since).min() else {
        return Standing::Active { sign_in };
    };
    let first = |rank| reasons.iter().find(|reason| reason.0 == rank);
    match (first(Rank::Blocked), first(Rank::Inactive)) {
        (Some((_, _, cause)), _) => Standing::Blocked {
            since,
            cause: *cause,
        },
        (None, Some((_, _, cause))) => Standing::Inactive {
            since,
            cause: *cause,
            sign_in,
        },
        (None, None) => Standing::Active { sign_in },
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Rank {
    Inactive,
    Blocked,
}
