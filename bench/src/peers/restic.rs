//! restic, 0.14 or newer (older ones do not compress).

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::tool::{PASSWORD, Place, Program, Tool};

/// The command line of restic.
pub(crate) struct Restic {
    pub(crate) program: Program,
}

impl Restic {
    fn command(&self, place: &Place) -> Command {
        let mut command = self.program.command(place);
        command
            .env("RESTIC_PASSWORD", PASSWORD)
            .arg("-r")
            .arg(place.repository());
        command
    }
}

impl Tool for Restic {
    fn name(&self) -> &'static str {
        "restic"
    }

    fn version(&self) -> Option<String> {
        self.program.answer("version")
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
        command.args(["restore", "latest", "--target"]).arg(out);
        Ok(command)
    }
}
