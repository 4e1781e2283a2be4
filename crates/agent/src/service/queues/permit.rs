//! Whether a queue may copy now: its hours, its priority, and what the service and commands want.

use std::path::Path;

use jiff::tz::TimeZone;
use strongroom_base::clock::Clock;
use strongroom_engine::Turn;

use super::work::Work;

/// Why a queue stops while it copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// The service ends, or the destination has other settings now.
    Over,
    /// A command wants to be alone with the archive.
    Turn,
    /// Its hours are over.
    Hours,
    /// The service is paused, the battery is nearly empty, or the network costs money.
    Held,
    /// One with a better priority has something to copy.
    Priority,
}

impl Work {
    /// Says whether copying is to stop.
    pub(super) fn reason_to_stop(&self) -> Option<Why> {
        if self.is_over() {
            return Some(Why::Over);
        }
        if self.profile.is_turn_taken(self.archive) {
            return Some(Why::Turn);
        }
        if self.opens_at().is_some() {
            return Some(Why::Hours);
        }
        if self.held().is_some() {
            return Some(Why::Held);
        }
        self.better().map(|_| Why::Priority)
    }

    /// Waits until the budget of the service allows more; returns why copying is to stop, where it is.
    pub(super) fn await_turn(&self) -> Option<Why> {
        loop {
            let why = self.reason_to_stop();
            if why.is_some() {
                return why;
            }
            match self.office.turn() {
                Turn::Wait(time) => std::thread::sleep(time),
                Turn::Go | Turn::End => return None,
            }
        }
    }

    /// Returns the name of a destination with a better priority that copies.
    pub(super) fn better(&self) -> Option<String> {
        let mut table = self.office.lock();
        let own = self.entry(&mut table)?.priority;
        let mut entries = table.entries.values();
        let better = entries.find(|entry| entry.is_moving() && entry.priority < own);
        better.map(|entry| entry.name.clone())
    }

    /// Returns where the destination is.
    pub(super) fn location(&self) -> Option<crate::Location> {
        let url = {
            let mut table = self.office.lock();
            self.entry(&mut table)?.url.clone()
        };
        crate::Location::parse(&url, Path::new("/")).ok()
    }

    /// Says why the service wants nothing to be copied now.
    pub(super) fn held(&self) -> Option<String> {
        let is_far = self.location()?.folder().is_none();
        self.office.held(is_far)
    }

    /// Returns when the hours of the destination begin, where it is not one of them.
    pub(super) fn opens_at(&self) -> Option<i64> {
        opens_at(&self.location()?, &*self.clock, &self.zone)
    }
}

/// Returns when the hours of a place begin, where it is not one of them.
pub(super) fn opens_at(
    location: &crate::Location,
    clock: &dyn Clock,
    zone: &TimeZone,
) -> Option<i64> {
    let hours = location.options().schedule?;
    let now = jiff::Timestamp::from_nanosecond(clock.now().0).ok()?;
    hours.opens_at(&now.to_zoned(zone.clone()))
}
