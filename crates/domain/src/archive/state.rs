//! The state of an archive, and what people do to it.

use strongroom_base::clock::Timestamp;
use strongroom_base::ids::{ArchiveId, UserId};
use strongroom_base::{Class, Classified};

use super::advance::{Circumstances, LegalHold, Restores};
use super::reasons::{ColdCause, Reasons};
use crate::access::{Action, On, Permit};
use crate::moment::after;
use crate::policy::RetentionTerms;

/// What is known of a cold archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cold {
    /// Why it is cold.
    pub reasons: Reasons,
    /// When its owner and administrators were told that it would be purged.
    pub announced: Option<Timestamp>,
    /// When somebody said that it is to be purged, in place of the policy.
    pub purge_on: Option<Timestamp>,
}

/// Where an archive is in its life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArchiveState {
    /// It is written and read.
    Active,
    /// It is kept, and neither written nor read nor maintained.
    Cold(Cold),
    /// Its hold is over; an administrator can still keep it.
    Expired {
        /// What was known of it.
        cold: Cold,
        /// Since when.
        since: Timestamp,
    },
    /// Its keys are destroyed and its data is being destroyed. Nothing brings it back.
    Purging {
        /// Since when.
        since: Timestamp,
    },
    /// It is gone.
    Purged {
        /// Since when.
        since: Timestamp,
    },
}

/// An archive as far as its life goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archive {
    /// Which one.
    pub id: ArchiveId,
    /// Whose.
    pub owner: UserId,
    /// Where it is in its life.
    pub state: ArchiveState,
}

/// What is to be done when an archive changes its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArchiveEffect {
    /// Take no more objects for it.
    RefuseWrites,
    /// Take objects for it again.
    AcceptWrites,
    /// Verify it once: what is kept is to be whole.
    Verify,
    /// Tell its owner and administrators that it will be purged, and when.
    Announce {
        /// When.
        purge: Timestamp,
    },
    /// Destroy every wrap of its keys that the server has; only then its data is destroyed.
    DestroyKeys,
    /// Destroy its data.
    DestroyData,
    /// Report what could not be destroyed: replicas elsewhere and exported keys.
    Report,
}

/// Why an archive was not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveRefusal {
    /// It is not in a state in which that can be.
    #[error("the archive is not in a state for this")]
    WrongState,
    /// It is under legal hold.
    #[error("the archive is under legal hold")]
    LegalHold,
    /// Something is being restored from it.
    #[error("something is being restored from the archive")]
    Restoring,
    /// It is to be kept longer.
    #[error("the policy keeps the archive longer")]
    BeforeFloor,
    /// The right was for something else.
    #[error("the right shown was for something else")]
    WrongProof,
    /// The second person is the first.
    #[error("a second person must agree")]
    SamePerson,
}

impl Classified for ArchiveRefusal {
    fn class(&self) -> Class {
        match self {
            Self::Restoring => Class::Retry,
            Self::WrongState
            | Self::LegalHold
            | Self::BeforeFloor
            | Self::WrongProof
            | Self::SamePerson => Class::Caller,
        }
    }
}

/// An archive after a change, and what follows from it.
pub type Changed = (Archive, Vec<ArchiveEffect>);

impl Archive {
    /// Keeps it cold for a reason, besides those there are. What is being purged stays so.
    #[must_use]
    pub fn cooled(mut self, cause: ColdCause, since: Timestamp) -> Changed {
        let mut effects = Vec::new();
        match &mut self.state {
            ArchiveState::Active => {
                let mut reasons = Reasons::default();
                reasons.add(cause, since);
                self.state = ArchiveState::Cold(Cold {
                    reasons,
                    announced: None,
                    purge_on: None,
                });
                effects.extend([ArchiveEffect::RefuseWrites, ArchiveEffect::Verify]);
            }
            ArchiveState::Cold(cold) | ArchiveState::Expired { cold, .. } => {
                cold.reasons.add(cause, since);
            }
            ArchiveState::Purging { .. } | ArchiveState::Purged { .. } => {}
        }
        (self, effects)
    }

    /// Takes a reason away. Without any it is active again, even if it had expired: more is kept than
    /// was asked for, and never less.
    #[must_use]
    pub fn warmed(mut self, cause: ColdCause) -> Changed {
        if let ArchiveState::Cold(cold) | ArchiveState::Expired { cold, .. } = &mut self.state {
            cold.reasons.lift(cause);
            if cold.reasons.is_empty() {
                self.state = ArchiveState::Active;
                return (self, vec![ArchiveEffect::AcceptWrites]);
            }
        }
        (self, Vec::new())
    }

    /// Lets its owner give it up: it is cold, and goes when the hold is over.
    pub fn given_up(
        self,
        permit: &Permit,
        held: LegalHold,
        now: Timestamp,
    ) -> Result<Changed, ArchiveRefusal> {
        self.check_permit(permit, Action::ArchiveDelete)?;
        if held == LegalHold::Placed {
            return Err(ArchiveRefusal::LegalHold);
        }
        match self.state {
            ArchiveState::Active | ArchiveState::Cold(_) => {
                Ok(self.cooled(ColdCause::GivenUp, now))
            }
            ArchiveState::Expired { .. }
            | ArchiveState::Purging { .. }
            | ArchiveState::Purged { .. } => Err(ArchiveRefusal::WrongState),
        }
    }

    /// Says when a cold archive is to be purged, in place of the policy; not before the policy's floor.
    /// What has expired is cold again: that is how an administrator keeps it.
    pub fn purge_date_set(
        mut self,
        permit: &Permit,
        purge: Timestamp,
        terms: &RetentionTerms,
    ) -> Result<Self, ArchiveRefusal> {
        self.check_permit(permit, Action::ArchiveSetPurgeDate)?;
        let cold = match self.state {
            ArchiveState::Cold(cold) | ArchiveState::Expired { cold, .. } => cold,
            ArchiveState::Active | ArchiveState::Purging { .. } | ArchiveState::Purged { .. } => {
                return Err(ArchiveRefusal::WrongState);
            }
        };
        if cold.floor(terms).is_some_and(|floor| purge < floor) {
            return Err(ArchiveRefusal::BeforeFloor);
        }
        // What was announced was another day.
        self.state = ArchiveState::Cold(Cold {
            announced: None,
            purge_on: Some(purge),
            ..cold
        });
        Ok(self)
    }

    /// Purges a cold archive now, with the consent of two people, who each show the right to.
    pub fn purged_now(
        mut self,
        permits: [&Permit; 2],
        terms: &RetentionTerms,
        around: Circumstances,
    ) -> Result<Changed, ArchiveRefusal> {
        for permit in permits {
            self.check_permit(permit, Action::ArchivePurge)?;
        }
        let [one, other] = permits;
        if one.actor() == other.actor() {
            return Err(ArchiveRefusal::SamePerson);
        }
        if around.held == LegalHold::Placed {
            return Err(ArchiveRefusal::LegalHold);
        }
        if around.restores == Restores::Running {
            return Err(ArchiveRefusal::Restoring);
        }
        match &self.state {
            ArchiveState::Cold(cold) | ArchiveState::Expired { cold, .. } => {
                if cold.floor(terms).is_some_and(|floor| around.now < floor) {
                    return Err(ArchiveRefusal::BeforeFloor);
                }
            }
            ArchiveState::Active | ArchiveState::Purging { .. } | ArchiveState::Purged { .. } => {
                return Err(ArchiveRefusal::WrongState);
            }
        }
        self.state = ArchiveState::Purging { since: around.now };
        Ok((self, vec![ArchiveEffect::DestroyKeys]))
    }

    /// Notes that the keys are destroyed, so that the data can be.
    pub fn keys_destroyed(&self) -> Result<ArchiveEffect, ArchiveRefusal> {
        match self.state {
            ArchiveState::Purging { .. } => Ok(ArchiveEffect::DestroyData),
            ArchiveState::Active
            | ArchiveState::Cold(_)
            | ArchiveState::Expired { .. }
            | ArchiveState::Purged { .. } => Err(ArchiveRefusal::WrongState),
        }
    }

    /// Notes that the data is destroyed.
    pub fn data_destroyed(mut self, now: Timestamp) -> Result<Changed, ArchiveRefusal> {
        self.keys_destroyed()?;
        self.state = ArchiveState::Purged { since: now };
        Ok((self, vec![ArchiveEffect::Report]))
    }

    fn check_permit(&self, permit: &Permit, action: Action) -> Result<(), ArchiveRefusal> {
        if permit.allows(action, On::Account(self.owner)) {
            Ok(())
        } else {
            Err(ArchiveRefusal::WrongProof)
        }
    }
}

impl Cold {
    /// Returns the day before which nobody purges it.
    pub fn floor(&self, terms: &RetentionTerms) -> Option<Timestamp> {
        let since = self.reasons.since()?;
        Some(after(since, terms.hold_floor.length()))
    }

    /// Returns when it is to be purged, grace aside.
    pub fn end(&self, terms: &RetentionTerms) -> Option<Timestamp> {
        let end = self.purge_on.or_else(|| self.reasons.end(terms))?;
        Some(self.floor(terms).map_or(end, |floor| end.max(floor)))
    }
}
