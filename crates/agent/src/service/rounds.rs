//! The rounds of the service: each looks for what changed, makes a snapshot of it, and tells what came of that.

use std::time::Duration;

use strongroom_base::ids::to_hex;
use strongroom_base::with_causes;
use strongroom_engine::EngineError;
use strongroom_engine::backup::BackupSummary;

use super::pending::Scope;
use super::status::{LastSnapshot, State};
use super::{Service, seconds_of, state_of};
use crate::AgentError;
use crate::backup::{Round, backup_changes};

/// What could not be read is tried again so often.
const UNREAD_EVERY: Duration = Duration::from_hours(1);

impl Service<'_> {
    /// Makes the snapshot that is due.
    pub(super) fn back_up(&mut self) {
        let began = self.now();
        self.began = Some(began);
        self.shared.insist(std::mem::take(&mut self.insists));
        let scope = self.pending.take(began);
        self.tell_begun(&scope);
        self.tools.progress.clear();
        if let Err(error) = self.run_before(&scope) {
            self.pending.failed(scope, self.now());
            self.tell_failed(&error);
            return;
        }
        let hints = match &scope {
            Scope::All => None,
            Scope::Hints(hints) => Some(hints.clone()),
        };
        let roots = self.roots_in_sight();
        let backup = &self.request.backup;
        let tools = self.tools;
        let result = backup_changes(self.profile, backup, &roots, hints, tools, &self.queues);
        self.queues.finished(&result);
        self.queues.note_newest();
        let now = self.now();
        self.run_after(&scope, &result);
        match result {
            Ok(done) => {
                if let (Scope::All, Some(done)) = (&scope, &done.snapshot) {
                    self.shared.status().full_bytes = Some(done.bytes_scanned);
                }
                // What lacks something is its queue's.
                self.pending.succeeded(&scope, true, began, now);
                if done.snapshot.as_ref().is_some_and(|done| done.failed > 0) {
                    self.pending.look_at_all_within(UNREAD_EVERY, now);
                }
                let linked = done.snapshot.as_ref().map_or(0, |done| done.files.linked);
                if linked > 0 {
                    // Their other names may be anywhere.
                    self.pending.look_at_all_soon(now);
                }
                self.tell_done(&done);
            }
            // Work was given up for a pause.
            Err(AgentError::Engine(EngineError::Interrupted)) => {
                self.pending.put_back(scope, now);
            }
            Err(error) => {
                self.pending.failed(scope, now);
                self.tell_failed(&error);
            }
        }
        self.tell_sources();
    }

    fn tell_begun(&self, scope: &Scope) {
        let mut status = self.shared.status();
        status.waiting = 0;
        status.busy_since = Some(seconds_of(self.tools.clock.now()));
        status.state = match scope {
            Scope::All => State::Scanning,
            Scope::Hints(_) => State::Synchronizing,
        };
        self.request.supervisor.status(status.state.words());
    }

    fn tell_done(&self, done: &Round) {
        self.tell_queues();
        let now = seconds_of(self.tools.clock.now());
        let mut status = self.shared.status();
        status.rounds += 1;
        status.unacknowledged = done.unacknowledged;
        if let Some(done) = &done.snapshot {
            status.snapshots += 1;
            status.bytes_stored += done.bytes_stored;
            status.last = Some(last_snapshot(done, now));
        }
        status.last_success = Some(now);
        status.spool_bytes = done.spool_bytes;
        status.reason = None;
        status.state = self.hold.state().unwrap_or_else(|| state_of(&status));
    }

    fn tell_failed(&self, error: &AgentError) {
        let mut status = self.shared.status();
        status.rounds += 1;
        status.state = match error {
            AgentError::Locked { .. } => State::UnderMaintenance,
            AgentError::Engine(EngineError::NoDestination { .. }) => State::WaitingForDestination,
            _ => State::Failing,
        };
        status.reason = Some(with_causes(error));
    }
}

fn last_snapshot(done: &BackupSummary, now: i64) -> LastSnapshot {
    LastSnapshot {
        snapshot: to_hex(&done.snapshot.hash),
        at: now,
        duration_seconds: done.duration.as_secs_f64(),
        files_new: done.files.new,
        files_changed: done.files.changed,
        files_failed: done.failed,
        bytes_stored: done.bytes_stored,
    }
}
