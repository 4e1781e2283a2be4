//! Tells systemd how the service is, where systemd started it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sd_notify::{NotifyState, notify, watchdog_enabled};
use strongroom_agent::service::Supervisor;

use crate::output::escaped;

/// Tells systemd. Where nobody wants to know, or nobody listens any more, nothing happens.
#[derive(Default)]
pub(crate) struct Systemd {
    told: Mutex<String>,
}

impl Supervisor for Systemd {
    fn ready(&self) {
        let _ = notify(&[NotifyState::Ready]);
    }

    fn status(&self, line: &str) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if *told != line {
            line.clone_into(&mut told);
            // A line of its own would be taken for another message.
            let _ = notify(&[NotifyState::Status(&escaped(line))]);
        }
    }

    fn alive(&self) -> Option<Duration> {
        let every = watchdog_enabled()?;
        let _ = notify(&[NotifyState::Watchdog]);
        // Half of it, as its manual page says.
        Some(every / 2)
    }

    fn stopping(&self) {
        let _ = notify(&[NotifyState::Stopping]);
    }
}
