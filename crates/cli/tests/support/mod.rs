//! A folder in which the program runs, with nothing of this machine's surroundings.

#![allow(dead_code, reason = "no test file needs all of it")]

pub(crate) mod agent;
pub(crate) mod drawn;
pub(crate) mod three;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// A folder with a profile, files and destinations.
pub(crate) struct Place(TempDir);

/// What a run printed, and how it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.0.path().join(below)
    }

    pub(crate) fn write(&self, below: &str, content: impl AsRef<[u8]>) {
        let path = self.path(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        put(&path, content.as_ref());
    }

    /// Writes a file that only its owner may read.
    pub(crate) fn write_secret(&self, below: &str, content: &str) {
        self.write(below, content);
        fs::set_permissions(self.path(below), fs::Permissions::from_mode(0o600)).unwrap();
    }

    pub(crate) fn read(&self, below: &str) -> String {
        fs::read_to_string(self.path(below)).unwrap()
    }

    /// Runs the program in the folder with its own profile.
    pub(crate) fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Ran {
        self.run_with("profile", arguments)
    }

    /// Runs the program with the profile in a folder of this name.
    pub(crate) fn run_with<A: AsRef<OsStr>>(
        &self,
        profile: &str,
        arguments: impl IntoIterator<Item = A>,
    ) -> Ran {
        self.run_on("unix:path=/nowhere/at/all", profile, arguments)
    }

    /// Runs the program with the bus of a session.
    pub(crate) fn run_on<A: AsRef<OsStr>>(
        &self,
        bus: &str,
        profile: &str,
        arguments: impl IntoIterator<Item = A>,
    ) -> Ran {
        let mut command = self.command(env!("CARGO_BIN_EXE_strongroom"), bus, profile);
        self.ran(command.args(arguments))
    }

    /// Starts the program with its own profile; what it says on the standard error can be read as it comes.
    pub(crate) fn start(&self, line: &str) -> Child {
        let program = env!("CARGO_BIN_EXE_strongroom");
        let mut command = self.command(program, "unix:path=/nowhere/at/all", "profile");
        command.args(line.split(' '));
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// Runs the program on a disk that cannot read some files, `times` such as `1+` or `1..2`.
    pub(crate) fn run_with_bad_sectors(&self, files: &[PathBuf], times: &str, line: &str) -> Ran {
        let mut command = self.command("strace", "unix:path=/nowhere/at/all", "profile");
        command.args(["-f", "-qq", "-o", "/dev/null"]);
        for file in files {
            command.arg("-P").arg(file);
        }
        command.arg("-e");
        command.arg(format!("inject=read,pread64:error=EIO:when={times}"));
        command.arg(env!("CARGO_BIN_EXE_strongroom"));
        self.ran(command.args(line.split(' ')))
    }

    /// Says whether places are on a file system that is known to be on a disk.
    pub(crate) fn is_on_disk(&self) -> bool {
        let mut stat = Command::new("stat");
        let stat = stat.args(["-f", "-c", "%T"]).arg(self.0.path());
        let kind = String::from_utf8(stat.output().unwrap().stdout).unwrap();
        ["ext2/ext3", "xfs", "btrfs", "tmpfs", "overlayfs"].contains(&kind.trim())
    }

    fn command(&self, program: &str, bus: &str, profile: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.0.path())
            .env_clear()
            .env("STRONGROOM_PROFILE", self.path(profile))
            .env("HOME", self.path("home"))
            .env("TZ", "UTC")
            // A keystore of this machine is none of a test's business.
            .env("DBUS_SESSION_BUS_ADDRESS", bus)
            .stdin(Stdio::null());
        command
    }

    fn ran(&self, command: &mut Command) -> Ran {
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            text.replace(&self.0.path().display().to_string(), "HERE")
        };
        Ran {
            code: output.status.code().unwrap_or(-1),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }

    /// Runs the program, which must succeed.
    pub(crate) fn ok(&self, line: &str) -> Ran {
        let ran = self.run(line.split(' '));
        assert_eq!(ran.code, 0, "{line}: {ran:?}");
        ran
    }

    /// Runs the program, which must end with this code.
    pub(crate) fn fails(&self, line: &str, code: i32) -> Ran {
        let ran = self.run(line.split(' '));
        assert_eq!(ran.code, code, "{line}: {ran:?}");
        ran
    }

    /// Returns the id of the only archive of the profile.
    pub(crate) fn archive(&self) -> String {
        let settings = self.read("profile/config.toml");
        let (_, rest) = settings.split_once("[[archive]]").unwrap();
        let id = rest.split('"').nth(1).unwrap();
        assert_eq!(id.len(), 32, "{settings}");
        id.to_owned()
    }

    /// Returns the ids of the archives at a destination.
    pub(crate) fn archives(&self, destination: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(destination)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut ids: Vec<String> = names.filter(|name| name.len() == 32).collect();
        ids.sort();
        ids
    }
}

#[expect(clippy::disallowed_methods, reason = "a test needs no durable files")]
pub(crate) fn put(path: &Path, content: &[u8]) {
    fs::write(path, content).unwrap();
}
