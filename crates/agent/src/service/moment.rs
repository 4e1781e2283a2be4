//! Points in time that a clock put forward or back does not move, and that go on while the computer sleeps.

use std::ops::{Add, Sub};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::guest::duration;

/// A point in time, counted from the start of the computer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub Duration);

/// Tells how long the computer has been on, asleep or awake.
pub trait Uptime: Send + Sync {
    /// Returns the moment now.
    fn now(&self) -> Moment;
}

/// The uptime of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemUptime;

impl Uptime for SystemUptime {
    fn now(&self) -> Moment {
        Moment(duration(clock_gettime(ClockId::Boottime)))
    }
}

impl Moment {
    /// Returns how much later this is than another moment; nothing where it is not.
    pub fn saturating_duration_since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// Returns the moment so much earlier; `None` where the computer was not on.
    pub fn checked_sub(self, time: Duration) -> Option<Self> {
        self.0.checked_sub(time).map(Self)
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, time: Duration) -> Self {
        Self(self.0.saturating_add(time))
    }
}

impl Sub<Duration> for Moment {
    type Output = Self;

    fn sub(self, time: Duration) -> Self {
        Self(self.0.saturating_sub(time))
    }
}
