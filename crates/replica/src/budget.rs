//! A bound on the bytes that are in memory at a time.

use std::sync::{Condvar, Mutex, PoisonError};

/// Most bytes of objects in flight.
const IN_FLIGHT_LEN_MAX: u64 = 64 << 20;

/// Bytes that threads may hold together.
pub(crate) struct Budget {
    free: Mutex<u64>,
    changed: Condvar,
}

/// Bytes that one thread holds; given back when dropped.
pub(crate) struct Share<'a> {
    budget: &'a Budget,
    len: u64,
}

impl Budget {
    pub(crate) fn new() -> Self {
        Self {
            free: Mutex::new(IN_FLIGHT_LEN_MAX),
            changed: Condvar::new(),
        }
    }

    /// Waits until there is room; what is larger than all there is gets all.
    pub(crate) fn take(&self, len: u64) -> Share<'_> {
        let len = len.min(IN_FLIGHT_LEN_MAX);
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free = self
            .changed
            .wait_while(free, |free| *free < len)
            .unwrap_or_else(PoisonError::into_inner);
        *free -= len;
        Share { budget: self, len }
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        *self
            .budget
            .free
            .lock()
            .unwrap_or_else(PoisonError::into_inner) += self.len;
        self.budget.changed.notify_all();
    }
}
