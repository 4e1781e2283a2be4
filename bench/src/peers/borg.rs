//! borg 1.4, with the compression that its users choose where the others have zstd by default.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::tool::{PASSWORD, Place, Program, Tool};

/// The command line of borg.
pub(crate) struct Borg {
    pub(crate) program: Program,
}

impl Borg {
    fn command(&self, place: &Place, action: &str) -> Command {
        let mut command = self.program.command(place);
        command
            .env("BORG_PASSPHRASE", PASSWORD)
            .env("BORG_BASE_DIR", place.own("home"))
            .env("BORG_REPO", place.repository())
            .arg(action);
        command
    }
}

impl Tool for Borg {
    fn name(&self) -> &'static str {
        "borg"
    }

    fn version(&self) -> Option<String> {
        self.program.answer("--version")
    }

    fn set_up(&self, place: &Place) -> Result<()> {
        let mut command = self.command(place, "init");
        command.args(["--encryption", "repokey-blake2"]);
        place.run(command).map(drop)
    }

    fn backup(&self, place: &Place, source: &Path, number: u32) -> Result<Command> {
        let mut command = self.command(place, "create");
        command
            .args(["--compression", "zstd,3"])
            .arg(format!("::{number}"))
            .arg(source);
        Ok(command)
    }

    fn restore(&self, place: &Place, number: u32, out: &Path) -> Result<Command> {
        let mut command = self.command(place, "extract");
        command.arg(format!("::{number}")).current_dir(out);
        Ok(command)
    }
}
