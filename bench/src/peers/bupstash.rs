//! bupstash, with one send log for all backups of a place, as its manual asks for.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::tool::{Place, Program, Tool};

/// The command line of bupstash.
pub(crate) struct Bupstash {
    pub(crate) program: Program,
}

impl Bupstash {
    fn command(&self, place: &Place, action: &str) -> Command {
        let mut command = self.program.command(place);
        command
            .env("BUPSTASH_REPOSITORY", place.repository())
            .env("BUPSTASH_KEY", place.own("key"))
            .env("BUPSTASH_SEND_LOG", place.own("send-log"))
            .env("BUPSTASH_QUERY_CACHE", place.own("query-cache"))
            .arg(action);
        command
    }
}

impl Tool for Bupstash {
    fn name(&self) -> &'static str {
        "bupstash"
    }

    fn version(&self) -> Option<String> {
        self.program.answer("--version")
    }

    fn set_up(&self, place: &Place) -> Result<()> {
        place.run(self.command(place, "init"))?;
        let mut command = self.command(place, "new-key");
        command.arg("-o").arg(place.own("key"));
        place.run(command).map(drop)
    }

    fn backup(&self, place: &Place, source: &Path, number: u32) -> Result<Command> {
        let mut command = self.command(place, "put");
        command
            .args(["--compression", "zstd:3"])
            .arg(format!("name={number}"))
            .arg(source);
        Ok(command)
    }

    fn restore(&self, place: &Place, number: u32, out: &Path) -> Result<Command> {
        let mut command = self.command(place, "restore");
        command.arg("--into").arg(out).arg(format!("name={number}"));
        Ok(command)
    }
}
