//! What this process has used so far.

use std::fmt::Debug;
use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_gettime};

use super::platform;

/// What was used up to a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// The time, from any point on.
    pub at: Duration,
    /// Time of processors, of all threads together.
    pub cpu: Duration,
    /// Bytes that were read from disks and written to them; 0 where that was not asked for.
    pub io: u64,
}

/// Measures what was used.
pub trait Meter: Debug + Send + Sync {
    /// Returns the time, from any point on. It never goes back.
    fn now(&self) -> Duration;

    /// Measures. Bytes cost more to measure, and may be left out.
    fn sample(&self, with_io: bool) -> Sample;
}

/// Measures this process.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessMeter;

impl Meter for ProcessMeter {
    fn now(&self) -> Duration {
        duration(clock_gettime(ClockId::Monotonic))
    }

    fn sample(&self, with_io: bool) -> Sample {
        Sample {
            at: self.now(),
            cpu: duration(clock_gettime(ClockId::ProcessCPUTime)),
            io: if with_io { platform::bytes_moved() } else { 0 },
        }
    }
}

pub(crate) fn duration(time: Timespec) -> Duration {
    Duration::try_from(time).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_measured() {
        let before = ProcessMeter.sample(true);
        let mut sum = 0_u64;
        while ProcessMeter.sample(false).cpu < before.cpu + Duration::from_millis(5) {
            sum = sum.wrapping_add(std::hint::black_box(sum) ^ 7);
        }
        assert!(ProcessMeter.now() > before.at);
    }
}
