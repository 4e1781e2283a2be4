//! The server of the demonstration: an organisation, a sysadmin, and this computer enrolled.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};

use super::{Demo, LOOK_EVERY, PATIENCE};
use crate::command;

/// Where a server listens, if nobody else does.
const PORT: u16 = 7443;
/// The organisation that is made.
const ORGANISATION: &str = "Demonstration";
/// The account that is for whoever runs the demonstration.
const CHIEF: &str = "chief";

/// The server, which goes on running until somebody stops it.
pub(super) struct Server<'d> {
    demo: &'d Demo,
    program: PathBuf,
    /// A link with which the chief chooses a password.
    pub(super) link: String,
}

/// Stops the server that an earlier demonstration left running in this folder.
pub(super) fn stop(folder: &Path) -> Result<()> {
    let Ok(pid) = fs::read_to_string(pid_file(folder)) else {
        return Ok(());
    };
    let process = Path::new("/proc").join(pid.trim());
    // The number may be another program's by now.
    let home = folder.join("server");
    let words = fs::read(process.join("cmdline")).unwrap_or_default();
    let is_ours = words
        .split(|byte| *byte == 0)
        .any(|word| word == home.as_os_str().as_encoded_bytes());
    if !is_ours {
        return Ok(());
    }
    command::quietly(Command::new("kill").arg(pid.trim()))?;
    let begun = Instant::now();
    while process.join("exe").exists() {
        ensure!(
            begun.elapsed() < PATIENCE,
            "server {} does not end",
            pid.trim()
        );
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(())
}

fn pid_file(folder: &Path) -> PathBuf {
    folder.join("server.pid")
}

impl<'d> Server<'d> {
    /// Starts the server, makes an organisation and accounts, and enrols this computer.
    pub(super) fn start(demo: &'d Demo) -> Result<Self> {
        let program = demo.binary.with_file_name("strongroom-server");
        let mut server = Self {
            demo,
            program,
            link: String::new(),
        };
        let first = server.run()?;
        let password = server.password()?;
        let mut login = server.administrator(["login", "--setup", "-", "--password-file"]);
        login.arg(&password).stdin(Stdio::piped());
        println!(
            "$ strongroom login --setup - --password-file {}",
            password.display()
        );
        let mut child = login.spawn()?;
        let input = child.stdin.take().context("it takes the link")?;
        { input }.write_all(first.as_bytes())?;
        ensure!(child.wait()?.success(), "the first link was not taken");
        server.admin(&[
            "organisation",
            "create",
            ORGANISATION,
            "--parent",
            "Default",
        ])?;
        server.admin(&["user", "create", "Default", CHIEF])?;
        server.admin(&["role", "give", CHIEF, "sysadmin"])?;
        let link = server.asked(&["link", "invite", CHIEF])?;
        server.link = text(&link, "link")?;
        let key = server.asked(&["registration", "rotate", ORGANISATION])?;
        let mut enrol = demo.command(["enroll"]);
        enrol.arg(enrolment(&server.link, &text(&key, "key")?)?);
        enrol
            .args(["--user", "desk", "--password-file"])
            .arg(&password);
        println!("$ strongroom enroll strongroom://HOST/KEY#FINGERPRINT --user desk");
        command::quietly(&mut enrol)?;
        Ok(server)
    }

    /// Starts the program, notes its process, and returns the link of the first sysadmin.
    fn run(&self) -> Result<String> {
        let folder = &self.demo.folder;
        let told = folder.join("server.txt");
        let mut run = Command::new(&self.program);
        run.arg("--home")
            .arg(folder.join("server"))
            .arg("run")
            .env(
                "STRONGROOM_SERVER_LISTEN_ADDRESS",
                format!("127.0.0.1:{}", free_port()?),
            )
            .stdin(Stdio::null())
            .stdout(File::create(&told)?)
            .stderr(File::create(folder.join("server.log"))?)
            // What stops this program does not stop it.
            .process_group(0);
        let mut child = run.spawn().context("the server")?;
        writeln!(File::create(pid_file(folder))?, "{}", child.id())?;
        first_link(&mut child, &told)
    }

    /// Makes a password that nobody has chosen, in a file that only its owner can read.
    fn password(&self) -> Result<PathBuf> {
        let path = self.demo.folder.join("password");
        let mut bytes = [0; 16];
        File::open("/dev/urandom")?.read_exact(&mut bytes)?;
        let number = u128::from_be_bytes(bytes);
        let mut options = fs::OpenOptions::new();
        let mut file = options
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(&path)?;
        write!(file, "{number:032x}")?;
        Ok(path)
    }

    /// Where the one who administers is signed in.
    pub(super) fn profile(&self) -> PathBuf {
        self.demo.folder.join("administrator")
    }

    fn administrator<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = self.demo.command(words);
        command.env("STRONGROOM_PROFILE", self.profile());
        command
    }

    fn admin(&self, words: &[&str]) -> Result<()> {
        command::run(&mut self.administrator([&["admin"], words].concat()))
    }

    /// Runs a command whose answer is for this program.
    fn asked(&self, words: &[&str]) -> Result<serde_json::Value> {
        let words = [&["admin"], words, &["--json"]].concat();
        println!("$ strongroom {}", words.join(" "));
        let output = self
            .administrator(words)
            .stderr(Stdio::inherit())
            .output()?;
        ensure!(output.status.success(), "it ended with {}", output.status);
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}

fn text(answer: &serde_json::Value, field: &str) -> Result<String> {
    let text = answer[field].as_str().map(str::to_owned);
    text.with_context(|| format!("there is no {field} in the answer"))
}

/// Puts together what to enrol with, from a link of the server and a registration key.
fn enrolment(link: &str, key: &str) -> Result<String> {
    let rest = link.strip_prefix("https://").context("the link")?;
    let host = rest.split('/').next().unwrap_or_default();
    let (_, fingerprint) = rest
        .split_once('#')
        .context("the link has no fingerprint")?;
    Ok(format!("strongroom://{host}/{key}#{fingerprint}"))
}

/// Returns the usual port, or another one where that is taken.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", PORT));
    let listener = listener.or_else(|_| TcpListener::bind(("127.0.0.1", 0)))?;
    Ok(listener.local_addr()?.port())
}

/// Waits until the server has told its first link.
fn first_link(child: &mut Child, told: &Path) -> Result<String> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if let Some(ended) = child.try_wait()? {
            bail!(
                "the server ended: {ended}; its log is beside {}",
                told.display()
            );
        }
        let text = fs::read_to_string(told)?;
        let mut words = text.split_whitespace();
        // The line is whole when its end is there.
        if text.ends_with('\n')
            && let Some(link) = words.find(|word| word.contains("/link/"))
        {
            return Ok(link.to_owned());
        }
        std::thread::sleep(LOOK_EVERY);
    }
    bail!("the server told no link in {PATIENCE:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_enrol_with_leads_where_the_link_leads() {
        let enrolment = enrolment("https://localhost:7443/link/srl_1#0a", "AAAA-BBBB").unwrap();
        assert_eq!(enrolment, "strongroom://localhost:7443/AAAA-BBBB#0a");
    }
}
