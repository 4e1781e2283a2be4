//! The life of a registration key: used, used up, expired, rotated, closed.
//!
//! Whatever the reason, somebody who presents a key that is not good learns that it is not good and no
//! more; the reason is for the audit log and for who may see the key.

use std::time::Duration;

use strongroom_base::clock::Timestamp;
use strongroom_base::{Class, Classified};

use crate::moment::after;
use crate::organisation::OrganisationState;

/// How long and how often a key is good; values of a policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyTerms {
    /// How long from when it is made; without one, until it is rotated.
    pub life: Option<Duration>,
    /// For how many accounts; without one, for any number.
    pub uses_max: Option<u32>,
}

/// A registration key, without its secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegistrationKey {
    /// When it was made.
    pub made: Timestamp,
    /// When it ends by itself.
    pub expires: Option<Timestamp>,
    /// For how many accounts it is good altogether.
    pub uses_max: Option<u32>,
    /// How many accounts were made with it.
    pub uses: u32,
    /// The latest time at which anybody used it. It does not grow younger when the clock is set back.
    pub last_seen: Timestamp,
    /// When it was closed or rotated.
    pub closed: Option<Timestamp>,
}

/// Why a key is not good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyRefusal {
    /// It was closed, or another took its place.
    #[error("the registration key was closed")]
    Closed,
    /// Its time is over. Whoever finds that out closes it, so that no clock opens it again.
    #[error("the registration key has expired")]
    Expired,
    /// It was used as often as it may be.
    #[error("the registration key is used up")]
    UsedUp,
    /// The organisation takes nobody in.
    #[error("the organisation is not active")]
    OrganisationNotActive,
    /// A setting of the organisation says that accounts are made for people, and not by them.
    #[error("the organisation takes nobody in by a key")]
    RegistrationClosed,
}

impl Classified for KeyRefusal {
    fn class(&self) -> Class {
        Class::Caller
    }
}

/// A key in the place of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// The old one, which is not good any more from now on.
    pub old: RegistrationKey,
    /// The new one.
    pub new: RegistrationKey,
}

impl RegistrationKey {
    /// Makes a key.
    pub fn issue(terms: KeyTerms, now: Timestamp) -> Self {
        Self {
            made: now,
            expires: terms.life.map(|life| after(now, life)),
            uses_max: terms.uses_max,
            uses: 0,
            last_seen: now,
            closed: None,
        }
    }

    /// Uses it for one account.
    pub fn used(self, organisation: OrganisationState, now: Timestamp) -> Result<Self, KeyRefusal> {
        self.check(organisation, now)?;
        Ok(Self {
            uses: self.uses.saturating_add(1),
            last_seen: self.last_seen.max(now),
            ..self
        })
    }

    /// Checks whether it is good.
    pub fn check(self, organisation: OrganisationState, now: Timestamp) -> Result<(), KeyRefusal> {
        if self.closed.is_some() {
            return Err(KeyRefusal::Closed);
        }
        let now = now.max(self.last_seen);
        if self.expires.is_some_and(|end| now >= end) {
            return Err(KeyRefusal::Expired);
        }
        if self.uses_max.is_some_and(|most| self.uses >= most) {
            return Err(KeyRefusal::UsedUp);
        }
        if organisation != OrganisationState::Active {
            return Err(KeyRefusal::OrganisationNotActive);
        }
        Ok(())
    }

    /// Closes it; the first time counts.
    #[must_use]
    pub fn closed(self, now: Timestamp) -> Self {
        Self {
            closed: self.closed.or(Some(now)),
            last_seen: self.last_seen.max(now),
            ..self
        }
    }

    /// Puts a new one in its place.
    pub fn rotated(self, terms: KeyTerms, now: Timestamp) -> Rotation {
        Rotation {
            old: self.closed(now),
            new: Self::issue(terms, now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moment::DAY;

    const OPEN: OrganisationState = OrganisationState::Active;

    fn at(days: u32) -> Timestamp {
        after(Timestamp::from_parts(1_000_000, 0), DAY * days)
    }

    #[test]
    fn a_key_is_good_until_it_is_not() {
        let terms = KeyTerms {
            life: Some(DAY * 10),
            uses_max: Some(2),
        };
        let key = RegistrationKey::issue(terms, at(0));
        let once = key.used(OPEN, at(1)).unwrap();
        let twice = once.used(OPEN, at(2)).unwrap();
        assert_eq!(twice.used(OPEN, at(3)), Err(KeyRefusal::UsedUp));
        assert_eq!(once.used(OPEN, at(10)), Err(KeyRefusal::Expired));
    }

    #[test]
    fn a_key_without_terms_is_good_until_it_is_rotated() {
        let mut key = RegistrationKey::issue(KeyTerms::default(), at(0));
        for days in 0..1000 {
            key = key.used(OPEN, at(days)).unwrap();
        }
        let Rotation { old, new } = key.rotated(KeyTerms::default(), at(1000));
        assert_eq!(old.used(OPEN, at(1000)), Err(KeyRefusal::Closed));
        assert_eq!(new.used(OPEN, at(1000)).map(|key| key.uses), Ok(1));
        assert_eq!(
            new.closed(at(1001)).check(OPEN, at(1001)),
            Err(KeyRefusal::Closed)
        );
    }

    #[test]
    fn a_clock_set_back_makes_no_key_younger() {
        let terms = KeyTerms {
            life: Some(DAY * 10),
            uses_max: None,
        };
        let key = RegistrationKey::issue(terms, at(0))
            .used(OPEN, at(9))
            .unwrap();
        assert!(key.used(OPEN, at(2)).is_ok());
        assert_eq!(key.used(OPEN, at(2)).map(|key| key.last_seen), Ok(at(9)));
    }

    #[test]
    fn an_organisation_at_rest_takes_nobody_in() {
        let key = RegistrationKey::issue(KeyTerms::default(), at(0));
        for state in [
            OrganisationState::Inactive { since: at(0) },
            OrganisationState::Blocked { since: at(0) },
        ] {
            assert_eq!(
                key.used(state, at(1)),
                Err(KeyRefusal::OrganisationNotActive)
            );
        }
    }
}
