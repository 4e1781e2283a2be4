//! Looks at the status of the agent all the time, and remembers what it said.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::status::{Status, ask_within};

/// How often it looks.
const EVERY: Duration = Duration::from_millis(100);
/// An agent that was killed, or stands still, gives no answer.
const PATIENCE: Duration = Duration::from_millis(500);

/// Looks at the status of the agent all the time.
pub(crate) struct Watchman {
    profile: PathBuf,
    seen: Mutex<Seen>,
}

/// What the agent has said.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// How long it was in each state, and each source in each health.
    pub(crate) times: BTreeMap<String, Duration>,
    /// The last state, and when it was seen.
    pub(crate) state: Option<(String, Instant)>,
    /// How often each source was walked because something may have been missed, by each process.
    scans: BTreeMap<(u32, String), u64>,
    /// How often each process looked at everything.
    full_scans: BTreeMap<u32, u64>,
    snapshots: BTreeMap<u32, u64>,
    /// Snapshots that every destination had acknowledged.
    pub(crate) acknowledged: BTreeSet<String>,
}

impl Watchman {
    pub(crate) fn new(profile: PathBuf) -> Self {
        let seen = Mutex::default();
        Self { profile, seen }
    }

    /// Looks until it is over.
    pub(crate) fn look_until(&self, is_over: &AtomicBool) {
        let mut before: Option<Instant> = None;
        while !is_over.load(Ordering::Relaxed) {
            let now = Instant::now();
            let passed = before.map_or(EVERY, |before| now - before);
            let status = ask_within(&self.profile, PATIENCE);
            if let Ok(mut seen) = self.seen.lock() {
                seen.add(status.ok().as_ref(), passed, now);
            }
            before = Some(now);
            std::thread::sleep(EVERY.saturating_sub(now.elapsed()));
        }
    }

    /// Returns what was seen so far.
    pub(crate) fn seen(&self) -> Seen {
        self.seen
            .lock()
            .map(|seen| seen.clone())
            .unwrap_or_default()
    }
}

impl Seen {
    fn add(&mut self, status: Option<&Status>, passed: Duration, now: Instant) {
        let Some(status) = status else {
            self.state = None;
            return self.pass("no answer".to_owned(), passed);
        };
        self.state = Some((status.state.clone(), now));
        self.pass(status.state.clone(), passed);
        for source in &status.sources {
            self.pass(format!("{} is {}", source.path, source.health), passed);
            let scans = self.scans.entry((status.pid, source.path.clone()));
            let scans = scans.or_default();
            *scans = (*scans).max(source.reconcile_scans);
        }
        let full = self.full_scans.entry(status.pid).or_default();
        *full = (*full).max(status.full_scans);
        let snapshots = self.snapshots.entry(status.pid).or_default();
        *snapshots = (*snapshots).max(status.snapshots);
        let mut there = status.destinations.iter();
        if let Some(last) = &status.last
            && status.destinations.len() > 1
            && there.all(|there| there.status == "up-to-date")
        {
            self.acknowledged.insert(last.snapshot.clone());
        }
    }

    fn pass(&mut self, what: String, passed: Duration) {
        *self.times.entry(what).or_default() += passed;
    }

    /// Returns how often the source at a path was walked because something may have been missed.
    pub(crate) fn reconcile_scans(&self, path: &str) -> u64 {
        let all = self.scans.iter();
        all.filter(|((_, known), _)| known == path)
            .map(|(_, scans)| scans)
            .sum()
    }

    /// Returns how often everything was looked at besides the first time of each process.
    pub(crate) fn later_full_scans(&self) -> u64 {
        self.full_scans.values().map(|n| n.saturating_sub(1)).sum()
    }

    /// Returns how many snapshots were made.
    pub(crate) fn snapshots(&self) -> u64 {
        self.snapshots.values().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::{Destination, Last, Source};

    fn status(pid: u32, scans: u64) -> Status {
        let there = Destination {
            status: "up-to-date".to_owned(),
            ..Destination::default()
        };
        Status {
            pid,
            state: "scanning".to_owned(),
            full_scans: 1,
            snapshots: scans,
            last: Some(Last {
                snapshot: format!("{pid}{scans}"),
            }),
            destinations: vec![there.clone(), there],
            sources: vec![Source {
                path: "/a".to_owned(),
                health: "live".to_owned(),
                reconcile_scans: scans,
                ..Source::default()
            }],
            ..Status::default()
        }
    }

    #[test]
    fn counters_of_processes_add_up() {
        let (mut seen, now, second) = (Seen::default(), Instant::now(), Duration::from_secs(1));
        for (pid, scans) in [(1, 0), (1, 2), (2, 1)] {
            seen.add(Some(&status(pid, scans)), second, now);
        }
        seen.add(None, second, now);
        assert_eq!(
            (seen.reconcile_scans("/a"), seen.reconcile_scans("/b")),
            (3, 0)
        );
        assert_eq!((seen.later_full_scans(), seen.snapshots()), (0, 3));
        assert_eq!(seen.times["/a is live"], Duration::from_secs(3));
        assert_eq!(seen.times["no answer"], second);
        assert!(seen.state.is_none());
        assert_eq!(seen.acknowledged.len(), 3);
    }
}
