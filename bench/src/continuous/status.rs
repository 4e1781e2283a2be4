//! What the agent says of itself, by the socket in its profile.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

/// So long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the agent says of itself, as far as it is looked at here.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Status {
    pub(crate) pid: u32,
    pub(crate) state: String,
    pub(crate) reason: Option<String>,
    pub(crate) sources: Vec<Source>,
    /// Changes that wait for the next snapshot.
    pub(crate) waiting: u64,
    pub(crate) rounds: u64,
    /// How often it looked at everything.
    pub(crate) full_scans: u64,
    pub(crate) snapshots: u64,
    pub(crate) last: Option<Last>,
    pub(crate) destinations: Vec<Destination>,
}

/// The last snapshot.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Last {
    /// Its hash.
    pub(crate) snapshot: String,
}

/// A part of what is watched.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) mechanism: Option<String>,
    pub(crate) health: String,
    pub(crate) why: Option<String>,
    /// How often it was walked because something may have been missed.
    pub(crate) reconcile_scans: u64,
}

/// A destination.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Destination {
    pub(crate) name: String,
    pub(crate) status: String,
    pub(crate) queue: Queue,
}

/// Its queue.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Queue {
    pub(crate) records_waiting: u64,
    /// The number of the newest record that it acknowledged.
    pub(crate) newest: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Answer {
    status: Status,
    error: Option<String>,
}

/// Asks the agent of a profile.
pub(crate) fn ask(profile: &Path) -> Result<Status> {
    ask_within(profile, PATIENCE)
}

/// Asks the agent of a profile, and waits no longer than that for the answer.
pub(crate) fn ask_within(profile: &Path, patience: Duration) -> Result<Status> {
    let path = profile.join("agent.sock");
    let line = exchange(&path, patience);
    let line = line.with_context(|| format!("{} does not answer", path.display()))?;
    let answer: Answer = serde_json::from_str(&line).context("the agent's answer")?;
    match answer.error {
        Some(error) => bail!("the agent refuses to answer: {error}"),
        None => Ok(answer.status),
    }
}

fn exchange(path: &Path, patience: Duration) -> std::io::Result<String> {
    let mut stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    stream.write_all(b"{\"do\":\"status\"}\n")?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    Ok(line)
}

impl Status {
    /// Says whether everything is watched, and every destination has all of it.
    pub(crate) fn is_synchronised(&self) -> bool {
        self.is_live() && self.rounds > 0 && self.waiting == 0 && self.state == "backup-complete"
    }

    /// Says whether nothing is being backed up or waits for it, wherever it is missing.
    pub(crate) fn is_calm(&self) -> bool {
        self.waiting == 0 && !self.is_at_work()
    }

    /// Says whether something is being looked for or backed up.
    pub(crate) fn is_at_work(&self) -> bool {
        matches!(&*self.state, "starting" | "scanning" | "synchronizing")
    }

    /// Says whether every change is noticed.
    pub(crate) fn is_live(&self) -> bool {
        !self.sources.is_empty() && self.sources.iter().all(|source| source.health == "live")
    }

    /// Finds a destination.
    pub(crate) fn destination(&self, name: &str) -> Option<&Destination> {
        self.destinations.iter().find(|there| there.name == name)
    }

    /// Says in a line what it does, for an error.
    pub(crate) fn told(&self) -> String {
        let sources = self.sources.iter().map(|source| {
            let by = source.mechanism.as_deref().unwrap_or("nothing");
            let why = source.why.as_deref().unwrap_or("no reason");
            format!("{} is {} by {by} ({why})", source.path, source.health)
        });
        let there = self.destinations.iter();
        let there = there.map(|there| {
            let waiting = there.queue.records_waiting;
            format!("{} is {}, {waiting} records wait", there.name, there.status)
        });
        let parts: Vec<String> = sources.chain(there).collect();
        format!(
            "the agent is {} ({}), {} changes wait; {}",
            self.state,
            self.reason.as_deref().unwrap_or("no reason"),
            self.waiting,
            parts.join("; ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_and_what_is_not_known_is_passed_over() {
        let text = r#"{"status":{"pid":7,"state":"backup-complete","rounds":2,"waiting":0,"new":1,
            "sources":[{"path":"/a","health":"live","mechanism":"inotify","reconcile_scans":3}],
            "destinations":[{"name":"one","status":"up-to-date","queue":{"newest":5}}]},"error":null}"#;
        let answer: Answer = serde_json::from_str(text).unwrap();
        let status = answer.status;
        assert!(status.is_synchronised(), "{}", status.told());
        assert_eq!(status.sources[0].reconcile_scans, 3);
        assert_eq!(status.destination("one").unwrap().queue.newest, Some(5));
        assert!(status.destination("two").is_none());
    }

    #[test]
    fn what_waits_or_is_blind_is_not_synchronised() {
        let source = |health: &str| Source {
            health: health.to_owned(),
            ..Source::default()
        };
        let good = Status {
            state: "backup-complete".to_owned(),
            rounds: 1,
            sources: vec![source("live")],
            ..Status::default()
        };
        assert!(good.is_synchronised());
        let mut other = good.clone();
        other.waiting = 1;
        assert!(!other.is_synchronised());
        let mut other = good.clone();
        other.sources.push(source("catching-up"));
        assert!(!other.is_synchronised());
        let mut other = good;
        other.state = "scanning".to_owned();
        assert!(!other.is_synchronised());
    }
}
