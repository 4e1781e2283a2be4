//! Threads take turns at a name, where the server would let one replace what another stores.

use std::collections::HashSet;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::ObjectPath;

/// The names that are being put.
#[derive(Debug, Default)]
pub(super) struct Turns {
    taken: Mutex<HashSet<ObjectPath>>,
    given_back: Condvar,
}

/// A turn at a name, given back when it is dropped.
#[derive(Debug)]
#[must_use]
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    path: &'a ObjectPath,
}

impl Turns {
    /// Waits until no other thread has a turn at this name.
    pub(super) fn take<'a>(&'a self, path: &'a ObjectPath) -> Turn<'a> {
        let waited = self
            .given_back
            .wait_while(self.lock(), |taken| taken.contains(path));
        let mut taken = waited.unwrap_or_else(PoisonError::into_inner);
        taken.insert(path.clone());
        Turn { turns: self, path }
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<ObjectPath>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.turns.lock().remove(self.path);
        self.turns.given_back.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn one_thread_at_a_time_has_a_name_and_other_names_do_not_wait() {
        let (turns, inside) = (Turns::default(), AtomicU32::new(0));
        let name = ObjectPath::new("log/1-1").unwrap();
        let other = ObjectPath::new("log/1-2").unwrap();
        let held = turns.take(&other);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let turn = turns.take(&name);
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        std::thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                        drop(turn);
                    }
                });
            }
        });
        drop(held);
        assert!(turns.lock().is_empty());
    }
}
