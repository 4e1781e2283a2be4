//! Computers: whether one may back up, and how its credential ends (administration 2.3).
//!
//! Two things are kept apart. The *life* of a computer is active or deactivated; deactivated, its archives
//! are cold. Its *credential* is good, signed out, or revoked. A computer that is signed out loses nothing:
//! its user signs in again. One that is revoked is a lost laptop: that credential is never good again, and
//! the computer is enrolled anew.

use strongroom_base::clock::Timestamp;
use strongroom_base::ids::{ComputerId, UserId};
use strongroom_base::{Class, Classified};

use crate::access::{Action, On, Permit};
use crate::account::Standing;
use crate::archive::ColdCause;

/// The life of a computer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It backs up.
    Active,
    /// It does not, and its archives are cold.
    Deactivated {
        /// Since when.
        since: Timestamp,
    },
}

/// How the credential of a computer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    /// It is good.
    Good,
    /// Its user must sign in at the computer first.
    SignedOut,
    /// It is never good again.
    Revoked {
        /// Since when.
        since: Timestamp,
    },
}

/// A computer as far as its state goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Computer {
    /// Which one.
    pub id: ComputerId,
    /// Whose.
    pub owner: UserId,
    /// Its life.
    pub life: Life,
    /// Its credential.
    pub credential: Credential,
}

/// What is to be done when a computer changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ComputerEffect {
    /// End its connections now.
    Disconnect,
    /// Its archives are cold for this reason, since then.
    ArchivesCold(ColdCause, Timestamp),
    /// The reason is gone.
    ArchivesWarm(ColdCause),
}

/// What may be done to a computer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ComputerChange {
    /// It stops; its archives become cold.
    Deactivate,
    /// It goes on, if its credential is good.
    Reactivate,
    /// Its user must sign in again.
    SignOut,
    /// Its credential ends for good.
    Revoke,
}

/// Why a computer was not changed, or may not back up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ComputerRefusal {
    /// It is so already.
    #[error("the computer is in this state already")]
    Unchanged,
    /// The right was for something else.
    #[error("the right shown was for something else")]
    WrongProof,
    /// It was deactivated.
    #[error("the computer is deactivated")]
    Deactivated,
    /// Its user must sign in.
    #[error("the computer is signed out")]
    SignedOut,
    /// Its credential was revoked.
    #[error("the credential of the computer was revoked; enrol it anew")]
    Revoked,
    /// The account does not stand active.
    #[error("the account is not active")]
    AccountNotActive,
}

impl Classified for ComputerRefusal {
    fn class(&self) -> Class {
        Class::Caller
    }
}

impl ComputerChange {
    /// Returns what one must be allowed to do to make this change.
    pub fn action(self) -> Action {
        match self {
            Self::Deactivate => Action::ComputerDeactivate,
            Self::Reactivate => Action::ComputerReactivate,
            Self::SignOut => Action::ComputerDeauthorize,
            Self::Revoke => Action::ComputerRevoke,
        }
    }
}

impl Computer {
    /// Checks whether it may back up and restore with its own credential.
    pub fn check(&self, standing: Standing) -> Result<(), ComputerRefusal> {
        if !standing.may_back_up() {
            return Err(ComputerRefusal::AccountNotActive);
        }
        match (self.credential, self.life) {
            (Credential::Revoked { .. }, _) => Err(ComputerRefusal::Revoked),
            (Credential::Good | Credential::SignedOut, Life::Deactivated { .. }) => {
                Err(ComputerRefusal::Deactivated)
            }
            (Credential::SignedOut, Life::Active) => Err(ComputerRefusal::SignedOut),
            (Credential::Good, Life::Active) => Ok(()),
        }
    }

    /// Changes it, and says what follows.
    pub fn change(
        &self,
        change: ComputerChange,
        permit: &Permit,
        now: Timestamp,
    ) -> Result<(Self, Vec<ComputerEffect>), ComputerRefusal> {
        if !permit.allows(change.action(), On::Account(self.owner)) {
            return Err(ComputerRefusal::WrongProof);
        }
        let cause = ColdCause::ComputerDeactivated;
        let mut next = *self;
        let effects = match (change, self.life, self.credential) {
            (ComputerChange::Deactivate, Life::Active, _) => {
                next.life = Life::Deactivated { since: now };
                vec![
                    ComputerEffect::Disconnect,
                    ComputerEffect::ArchivesCold(cause, now),
                ]
            }
            (ComputerChange::Reactivate, Life::Deactivated { .. }, _) => {
                next.life = Life::Active;
                vec![ComputerEffect::ArchivesWarm(cause)]
            }
            (ComputerChange::SignOut, _, Credential::Good) => {
                next.credential = Credential::SignedOut;
                vec![ComputerEffect::Disconnect]
            }
            (ComputerChange::Revoke, _, Credential::Good | Credential::SignedOut) => {
                next.credential = Credential::Revoked { since: now };
                vec![ComputerEffect::Disconnect]
            }
            (ComputerChange::SignOut, _, Credential::Revoked { .. }) => {
                return Err(ComputerRefusal::Revoked);
            }
            (ComputerChange::Deactivate, Life::Deactivated { .. }, _)
            | (ComputerChange::Reactivate, Life::Active, _)
            | (ComputerChange::SignOut, _, Credential::SignedOut)
            | (ComputerChange::Revoke, _, Credential::Revoked { .. }) => {
                return Err(ComputerRefusal::Unchanged);
            }
        };
        Ok((next, effects))
    }

    /// Signs its user in at the computer. A deactivated one is active again with that (administration 2.3);
    /// a revoked one stays so.
    pub fn signed_in(
        &self,
        standing: Standing,
    ) -> Result<(Self, Vec<ComputerEffect>), ComputerRefusal> {
        if !standing.may_sign_in() {
            return Err(ComputerRefusal::AccountNotActive);
        }
        if let Credential::Revoked { .. } = self.credential {
            return Err(ComputerRefusal::Revoked);
        }
        let effects = match self.life {
            Life::Active => Vec::new(),
            Life::Deactivated { .. } => {
                vec![ComputerEffect::ArchivesWarm(ColdCause::ComputerDeactivated)]
            }
        };
        let next = Self {
            life: Life::Active,
            credential: Credential::Good,
            ..*self
        };
        Ok((next, effects))
    }
}
