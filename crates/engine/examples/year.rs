//! Measures a long history of small snapshots: `year FOLDER [MINUTES]`.
//!
//! By a simulated clock, which ends now, a file changes each minute and a snapshot holds it, as the agent makes them: one writer
//! that stays open, and a hint of the folder. Told are the objects, their bytes, and what it takes to open
//! the archive, to list it and to restore one file, before and after retention and bundling.
#![expect(clippy::print_stdout, reason = "it is a program for a terminal")]
#![expect(clippy::unwrap_used, reason = "it measures: whatever fails ends it")]

#[path = "../tests/common/mod.rs"]
mod common;

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::{MovedClock, Setup, Warnings, noise, restore_options, write};
use jiff::tz::TimeZone;
use strongroom_base::clock::{Clock, SystemClock, Timestamp};
use strongroom_base::ids::Seq;
use strongroom_crypto::suite::Suite;
use strongroom_engine::backup::{BackupOptions, Hints, backup, backup_changes};
use strongroom_engine::erase::{EraseOptions, erase_condemned};
use strongroom_engine::forget::forget;
use strongroom_engine::prune::{PruneOptions, prune};
use strongroom_engine::restore::restore;
use strongroom_engine::retention::{Candidate, Period, Policy};
use strongroom_engine::{Progress, Stop, Writer};
use strongroom_read::SnapshotInfo;
use strongroom_store::{Folder, Store};

const MINUTE: i128 = 60_000_000_000;
const YEAR: u32 = 365 * 24 * 60;
const FOLDERS: u32 = 40;
const FILES: u32 = 1_000;

struct History {
    setup: Setup,
    clock: Arc<MovedClock>,
    source: PathBuf,
    /// Where the destination lies.
    stored: PathBuf,
    /// What each file held at the end of each minute in which it changed.
    seeds: BTreeMap<u32, Vec<(Timestamp, u32)>>,
}

fn main() {
    let mut args = std::env::args().skip(1);
    let folder = args.next().filter(|text| !text.starts_with('-'));
    let folder = PathBuf::from(folder.expect("usage: year FOLDER [MINUTES]"));
    let minutes: u32 = args.next().map_or(YEAR, |text| text.parse().unwrap());
    let mut history = History::new(&folder, minutes);
    let begun = Instant::now();
    history.pass(minutes);
    let each = begun.elapsed().as_secs_f64() * 1e3 / f64::from(minutes);
    println!("{minutes} snapshots, {each:.2} ms each");
    history.tell("before");
    history.thin();
    history.tell("after");
}

impl History {
    fn new(folder: &Path, minutes: u32) -> Self {
        let begin = SystemClock.now().0 - i128::from(minutes) * MINUTE;
        let clock = Arc::new(MovedClock(Mutex::new(Timestamp(begin))));
        let stored = folder.join("destination");
        let store: Arc<dyn Store> = Arc::new(Folder::create(&stored).unwrap());
        let mut setup = Setup::new(Suite::Aes256, vec![store]);
        setup.identity.clock = clock.clone();
        let mut history = Self {
            setup,
            clock,
            source: folder.join("source"),
            stored,
            seeds: BTreeMap::new(),
        };
        (0..FILES).for_each(|number| {
            history.put(number, number);
        });
        history
    }

    /// Writes a file, and returns its folder.
    fn put(&mut self, number: u32, seed: u32) -> PathBuf {
        let path = self.path(number);
        write(&path, &content(seed));
        let now = u64::try_from(self.clock.now().0).unwrap();
        let time = std::time::UNIX_EPOCH + Duration::from_nanos(now);
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(time).unwrap();
        let seeds = self.seeds.entry(number).or_default();
        seeds.push((self.clock.now(), seed));
        path.parent().unwrap().to_owned()
    }

    fn path(&self, number: u32) -> PathBuf {
        let folder = format!("{}/{number}", number % FOLDERS);
        self.source.join(folder)
    }

    /// Lets so many minutes pass, each with a change and a snapshot of it.
    fn pass(&mut self, minutes: u32) {
        // Taken out, so that it can be borrowed for as long as the writer lives.
        let memory = std::mem::take(&mut self.setup.memory);
        let identity = self.setup.identity.clone();
        let mut writer = Writer::open(identity, self.setup.destinations(), &memory).unwrap();
        let catalogue = self.setup.catalogue();
        let (warnings, progress, stop) = watched();
        let mut options = BackupOptions {
            roots: vec![self.source.clone()],
            ..BackupOptions::default()
        };
        backup(
            &mut writer,
            &catalogue,
            &options,
            &warnings,
            &progress,
            &stop,
        )
        .unwrap();
        for minute in 0..minutes {
            self.clock.0.lock().unwrap().0 += MINUTE;
            let number = minute.wrapping_mul(2_654_435_761) % FILES;
            let folder = self.put(number, FILES + minute);
            let mut hints = Hints::default();
            hints.directory(folder.as_os_str().as_bytes().to_vec());
            options.hints = Some(hints);
            let made = backup_changes(
                &mut writer,
                &catalogue,
                &options,
                &warnings,
                &progress,
                &stop,
            );
            assert!(made.unwrap().is_some(), "minute {minute} has no snapshot");
        }
        assert!(warnings.0.lock().unwrap().is_empty());
        drop(writer);
        self.setup.memory = memory;
    }

    /// Tells what there is, and what it takes to use it.
    fn tell(&self, when: &str) {
        let (mut count, mut bytes) = (0_u64, 0_u64);
        let mut kinds: BTreeMap<String, u64> = BTreeMap::new();
        let store = Folder::create(&self.stored).unwrap();
        let mut add = |path: strongroom_store::ObjectPath, len: u64| {
            (count, bytes) = (count + 1, bytes + len);
            let kind = path.as_str().split('/').rev().nth(1).unwrap_or_default();
            let kind = kind.trim_end_matches(|at: char| at.is_ascii_hexdigit() || at == '-');
            *kinds.entry(kind.to_owned()).or_default() += 1;
        };
        store.list("", &mut add).unwrap();
        let begun = Instant::now();
        let (archive, problems) = self.setup.open(0).unwrap();
        let opened = begun.elapsed();
        assert!(problems.is_empty(), "{problems:?}");
        let (infos, _, _) = archive.snapshots().unwrap();
        let listed = begun.elapsed();
        println!(
            "{when}: {} snapshots, {count} objects {kinds:?}, {:.1} MB; opened in {opened:.2?}, listed in {listed:.2?}, peak {} MB",
            infos.len(),
            bytes_in_mb(bytes),
            peak_mb()
        );
        for (what, info) in [
            ("newest", infos.last()),
            ("middle", infos.get(infos.len() / 2)),
        ] {
            let took = self.restore_one(info.unwrap());
            println!("{when}: one file of the {what} snapshot in {took:.2?} from opening");
        }
    }

    /// Opens the archive, restores one file of a snapshot, and compares it.
    fn restore_one(&self, info: &SnapshotInfo) -> Duration {
        let target = tempfile::tempdir().unwrap();
        let path = self.path(7);
        let mut options = restore_options(target.path());
        options.paths = vec![path.as_os_str().as_bytes().to_vec()];
        let begun = Instant::now();
        let (archive, _) = self.setup.open(0).unwrap();
        let (warnings, progress, stop) = watched();
        restore(
            &archive,
            &info.snapshot,
            &options,
            &warnings,
            &progress,
            &stop,
        )
        .unwrap();
        let took = begun.elapsed();
        let then = |at: &&(Timestamp, u32)| at.0 <= info.snapshot.started;
        let seed = self.seeds[&7].iter().rev().find(then).unwrap().1;
        let found = walk(target.path()).expect("a file is restored");
        assert!(std::fs::read(found).unwrap() == content(seed), "it differs");
        took
    }

    /// Forgets by a usual policy, prunes, and erases.
    fn thin(&self) {
        let policy = Policy {
            periods: vec![
                (Period::Hour, 24),
                (Period::Day, 7),
                (Period::Week, 5),
                (Period::Month, 12),
            ],
            ..Policy::default()
        };
        let (archive, _) = self.setup.open(0).unwrap();
        let (infos, _, _) = archive.snapshots().unwrap();
        let candidate = |info: &SnapshotInfo| Candidate {
            time: info.snapshot.started,
            tags: info.snapshot.tags.clone(),
        };
        let candidates: Vec<Candidate> = infos.iter().map(candidate).collect();
        let reasons = policy.reasons(&candidates, &TimeZone::UTC).unwrap();
        let gone = infos.iter().zip(&reasons).filter(|(_, why)| why.is_empty());
        let gone: Vec<Seq> = gone.map(|(info, _)| info.id.seq).collect();
        drop(archive);
        let open = || {
            let identity = self.setup.identity.clone();
            Writer::open(identity, self.setup.destinations(), &self.setup.memory).unwrap()
        };
        let (warnings, progress, stop) = watched();
        let begun = Instant::now();
        forget(&mut open(), &gone).unwrap();
        println!("{} forgotten in {:.2?}", gone.len(), begun.elapsed());
        let begun = Instant::now();
        let catalogue = self.setup.catalogue();
        let options = PruneOptions::default();
        let pruned = prune(
            &mut open(),
            &catalogue,
            &options,
            &warnings,
            &progress,
            &stop,
        )
        .unwrap();
        println!(
            "pruned in {:.2?}: {} packs of which nothing is needed, {} copied, {} records; peak {} MB",
            begun.elapsed(),
            pruned.unneeded.count,
            pruned.repacked.count,
            pruned.records.count,
            peak_mb()
        );
        // What a checkpoint leaves out goes when a later record is there.
        self.setup.backup(&self.source).unwrap();
        let begun = Instant::now();
        let options = EraseOptions {
            grace: Duration::ZERO,
            local: [].into(),
            dry_run: false,
        };
        for erasure in erase_condemned(&mut open(), &options, &progress, &stop) {
            assert!(erasure.held.is_none(), "{erasure:?}");
            let count = erasure.erased.count;
            println!(
                "{count} objects erased in {:.2?}; {} wait",
                begun.elapsed(),
                erasure.waiting.count
            );
        }
    }
}

/// What watches over a piece of work, and stops it never.
fn watched() -> (Warnings, Progress, Stop) {
    (Warnings::default(), Progress::default(), Stop::default())
}

/// What a file holds: two kilobytes that do not compress.
fn content(seed: u32) -> Vec<u8> {
    noise(seed, 2_048)
}

/// Finds the one file below a folder.
fn walk(folder: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut paths = entries.map(|entry| entry.unwrap().path());
    paths.find_map(|path| {
        if path.is_dir() {
            walk(&path)
        } else {
            Some(path)
        }
    })
}

#[expect(clippy::cast_precision_loss, reason = "it is told with one decimal")]
fn bytes_in_mb(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// The most memory that this process has had.
fn peak_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number.map_or(0, |text| text.parse::<u64>().unwrap() / 1_000)
}
