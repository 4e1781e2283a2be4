//! Changing the state of an account: who may, and to what (administration 2.2; identity 5.1).
//!
//! | change | the user | an administrator | the directory | the retention job |
//! |---|---|---|---|---|
//! | active → inactive | no | yes | yes | no |
//! | active or inactive → blocked | no | yes | yes | no |
//! | inactive → active | yes, unless suspended | yes | what it set itself | no |
//! | blocked → active | no | yes | what it set itself | no |
//! | blocked → inactive | no | yes | no | no |
//! | suspend, resume sign-in | no | yes | no | no |
//!
//! An *administrator* is whoever shows a [`Permit`] for the deed; that managers get none, and that admins
//! get none outside their organisations or for somebody who outranks them, is the access table's. The
//! last sysadmin cannot be stopped, because nobody can make the [`SysadminRemains`] that this needs.

use strongroom_base::clock::Timestamp;
use strongroom_base::ids::OrganisationId;
use strongroom_base::{Class, Classified};

use super::effect::{Effect, effects};
use super::run::DirectoryRun;
use super::state::{Account, AccountState, By, Origin, SignIn, effective};
use crate::access::{Action, On, Permit, Removal, SysadminRemains};
use crate::organisation::OrganisationState;

/// What may be done to the state of an account.
#[derive(Debug, PartialEq, Eq)]
pub enum AccountChange {
    /// It is put to rest; its user may take it up again.
    Deactivate(SysadminRemains),
    /// It is closed; its user cannot open it.
    Block(SysadminRemains),
    /// It is active again, whichever way it was not.
    Reactivate,
    /// It is no longer blocked, but at rest.
    Unblock,
    /// Nobody signs in any more; backups go on.
    Suspend(SysadminRemains),
    /// Its user may sign in again, as far as its state allows.
    Resume,
}

/// Who wants an account changed.
#[derive(Clone, Copy, Debug)]
pub enum Who<'a> {
    /// A person, whose right to it was decided.
    Person(&'a Permit),
    /// The identity system of the account, in a run that may be acted on.
    Directory(&'a DirectoryRun),
    /// The job that ends retention. It acts on archives and never on accounts.
    RetentionJob,
}

/// An account after a change, and what follows from it.
#[derive(Debug, PartialEq, Eq)]
pub struct Changed {
    /// The account as it is now.
    pub account: Account,
    /// What is to be done.
    pub effects: Vec<Effect>,
}

/// Why the state of an account was not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It is as it should be already.
    #[error("the account is in this state already")]
    Unchanged,
    /// The right, or the proof that a sysadmin remains, was for something else.
    #[error("the right shown was for something else")]
    WrongProof,
    /// Users take up inactive accounts again, not blocked ones.
    #[error("the account is blocked; an administrator can unblock it")]
    BlockedForItsUser,
    /// Sign-in is suspended.
    #[error("sign-in to the account is suspended")]
    Suspended,
    /// The organisation is not active, and its users cannot change that.
    #[error("the organisation of the account is not active")]
    OrganisationNotActive,
    /// To deactivate would weaken a block.
    #[error("the account is blocked; unblock it first")]
    Blocked,
    /// An administrator decided; the directory does not undo it.
    #[error("an administrator decided this; the directory does not change it")]
    AdministratorDecided,
    /// A directory changes the accounts that live in it.
    #[error("the account does not live in the directory")]
    NotInTheDirectory,
    /// Neither a directory nor a job may do this.
    #[error("only a person may do this")]
    OnlyPeople,
}

impl Classified for Refusal {
    fn class(&self) -> Class {
        Class::Caller
    }
}

impl Account {
    /// Changes the state of the account, which is below organisations in the states `above`.
    ///
    /// Legal hold does not keep anybody's account open: it keeps the archives, which stay cold for as
    /// long as it lasts ([`crate::archive`]). That is the diversion of administration 2.2.
    pub fn change(
        &self,
        change: &AccountChange,
        who: Who<'_>,
        above: &[(OrganisationId, OrganisationState)],
        now: Timestamp,
    ) -> Result<Changed, Refusal> {
        let before = effective(self, above);
        if let Some(remains) = change.remains()
            && remains.without() != Removal::Account(self.user)
        {
            return Err(Refusal::WrongProof);
        }
        let by = match who {
            Who::Person(permit)
                if permit.allows(Action::AccountReactivateOwn, On::Account(self.user)) =>
            {
                self.check_own(change, above)?;
                By::Administrator
            }
            Who::Person(permit) => {
                if !permit.allows(change.action(), On::Account(self.user)) {
                    return Err(Refusal::WrongProof);
                }
                By::Administrator
            }
            Who::Directory(_believed) => {
                self.check_directory(change)?;
                By::Directory
            }
            Who::RetentionJob => return Err(Refusal::OnlyPeople),
        };
        let account = self.after(change, by, now)?;
        let effects = effects(before, effective(&account, above));
        Ok(Changed { account, effects })
    }

    fn check_own(
        &self,
        change: &AccountChange,
        above: &[(OrganisationId, OrganisationState)],
    ) -> Result<(), Refusal> {
        match (change, self.state) {
            (AccountChange::Reactivate, AccountState::Blocked { .. }) => {
                Err(Refusal::BlockedForItsUser)
            }
            (AccountChange::Reactivate, AccountState::Inactive { .. }) => {
                if self.sign_in != SignIn::Open {
                    return Err(Refusal::Suspended);
                }
                if above.iter().any(|(_, state)| state.since().is_some()) {
                    return Err(Refusal::OrganisationNotActive);
                }
                Ok(())
            }
            (AccountChange::Reactivate, AccountState::Active) => Err(Refusal::Unchanged),
            (
                AccountChange::Deactivate(_)
                | AccountChange::Block(_)
                | AccountChange::Unblock
                | AccountChange::Suspend(_)
                | AccountChange::Resume,
                _,
            ) => Err(Refusal::WrongProof),
        }
    }

    fn check_directory(&self, change: &AccountChange) -> Result<(), Refusal> {
        if self.origin != Origin::External {
            return Err(Refusal::NotInTheDirectory);
        }
        match (change, self.state) {
            (AccountChange::Unblock | AccountChange::Suspend(_) | AccountChange::Resume, _) => {
                Err(Refusal::OnlyPeople)
            }
            (
                AccountChange::Reactivate,
                AccountState::Inactive { by, .. } | AccountState::Blocked { by, .. },
            ) if by == By::Administrator => Err(Refusal::AdministratorDecided),
            (
                AccountChange::Deactivate(_) | AccountChange::Block(_) | AccountChange::Reactivate,
                _,
            ) => Ok(()),
        }
    }

    fn after(&self, change: &AccountChange, by: By, now: Timestamp) -> Result<Self, Refusal> {
        use AccountState::{Active, Blocked, Inactive};

        let state = match (change, self.state) {
            (AccountChange::Suspend(_), _) => return self.suspended(now),
            (AccountChange::Resume, _) => return self.resumed(),
            (AccountChange::Deactivate(_), Active) => Inactive { since: now, by },
            (AccountChange::Deactivate(_), Inactive { since, by: old }) if old < by => {
                Inactive { since, by }
            }
            (AccountChange::Deactivate(_), Blocked { .. }) => return Err(Refusal::Blocked),
            (AccountChange::Block(_), Active) => Blocked { since: now, by },
            (AccountChange::Block(_), Inactive { since, by: old }) => Blocked {
                since,
                by: by.max(old),
            },
            (AccountChange::Block(_), Blocked { since, by: old }) if old < by => {
                Blocked { since, by }
            }
            (AccountChange::Reactivate, Inactive { .. } | Blocked { .. }) => Active,
            (AccountChange::Unblock, Blocked { since, .. }) => Inactive { since, by },
            (AccountChange::Deactivate(_), Inactive { .. })
            | (AccountChange::Block(_), Blocked { .. })
            | (AccountChange::Reactivate, Active)
            | (AccountChange::Unblock, Active | Inactive { .. }) => return Err(Refusal::Unchanged),
        };
        Ok(Self { state, ..*self })
    }

    fn suspended(&self, now: Timestamp) -> Result<Self, Refusal> {
        match self.sign_in {
            SignIn::Suspended { .. } => Err(Refusal::Unchanged),
            SignIn::Open => Ok(Self {
                sign_in: SignIn::Suspended { since: now },
                ..*self
            }),
        }
    }

    fn resumed(&self) -> Result<Self, Refusal> {
        match self.sign_in {
            SignIn::Open => Err(Refusal::Unchanged),
            SignIn::Suspended { .. } => Ok(Self {
                sign_in: SignIn::Open,
                ..*self
            }),
        }
    }
}

impl AccountChange {
    /// Returns what one must be allowed to do to make this change to somebody's account.
    pub fn action(&self) -> Action {
        match self {
            Self::Deactivate(_) => Action::AccountDeactivate,
            Self::Block(_) => Action::AccountBlock,
            Self::Reactivate => Action::AccountReactivate,
            Self::Unblock => Action::AccountUnblock,
            Self::Suspend(_) => Action::AccountSuspend,
            Self::Resume => Action::AccountResume,
        }
    }

    fn remains(&self) -> Option<&SysadminRemains> {
        match self {
            Self::Deactivate(remains) | Self::Block(remains) | Self::Suspend(remains) => {
                Some(remains)
            }
            Self::Reactivate | Self::Unblock | Self::Resume => None,
        }
    }
}
