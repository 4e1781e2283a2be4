//! The nodes: the program itself, on one database and with one home folder.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use std::io::BufReader;

use strongroom_db::{Address, Database};

/// Two nodes; killed when the test ends.
pub(crate) struct Cluster {
    home: PathBuf,
    url: String,
    nodes: Vec<Node>,
    /// The link of the first sysadmin.
    pub(crate) link: String,
}

struct Node {
    child: Child,
    address: SocketAddr,
    stdout: BufReader<ChildStdout>,
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Cluster {
    /// Starts two nodes on a schema of their own.
    pub(crate) async fn start(folder: &Path) -> Self {
        let service = strongroom_testkit::service("postgresql");
        let schema = folder.file_name().unwrap().to_string_lossy();
        let schema: String = schema.chars().filter(char::is_ascii_alphanumeric).collect();
        let schema = format!("cluster_{}", schema.to_lowercase());
        let address: Address = service.text("url").parse().unwrap();
        // What is opened once is made; the nodes are told where it is.
        drop(
            Database::open(&address.with_schema(&schema), 1)
                .await
                .unwrap(),
        );
        let url = format!("{}?options=-csearch_path%3D{schema}", service.text("url"));
        let home = folder.join("home");
        let mut first = spawn(&home, &url);
        let link = word(&mut first.stdout, "  ");
        let second = spawn(&home, &url);
        Self {
            home,
            url,
            nodes: vec![first, second],
            link,
        }
    }

    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.nodes.iter().map(|node| node.address).collect()
    }

    /// Kills a node as a power cut would.
    pub(crate) fn kill(&mut self, which: usize) {
        let child = &mut self.nodes[which].child;
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Starts a node again that was killed, and returns where it is now.
    pub(crate) async fn restart(&mut self, which: usize) -> SocketAddr {
        let (home, url) = (self.home.clone(), self.url.clone());
        let node = tokio::task::spawn_blocking(move || spawn(&home, &url));
        self.nodes[which] = node.await.unwrap();
        self.nodes[which].address
    }

    /// Verifies an export as anybody would, and returns what was said.
    #[expect(clippy::disallowed_methods, reason = "a file of a test")]
    pub(crate) fn verify(&self, log: &str) -> String {
        let file = self.home.join("export");
        std::fs::write(&file, log).unwrap();
        let asked = |words: &[&str]| {
            let mut command = program(&self.home, &self.url);
            let output = command.args(words).output().unwrap();
            let said = [output.stdout, output.stderr].concat();
            let said = String::from_utf8(said).unwrap();
            assert!(output.status.success(), "{words:?}: {said}");
            said
        };
        let key = asked(&["audit", "key"]);
        let file = file.to_str().unwrap();
        let said = asked(&["audit", "verify", file, "--trusted-key", key.trim()]);
        let n_records = log.matches("{\"kind\":\"record\"").count();
        let whole = format!("entries 1 to {n_records} of the log ");
        assert!(said.starts_with(&whole), "{said}");
        said.lines().next().unwrap().to_owned()
    }
}

fn program(home: &Path, url: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_strongroom-server"));
    command.env_clear().arg("--home").arg(home);
    command
        .env("STRONGROOM_SERVER_LISTEN_ADDRESS", "127.0.0.1:0")
        .env("STRONGROOM_SERVER_DATABASE_URL", url)
        // Who writes as fast as it goes is slowed down otherwise.
        .env("STRONGROOM_SERVER_LIMITS_REQUESTS_AT_ONCE", "1000000")
        .env("STRONGROOM_SERVER_LIMITS_REQUESTS_A_SECOND", "1000000");
    command
}

fn spawn(home: &Path, url: &str) -> Node {
    let mut command = program(home, url);
    command
        .arg("run")
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let address = word(&mut stdout, "listening on ");
    Node {
        child,
        address: address.parse().unwrap(),
        stdout,
    }
}

/// Reads up to the line that begins like this, and returns the rest of it.
fn word(stdout: &mut impl std::io::BufRead, before: &str) -> String {
    loop {
        let mut line = String::new();
        assert!(stdout.read_line(&mut line).unwrap() > 0, "the node ended");
        if let Some(rest) = line.trim_end().strip_prefix(before) {
            return rest.to_owned();
        }
    }
}
