//! The program as it is started: its first words, TLS, what it does with slow clients, and how it ends.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use reqwest::tls::Version;
use reqwest::{Client, ClientBuilder};
use rustix::process::{Pid, Signal, kill_process};

/// A server of its own, killed when the test ends.
struct Server {
    child: Child,
    stdout: BufReader<ChildStdout>,
    address: String,
    fingerprint: String,
}

fn program(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_strongroom-server"));
    command.arg("--home").arg(home);
    command.env("STRONGROOM_SERVER_LISTEN_ADDRESS", "127.0.0.1:0");
    command
}

impl Server {
    fn start(home: &Path) -> Self {
        let mut command = program(home);
        command
            .arg("run")
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut word = |before: &str| {
            let mut line = String::new();
            stdout.read_line(&mut line).unwrap();
            let rest = line.trim_end().strip_prefix(before);
            rest.unwrap_or_else(|| panic!("{line}")).to_owned()
        };
        let address = word("listening on ");
        let fingerprint = word("certificate (SHA-256): ");
        Self {
            child,
            stdout,
            address,
            fingerprint,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.address)
    }

    /// Tells it to end, and returns the rest of what it said.
    fn end(mut self) -> String {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM).unwrap();
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        assert!(self.child.wait().unwrap().success());
        rest
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The certificate vouches for itself; clients of Strongroom pin it.
fn client() -> ClientBuilder {
    Client::builder().danger_accept_invalid_certs(true)
}

#[tokio::test]
async fn it_starts_serves_and_ends() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    let server = Server::start(&home);
    assert_eq!(server.fingerprint.len(), 64);
    let client = client().build().unwrap();
    let ready = client
        .get(server.url("/health/ready"))
        .send()
        .await
        .unwrap();
    assert_eq!(ready.status(), 200);
    assert_eq!(ready.text().await.unwrap(), "ready\n");
    let me = client.get(server.url("/api/v1/me")).send().await.unwrap();
    assert_eq!(me.status(), 401);
    let (address, fingerprint) = (server.address.clone(), server.fingerprint.clone());
    let said = server.end();
    let link = said.lines().last().unwrap().trim();
    let port = address.rsplit(':').next().unwrap();
    let start = format!("https://localhost:{port}/link/srl_");
    assert!(link.starts_with(&start), "{said}");
    assert!(link.ends_with(&fingerprint), "{said}");
    // The second time there is the same certificate, and no link.
    let again = Server::start(&home);
    assert_eq!(again.fingerprint, fingerprint);
    assert_eq!(again.end(), "");
}

#[tokio::test]
async fn tls_is_new_and_who_says_nothing_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&folder.path().join("home"));
    let old = client().tls_version_max(Version::TLS_1_2).build().unwrap();
    assert!(old.get(server.url("/health/live")).send().await.is_err());
    // Nobody holds a connection without a handshake for long.
    let mut silent = TcpStream::connect(&server.address).unwrap();
    silent
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    let mut rest = Vec::new();
    let read = silent.read_to_end(&mut rest);
    assert!(matches!(read, Ok(0)), "{read:?}");
}

#[test]
fn a_wrong_configuration_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let check = |name: &str, value: &str| {
        let mut command = program(folder.path());
        command.args(["config", "check"]).env(name, value);
        let output = command.output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(text).unwrap())
    };
    let (is_good, said) = check("STRONGROOM_SERVER_LOG_LEVEL", "debug");
    assert_eq!(
        (is_good, said.as_str()),
        (true, "the configuration is good\n")
    );
    let (is_good, said) = check("STRONGROOM_SERVER_LOG_LEVEL", "loud");
    assert!(
        !is_good && said.contains("log.level: one of error"),
        "{said}"
    );
    let mut schema = program(folder.path());
    let schema = schema.args(["config", "schema"]).output().unwrap();
    let schema: serde_json::Value = serde_json::from_slice(&schema.stdout).unwrap();
    assert!(schema["properties"]["database"].is_object());
}
