//! vykar, which is told everything in a configuration file.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::tool::{PASSWORD, Place, Program, Tool};

/// The command line of vykar.
pub(crate) struct Vykar {
    pub(crate) program: Program,
}

impl Vykar {
    fn command(&self, place: &Place, action: &str) -> Command {
        let mut command = self.program.command(place);
        command
            .env("VYKAR_PASSPHRASE", PASSWORD)
            .arg("--config")
            .arg(place.own("vykar.yaml"))
            .args([action, "-R", "bench"]);
        command
    }
}

impl Tool for Vykar {
    fn name(&self) -> &'static str {
        "vykar"
    }

    fn version(&self) -> Option<String> {
        self.program.answer("--version")
    }

    fn set_up(&self, place: &Place) -> Result<()> {
        let mut file = File::create(place.own("vykar.yaml"))?;
        let url = place.repository();
        write!(
            file,
            "repositories:\n  - url: \"{}\"\n    label: bench\n",
            url.display()
        )?;
        place.run(self.command(place, "init")).map(drop)
    }

    fn backup(&self, place: &Place, source: &Path, _number: u32) -> Result<Command> {
        let mut command = self.command(place, "backup");
        command.args(["-l", "bench"]).arg(source);
        Ok(command)
    }

    /// The latest snapshot: its id is the first word under the heading of `list --last 1`.
    fn restore(&self, place: &Place, _number: u32, out: &Path) -> Result<Command> {
        let mut list = self.command(place, "list");
        list.args(["--last", "1"]);
        let text = place.run(list)?;
        let mut lines = text.lines().filter(|line| !line.trim().is_empty()).skip(1);
        let snapshot = lines.next().and_then(|line| line.split_whitespace().next());
        let mut command = self.command(place, "restore");
        command
            .arg(snapshot.context("vykar lists no snapshot")?)
            .arg(out);
        Ok(command)
    }
}
