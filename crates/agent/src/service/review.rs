//! What the service does around a snapshot: the commands of the user, and alarms.

use strongroom_base::ids::to_hex;
use strongroom_base::with_causes;

use super::alarm::conditions;
use super::hook::Hook;
use super::pending::Scope;
use super::{Service, seconds_of};
use crate::AgentError;
use crate::backup::Round;

/// The times of the note may be so much older than they are, in seconds, so that it is not written after each snapshot.
const NOTE_LAG: i64 = 3600;

impl Service<'_> {
    /// Runs the command before a snapshot. Where only destinations are tried again, there is none.
    pub(super) fn run_before(&self, scope: &Scope) -> Result<(), AgentError> {
        let hooks = self.shared.hooks();
        let Some(command) = hooks.before.filter(|_| !scope.is_empty()) else {
            return Ok(());
        };
        let hook = Hook {
            command: &command,
            seconds: hooks.seconds,
            variables: variables("before", scope),
            input: String::new(),
        };
        let result = hook.run(&|| self.is_to_end());
        result.map_err(|source| AgentError::Hook {
            when: "before",
            source,
        })
    }

    /// Runs the command after a snapshot, and notes where it failed: the snapshot stays.
    pub(super) fn run_after(&self, scope: &Scope, result: &Result<Round, AgentError>) {
        let hooks = self.shared.hooks();
        let Some(command) = hooks.after.filter(|_| !scope.is_empty()) else {
            return;
        };
        let mut variables = variables("after", scope);
        let mut add = |name, value: String| variables.push((name, value));
        match result {
            Ok(Round { snapshot: None, .. }) => {
                add("STRONGROOM_RESULT", "nothing-changed".to_owned());
            }
            Ok(Round {
                snapshot: Some(done),
                ..
            }) => {
                add("STRONGROOM_RESULT", "done".to_owned());
                add("STRONGROOM_SNAPSHOT", to_hex(&done.snapshot.hash));
                add("STRONGROOM_FILES_NEW", done.files.new.to_string());
                add("STRONGROOM_FILES_CHANGED", done.files.changed.to_string());
                add("STRONGROOM_FILES_FAILED", done.failed.to_string());
                add("STRONGROOM_BYTES_STORED", done.bytes_stored.to_string());
            }
            Err(error) => {
                add("STRONGROOM_RESULT", "failed".to_owned());
                add("STRONGROOM_REASON", with_causes(error));
            }
        }
        let hook = Hook {
            command: &command,
            seconds: hooks.seconds,
            variables,
            input: String::new(),
        };
        let failed = hook.run(&|| self.is_to_end()).err();
        let failed = failed.map(|error| {
            let why = with_causes(&error);
            format!("the command after the snapshot failed: {why}")
        });
        self.shared.status().hook_failed = failed;
    }

    /// Tells people what has been wrong for long, and keeps what is to be known after a restart.
    pub(super) fn look_for_alarms(&self) {
        let now = seconds_of(self.tools.clock.now());
        let status = self.shared.status().clone();
        let conditions = conditions(&status, &status.complete);
        let mut notices = Vec::new();
        let result = self.shared.notebook().change(|note| {
            notices = note.alarms.judge(&conditions, now);
            let is_old = |name: &str, at: i64| {
                let noted = note.complete.get(name);
                noted.is_none_or(|noted| (at - noted).abs() >= NOTE_LAG)
            };
            if status.complete.iter().any(|(name, at)| is_old(name, *at)) {
                (note.complete, note.last_success) = (status.complete.clone(), status.last_success);
            }
        });
        if let Err(error) = result {
            let why = with_causes(&error);
            self.shared.status().hook_failed = Some(format!("alarms cannot be noted: {why}"));
        }
        for notice in notices {
            self.announcer.tell(notice);
        }
        let headline = self.shared.status().headline();
        self.request.supervisor.status(&headline);
    }
}

/// Returns what every command is told.
fn variables(hook: &'static str, scope: &Scope) -> Vec<(&'static str, String)> {
    let looks_at = match scope {
        Scope::All => "everything",
        Scope::Hints(_) => "changes",
    };
    vec![
        ("STRONGROOM_HOOK", hook.to_owned()),
        ("STRONGROOM_LOOKS_AT", looks_at.to_owned()),
    ]
}
