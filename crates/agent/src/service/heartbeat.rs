//! Tells whoever supervises the service that it lives, as long as it does something. Where nothing has moved for long, the
//! status says so, and a supervisor that is told no more begins it anew: it may be killed at any moment.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use super::control::Shared;
use super::supervisor::Supervisor;

/// So long nothing moves, and it is taken to hang: longer than anything that is waited for. The time asleep does not count.
const STALLED: Duration = Duration::from_mins(30);
/// How often that is looked for where nobody wants to be told.
const LOOK_EVERY: Duration = Duration::from_mins(1);

/// How long nothing has moved.
#[derive(Debug, Default)]
struct Stillness {
    pulse: u64,
    lasted: Duration,
}

impl Stillness {
    /// Takes in what was done so far, after so much more time, and returns for how long that has been the same.
    fn look(&mut self, pulse: u64, passed: Duration) -> Duration {
        if pulse == self.pulse {
            self.lasted = self.lasted.saturating_add(passed);
        } else {
            self.lasted = Duration::ZERO;
        }
        self.pulse = pulse;
        self.lasted
    }
}

/// Tells it until it is dropped.
pub(super) struct Heartbeat {
    sender: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Heartbeat {
    /// Begins.
    pub(super) fn start(supervisor: Arc<dyn Supervisor>, shared: &Arc<Shared>) -> Self {
        let (sender, receiver) = channel();
        let every = supervisor.alive().unwrap_or(LOOK_EVERY);
        let shared: Weak<Shared> = Arc::downgrade(shared);
        let beat = move || {
            let mut stillness = Stillness::default();
            while receiver.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
                let Some(shared) = shared.upgrade() else {
                    return;
                };
                let lasted = stillness.look(shared.pulse(), every);
                // Where the status cannot be had, nobody is answered any more, and it is better to begin anew.
                if shared.note_stillness((lasted >= STALLED).then_some(lasted)) {
                    supervisor.alive();
                }
            }
        };
        let thread = std::thread::Builder::new().name("heartbeat".to_owned());
        Self {
            sender: Some(sender),
            thread: thread.spawn(beat).ok(),
        }
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.sender = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_does_not_move_at_all_is_still() {
        let mut stillness = Stillness::default();
        for pulse in 1..100 {
            assert_eq!(stillness.look(pulse, STALLED), Duration::ZERO);
        }
        for minutes in 1..100 {
            let lasted = stillness.look(99, Duration::from_mins(1));
            assert_eq!(lasted, Duration::from_mins(minutes));
        }
        assert_eq!(stillness.look(100, STALLED), Duration::ZERO);
    }
}
