//! Gathers the steps of a walk into batches.

use crossbeam_channel::Sender;

use super::batch::{Batch, Step};
use crate::error::EngineError;

/// A batch is full when it has this many bytes to read, steps or directories.
const BATCH_BYTES: u64 = 2 << 20;
const BATCH_STEPS: usize = 512;
const BATCH_DIRECTORIES: usize = 32;

/// Gathers steps into batches, of which only so many are under way.
pub(crate) struct BatchSender {
    batches: Sender<Batch<Step>>,
    tokens: Sender<()>,
    number: u64,
    steps: Vec<Step>,
    bytes: u64,
    directories: usize,
}

impl BatchSender {
    pub(crate) fn new(batches: Sender<Batch<Step>>, tokens: Sender<()>) -> Self {
        Self {
            batches,
            tokens,
            number: 0,
            steps: Vec::new(),
            bytes: 0,
            directories: 0,
        }
    }

    pub(super) fn push(&mut self, step: Step) -> Result<(), EngineError> {
        match &step {
            Step::Enter(_) => self.directories += 1,
            Step::Read(to_read) => self.bytes += to_read.stat.size,
            _ => {}
        }
        self.steps.push(step);
        let full = self.bytes >= BATCH_BYTES
            || self.steps.len() >= BATCH_STEPS
            || self.directories >= BATCH_DIRECTORIES;
        if full { self.flush() } else { Ok(()) }
    }

    pub(super) fn flush(&mut self) -> Result<(), EngineError> {
        let steps = std::mem::take(&mut self.steps);
        if steps.is_empty() {
            return Ok(());
        }
        (self.bytes, self.directories) = (0, 0);
        // Both hang up only when another thread failed, and that thread's error is the one to tell.
        let sent = self.tokens.send(()).is_ok()
            && self
                .batches
                .send(Batch {
                    number: self.number,
                    steps,
                })
                .is_ok();
        self.number += 1;
        if sent {
            Ok(())
        } else {
            Err(EngineError::Interrupted)
        }
    }
}
