//! Values of settings, and the numbers that rules are given.

use std::time::Duration;

use strongroom_base::{Class, Classified};

use crate::archive::ColdCause;
use crate::moment::{DAY, Days};

/// Whether an organisation takes in who has its registration key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// It does.
    Open,
    /// It does not; accounts are made for people.
    Closed,
}

/// How long a session, token or key lasts: from a minute to about ten years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lifetime(Duration);

/// It is no lifetime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a lifetime is from one minute to 3650 days")]
pub struct LifeError;

impl Classified for LifeError {
    fn class(&self) -> Class {
        Class::Caller
    }
}

impl Lifetime {
    const LEAST: Duration = Duration::from_mins(1);
    const MOST: Duration = DAY.saturating_mul(3_650);

    /// Makes a lifetime.
    pub fn new(length: Duration) -> Result<Self, LifeError> {
        if (Self::LEAST..=Self::MOST).contains(&length) {
            Ok(Self(length))
        } else {
            Err(LifeError)
        }
    }

    /// Returns how long it is.
    pub fn length(self) -> Duration {
        self.0
    }

    pub(super) const fn minutes(minutes: u8) -> Self {
        Self(Duration::from_secs(60 * minutes as u64))
    }

    pub(super) const fn hours(hours: u8) -> Self {
        Self(Duration::from_secs(3_600 * hours as u64))
    }

    pub(super) const fn days(days: u8) -> Self {
        Self(Duration::from_secs(86_400 * days as u64))
    }
}

/// How long archives are kept: the values of [`super::RetentionPolicy`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetentionTerms {
    /// After the account became inactive.
    pub hold_inactive: Days,
    /// After the account was blocked.
    pub hold_blocked: Days,
    /// After the computer was deactivated.
    pub hold_computer: Days,
    /// After the destination was withdrawn or the owner gave the archive up.
    pub hold_given_up: Days,
    /// Before that, nobody purges a cold archive.
    pub hold_floor: Days,
    /// How long an administrator can keep what has expired.
    pub expired_grace: Days,
    /// How long before it is purged it is announced.
    pub notice: Days,
}

/// Something that is kept shorter than before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shortened {
    /// Which setting.
    pub setting: &'static str,
    /// What it was.
    pub before: Days,
    /// What it is.
    pub after: Days,
}

impl RetentionTerms {
    /// Returns how long an archive is kept that is cold for this reason.
    pub fn hold(&self, cause: ColdCause) -> Days {
        match cause {
            ColdCause::Inactive => self.hold_inactive,
            ColdCause::Blocked => self.hold_blocked,
            ColdCause::ComputerDeactivated => self.hold_computer,
            ColdCause::DestinationWithdrawn | ColdCause::GivenUp => self.hold_given_up,
        }
    }

    /// Returns what is shorter than in other terms.
    pub fn shortened_since(&self, before: &Self) -> Vec<Shortened> {
        let (then, now) = (before.named(), self.named());
        let pairs = then.into_iter().zip(now);
        pairs
            .filter(|((_, before), (_, after))| after < before)
            .map(|((setting, before), (_, after))| Shortened {
                setting,
                before,
                after,
            })
            .collect()
    }

    fn named(&self) -> [(&'static str, Days); 7] {
        [
            ("retention.hold_inactive", self.hold_inactive),
            ("retention.hold_blocked", self.hold_blocked),
            ("retention.hold_computer", self.hold_computer),
            ("retention.hold_given_up", self.hold_given_up),
            ("retention.hold_floor", self.hold_floor),
            ("retention.expired_grace", self.expired_grace),
            ("retention.notice", self.notice),
        ]
    }
}
