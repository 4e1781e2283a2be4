//! Reckoning with times that a clock set back must not confuse.

use std::time::Duration;

use strongroom_base::clock::Timestamp;

/// One day of a retention rule: 24 hours on the server's clock, whatever the calendar does.
pub const DAY: Duration = Duration::from_hours(24);

/// Returns the time `later` after `from`, or the last there is.
pub fn after(from: Timestamp, later: Duration) -> Timestamp {
    let nanos = i128::try_from(later.as_nanos()).unwrap_or(i128::MAX);
    Timestamp(from.0.saturating_add(nanos))
}

/// Returns how long ago `from` was; nothing if the clock says that it has not come yet.
pub fn elapsed(from: Timestamp, now: Timestamp) -> Duration {
    let nanos = now.0.saturating_sub(from.0).max(0);
    // More than a `Duration` holds is more than any rule asks for.
    u64::try_from(nanos / 1_000_000_000).map_or(Duration::MAX, |seconds| {
        let rest = u32::try_from(nanos % 1_000_000_000).unwrap_or(0);
        Duration::new(seconds, rest)
    })
}

/// A number of days in a rule about keeping things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Days(u16);

impl Days {
    /// Makes a number of days.
    pub const fn new(days: u16) -> Self {
        Self(days)
    }

    /// Returns the number.
    pub const fn get(self) -> u16 {
        self.0
    }

    /// Returns how long that is.
    pub fn length(self) -> Duration {
        DAY * u32::from(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_goes_back_makes_nothing_older() {
        let noon = Timestamp::from_parts(43_200, 5);
        assert_eq!(
            elapsed(noon, Timestamp::from_parts(43_199, 0)),
            Duration::ZERO
        );
        assert_eq!(
            elapsed(noon, Timestamp::from_parts(43_201, 6)),
            Duration::new(1, 1)
        );
    }

    #[test]
    fn the_ends_of_time_hold() {
        let last = Timestamp(i128::MAX);
        assert_eq!(after(last, DAY), last);
        assert_eq!(elapsed(Timestamp(i128::MIN), last), Duration::MAX);
    }

    #[test]
    fn days_are_twenty_four_hours() {
        assert_eq!(Days::new(30).length(), Duration::from_hours(720));
    }
}
