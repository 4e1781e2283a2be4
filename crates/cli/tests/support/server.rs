//! A server as it is started, killed when the test ends.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

/// A server of its own, with its first link.
pub(crate) struct Server {
    child: Child,
    pub(crate) fingerprint: String,
    pub(crate) port: u16,
    /// The link of the first sysadmin.
    pub(crate) link: String,
}

#[allow(dead_code, reason = "no test file needs all of it")]
impl Server {
    /// Starts one with more in its environment.
    pub(crate) fn start(home: &Path, environment: &[(&str, String)]) -> Self {
        let (mut server, mut stdout) = Self::launch(home, environment);
        word(&mut stdout, "the first sysadmin signs in with this link");
        server.link = word(&mut stdout, "  ");
        server
    }

    /// Starts one that was there before, at the port that its clients know.
    pub(crate) fn start_again(home: &Path, port: u16) -> Self {
        let listen = format!("127.0.0.1:{port}");
        let environment = [("STRONGROOM_SERVER_LISTEN_ADDRESS", listen)];
        Self::launch(home, &environment).0
    }

    fn launch(home: &Path, environment: &[(&str, String)]) -> (Self, BufReader<ChildStdout>) {
        let mut command = Command::new(program());
        command
            .arg("--home")
            .arg(home)
            .arg("run")
            .env("STRONGROOM_SERVER_LISTEN_ADDRESS", "127.0.0.1:0")
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let address = word(&mut stdout, "listening on ");
        let fingerprint = word(&mut stdout, "certificate (SHA-256): ");
        let port = address.rsplit(':').next().unwrap().parse().unwrap();
        let server = Self {
            child,
            fingerprint,
            port,
            link: String::new(),
        };
        (server, stdout)
    }

    /// Tells it to end, and waits until it has.
    pub(crate) fn end(mut self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        assert!(self.child.wait().unwrap().success());
    }

    /// Runs another command of the server's program; returns whether it succeeded, and what it said.
    pub(crate) fn run(home: &Path, line: &str) -> (bool, String) {
        let mut command = Command::new(program());
        command.arg("--home").arg(home).args(line.split(' '));
        let output = command.stdin(Stdio::null()).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(said).unwrap())
    }
}

/// Reads the next line, which begins like this, and returns the rest of it.
fn word(stdout: &mut impl BufRead, before: &str) -> String {
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    let rest = line.trim_end().strip_prefix(before);
    rest.unwrap_or_else(|| panic!("{line}")).to_owned()
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The server's program is built beside the one that is tested.
fn program() -> PathBuf {
    let beside = Path::new(env!("CARGO_BIN_EXE_strongroom"));
    let program = beside.with_file_name("strongroom-server");
    assert!(
        program.exists(),
        "build it: cargo build -p strongroom-serverd"
    );
    program
}
