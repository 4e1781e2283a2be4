//! Failures in a row at one account.
//!
//! The first few are free. Then each makes the next wait twice as long, up to an hour, and from the
//! hundredth in a row on a day (NIST SP 800-63B allows at most 100 consecutive failures; identity 8.5). It
//! is never for ever: a lock without end would let strangers close an account.

use std::time::Duration;

use strongroom_base::clock::Timestamp;

use crate::moment::{DAY, elapsed};

/// How many failures in a row cost nothing.
pub const FREE_FAILURES: u16 = 5;

/// The longest wait.
pub const WAIT_MAX: Duration = DAY;

const CONSECUTIVE_MAX: u16 = 100;

const HOURLY: Duration = Duration::from_hours(1);

/// How often in a row somebody failed, and when last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failures {
    /// How often since the last success.
    pub count: u16,
    /// When last.
    pub last: Timestamp,
}

impl Default for Failures {
    fn default() -> Self {
        Self {
            count: 0,
            last: Timestamp(i128::MIN),
        }
    }
}

impl Failures {
    /// Returns the failures as they are after the clock was set back: the last was just now, and its wait
    /// begins anew.
    #[must_use]
    pub fn settled(self, now: Timestamp) -> Self {
        Self {
            last: self.last.min(now),
            ..self
        }
    }

    /// Returns how long until the next attempt.
    pub fn wait(self, now: Timestamp) -> Duration {
        self.delay().saturating_sub(elapsed(self.last, now))
    }

    /// Adds one.
    #[must_use]
    pub fn failed(self, now: Timestamp) -> Self {
        Self {
            count: self.count.saturating_add(1),
            last: now,
        }
    }

    /// Tells whether nothing is lost when it is forgotten: nobody waits, and the last was long ago.
    pub fn is_forgettable(self, now: Timestamp) -> bool {
        elapsed(self.last, now) >= WAIT_MAX * 2
    }

    fn delay(self) -> Duration {
        if self.count < FREE_FAILURES {
            return Duration::ZERO;
        }
        if self.count >= CONSECUTIVE_MAX {
            return WAIT_MAX;
        }
        let doublings = u32::from(self.count - FREE_FAILURES);
        let seconds = 1_u64.checked_shl(doublings).unwrap_or(u64::MAX);
        Duration::from_secs(seconds).min(HOURLY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after_failures(count: u16) -> Failures {
        Failures {
            count,
            last: Timestamp::from_parts(1_000_000, 0),
        }
    }

    #[test]
    fn waits_grow_and_end() {
        let now = Timestamp::from_parts(1_000_000, 0);
        let seconds = |count| after_failures(count).wait(now).as_secs();
        let waits = [0, 4, 5, 6, 10, 16, 17, 64, 69, 99, 100, u16::MAX].map(seconds);
        assert_eq!(
            waits,
            [
                0, 0, 1, 2, 32, 2_048, 3_600, 3_600, 3_600, 3_600, 86_400, 86_400
            ]
        );
    }

    #[test]
    fn a_wait_passes() {
        let failures = after_failures(10);
        let later = |seconds: i64| Timestamp::from_parts(1_000_000 + seconds, 0);
        assert_eq!(failures.wait(later(31)), Duration::from_secs(1));
        assert_eq!(failures.wait(later(32)), Duration::ZERO);
    }

    #[test]
    fn a_clock_set_back_begins_the_wait_anew() {
        let failures = after_failures(10);
        let before = Timestamp::from_parts(500_000, 0);
        assert_eq!(failures.wait(before), Duration::from_secs(32));
        let settled = failures.settled(before);
        assert_eq!(
            settled.wait(Timestamp::from_parts(500_031, 0)),
            Duration::from_secs(1)
        );
    }

    #[test]
    fn a_guesser_has_few_guesses() {
        let mut now = Timestamp::from_parts(1_000_000, 0);
        let mut failures = Failures::default();
        let year = crate::moment::after(now, DAY * 365);
        let mut n_guesses = 0;
        while now < year {
            failures = failures.failed(now);
            n_guesses += 1;
            now = crate::moment::after(now, failures.wait(now));
        }
        // A hundred in the first days, and one a day after that.
        assert!(n_guesses < 480, "{n_guesses}");
    }
}
