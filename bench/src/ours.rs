//! Strongroom itself.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::options::Options;
use crate::tool::{Place, Program, Tool};

/// The name of Strongroom in tables and results.
pub(crate) const NAME: &str = "strongroom";

/// The command line of Strongroom.
struct Strongroom {
    program: Program,
}

/// The command that was named, or the one built beside this program; never one that happens to be on PATH.
pub(crate) fn find(options: &Options) -> Option<Box<dyn Tool>> {
    let beside = || {
        std::env::current_exe()
            .ok()?
            .with_file_name(NAME)
            .to_str()?
            .parse()
            .ok()
    };
    let program = options.strongroom.clone().or_else(beside)?;
    Some(Box::new(Strongroom { program }))
}

impl Strongroom {
    fn command(&self, place: &Place) -> Command {
        let mut command = self.program.command(place);
        command.arg("--profile").arg(place.own("profile"));
        command
    }

    fn backup_to(&self, place: &Place, source: &Path, destinations: &[PathBuf]) -> Command {
        let mut command = self.command(place);
        command.arg("backup").arg(source);
        for destination in destinations {
            command.arg("--to").arg(destination);
        }
        command.arg("--json");
        command
    }
}

impl Tool for Strongroom {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> Option<String> {
        self.program.answer("--version")
    }

    /// Nothing: the first backup makes profile and archive, and is measured with it.
    fn set_up(&self, _place: &Place) -> Result<()> {
        Ok(())
    }

    fn backup(&self, place: &Place, source: &Path, _number: u32) -> Result<Command> {
        Ok(self.backup_to(place, source, &[place.repository()]))
    }

    fn restore(&self, place: &Place, _number: u32, out: &Path) -> Result<Command> {
        let mut command = self.command(place);
        command
            .args(["restore", "latest", "--to"])
            .arg(out)
            .arg("--json");
        Ok(command)
    }

    fn backup_to_three(&self, place: &Place, source: &Path) -> Result<Option<Command>> {
        std::fs::create_dir_all(place.repository())?;
        let destinations = ["a", "b", "c"].map(|name| place.repository().join(name));
        Ok(Some(self.backup_to(place, source, &destinations)))
    }
}
