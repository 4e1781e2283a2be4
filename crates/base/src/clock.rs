//! Time as a parameter.

use std::time::{SystemTime, UNIX_EPOCH};

/// A point in time in nanoseconds since 1970-01-01T00:00:00Z; negative before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i128);

impl Timestamp {
    /// Builds a time from whole seconds and the nanoseconds after them.
    pub fn from_parts(seconds: i64, nanoseconds: u32) -> Self {
        Self(i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds))
    }

    /// Returns whole seconds (rounded down) and the nanoseconds after them; `None` where the seconds do
    /// not fit.
    pub fn to_parts(self) -> Option<(i64, u32)> {
        let seconds = i64::try_from(self.0.div_euclid(1_000_000_000)).ok()?;
        let nanoseconds = u32::try_from(self.0.rem_euclid(1_000_000_000)).ok()?;
        Some((seconds, nanoseconds))
    }
}

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Returns the time now.
    fn now(&self) -> Timestamp;
}

/// The clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that asks the machine for the time"
    )]
    fn now(&self) -> Timestamp {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(after) => Timestamp(i128::try_from(after.as_nanos()).unwrap_or(i128::MAX)),
            Err(before) => Timestamp(
                i128::try_from(before.duration().as_nanos()).map_or(i128::MIN, |nanos| -nanos),
            ),
        }
    }
}

/// A clock that stands where it is put.
#[derive(Clone, Copy, Debug, Default)]
pub struct FixedClock(pub Timestamp);

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_round_down_before_the_epoch() {
        let time = Timestamp(-1);
        assert_eq!(time.to_parts(), Some((-1, 999_999_999)));
        assert_eq!(Timestamp::from_parts(-1, 999_999_999), time);
    }
}
