//! A server as it is started, killed when the test ends.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A server of its own, with its first link.
pub(crate) struct Server {
    child: Child,
    pub(crate) fingerprint: String,
    pub(crate) port: u16,
    /// The link of the first sysadmin.
    pub(crate) link: String,
}

impl Server {
    /// Starts one with more in its environment.
    pub(crate) fn start(home: &Path, environment: &[(&str, String)]) -> Self {
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
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut word = |before: &str| {
            let line = lines.next().unwrap().unwrap();
            let rest = line.strip_prefix(before);
            rest.unwrap_or_else(|| panic!("{line}")).to_owned()
        };
        let address = word("listening on ");
        let fingerprint = word("certificate (SHA-256): ");
        word("the first sysadmin signs in with this link");
        let link = word("  ");
        let port = address.rsplit(':').next().unwrap().parse().unwrap();
        Self {
            child,
            fingerprint,
            port,
            link,
        }
    }
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
