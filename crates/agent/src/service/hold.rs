//! What keeps the service from making a snapshot that is due.

use std::time::Duration;

use super::moment::Moment;
use super::{Service, State, seconds_of, state_of};
use crate::guest::Rarity;

/// What keeps the service from making a snapshot that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    /// Nothing.
    No,
    /// Somebody asked for a pause.
    Paused,
    /// The battery is nearly empty.
    LowBattery,
    /// The battery is to last: the next one is made then.
    Until(Moment),
}

impl Hold {
    /// Returns what the service does while it is kept from working.
    pub(super) fn state(self) -> Option<State> {
        match self {
            Self::No => None,
            Self::Paused => Some(State::Paused),
            Self::LowBattery => Some(State::LowBattery),
            Self::Until(_) => Some(State::BackupSchedule),
        }
    }
}

impl Service<'_> {
    /// Returns how long to wait, where nothing happens.
    pub(super) fn next_look(&self) -> Duration {
        let now = self.now();
        match self.hold {
            Hold::No => self.pending.due().saturating_duration_since(now),
            Hold::Paused => self.shared.pause_left().unwrap_or(Duration::MAX),
            Hold::LowBattery => Duration::MAX,
            Hold::Until(then) => then.saturating_duration_since(now),
        }
    }

    /// Says whether a snapshot is to be made now.
    pub(super) fn is_due(&self) -> bool {
        self.hold == Hold::No && self.pending.due() <= self.now()
    }

    /// Finds out what keeps the service from working, and tells it.
    pub(super) fn look_at_surroundings(&mut self) {
        let was_allowed = self.shared.status().guest.far_allowed;
        // What queues use between snapshots is taken in as time passes.
        let _ = self.guest.turn();
        let is = self.guest.status();
        let hold = self.what_holds();
        if self.hold == Hold::Paused && hold != Hold::Paused {
            // A note that cannot be changed now names a time that is over.
            let _ = self.shared.end_pause();
        }
        let is_held = |hold| matches!(hold, Hold::Paused | Hold::LowBattery);
        let is_free = is_held(self.hold) && !is_held(hold);
        if is_free || is.far_allowed && !was_allowed {
            self.queues.look_again();
        }
        let has_changed = hold != self.hold;
        self.hold = hold;
        let mut status = self.shared.status();
        status.guest = is;
        status.next_at = match hold {
            Hold::Until(then) => {
                let left = then.saturating_duration_since(self.now());
                let now = seconds_of(self.tools.clock.now());
                now.checked_add_unsigned(left.as_secs())
            }
            _ => None,
        };
        if has_changed {
            status.state = hold.state().unwrap_or_else(|| state_of(&status));
        }
    }

    /// Says whether anything waits for the next snapshot.
    fn is_waited_for(&self) -> bool {
        self.pending.len() > 0 || self.pending.due() <= self.now()
    }

    fn what_holds(&self) -> Hold {
        if self.shared.is_paused() {
            return Hold::Paused;
        }
        if self.insists {
            return Hold::No;
        }
        match self.guest.rarity() {
            Rarity::Usual => Hold::No,
            Rarity::None => Hold::LowBattery,
            Rarity::OneIn(time) => {
                let then = self.began.map(|began| began + time);
                match then {
                    Some(then) if self.is_waited_for() && self.now() < then => Hold::Until(then),
                    _ => Hold::No,
                }
            }
        }
    }
}
