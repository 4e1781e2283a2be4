//! Failures that drip away at a steady rate.

use std::time::Duration;

use strongroom_base::clock::Timestamp;

use crate::moment::{after, elapsed};

/// How many failures at once, and how fast they are forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    burst: u32,
    period: Duration,
}

impl Rate {
    /// One address, or one IPv6 network of 64 bits: 20 at once and 80 an hour, so at most 100 in any hour.
    pub const ADDRESS: Self = Self::new(20, Duration::from_secs(45));

    /// The block that addresses are handed out in (see [`super::Block`]): four times as much.
    pub const BLOCK: Self = Self::new(80, Duration::from_millis(11_250));

    /// How long a network is remembered: an hour for each failure, up to twenty.
    pub const RECORD: Self = Self::new(20, Duration::from_hours(1));

    /// Everybody: ten a second, and a thousand at once.
    pub const EVERYWHERE: Self = Self::new(1_000, Duration::from_millis(100));

    /// Makes a rate: so many at once, and one more each period.
    pub const fn new(burst: u32, period: Duration) -> Self {
        Self { burst, period }
    }

    /// Returns the most that get through in any span of time.
    pub fn most_in(self, span: Duration) -> u32 {
        let more = span.as_nanos().checked_div(self.period.as_nanos());
        let more = more.map_or(u32::MAX, |more| u32::try_from(more).unwrap_or(u32::MAX));
        self.burst.saturating_add(more)
    }

    /// Returns how far ahead of now a full bucket is.
    fn full(self) -> Duration {
        self.period.saturating_mul(self.burst)
    }
}

/// A bucket: the time at which it will be empty (the generic cell rate algorithm).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bucket {
    empty_at: Timestamp,
}

impl Default for Bucket {
    fn default() -> Self {
        Self {
            empty_at: Timestamp(i128::MIN),
        }
    }
}

impl Bucket {
    /// Takes a bucket as it was stored.
    pub fn empty_at(empty_at: Timestamp) -> Self {
        Self { empty_at }
    }

    /// Returns what is stored: when it will be empty. It can be forgotten from then on.
    pub fn until(self) -> Timestamp {
        self.empty_at
    }

    /// Tells whether nothing is in it.
    pub fn is_clean(self, now: Timestamp) -> bool {
        self.empty_at <= now
    }

    /// Returns how long until one more fits in.
    pub fn wait(self, rate: Rate, now: Timestamp) -> Duration {
        let level = self.level(rate, now);
        (level + rate.period).saturating_sub(rate.full())
    }

    /// Puts one in.
    #[must_use]
    pub fn charged(self, rate: Rate, now: Timestamp) -> Self {
        let level = (self.level(rate, now) + rate.period).min(rate.full());
        Self {
            empty_at: after(now, level),
        }
    }

    /// Takes one out.
    #[must_use]
    pub fn paid_back(self, rate: Rate) -> Self {
        let nanos = i128::try_from(rate.period.as_nanos()).unwrap_or(i128::MAX);
        Self {
            empty_at: Timestamp(self.empty_at.0.saturating_sub(nanos)),
        }
    }

    /// Returns the bucket as it is after the clock was set back: full, where the time at which it would be
    /// empty is further off than that. It drips away from here on.
    #[must_use]
    pub fn settled(self, rate: Rate, now: Timestamp) -> Self {
        Self {
            empty_at: self.empty_at.min(after(now, rate.full())),
        }
    }

    /// Returns what is in it; never more than full.
    fn level(self, rate: Rate, now: Timestamp) -> Duration {
        elapsed(now, self.empty_at).min(rate.full())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    fn at(millis: i64) -> Timestamp {
        Timestamp(1_700_000_000_000_000_000 + i128::from(millis) * 1_000_000)
    }

    #[test]
    fn an_address_has_a_hundred_guesses_an_hour() {
        assert_eq!(Rate::ADDRESS.most_in(HOUR), 100);
        assert_eq!(Rate::BLOCK.most_in(HOUR), 400);
        let mut bucket = Bucket::default();
        let mut n_through = 0;
        for second in 0..3_600 {
            let now = at(second * 1_000);
            if bucket.wait(Rate::ADDRESS, now).is_zero() {
                bucket = bucket.charged(Rate::ADDRESS, now);
                n_through += 1;
            }
        }
        assert!((99..=100).contains(&n_through), "{n_through}");
    }

    #[test]
    fn what_was_right_costs_nothing() {
        let mut bucket = Bucket::default();
        for _ in 0..1_000 {
            assert!(bucket.wait(Rate::ADDRESS, at(0)).is_zero());
            bucket = bucket
                .charged(Rate::ADDRESS, at(0))
                .paid_back(Rate::ADDRESS);
        }
        assert!(bucket.is_clean(at(0)));
    }

    #[test]
    fn a_clock_set_back_forgives_nothing_and_locks_nobody_out() {
        let mut bucket = Bucket::default();
        for _ in 0..20 {
            bucket = bucket.charged(Rate::ADDRESS, at(0));
        }
        let wait = bucket.wait(Rate::ADDRESS, at(0));
        let year_ago = at(-365 * 86_400_000);
        assert_eq!(wait, Duration::from_secs(45));
        assert_eq!(bucket.wait(Rate::ADDRESS, year_ago), wait);
        // And it goes on from there.
        let later = after(year_ago, wait);
        let settled = bucket.settled(Rate::ADDRESS, year_ago);
        assert!(settled.wait(Rate::ADDRESS, later).is_zero());
    }

    proptest! {
        /// Whatever the times, in any order: never more at once than the burst, and never a wait longer than
        /// one period.
        #[test]
        fn no_times_get_more_through(times in proptest::collection::vec(-10_000_i64..4_000_000, 1..200)) {
            let mut bucket = Bucket::default();
            for time in times {
                let wait = bucket.wait(Rate::ADDRESS, at(time));
                prop_assert!(wait <= Rate::ADDRESS.period);
                if wait.is_zero() {
                    bucket = bucket.charged(Rate::ADDRESS, at(time));
                }
            }
        }

        /// Times in order: what gets through in an hour is bounded, whenever the hour begins.
        #[test]
        fn an_hour_has_its_bound(mut times in proptest::collection::vec(0_i64..7_200_000, 1..400)) {
            times.sort_unstable();
            let mut bucket = Bucket::default();
            let mut through: Vec<i64> = Vec::new();
            for time in times {
                if bucket.wait(Rate::ADDRESS, at(time)).is_zero() {
                    bucket = bucket.charged(Rate::ADDRESS, at(time));
                    through.push(time);
                }
            }
            for (place, first) in through.iter().enumerate() {
                let in_hour = through[place..].iter().filter(|time| **time - first <= 3_600_000).count();
                prop_assert!(in_hour <= 101, "{in_hour}");
            }
        }
    }
}
