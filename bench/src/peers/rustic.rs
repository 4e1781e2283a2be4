//! rustic, which writes restic's format.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::tool::{PASSWORD, Place, Program, Tool};

/// The command line of rustic.
pub(crate) struct Rustic {
    pub(crate) program: Program,
}

impl Rustic {
    fn command(&self, place: &Place) -> Command {
        let mut command = self.program.command(place);
        command
            .arg("-r")
            .arg(place.repository())
            .args(["--password", PASSWORD]);
        command
    }
}

impl Tool for Rustic {
    fn name(&self) -> &'static str {
        "rustic"
    }

    fn version(&self) -> Option<String> {
        self.program.answer("--version")
    }

    fn set_up(&self, place: &Place) -> Result<()> {
        let mut command = self.command(place);
        command.arg("init");
        place.run(command).map(drop)
    }

    fn backup(&self, place: &Place, source: &Path, _number: u32) -> Result<Command> {
        let mut command = self.command(place);
        command.arg("backup").arg(source);
        Ok(command)
    }

    fn restore(&self, place: &Place, _number: u32, out: &Path) -> Result<Command> {
        let mut command = self.command(place);
        command.args(["restore", "latest"]).arg(out);
        Ok(command)
    }
}
