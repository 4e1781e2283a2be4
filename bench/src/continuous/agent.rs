//! An agent that runs, and what it takes of the machine.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::options::Way;
use crate::place::{Place, text};
use crate::process::{self, Memory};
use crate::status::{self, Status};

/// How long to wait between two looks at the status.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// So long it may take to answer for the first time, and to end.
const PATIENCE: Duration = Duration::from_mins(2);

/// An agent that runs; it ends with this, and with this program.
pub(crate) struct Agent<'p> {
    place: &'p Place,
    child: Child,
    pub(crate) begun: Instant,
}

impl<'p> Agent<'p> {
    /// Starts it on a tree, with more words for `agent run`, and waits until it answers.
    ///
    /// It ends with the thread that calls this, so that must be the first one of the program.
    pub(crate) fn start(
        place: &'p Place,
        tree: &Path,
        way: Option<Way>,
        words: &[&str],
    ) -> Result<Self> {
        let mut command = place.command_of("setpriv");
        command.args(["--pdeathsig", "KILL"]).arg(place.program());
        command.args(["agent", "run"]).args(words);
        if let Some(way) = way {
            command.args(["--watch", way.name()]);
        }
        command.arg(text(tree)?);
        let log = place.agent_log()?;
        let child = spawn(&mut command, log)?;
        let begun = Instant::now();
        let mut agent = Self {
            place,
            child,
            begun,
        };
        agent.until_it_answers()?;
        Ok(agent)
    }

    fn until_it_answers(&mut self) -> Result<()> {
        while self.begun.elapsed() < PATIENCE {
            if let Some(ended) = self.child.try_wait()? {
                bail!("the agent ended with {ended}: {}", self.last_words());
            }
            // Of one that was killed the socket may be there still.
            let answer = status::ask_within(&self.place.profile(), Duration::from_secs(1));
            if answer.is_ok_and(|status| status.pid == self.pid()) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        bail!("the agent does not answer: {}", self.last_words())
    }

    fn last_words(&self) -> String {
        let log = std::fs::read(self.place.path("agent.log")).unwrap_or_default();
        let end = log.get(log.len().saturating_sub(600)..).unwrap_or(&log);
        String::from_utf8_lossy(end).trim().replace('\n', " | ")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Returns what it says of itself.
    pub(crate) fn status(&self) -> Result<Status> {
        let status = status::ask(&self.place.profile());
        status.with_context(|| self.last_words())
    }

    /// Waits until its status is as it should be; returns that.
    pub(crate) fn until(
        &self,
        what: &str,
        patience: Duration,
        is_so: impl Fn(&Status) -> bool,
    ) -> Result<Status> {
        let begun = Instant::now();
        loop {
            let status = self.status()?;
            if is_so(&status) {
                return Ok(status);
            }
            ensure!(
                begun.elapsed() < patience,
                "{what} did not come within {} s: {}",
                patience.as_secs(),
                status.told()
            );
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Waits until everything is watched, and every destination has all of it.
    pub(crate) fn until_synchronised(&self, patience: Duration) -> Result<Status> {
        self.until("a complete backup", patience, Status::is_synchronised)
    }

    /// Returns how long it was on a processor so far.
    pub(crate) fn processor(&self) -> Result<Duration> {
        process::processor(&process::folder(self.pid()))
    }

    /// Returns how much memory it has.
    pub(crate) fn memory(&self) -> Result<Memory> {
        process::memory(self.pid())
    }

    /// Lets it stand still.
    pub(crate) fn halt(&self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets it go on.
    pub(crate) fn go_on(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw);
        kill_process(pid.context("the agent has no number")?, signal)?;
        Ok(())
    }

    /// Ends it without a word.
    pub(crate) fn kill(mut self) -> Result<()> {
        if let Some(ended) = self.child.try_wait()? {
            bail!(
                "the agent ended by itself with {ended}: {}",
                self.last_words()
            );
        }
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Ends it as a user does.
    pub(crate) fn stop(mut self) -> Result<()> {
        self.place.run(["--quiet", "agent", "stop"])?;
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Some(ended) = self.child.try_wait()? {
                ensure!(ended.success(), "the agent ended with {ended}");
                return Ok(());
            }
            std::thread::sleep(LOOK_EVERY);
        }
        bail!("the agent was asked to end, and has not")
    }
}

impl Drop for Agent<'_> {
    fn drop(&mut self) {
        // One that stands still ends, too.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(command: &mut Command, log: std::fs::File) -> Result<Child> {
    let child = command.stdout(Stdio::null()).stderr(log).spawn();
    child.context("the agent could not be started by setpriv, of the package util-linux")
}
