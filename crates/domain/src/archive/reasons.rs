//! Why an archive is cold. There may be several reasons; it is active when there is none.
//!
//! A computer that was deactivated stays so when its user comes back, and its archive stays cold: each
//! reason is lifted by itself.

use strongroom_base::clock::Timestamp;

use crate::moment::after;
use crate::policy::RetentionTerms;

/// A reason for which an archive is cold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ColdCause {
    /// The account stands inactive.
    Inactive,
    /// The account stands blocked.
    Blocked,
    /// The computer was deactivated.
    ComputerDeactivated,
    /// The destination is no longer offered, or the user moved to where it is not.
    DestinationWithdrawn,
    /// Its owner gave it up.
    GivenUp,
}

/// What a reason is about. There is at most one reason about each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum About {
    Account,
    Computer,
    Destination,
    Archive,
}

impl ColdCause {
    fn about(self) -> About {
        match self {
            Self::Inactive | Self::Blocked => About::Account,
            Self::ComputerDeactivated => About::Computer,
            Self::DestinationWithdrawn => About::Destination,
            Self::GivenUp => About::Archive,
        }
    }
}

/// The reasons for which an archive is cold, each with since when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reasons(Vec<(ColdCause, Timestamp)>);

impl Reasons {
    /// Adds a reason, or changes what there was about the same thing. A changed reason about the account
    /// does not begin anew: the earlier time stays.
    pub fn add(&mut self, cause: ColdCause, since: Timestamp) {
        let about = cause.about();
        let old = self.0.iter().position(|(old, _)| old.about() == about);
        let since = match old {
            Some(place) => self.0.remove(place).1.min(since),
            None => since,
        };
        self.0.push((cause, since));
        self.0.sort_unstable();
    }

    /// Takes away the reason about the same thing as this one.
    pub fn lift(&mut self, cause: ColdCause) {
        self.0.retain(|(old, _)| old.about() != cause.about());
    }

    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the reasons.
    pub fn iter(&self) -> impl Iterator<Item = (ColdCause, Timestamp)> + '_ {
        self.0.iter().copied()
    }

    /// Returns since when there has been a reason.
    pub fn since(&self) -> Option<Timestamp> {
        self.0.iter().map(|(_, since)| *since).min()
    }

    /// Returns when the first of them runs out: that is the day of which the policy says that the data is
    /// gone, and another reason that came later does not put it off.
    pub fn end(&self, terms: &RetentionTerms) -> Option<Timestamp> {
        let ends = self.0.iter();
        ends.map(|(cause, since)| after(*since, terms.hold(*cause).length()))
            .min()
    }
}
