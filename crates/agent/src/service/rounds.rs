//! The rounds of the service: each looks for what changed, makes a snapshot of it, and tells what came of that.

use std::time::Duration;

use strongroom_base::ids::to_hex;
use strongroom_base::with_causes;
use strongroom_engine::backup::BackupSummary;
use strongroom_engine::{EngineError, Warning};

use super::moment::Moment;
use super::pending::Scope;
use super::status::{Answered, LastSnapshot, State};
use super::{Service, seconds_of, state_of};
use crate::AgentError;
use crate::backup::{Round, backup_changes};

/// What could not be read is tried again so often.
const UNREAD_EVERY: Duration = Duration::from_hours(1);

impl Service<'_> {
    /// Makes the snapshot that is due. Returns what became of it; `None` where it was given up, and is made later.
    pub(super) fn back_up(&mut self) -> Option<Answered> {
        let began = self.now();
        let scope = self.pending.take(began);
        if let Err(error) = self.find_free() {
            // Nothing was begun, and no command of the user has run.
            self.pending.locked_out(scope, began);
            self.tell_locked(&error);
            return None;
        }
        self.began = Some(began);
        let insists = std::mem::take(&mut self.insists);
        self.shared.insist(insists);
        self.tell_begun(&scope);
        self.tools.progress.clear();
        if let Err(error) = self.run_before(&scope) {
            self.pending.failed(scope, self.now());
            self.tell_failed(&error);
            return Some(Answered::Failed);
        }
        let hints = match &scope {
            Scope::All => None,
            Scope::Hints(hints) => Some(hints.clone()),
        };
        let roots = self.roots_in_sight();
        self.note_walks(&scope);
        let backup = &self.request.backup;
        let tools = self.tools;
        let result = backup_changes(self.profile, backup, &roots, hints, tools, &self.queues);
        self.queues.finished(&result);
        self.queues.note_newest();
        let now = self.now();
        self.run_after(&scope, &result);
        self.tell_sources();
        if matches!(result, Err(AgentError::Locked { .. })) {
            self.insists |= insists;
        }
        let answer = self.take_in(result, scope, (began, now));
        self.tell_sources();
        answer
    }

    /// Takes in what became of a round that began and ended then.
    fn take_in(
        &mut self,
        result: Result<Round, AgentError>,
        scope: Scope,
        (began, now): (Moment, Moment),
    ) -> Option<Answered> {
        match result {
            Ok(done) => {
                self.archive = Some(done.archive);
                self.gaps.done();
                if let (Scope::All, Some(done)) = (&scope, &done.snapshot) {
                    self.shared.status().full_bytes = Some(done.bytes_scanned);
                }
                // What lacks something is its queue's.
                self.pending.succeeded(&scope, true, began, now);
                if done.snapshot.as_ref().is_some_and(|done| done.failed > 0) {
                    self.pending.look_at_all_within(UNREAD_EVERY, now);
                }
                if let Some(done) = &done.snapshot {
                    // Their other names may be anywhere.
                    self.pending.note_files(done.linked.clone(), now);
                }
                self.tell_done(&done);
                Some(self.shared.status().answer_now())
            }
            // Work was given up for a pause.
            Err(AgentError::Engine(EngineError::Interrupted)) => {
                self.pending.put_back(scope, now);
                self.gaps.again();
                None
            }
            Err(error @ AgentError::Locked { .. }) => {
                self.pending.locked_out(scope, now);
                self.gaps.again();
                self.tell_locked(&error);
                None
            }
            Err(error) => {
                self.pending.failed(scope, now);
                self.gaps.again();
                self.tell_failed(&error);
                Some(Answered::Failed)
            }
        }
    }

    /// Counts what is walked now for other reasons than single changes.
    fn note_walks(&mut self, scope: &Scope) {
        self.gaps.begin();
        if *scope == Scope::All {
            self.shared.status().full_scans += 1;
        }
    }

    /// Fails where a command works on the archive now.
    fn find_free(&self) -> Result<(), AgentError> {
        let Some(archive) = self.archive else {
            return Ok(());
        };
        match self.profile.lock_round(archive) {
            Err(error @ AgentError::Locked { .. }) => Err(error),
            // What else is wrong shows in the round.
            _ => Ok(()),
        }
    }

    /// Tells that a command works on the archive.
    fn tell_locked(&self, error: &AgentError) {
        let now = seconds_of(self.tools.clock.now());
        let mut status = self.shared.status();
        status.state = State::UnderMaintenance;
        status.reason = Some(with_causes(error));
        status.failing_since = status.failing_since.or(Some(now));
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
        if !status.has_blind_source() {
            status.last_success = Some(now);
        }
        status.spool_bytes = done.spool_bytes;
        (status.reason, status.failing_since) = (None, None);
        status.state = self.hold.state().unwrap_or_else(|| state_of(&status));
    }

    fn tell_failed(&self, error: &AgentError) {
        let now = seconds_of(self.tools.clock.now());
        let why = with_causes(error);
        self.tools.monitor.warning(Warning {
            subject: Vec::new(),
            message: format!("no snapshot was made: {why}"),
            left_out: false,
        });
        let mut status = self.shared.status();
        status.rounds += 1;
        status.state = match error {
            AgentError::Engine(EngineError::NoDestination { .. }) => State::WaitingForDestination,
            _ => State::Failing,
        };
        status.reason = Some(why);
        status.failing_since = status.failing_since.or(Some(now));
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
        files_unsettled: done.unsettled,
        bytes_stored: done.bytes_stored,
    }
}
