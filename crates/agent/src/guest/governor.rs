//! Holds work to a budget: one bucket for time of processors and one for bytes of disks. Both fill with time, and what was
//! used is taken out. Work waits while one is empty. What was taken too much is paid back by waiting, so the mean holds.

use std::time::Duration;

use super::budget::{Budget, Share};
use super::meter::Sample;

/// What may be used at once after a rest, as time that the bucket takes to fill at full speed.
const BURST: Duration = Duration::from_millis(100);

/// The most that is paid back of what was used at once, as time that all processors work. What does not ask for its turn may use
/// more; the next snapshot is not to wait long for that.
const DEBT: Duration = Duration::from_millis(500);
/// The same of bytes, as time that the bucket takes to fill.
const DEBT_IO: f64 = 60.0;

/// Holds work to a budget.
#[derive(Debug)]
pub(super) struct Governor {
    processors: f64,
    before: Sample,
    cpu: Bucket,
    io: Bucket,
}

/// What is left; negative where too much was taken.
#[derive(Debug, Default)]
struct Bucket(f64);

/// What a bucket fills with in a second, what it holds, and how much may be taken that is not there.
struct Size {
    rate: f64,
    burst: f64,
    debt: f64,
}

impl Bucket {
    /// Fills and takes; returns how long it is empty.
    fn turn(&mut self, passed: f64, used: f64, size: &Size) -> Option<Duration> {
        // The time that passed counts for what was used in it, also where nobody looked.
        self.0 = (self.0 + passed * size.rate - used).clamp(-size.debt, size.burst);
        let seconds = -self.0 / size.rate;
        (seconds > 0.0).then(|| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
    }
}

impl Governor {
    /// Begins with what was used until now, which does not count.
    pub(super) fn new(processors: usize, now: Sample) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "no machine has so many")]
        let processors = processors.max(1) as f64;
        Self {
            processors,
            before: now,
            cpu: Bucket::default(),
            io: Bucket::default(),
        }
    }

    /// Takes in what was used; returns how long to wait before more is.
    pub(super) fn wait(&mut self, now: Sample, budget: &Budget) -> Option<Duration> {
        let before = std::mem::replace(&mut self.before, now);
        let passed = now.at.saturating_sub(before.at).as_secs_f64();
        let cpu = (budget.cpu != Share::ALL).then(|| {
            let used = now.cpu.saturating_sub(before.cpu).as_secs_f64();
            let size = Size {
                rate: self.processors * f64::from(budget.cpu.percent()) / 100.0,
                burst: self.processors * BURST.as_secs_f64(),
                debt: self.processors * DEBT.as_secs_f64(),
            };
            self.cpu.turn(passed, used, &size)
        });
        let io = budget.io.map(|rate| {
            #[expect(clippy::cast_precision_loss, reason = "a byte more or less")]
            let (used, rate) = (now.io.saturating_sub(before.io) as f64, rate.max(1) as f64);
            // Where bytes were not measured before, all there ever were would count.
            let used = if before.io == 0 { 0.0 } else { used };
            let size = Size {
                rate,
                burst: rate,
                debt: rate * DEBT_IO,
            };
            self.io.turn(passed, used, &size)
        });
        // What is not limited leaves no debt behind.
        if cpu.is_none() {
            self.cpu = Bucket::default();
        }
        if io.is_none() {
            self.io = Bucket::default();
        }
        cpu.flatten().max(io.flatten())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Works in pieces of so many milliseconds on two processors for so many seconds; returns the use of each 5 seconds in
    /// percent.
    fn shares(percent: u8, piece: u64, seconds: u64) -> Vec<f64> {
        let mut now = Sample::default();
        let mut governor = Governor::new(2, now);
        let (mut shares, mut mark) = (Vec::new(), now);
        let budget = Budget::of_cpu(percent);
        while now.at < Duration::from_secs(seconds) {
            if let Some(wait) = governor.wait(now, &budget) {
                now.at += wait.min(super::super::HOLD);
            } else {
                now.at += Duration::from_millis(piece);
                now.cpu += Duration::from_millis(2 * piece);
            }
            let passed = now.at.saturating_sub(mark.at);
            if passed >= Duration::from_secs(5) {
                shares.push(
                    now.cpu.saturating_sub(mark.cpu).as_secs_f64() / passed.as_secs_f64() / 2.0
                        * 100.0,
                );
                mark = now;
            }
        }
        shares
    }

    #[test]
    fn the_share_is_held_in_every_five_seconds() {
        for percent in [5, 20, 80] {
            for piece in [1, 10, 50] {
                for share in shares(percent, piece, 60) {
                    let off = share - f64::from(percent);
                    assert!(
                        off.abs() < 3.0,
                        "{share} instead of {percent}, by {piece} ms"
                    );
                }
            }
        }
        assert!(shares(100, 10, 20).iter().all(|share| *share > 99.0));
    }

    #[test]
    fn a_rest_earns_a_short_burst_and_no_more() {
        let mut governor = Governor::new(2, Sample::default());
        let budget = Budget::of_cpu(20);
        let at = |seconds: u64, millis: u64| Sample {
            at: Duration::from_secs(seconds),
            cpu: Duration::from_millis(millis),
            io: 0,
        };
        assert_eq!(governor.wait(at(1_000, 0), &budget), None);
        assert_eq!(governor.wait(at(1_000, 150), &budget), None);
        assert_eq!(governor.wait(at(1_000, 200), &budget), None);
        let wait = governor.wait(at(1_000, 240), &budget).unwrap();
        assert!(wait.abs_diff(Duration::from_millis(100)) < Duration::from_millis(1));
    }

    #[test]
    fn what_was_used_while_nobody_asked_is_paid_by_the_time_that_passed() {
        let budget = Budget::of_cpu(20);
        let at = |seconds: u64, millis: u64| Sample {
            at: Duration::from_secs(seconds),
            cpu: Duration::from_millis(millis),
            io: 0,
        };
        let mut governor = Governor::new(2, Sample::default());
        assert_eq!(governor.wait(at(10, 2_200), &budget), None);
        // Ten seconds at once are not waited for as long as they are worth.
        let wait = governor.wait(at(11, 12_200), &budget).unwrap();
        assert_eq!(wait, Duration::from_millis(2_500));
        assert_eq!(governor.wait(at(14, 12_200), &budget), None);
    }

    #[test]
    fn bytes_of_disks_are_held_too() {
        let budget = Budget {
            io: Some(1_000),
            ..Budget::of_cpu(100)
        };
        let at = |seconds: u64, io: u64| Sample {
            at: Duration::from_secs(seconds),
            cpu: Duration::ZERO,
            io,
        };
        let mut governor = Governor::new(2, at(0, 5));
        assert_eq!(governor.wait(at(1, 905), &budget), None);
        assert_eq!(
            governor.wait(at(1, 3_005), &budget),
            Some(Duration::from_secs(2))
        );
        assert_eq!(governor.wait(at(3, 3_005), &budget), None);
    }
}
