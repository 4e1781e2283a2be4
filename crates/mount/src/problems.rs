//! What could not be read, told once for each place.

use std::collections::HashSet;
use std::error::Error;
use std::sync::{Mutex, PoisonError};

use crossbeam_channel::{Receiver, Sender, bounded};

/// How many problems wait to be told at most; more are dropped.
const WAITING_MAX: usize = 1_024;
/// How many subjects are remembered, so that each is told once.
const TOLD_MAX: usize = 4_096;

/// Something that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The path, as it was on the computer.
    pub subject: Vec<u8>,
    /// What happened, with the object that is to blame.
    pub message: String,
}

/// Takes problems from any thread.
pub(crate) struct Problems {
    sender: Sender<Problem>,
    told: Mutex<HashSet<Vec<u8>>>,
}

impl Problems {
    pub(crate) fn new() -> (Self, Receiver<Problem>) {
        let (sender, receiver) = bounded(WAITING_MAX);
        let told = Mutex::default();
        (Self { sender, told }, receiver)
    }

    /// Tells a problem, unless its subject had one already.
    pub(crate) fn tell(&self, subject: &[u8], error: &dyn Error) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() >= TOLD_MAX {
            told.clear();
        }
        if !told.insert(subject.to_vec()) {
            return;
        }
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            message.push_str(": ");
            message.push_str(&error.to_string());
            cause = error.source();
        }
        let subject = subject.to_vec();
        // Whoever does not listen does not want to know.
        let _ = self.sender.try_send(Problem { subject, message });
    }
}
