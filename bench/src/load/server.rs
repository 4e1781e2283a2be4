//! The server that is measured: the program as it is shipped, and what it takes of this machine.

use std::fs::{self, File};
use std::io::BufReader;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::process;
use crate::wire::Site;

/// The library that makes a clock run faster, of Debian's package `faketime`; for programs of several threads.
const FAKETIME: &str = "/usr/$LIB/faketime/libfaketimeMT.so.1";

/// How a server is started.
pub(crate) struct Plan<'a> {
    pub(crate) program: &'a Path,
    /// The folder of this server alone.
    pub(crate) folder: PathBuf,
    /// Its PostgreSQL, where it has one.
    pub(crate) database: Option<&'a str>,
    /// How many times faster its clock runs.
    pub(crate) speed: u32,
    /// Whether its limits for callers who have signed in are those that are shipped.
    pub(crate) is_limited: bool,
}

/// A server, which ends with this.
pub(crate) struct Server {
    child: Child,
    stdout: BufReader<ChildStdout>,
    pub(crate) site: Site,
}

/// Time on a processor so far.
#[derive(Clone, Copy)]
pub(crate) struct Processor {
    pub(crate) server: Duration,
    /// All processes of PostgreSQL on this machine.
    pub(crate) postgresql: Duration,
    /// This program, which makes the load.
    pub(crate) load: Duration,
}

impl Plan<'_> {
    fn home(&self) -> PathBuf {
        self.folder.join("home")
    }

    fn command(&self) -> Command {
        let mut command = Command::new(self.program);
        if self.speed > 1 {
            // What waits in the program waits as ever; the time of day alone is another one.
            command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
            command.env("FAKETIME", format!("+0 x{}", self.speed));
            // The program `faketime` sets the same, and would stand between the server and its number.
            command.env("LD_PRELOAD", FAKETIME);
        }
        command.arg("--home").arg(self.home()).arg("run");
        command.env("STRONGROOM_SERVER_LISTEN_ADDRESS", "127.0.0.1:0");
        let proxies = "STRONGROOM_SERVER_LISTEN_TRUSTED_PROXIES";
        command.env(proxies, "['127.0.0.0/8']");
        if !self.is_limited {
            // One caller stands for many here.
            command.env("STRONGROOM_SERVER_LIMITS_REQUESTS_AT_ONCE", "1000000");
            command.env("STRONGROOM_SERVER_LIMITS_REQUESTS_A_SECOND", "1000000");
        }
        if let Some(database) = self.database {
            command.env("STRONGROOM_SERVER_DATABASE_URL", database);
        }
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// Starts one with an empty home folder; returns the link of the first sysadmin too.
    pub(crate) fn start(plan: &Plan<'_>) -> Result<(Self, String)> {
        match fs::remove_dir_all(&plan.folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => fs::create_dir_all(&plan.folder)?,
        }
        let mut server = Self::launch(plan)?;
        word(
            &mut server.stdout,
            "the first sysadmin signs in with this link",
        )?;
        let link = word(&mut server.stdout, "  ")?;
        Ok((server, link))
    }

    /// Ends it, and starts it again with what it has.
    pub(crate) fn restart(self, plan: &Plan<'_>) -> Result<Self> {
        drop(self);
        Self::launch(plan)
    }

    fn launch(plan: &Plan<'_>) -> Result<Self> {
        let mut command = plan.command();
        let log = plan.folder.join("server.log");
        let log = File::options().create(true).append(true).open(log)?;
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.stderr(log).spawn().context("the server")?;
        let mut stdout = BufReader::new(child.stdout.take().context("its words")?);
        let address: SocketAddr = word(&mut stdout, "listening on ")?.parse()?;
        word(&mut stdout, "certificate (SHA-256): ")?;
        let site = Site::new(address, &plan.home().join("tls/certificate.pem"))?;
        Ok(Self {
            child,
            stdout,
            site,
        })
    }

    /// Returns how much memory of the machine it has now.
    pub(crate) fn memory(&self) -> Result<u64> {
        Ok(process::memory(self.child.id())?.now)
    }

    /// Returns what was computed so far, and by whom.
    pub(crate) fn processor(&self) -> Result<Processor> {
        let mut postgresql = Duration::ZERO;
        for entry in fs::read_dir("/proc")? {
            let path = entry?.path();
            let name = fs::read_to_string(path.join("comm")).unwrap_or_default();
            if name.trim() == "postgres" {
                // It may have ended since.
                postgresql += process::processor(&path).unwrap_or_default();
            }
        }
        Ok(Processor {
            server: process::processor(&process::folder(self.child.id()))?,
            postgresql,
            load: process::processor(Path::new("/proc/self"))?,
        })
    }
}

/// Reads the next line, which begins like this, and returns the rest of it.
fn word(stdout: &mut impl std::io::BufRead, before: &str) -> Result<String> {
    let mut line = String::new();
    let n = stdout.read_line(&mut line)?;
    ensure!(n > 0, "the server ended; see server.log");
    let rest = line.trim_end().strip_prefix(before);
    rest.map(str::to_owned)
        .with_context(|| format!("the server said {line}"))
}
