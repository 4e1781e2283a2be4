//! Tells whoever supervises the service that it lives, and what it does when that changes.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;

use super::control::Shared;
use super::supervisor::Supervisor;

/// Tells it until it is dropped.
pub(super) struct Heartbeat {
    sender: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Heartbeat {
    /// Begins where the supervisor wants to be told.
    pub(super) fn start(supervisor: Arc<dyn Supervisor>, shared: &Arc<Shared>) -> Self {
        let (sender, receiver) = channel();
        let Some(every) = supervisor.alive() else {
            return Self {
                sender: None,
                thread: None,
            };
        };
        let shared: Weak<Shared> = Arc::downgrade(shared);
        let beat = move || {
            while receiver.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
                let Some(shared) = shared.upgrade() else {
                    return;
                };
                // Where the status cannot be had, nobody is answered any more, and it is better to begin anew.
                drop(shared.status());
                supervisor.alive();
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
