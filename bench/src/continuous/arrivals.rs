//! When what changed arrives at destinations.
//!
//! A record has arrived when its file is in the log of a folder destination. It counts as durable when, besides, the
//! agent says that the destination acknowledged it: it says so after the file and its folder were written through.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use rustix::fs::inotify::{ReadFlags, WatchFlags};

use crate::agent::Agent;
use crate::folders::{Extent, extent};
use crate::notices::Notices;
use crate::place::Place;
use crate::report::{Goal, Report, Times, amount, milliseconds};
use crate::status::Status;
use crate::tree::{self, Tree};

/// So long an arrival is waited for.
const PATIENCE: Duration = Duration::from_mins(2);
/// How long to wait between two questions to the agent.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// The length of a file that is saved.
pub(crate) const SAVED: usize = 4096;
/// So soon a saved file must be there, in milliseconds.
pub(crate) const SOON: Goal = Goal::AtMost(1_200.0);

/// Watches the logs of folder destinations.
pub(crate) struct Arrivals<'a> {
    agent: &'a Agent<'a>,
    near: Vec<String>,
    far: Option<&'a str>,
    notices: Notices<usize>,
}

/// How long after the change something was there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrived {
    /// The record was at each folder.
    pub(crate) seen: Duration,
    /// Each had acknowledged it.
    pub(crate) durable: Duration,
    /// The one far away had, too.
    pub(crate) far: Option<Duration>,
}

/// The newest record of a folder, and when it was seen.
type Newest = Option<(u64, Instant)>;

impl<'a> Arrivals<'a> {
    /// Watches these folder destinations.
    pub(crate) fn at(place: &Place, agent: &'a Agent<'a>, near: &[&str]) -> Result<Self> {
        let mut notices = Notices::new()?;
        for (number, name) in near.iter().enumerate() {
            let flags = WatchFlags::CREATE | WatchFlags::MOVED_TO;
            notices.watch(&place.log(name)?, flags, number)?;
        }
        Ok(Self {
            agent,
            near: near.iter().map(|&name| name.to_owned()).collect(),
            far: None,
            notices,
        })
    }

    /// Waits for one that is no folder as well.
    pub(crate) fn and_far(self, far: Option<&'a str>) -> Self {
        Self { far, ..self }
    }

    /// Waits until nothing is on its way; then does something, and returns how long after it all of it had arrived.
    pub(crate) fn of(&mut self, deed: impl FnOnce() -> Result<()>) -> Result<Arrived> {
        let before = self.agent.until("calm", PATIENCE, Status::is_calm)?;
        self.notices.take(|_, _, _| ())?;
        deed()?;
        let begun = Instant::now();
        let mut newest: Vec<Newest> = vec![None; self.near.len()];
        loop {
            let is_seen = newest.iter().all(Option::is_some);
            self.notices
                .wait(if is_seen { LOOK_EVERY } else { PATIENCE })?;
            let now = Instant::now();
            self.notices.take(|&number, name, _: ReadFlags| {
                if let Some(seq) = seq_of(&name.to_string_lossy()) {
                    newest[number] = newest[number].max(Some((seq, now)));
                }
            })?;
            if newest.iter().all(Option::is_some) {
                let status = self.agent.status()?;
                if status.snapshots > before.snapshots && self.has_all(&newest, &status) {
                    return self.arrived(&newest, begun);
                }
            }
            ensure!(
                begun.elapsed() < PATIENCE,
                "a change did not arrive within {} s: {}",
                PATIENCE.as_secs(),
                self.agent.status()?.told()
            );
        }
    }

    fn has_all(&self, newest: &[Newest], status: &Status) -> bool {
        let mut near = std::iter::zip(&self.near, newest);
        near.all(|(name, newest)| {
            let wanted = newest.map(|(seq, _)| seq);
            status
                .destination(name)
                .is_some_and(|there| there.queue.newest >= wanted)
        })
    }

    fn arrived(&self, newest: &[Newest], begun: Instant) -> Result<Arrived> {
        let durable = begun.elapsed();
        let last = newest.iter().flatten().map(|(_, at)| *at).max();
        let seq = newest.iter().flatten().map(|(seq, _)| *seq).max();
        let mut far = None;
        if let Some(name) = self.far {
            while far.is_none() {
                let status = self.agent.status()?;
                let there = status.destination(name);
                let has_it = there.is_some_and(|there| there.queue.newest >= seq);
                far = has_it.then(|| begun.elapsed());
                ensure!(
                    begun.elapsed() < PATIENCE,
                    "a change did not arrive at {name} within {} s: {}",
                    PATIENCE.as_secs(),
                    status.told()
                );
                std::thread::sleep(LOOK_EVERY);
            }
        }
        Ok(Arrived {
            seen: last.map_or(durable, |at| at.saturating_duration_since(begun)),
            durable,
            far,
        })
    }
}

/// Returns the number of a record by the name of its file: eight digits of the generation, sixteen of the number.
fn seq_of(name: &str) -> Option<u64> {
    let (generation, seq) = name.split_once('-')?;
    let is_record = generation.len() == 8 && seq.len() == 16;
    is_record.then(|| u64::from_str_radix(seq, 16).ok())?
}

/// What is at folder destinations.
pub(crate) fn extents(place: &Place, names: &[&str]) -> Result<Vec<Extent>> {
    let extents = names.iter().map(|name| extent(&place.destination(name)));
    extents.collect()
}

/// Times of many arrivals.
#[derive(Default)]
pub(crate) struct Many {
    pub(crate) seen: Times,
    pub(crate) durable: Times,
    pub(crate) far: Times,
    /// What each wrote to the destination that was given the most, in KiB and in objects.
    pub(crate) kibibytes: Times,
    pub(crate) objects: Times,
}

impl Many {
    /// Adds one.
    pub(crate) fn add(&mut self, arrived: Arrived) {
        self.seen.add(milliseconds(arrived.seen));
        self.durable.add(milliseconds(arrived.durable));
        if let Some(far) = arrived.far {
            self.far.add(milliseconds(far));
        }
    }

    /// Adds what destinations were given by it.
    pub(crate) fn add_growth(&mut self, before: &[Extent], after: &[Extent]) {
        let [kibibytes, objects] = growth(before, after);
        self.kibibytes.add(kibibytes);
        self.objects.add(objects);
    }

    /// Judges when half of them were durable, and 99 of 100.
    pub(crate) fn judge(&mut self, report: &mut Report, part: &'static str, what: &str) {
        let n = self.durable.len();
        for (name, percent) in [("median", 50), ("99th", 99)] {
            let time = self.durable.within(percent);
            let what = format!("{what}: {name} of {n}, from close to the acknowledgement");
            report.judged(part, what, time, "ms", SOON);
        }
    }
}

/// Saves a file in a folder by lot, and returns when it had arrived, once it was proved that `proofs` give it back.
pub(crate) fn save(
    (place, tree): (&Place, &Tree),
    arrivals: &mut Arrivals<'_>,
    random: &mut impl crate::random::Rng,
    proofs: &[&str],
) -> Result<Arrived> {
    let path = tree
        .any_folder(random)
        .join(format!("saved-{:016x}", random.next_u64()));
    let bytes = tree::noise(random, SAVED);
    let arrived = arrivals.of(|| tree::put(&path, &bytes))?;
    for destination in proofs {
        place.prove(destination, &path, &bytes)?;
    }
    Ok(arrived)
}

/// Returns what the destination that was given the most was given since then, in KiB and in objects.
pub(crate) fn growth(before: &[Extent], after: &[Extent]) -> [f64; 2] {
    let mut most = [0.0_f64; 2];
    for (before, after) in std::iter::zip(before, after) {
        let kibibytes = amount(after.bytes.saturating_sub(before.bytes)) / 1024.0;
        let objects = amount(after.files.saturating_sub(before.files));
        most = [most[0].max(kibibytes), most[1].max(objects)];
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_that_of_the_destination_that_was_given_the_most() {
        let [before, one, two] =
            [(1, 1024), (2, 1024), (1, 3072)].map(|(files, bytes)| Extent { files, bytes });
        let [kibibytes, objects] = growth(&[before, before], &[one, two]);
        assert!((kibibytes - 2.0).abs() < 0.001 && (objects - 1.0).abs() < 0.001);
    }

    #[test]
    fn records_are_known_by_their_names() {
        assert_eq!(seq_of("00000001-000000000000002a"), Some(42));
        for other in [
            "00000001-2a",
            "tmp-000000000000002a",
            "x",
            "00000001-00000000000000zz",
        ] {
            assert_eq!(seq_of(other), None, "{other}");
        }
    }
}
