//! The service as a guest on somebody's computer: how much of it may be used, and when it is to wait.
//!
//! What is known of the surroundings (somebody at the keyboard, mains or battery, a network that costs money) chooses a
//! [`Budget`]. The threads of a backup ask [`Guest::turn`] between pieces of work. Whoever sends to destinations asks
//! [`Guest::far_allowed`]. What is not known is assumed as it disturbs least: somebody is present, and gets on well with
//! mains power and a network that costs nothing.

mod budget;
mod bus;
mod governor;
mod meter;
mod platform;
mod priority;
mod settings;
mod surroundings;

use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use strongroom_engine::Turn;

pub use budget::{Budget, NotAShare, Share};
pub use bus::Follower;
pub(crate) use meter::duration;
pub use meter::{Meter, ProcessMeter, Sample};
pub use priority::lower_priority;
pub use settings::{GuestSettings, Metered};
pub use surroundings::{Network, Power, Presence, Situation, Surroundings};

use crate::location::limit_network;
use governor::Governor;

/// Why nothing is copied to a destination beyond this computer.
pub(crate) const METERED: &str = "the network is metered: it waits for another one";

/// Why nothing is copied at all.
pub(crate) const NEARLY_EMPTY: &str = "the battery is nearly empty";

/// How often the use of the processor is measured while work goes on; in between, the last answer counts.
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// How long work that is not allowed at all waits before it asks again.
const HOLD: Duration = Duration::from_millis(50);

/// What may be used now. Threads share it.
#[derive(Debug)]
pub struct Guest {
    meter: Box<dyn Meter>,
    state: Mutex<State>,
    /// When to measure again, in nanoseconds of the meter's clock.
    look_at: AtomicU64,
}

#[derive(Debug)]
struct State {
    settings: GuestSettings,
    surroundings: Surroundings,
    governor: Governor,
}

/// How often snapshots of changes are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rarity {
    /// As changes come.
    Usual,
    /// No more than one in this time: the battery is to last.
    OneIn(Duration),
    /// None, until there is more in the battery, or somebody asks for one.
    None,
}

/// What the service says of its surroundings, and of what it allows itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GuestStatus {
    /// `present`, `away` or `battery`.
    pub situation: Situation,
    /// Most of the machine's processors that is used, in percent.
    pub cpu_percent: u8,
    /// Most bytes that are read from and written to disks in a second.
    pub io_bytes_per_second: Option<u64>,
    /// Most bytes that go over the network in a second.
    pub network_bytes_per_second: Option<NonZeroU64>,
    /// Whether the network costs money, as far as is known.
    pub metered: bool,
    /// Whether destinations beyond this computer are used.
    pub far_allowed: bool,
    /// What is in the battery, in percent, while it is in use.
    pub battery_percent: Option<u8>,
    /// What cannot be found out, and why.
    pub unknown: Vec<String>,
}

impl Guest {
    /// Begins with these settings, and in surroundings of which nothing is known.
    pub fn new(settings: GuestSettings, meter: impl Meter + 'static, processors: usize) -> Self {
        let governor = Governor::new(processors, meter.sample(settings.limits_io()));
        Self {
            meter: Box::new(meter),
            state: Mutex::new(State {
                settings,
                surroundings: Surroundings::default(),
                governor,
            }),
            look_at: AtomicU64::new(0),
        }
    }

    /// Begins with these settings, and follows the surroundings of this computer until the follower is dropped. `tell`
    /// is called after every change.
    pub fn follow(
        settings: GuestSettings,
        tell: impl Fn() + Send + 'static,
    ) -> (Arc<Self>, Follower) {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let guest = Arc::new(Self::new(settings, ProcessMeter, processors));
        let theirs = Arc::clone(&guest);
        let follower = Follower::start(move |surroundings| {
            if theirs.see(surroundings) {
                tell();
            }
        });
        (guest, follower)
    }

    /// Takes in what the surroundings are now; says whether they differ from before.
    pub fn see(&self, surroundings: Surroundings) -> bool {
        let mut state = self.state();
        let differ = state.surroundings != surroundings;
        state.surroundings = surroundings;
        limit_network(state.budget().network);
        differ
    }

    /// Takes other settings.
    pub fn set(&self, settings: GuestSettings) {
        let mut state = self.state();
        state.settings = settings;
        limit_network(state.budget().network);
    }

    /// Says whether destinations beyond this computer may be used now. Those that are folders always may.
    pub fn far_allowed(&self) -> bool {
        self.state().far_allowed()
    }

    /// Returns how often snapshots of changes are made now.
    pub fn rarity(&self) -> Rarity {
        let state = self.state();
        let Power::Battery(percent) = state.surroundings.power else {
            return Rarity::Usual;
        };
        let settings = &state.settings;
        match percent {
            percent if percent < settings.critical => Rarity::None,
            percent if percent < settings.sparing => {
                Rarity::OneIn(Duration::from_secs(settings.sparing_seconds))
            }
            _ => Rarity::Usual,
        }
    }

    /// Says what a thread that works may do next.
    pub fn turn(&self) -> Turn {
        let now = nanoseconds(self.meter.now());
        if now < self.look_at.load(Ordering::Relaxed) {
            return Turn::Go;
        }
        let mut state = self.state();
        let budget = state.budget();
        let sample = self.meter.sample(budget.io.is_some());
        match state.governor.wait(sample, &budget) {
            None => {
                let next = now.saturating_add(nanoseconds(LOOK_EVERY));
                self.look_at.store(next, Ordering::Relaxed);
                Turn::Go
            }
            Some(wait) => Turn::Wait(wait.min(HOLD)),
        }
    }

    /// Says what is known and allowed.
    pub fn status(&self) -> GuestStatus {
        let state = self.state();
        let (surroundings, budget) = (&state.surroundings, state.budget());
        GuestStatus {
            situation: surroundings.situation(),
            cpu_percent: budget.cpu.percent(),
            io_bytes_per_second: budget.io,
            network_bytes_per_second: budget.network,
            metered: surroundings.network == Network::Metered,
            far_allowed: state.far_allowed(),
            battery_percent: match surroundings.power {
                Power::Mains => None,
                Power::Battery(percent) => Some(percent),
            },
            unknown: surroundings.unknown.clone(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn budget(&self) -> Budget {
        self.settings.budget(self.surroundings.situation())
    }

    fn far_allowed(&self) -> bool {
        self.settings.metered == Metered::Go || self.surroundings.network != Network::Metered
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Still;

    impl Meter for Still {
        fn now(&self) -> Duration {
            Duration::ZERO
        }

        fn sample(&self, _: bool) -> Sample {
            Sample::default()
        }
    }

    fn guest_at(power: Power) -> Guest {
        let guest = Guest::new(GuestSettings::default(), Still, 2);
        guest.see(Surroundings {
            power,
            ..Surroundings::default()
        });
        guest
    }

    #[test]
    fn what_is_not_known_disturbs_least() {
        let guest = Guest::new(GuestSettings::default(), Still, 2);
        let status = guest.status();
        assert_eq!(status.situation, Situation::Present);
        assert_eq!(status.cpu_percent, 20);
        assert!(guest.far_allowed());
        assert_eq!(guest.rarity(), Rarity::Usual);
    }

    #[test]
    fn snapshots_become_rarer_as_the_battery_empties() {
        let quarter = Rarity::OneIn(Duration::from_mins(15));
        for (power, expected) in [
            (Power::Mains, Rarity::Usual),
            (Power::Battery(90), Rarity::Usual),
            (Power::Battery(50), Rarity::Usual),
            (Power::Battery(49), quarter),
            (Power::Battery(10), quarter),
            (Power::Battery(9), Rarity::None),
        ] {
            assert_eq!(guest_at(power).rarity(), expected, "{power:?}");
        }
    }

    #[test]
    fn far_destinations_wait_for_a_network_that_costs_nothing() {
        let guest = Guest::new(GuestSettings::default(), Still, 2);
        let metered = Surroundings {
            network: Network::Metered,
            ..Surroundings::default()
        };
        assert!(guest.see(metered.clone()));
        assert!(!guest.see(metered), "nothing new");
        assert!(!guest.far_allowed());
        guest.set(GuestSettings {
            metered: Metered::Go,
            ..GuestSettings::default()
        });
        assert!(guest.far_allowed());
    }
}
