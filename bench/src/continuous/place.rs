//! A folder of one measurement: a home, a profile with destinations, and everything that is written.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, Result, bail, ensure};

use crate::folders;
use crate::options::Options;

/// An address where no bus is: what this machine knows of batteries and sessions is none of a measurement's business.
const NOWHERE: &str = "unix:path=/nowhere/at/all";

/// A folder of one measurement, which is removed with this.
pub(crate) struct Place {
    pub(crate) folder: PathBuf,
    program: PathBuf,
    keeps: bool,
}

impl Place {
    /// Makes an empty one, with a profile and these folder destinations.
    pub(crate) fn new(options: &Options, name: &str, destinations: &[&str]) -> Result<Self> {
        fs::create_dir_all(&options.work)?;
        // The program runs elsewhere.
        let folder = options.work.canonicalize()?.join(name);
        folders::make_new(&folder)?;
        let program = options.strongroom.canonicalize();
        let program = program.with_context(|| options.strongroom.display().to_string())?;
        let place = Self {
            folder,
            program,
            keeps: options.keep,
        };
        fs::create_dir(place.path("home"))?;
        place.run(["--quiet", "init"])?;
        for name in destinations {
            let folder = place.destination(name);
            let folder = text(&folder)?;
            place.run(["--quiet", "destination", "add", name, folder])?;
        }
        if let Some(percent) = options.cpu {
            let share = format!("{percent}%");
            place.run(["agent", "set", "present", "--cpu", &share])?;
        }
        Ok(place)
    }

    /// Returns a path in it.
    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.folder.join(below)
    }

    /// Returns where a folder destination is.
    pub(crate) fn destination(&self, name: &str) -> PathBuf {
        self.path("destinations").join(name)
    }

    /// Returns the profile.
    pub(crate) fn profile(&self) -> PathBuf {
        self.path("profile")
    }

    /// Returns where the records of the archive are at a folder destination.
    pub(crate) fn log(&self, destination: &str) -> Result<PathBuf> {
        let folder = self.destination(destination);
        for entry in fs::read_dir(&folder)? {
            let log = entry?.path().join("log");
            if log.is_dir() {
                return Ok(log);
            }
        }
        bail!("there is no archive in {}", folder.display())
    }

    /// Makes a command of another program that has nothing of this machine's surroundings.
    pub(crate) fn command_of(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(&self.folder)
            .env_clear()
            .env("STRONGROOM_PROFILE", self.profile())
            .env("HOME", self.path("home"))
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("TZ", "UTC")
            .env("DBUS_SESSION_BUS_ADDRESS", NOWHERE)
            .env("DBUS_SYSTEM_BUS_ADDRESS", NOWHERE)
            .stdin(Stdio::null());
        command
    }

    /// Returns the program.
    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// Runs the program, which must succeed, and returns what it printed.
    pub(crate) fn run<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> Result<Vec<u8>> {
        let mut command = self.command_of(&self.program);
        command.args(words);
        Ok(succeeded(&mut command)?.stdout)
    }

    /// Returns a file of the newest snapshot as a destination has it, by another process than the agent.
    pub(crate) fn dump(&self, destination: &str, file: &Path) -> Result<Vec<u8>> {
        let file = format!("latest:{}", text(file)?);
        self.run(["--quiet", "dump", "--from", destination, &file])
    }

    /// Makes sure that a destination gives a file back as it is.
    pub(crate) fn prove(&self, destination: &str, file: &Path, bytes: &[u8]) -> Result<()> {
        let found = self.dump(destination, file)?;
        ensure!(
            found == bytes,
            "{destination} gives {} back with other bytes than it has",
            file.display()
        );
        Ok(())
    }

    /// Opens the file that the agent's words go to, behind those that are there.
    pub(crate) fn agent_log(&self) -> Result<File> {
        let path = self.path("agent.log");
        let log = File::options().create(true).append(true).open(&path);
        log.with_context(|| path.display().to_string())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.keeps {
            // What is left is removed by the next run.
            let _ = folders::remove(&self.folder);
        }
    }
}

/// Runs a command, which must succeed.
pub(crate) fn succeeded(command: &mut Command) -> Result<Output> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr);
        let said = String::from_utf8_lossy(&output.stdout);
        bail!(
            "{command:?} ended with {}: {} {}",
            output.status,
            error.trim(),
            said.trim()
        );
    }
    Ok(output)
}

/// Returns a path as a word of a command.
pub(crate) fn text(path: &Path) -> Result<&str> {
    path.to_str()
        .with_context(|| format!("{} is not UTF-8", path.display()))
}
