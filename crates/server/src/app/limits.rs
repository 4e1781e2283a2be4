//! How much a caller may ask for, on this node.
//!
//! A caller who is known has a bucket of their own. Where the credential was not good, it is the network's: somebody
//! who guesses is slowed down, and nobody else.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use strongroom_base::clock::Timestamp;
use strongroom_base::ids::UserId;
use strongroom_domain::throttle::{Ledger, Network, Rate};

use super::{Fault, Settings};

/// Most callers, and most networks, that are remembered.
const REMEMBERED_MAX: usize = 20_000;

/// How many challenges a network may draw: one a second, and sixty at once. None of them is a guess; each is a row.
const DRAWN: Rate = Rate::new(60, Duration::from_secs(1));

/// How fast an endpoint may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// As often as is configured: it costs little.
    Light,
    /// A fifth of that: it changes something.
    Change,
    /// A fiftieth: it does much at once.
    Heavy,
    /// By the network it comes from, as for guesses.
    Guess,
    /// Without a limit: it costs next to nothing, and monitoring asks for it.
    Free,
}

/// What was asked for lately.
pub struct Limits {
    light: Rate,
    change: Rate,
    heavy: Rate,
    callers: Mutex<Ledger<(u8, UserId)>>,
    networks: Mutex<Ledger<Network>>,
    drawing: Mutex<Ledger<Network>>,
}

impl Limits {
    /// Begins with nothing.
    pub(super) fn new(settings: &Settings) -> Self {
        let rate = |part: u32| {
            let a_second = settings.requests_a_second.max(1);
            let period = Duration::from_secs(u64::from(part)) / a_second;
            Rate::new((settings.requests_at_once / part).max(1), period)
        };
        Self {
            light: rate(1),
            change: rate(5),
            heavy: rate(50),
            callers: Mutex::new(Ledger::new(REMEMBERED_MAX)),
            networks: Mutex::new(Ledger::new(REMEMBERED_MAX)),
            drawing: Mutex::new(Ledger::new(REMEMBERED_MAX)),
        }
    }

    /// Counts a request of a caller, or says how long to wait.
    pub(crate) fn admit(&self, user: UserId, pace: Pace, now: Timestamp) -> Result<(), Fault> {
        let (number, rate) = match pace {
            Pace::Light => (0, self.light),
            Pace::Change => (1, self.change),
            Pace::Heavy => (2, self.heavy),
            Pace::Guess | Pace::Free => return Ok(()),
        };
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        charge(&mut callers, (number, user), rate, now)
    }

    /// Counts a challenge that a network draws, or says how long to wait. It counts against nothing else.
    pub(crate) fn draw(&self, address: IpAddr, now: Timestamp) -> Result<(), Fault> {
        let mut drawing = self.drawing.lock().unwrap_or_else(PoisonError::into_inner);
        charge(&mut drawing, Network::of(address), DRAWN, now)
    }

    /// Says how long a network has to wait that failed too often.
    pub(crate) fn check(&self, address: IpAddr, now: Timestamp) -> Result<(), Fault> {
        let mut networks = self.networks.lock().unwrap_or_else(PoisonError::into_inner);
        let network = Network::of(address);
        let bucket = networks.bucket(network).settled(Rate::ADDRESS, now);
        match bucket.wait(Rate::ADDRESS, now) {
            Duration::ZERO => Ok(()),
            wait => {
                networks.put(network, bucket, now);
                Err(Fault::TooMany(wait))
            }
        }
    }

    /// Counts a failure of a network.
    pub(crate) fn failed(&self, address: IpAddr, now: Timestamp) {
        let mut networks = self.networks.lock().unwrap_or_else(PoisonError::into_inner);
        let network = Network::of(address);
        let bucket = networks.bucket(network).settled(Rate::ADDRESS, now);
        networks.put(network, bucket.charged(Rate::ADDRESS, now), now);
    }
}

fn charge<K: Ord + Copy>(
    ledger: &mut Ledger<K>,
    key: K,
    rate: Rate,
    now: Timestamp,
) -> Result<(), Fault> {
    let bucket = ledger.bucket(key).settled(rate, now);
    match bucket.wait(rate, now) {
        Duration::ZERO => {
            ledger.put(key, bucket.charged(rate, now), now);
            Ok(())
        }
        wait => {
            // After a clock was set back it is full, and drips away from here on.
            ledger.put(key, bucket, now);
            Err(Fault::TooMany(wait))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_is_slowed_down_and_another_is_not() {
        let limits = Limits::new(&Settings::default());
        let now = Timestamp::from_parts(1_000_000, 0);
        let (one, other) = (UserId([1; 16]), UserId([2; 16]));
        let n_admitted = (0..1000)
            .filter(|_| limits.admit(one, Pace::Change, now).is_ok())
            .count();
        assert_eq!(n_admitted, 40);
        assert!(limits.admit(one, Pace::Light, now).is_ok());
        assert!(limits.admit(other, Pace::Change, now).is_ok());
        let later = Timestamp::from_parts(1_000_001, 0);
        assert!(limits.admit(one, Pace::Change, later).is_ok());
    }

    #[test]
    fn a_clock_set_back_keeps_nobody_out_for_long() {
        let limits = Limits::new(&Settings::default());
        let user = UserId([1; 16]);
        let at = |seconds: i64| Timestamp::from_parts(1_000_000 + seconds, 0);
        assert!(limits.admit(user, Pace::Light, at(0)).is_ok());
        // As if it had asked for all it may at once; and it drips away.
        assert!(limits.admit(user, Pace::Light, at(-3600)).is_err());
        assert!(limits.admit(user, Pace::Light, at(-3599)).is_ok());
        let guesser = IpAddr::from([192, 0, 2, 1]);
        limits.failed(guesser, at(0));
        assert!(limits.check(guesser, at(-3600)).is_err());
        assert!(limits.check(guesser, at(-3540)).is_ok());
    }

    #[test]
    fn who_draws_without_pause_waits_for_that_alone() {
        let limits = Limits::new(&Settings::default());
        let now = Timestamp::from_parts(1_000_000, 0);
        let address = IpAddr::from([192, 0, 2, 1]);
        let n_drawn = (0..1000).filter(|_| limits.draw(address, now).is_ok());
        assert_eq!(n_drawn.count(), 60);
        assert!(limits.check(address, now).is_ok());
        assert!(limits.draw(IpAddr::from([192, 0, 2, 2]), now).is_ok());
        let later = Timestamp::from_parts(1_000_001, 0);
        assert!(limits.draw(address, later).is_ok());
    }

    #[test]
    fn who_guesses_waits() {
        let limits = Limits::new(&Settings::default());
        let now = Timestamp::from_parts(1_000_000, 0);
        let guesser = IpAddr::from([192, 0, 2, 1]);
        for _ in 0..20 {
            assert!(limits.check(guesser, now).is_ok());
            limits.failed(guesser, now);
        }
        assert!(matches!(limits.check(guesser, now), Err(Fault::TooMany(_))));
        assert!(limits.check(IpAddr::from([192, 0, 2, 2]), now).is_ok());
    }
}
