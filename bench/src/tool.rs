//! What a measured backup tool is, and where it keeps what belongs to it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::str::FromStr;

use anyhow::{Context as _, Result, bail};

use crate::folders;

/// The password of every repository that is made here; it protects nothing.
pub(crate) const PASSWORD: &str = "benchmark";

/// A backup tool, by the commands it is run with.
///
/// The commands of [`Tool::backup`] and [`Tool::restore`] are measured; everything else is not.
pub(crate) trait Tool {
    /// The name in the table.
    fn name(&self) -> &'static str;

    /// What the tool calls itself, or `None` if it is not installed.
    fn version(&self) -> Option<String>;

    /// Makes an empty repository.
    fn set_up(&self, place: &Place) -> Result<()>;

    /// The command of the `number`th backup of `source`, counted from 1.
    fn backup(&self, place: &Place, source: &Path, number: u32) -> Result<Command>;

    /// The command that restores the `number`th backup into the existing, empty folder `out`.
    fn restore(&self, place: &Place, number: u32, out: &Path) -> Result<Command>;

    /// The command of a first backup to three destinations in one run, if the tool can.
    fn backup_to_three(&self, _place: &Place, _source: &Path) -> Result<Option<Command>> {
        Ok(None)
    }
}

/// A private folder of one run of one tool: repository, caches and log, all made new.
pub(crate) struct Place {
    folder: PathBuf,
}

impl Place {
    /// An empty place in this folder, whatever was there.
    pub(crate) fn new(folder: &Path) -> Result<Self> {
        folders::make_new(folder)?;
        fs::create_dir(folder.join("home"))?;
        Ok(Self {
            folder: folder.to_owned(),
        })
    }

    /// Where the repository is; the tool makes it.
    pub(crate) fn repository(&self) -> PathBuf {
        self.folder.join("repository")
    }

    /// A file or folder of the tool's own, such as a key or a profile.
    pub(crate) fn own(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Where the tool's output goes.
    pub(crate) fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// Runs a command that is not measured and gives its standard output.
    pub(crate) fn run(&self, mut command: Command) -> Result<String> {
        let output = command
            .stdin(Stdio::null())
            .stderr(File::create(self.log())?)
            .output();
        let output = output.with_context(|| format!("{command:?}"))?;
        if !output.status.success() {
            bail!("{command:?} ended with {}", output.status);
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// A command that starts a tool: a program and the words that come first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Program {
    words: Vec<String>,
}

impl Program {
    /// A command at `place`: home, caches and configuration are the place's own, so that no earlier
    /// run helps and nothing of the user is read.
    pub(crate) fn command(&self, place: &Place) -> Command {
        let mut command = self.bare();
        let home = place.own("home");
        command
            .env("XDG_CACHE_HOME", home.join("cache"))
            .env("XDG_CONFIG_HOME", home.join("config"))
            .env("XDG_DATA_HOME", home.join("data"))
            .env("XDG_STATE_HOME", home.join("state"))
            .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")
            .env("HOME", home);
        command
    }

    /// The first line the program answers to `argument`, or `None` if there is no such program.
    pub(crate) fn answer(&self, argument: &str) -> Option<String> {
        let output = self
            .bare()
            .arg(argument)
            .stdin(Stdio::null())
            .output()
            .ok()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let line = text.lines().next().filter(|_| output.status.success())?;
        Some(line.trim().to_owned())
    }

    fn bare(&self) -> Command {
        let mut command = Command::new(&self.words[0]);
        command.args(&self.words[1..]);
        command
    }
}

impl FromStr for Program {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        if words.is_empty() {
            return Err("an empty command".to_owned());
        }
        Ok(Self { words })
    }
}
