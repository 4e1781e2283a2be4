//! The places from which an account was signed in to.
//!
//! Strangers who guess at an account make everybody wait who comes from a strange place. Whoever comes from
//! a familiar one is counted apart (identity 8.5, "trusted-device allowance"). A place is familiar because a
//! sign-in from there was right, and for nothing else.

use std::time::Duration;

use strongroom_base::clock::Timestamp;

use super::network::Network;
use crate::moment::{DAY, elapsed};

/// Most places of an account; a new one takes the place of that which was longest not used.
pub const PLACES_MAX: usize = 16;

/// After how long without a sign-in a place is strange again.
pub const STRANGE_AFTER: Duration = DAY.saturating_mul(90);

/// The familiar places of an account, the latest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Familiar(Vec<(Network, Timestamp)>);

impl Familiar {
    /// Takes places as they were stored.
    pub fn from_rows(rows: impl IntoIterator<Item = (Network, Timestamp)>) -> Self {
        let mut places: Vec<_> = rows.into_iter().collect();
        places.sort_unstable_by_key(|(_, last)| std::cmp::Reverse(*last));
        places.truncate(PLACES_MAX);
        Self(places)
    }

    /// Returns the places and when each was last signed in from.
    pub fn rows(&self) -> impl Iterator<Item = (Network, Timestamp)> + '_ {
        self.0.iter().copied()
    }

    /// Tells whether a place is familiar.
    pub fn includes(&self, network: Network, now: Timestamp) -> bool {
        let is_recent = |last| elapsed(last, now) < STRANGE_AFTER;
        let mut places = self.rows();
        places.any(|(place, last)| place == network && is_recent(last))
    }

    /// Notes a sign-in that was right.
    #[must_use]
    pub fn signed_in(&self, network: Network, now: Timestamp) -> Self {
        let others = self.rows().filter(|(place, _)| *place != network);
        Self::from_rows(others.chain([(network, now)]))
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::moment::after;

    fn network(n: u32) -> Network {
        Network::of(Ipv4Addr::from(n).into())
    }

    #[test]
    fn a_place_is_familiar_for_a_while() {
        let now = Timestamp::from_parts(1_000_000, 0);
        let familiar = Familiar::default().signed_in(network(1), now);
        assert!(familiar.includes(network(1), after(now, DAY * 89)));
        assert!(!familiar.includes(network(1), after(now, DAY * 90)));
        assert!(!familiar.includes(network(2), now));
        assert!(familiar.includes(network(1), Timestamp(now.0 - 1)));
    }

    #[test]
    fn only_the_latest_places_are_kept() {
        let now = Timestamp::from_parts(1_000_000, 0);
        let mut familiar = Familiar::default();
        for n in 0..40 {
            familiar = familiar.signed_in(network(n), after(now, DAY * n));
            familiar = familiar.signed_in(network(0), after(now, DAY * n));
        }
        assert_eq!(familiar.rows().count(), PLACES_MAX);
        let known: Vec<_> = (0..40)
            .filter(|n| familiar.includes(network(*n), after(now, DAY * 40)))
            .collect();
        assert_eq!(known.len(), PLACES_MAX);
        assert_eq!(known.first(), Some(&0));
        assert_eq!(known.get(1), Some(&25));
    }
}
