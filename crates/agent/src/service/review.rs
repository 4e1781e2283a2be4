//! What the service does around a snapshot: the commands of the user, and what it tells.

use strongroom_base::ids::to_hex;
use strongroom_base::with_causes;

use super::Service;
use super::hook::Hook;
use super::pending::Scope;
use crate::AgentError;
use crate::backup::Round;

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
        let result = hook.run(&|| {
            self.shared.beat();
            self.is_to_end()
        });
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

    /// Lets alarms be looked for, and tells whoever supervises the service what it does.
    pub(super) fn tell_others(&self) {
        self.announcer.look();
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
