//! Gives the unit of the service to systemd, and takes it away.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use strongroom_store::durable;

use super::unit::{Scope, Unit};
use crate::AgentError;

/// The mode of the file: the manager reads it as whoever it runs for.
const MODE: u32 = 0o644;
/// Where the units of the whole computer are.
const SYSTEM_DIR: &str = "/etc/systemd/system";
/// Is there where systemd runs.
const RUNS: &str = "/run/systemd/system";

/// Where the unit goes, and whether systemd is told.
#[derive(Clone, Debug)]
pub struct Manager {
    scope: Scope,
    dir: PathBuf,
    is_there: bool,
}

impl Manager {
    /// Finds the manager of a scope; `settings` is the folder of the user's settings.
    pub fn find(scope: Scope, settings: &Path) -> Self {
        let dir = match scope {
            Scope::User => settings.join("systemd/user"),
            Scope::System => PathBuf::from(SYSTEM_DIR),
        };
        Self {
            scope,
            dir,
            is_there: Path::new(RUNS).is_dir(),
        }
    }

    /// Returns the path of the unit.
    pub fn path(&self) -> PathBuf {
        self.dir.join(Unit::NAME)
    }

    /// Writes the unit and lets it start with the session or the computer, and now where that is wanted.
    pub fn install(&self, unit: &Unit, now: bool) -> Result<(), AgentError> {
        self.require()?;
        let failed = |op| {
            let path = self.path().display().to_string();
            move |source| AgentError::Local { op, path, source }
        };
        std::fs::create_dir_all(&self.dir).map_err(failed("make the folder of"))?;
        durable::write_atomic(&self.path(), unit.to_text().as_bytes(), MODE)?;
        self.tell(&["daemon-reload"])?;
        self.tell(&["enable", Unit::NAME])?;
        if now {
            // Where it runs already, it begins anew with what is written now.
            self.tell(&["restart", Unit::NAME])?;
        }
        Ok(())
    }

    /// Ends the service and removes the unit; says whether there was one.
    pub fn uninstall(&self) -> Result<bool, AgentError> {
        if !self.path().exists() {
            return Ok(false);
        }
        if self.is_there {
            self.tell(&["disable", "--now", Unit::NAME])?;
        }
        std::fs::remove_file(self.path()).map_err(|source| AgentError::Local {
            op: "remove",
            path: self.path().display().to_string(),
            source,
        })?;
        if self.is_there {
            self.tell(&["daemon-reload"])?;
        }
        Ok(true)
    }

    fn require(&self) -> Result<(), AgentError> {
        if self.is_there {
            Ok(())
        } else {
            Err(AgentError::NoSystemd)
        }
    }

    fn tell(&self, words: &[&str]) -> Result<(), AgentError> {
        let mut command = Command::new("systemctl");
        if self.scope == Scope::User {
            command.arg("--user");
        }
        let output = command.args(words).output();
        let failed = |source| AgentError::Systemctl {
            what: words.join(" "),
            source,
        };
        let output = output.map_err(failed)?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(failed(io::Error::other(said)))
    }
}
