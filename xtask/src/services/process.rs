//! A server that goes on when this program has ended, and is found again by its process id.

use std::fs::{self, File};
use std::net::TcpStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process};

use super::write_private;

/// How long a server may take to start or to stop.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server with a folder of its own.
pub(super) struct Service {
    folder: PathBuf,
}

impl Service {
    /// The server of this folder, whether it runs or not.
    pub(super) fn at(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    /// Starts the server in the background; what it says goes to a file beside it.
    pub(super) fn spawn(&self, command: &mut Command) -> Result<()> {
        let name = command.get_program().to_string_lossy().into_owned();
        let log = File::create(self.folder.join("log"))?;
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0);
        let child = command
            .spawn()
            .with_context(|| format!("{name} could not be started"))?;
        // The start of a process tells it from another one that got its number later.
        let started = started_at(child.id()).context("the server ended at once")?;
        let text = format!("{} {started}\n", child.id());
        write_private(&self.folder.join("pid"), text.as_bytes())
    }

    /// Waits until a port of this computer answers.
    pub(super) fn wait_for(&self, port: u16) -> Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Ok(());
            }
            if !self.is_running() {
                break;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        let _ = self.stop();
        bail!("it does not answer; it said: {}", log.trim())
    }

    /// Says whether the server runs.
    pub(super) fn is_running(&self) -> bool {
        self.pid().is_some()
    }

    /// Stops the server and everything that it started; says whether it ran.
    pub(super) fn stop(&self) -> Result<bool> {
        let Some(pid) = self.pid() else {
            return Ok(false);
        };
        for signal in [Signal::TERM, Signal::KILL] {
            let _ = kill_process_group(pid, signal);
            let begun = Instant::now();
            while begun.elapsed() < PATIENCE / 6 {
                // One that was started by this very process has to be waited for.
                let _ = rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::NOHANG);
                if test_kill_process(pid).is_err() {
                    let _ = fs::remove_file(self.folder.join("pid"));
                    return Ok(true);
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        bail!("process {pid} does not end")
    }

    /// Returns the id of the process, if it is still the one that was started.
    fn pid(&self) -> Option<Pid> {
        let text = fs::read_to_string(self.folder.join("pid")).ok()?;
        let (pid, started) = text.trim().split_once(' ')?;
        let pid: u32 = pid.parse().ok()?;
        if started_at(pid)? != started {
            return None;
        }
        Pid::from_raw(i32::try_from(pid).ok()?)
    }
}

/// Returns when a process was started, in the kernel's own count; `None` where it has ended.
fn started_at(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold anything; after it come state and numbers.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?;
    if state == "Z" {
        return None;
    }
    fields.nth(18).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_found_again_and_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let service = Service::at(folder.path());
        assert!(!service.is_running());
        assert!(!service.stop().unwrap());
        service.spawn(Command::new("sleep").arg("600")).unwrap();
        assert!(Service::at(folder.path()).is_running());
        assert!(service.stop().unwrap());
        assert!(!service.is_running());
    }

    #[test]
    fn another_process_with_the_number_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let text = format!("{} 1\n", std::process::id());
        write_private(&folder.path().join("pid"), text.as_bytes()).unwrap();
        assert!(!Service::at(folder.path()).stop().unwrap());
    }
}
