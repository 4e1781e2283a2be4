//! A snapshot of what hints name is the snapshot of everything, at a cost that depends on the change.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod common;

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use common::crash::{Run, World};
use common::trees::{fast_folder, read_tree};
use common::{MovedClock, noise, write};
use strongroom_base::clock::Timestamp;
use strongroom_engine::backup::{BackupOptions, BackupSummary, Excludes, Hints};
use strongroom_engine::prune::PruneOptions;
use strongroom_engine::{EngineError, Progress};

const LATER: Timestamp = Timestamp(2_051_222_400_000_000_000);

/// A source of which snapshots are made by hints.
struct Watched {
    world: World,
    source: tempfile::TempDir,
    excludes: Excludes,
    progress: Progress,
}

impl Watched {
    /// Makes a source of 5 × 5 directories with three files each, and its first snapshot.
    fn new() -> Self {
        let source = fast_folder();
        for number in 0..75_u32 {
            let path = format!("d{}/e{}/f{number}", number % 5, number / 5 % 5);
            write(&source.path().join(path), &noise(number, 2_000));
        }
        let mut watched = Self {
            // Later than the files are written: their times of change are trusted.
            world: World::with_clock(1, Arc::new(MovedClock(Mutex::new(LATER)))),
            source,
            excludes: Excludes::default(),
            progress: Progress::default(),
        };
        watched.changes(Hints::default()).unwrap().unwrap();
        watched
    }

    fn path(&self, below: &str) -> PathBuf {
        self.source.path().join(below)
    }

    fn name(&self, below: &str) -> Vec<u8> {
        let path = self.path(below);
        let path = path.as_os_str().as_bytes();
        path.strip_suffix(b"/").unwrap_or(path).to_vec()
    }

    fn directories(&self, below: &[&str]) -> Hints {
        let mut hints = Hints::default();
        for path in below {
            hints.directory(self.name(path));
        }
        hints
    }

    fn changes(&mut self, hints: Hints) -> Result<Option<BackupSummary>, EngineError> {
        let options = BackupOptions {
            roots: vec![self.source.path().to_owned()],
            excludes: self.excludes.clone(),
            hints: Some(hints),
            ..BackupOptions::default()
        };
        self.progress = Progress::default();
        self.world
            .backup_changes(&options, &self.progress, &Run::sound())
    }

    /// Returns how many directories the last backup listed.
    fn listed(&self) -> u64 {
        self.progress.directories.load(Ordering::Relaxed)
    }

    /// The newest snapshot is the source, and counts what is in it.
    fn is_source(&self, case: &str) {
        let (infos, _) = self.world.verify_clean(0, case);
        let newest = infos.len() - 1;
        let tree = read_tree(self.source.path());
        self.world.restores(0, &infos[newest..], &[&tree], case);
        let statistics = &infos[newest].snapshot.statistics;
        let (mut files, mut directories) = (0, 0);
        count(self.source.path(), &mut files, &mut directories);
        assert_eq!(
            (statistics.files, statistics.directories),
            (files, directories),
            "{case}"
        );
    }
}

fn count(folder: &Path, files: &mut u64, directories: &mut u64) {
    *directories += 1;
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            count(&entry.path(), files, directories);
        } else {
            *files += 1;
        }
    }
}

#[test]
fn only_what_is_hinted_is_listed() {
    let mut watched = Watched::new();
    write(&watched.path("d1/e1/new"), b"new");
    let hints = watched.directories(&["d1/e1"]);
    let summary = watched.changes(hints).unwrap().unwrap();
    assert_eq!(summary.files.new, 1);
    assert_eq!(summary.files.unmodified, 75);
    assert_eq!(watched.listed(), 1);
    watched.is_source("one file");
}

#[test]
fn what_nobody_hinted_at_is_not_seen() {
    let mut watched = Watched::new();
    write(&watched.path("d1/e1/new"), b"new");
    write(&watched.path("d2/e2/unseen"), b"unseen");
    let hints = watched.directories(&["d1/e1"]);
    let summary = watched.changes(hints).unwrap().unwrap();
    assert_eq!(summary.files.new, 1);
    let hints = watched.directories(&["d2/e2"]);
    watched.changes(hints).unwrap().unwrap();
    watched.is_source("later");
}

#[test]
fn nothing_is_written_where_nothing_changed() {
    let mut watched = Watched::new();
    assert!(watched.changes(Hints::default()).unwrap().is_none());
    assert_eq!(watched.listed(), 0);
    let hints = watched.directories(&["d1", "d1/e1", "d3/e4", "gone/long ago"]);
    assert!(watched.changes(hints).unwrap().is_none());
    let mut all = Hints::default();
    all.subtree(watched.name(""));
    assert!(watched.changes(all).unwrap().is_none());
    assert_eq!(watched.listed(), 31);
    let (infos, _) = watched.world.verify_clean(0, "nothing");
    assert_eq!(infos.len(), 1);
}

#[test]
fn a_walk_ends_where_another_file_system_begins() {
    let mut watched = Watched::new();
    write(&watched.path("d1/e2/unseen"), b"nobody said so");
    write(&watched.path("d1/e1/seen"), b"somebody did");
    write(&watched.path("d2/e1/walked"), b"nobody said so");
    let mut hints = watched.directories(&["d1/e1"]);
    hints.subtree(watched.name(""));
    hints.edge(watched.name("d1"));
    watched.changes(hints).unwrap().unwrap();
    // All but d1 and its five, and one of these.
    assert_eq!(watched.listed(), 31 - 6 + 1);
    let mut all = Hints::default();
    all.subtree(watched.name(""));
    all.edge(watched.name("d1"));
    all.subtree(watched.name("d1"));
    watched.changes(all).unwrap().unwrap();
    assert_eq!(watched.listed(), 31);
    watched.is_source("walked as well");
}

#[test]
fn a_directory_that_moved_is_not_read_again() {
    let mut watched = Watched::new();
    fs::rename(watched.path("d1"), watched.path("d2/moved")).unwrap();
    let hints = watched.directories(&["", "d2"]);
    let summary = watched.changes(hints).unwrap().unwrap();
    assert_eq!(summary.bytes_read, 0);
    watched.is_source("moved");
    // What is known of it went with it.
    write(&watched.path("d2/moved/e1/new"), b"new");
    let hints = watched.directories(&["d2/moved/e1"]);
    let summary = watched.changes(hints).unwrap().unwrap();
    assert_eq!((summary.files.new, watched.listed()), (1, 1));
    watched.is_source("changed after it moved");
}

#[test]
fn directories_that_change_places_are_not_read_again() {
    let mut watched = Watched::new();
    let (one, two, aside) = (
        watched.path("d1"),
        watched.path("d2/e0"),
        watched.path("aside"),
    );
    fs::rename(&one, &aside).unwrap();
    fs::rename(&two, &one).unwrap();
    fs::rename(&aside, &two).unwrap();
    let hints = watched.directories(&["", "d2"]);
    let summary = watched.changes(hints).unwrap().unwrap();
    assert_eq!(summary.bytes_read, 0);
    watched.is_source("changed places");
    write(&watched.path("d2/e0/e3/new"), b"new");
    let hints = watched.directories(&["d2/e0/e3"]);
    watched.changes(hints).unwrap().unwrap();
    watched.is_source("changed after");
}

#[test]
fn a_directory_that_is_gone_and_comes_back_is_another_one() {
    let mut watched = Watched::new();
    fs::remove_dir_all(watched.path("d1/e1")).unwrap();
    let hints = watched.directories(&["d1"]);
    watched.changes(hints).unwrap().unwrap();
    watched.is_source("gone");
    fs::create_dir(watched.path("d1/e1")).unwrap();
    write(&watched.path("d1/e1/deep/er/file"), b"file");
    let hints = watched.directories(&["d1"]);
    watched.changes(hints).unwrap().unwrap();
    watched.is_source("back");
    // In one step, with what was below it.
    fs::remove_dir_all(watched.path("d1/e1")).unwrap();
    write(&watched.path("d1/e1/deep/other"), b"other");
    let hints = watched.directories(&["d1"]);
    watched.changes(hints).unwrap().unwrap();
    watched.is_source("replaced");
}

#[test]
fn other_patterns_look_at_everything() {
    let mut watched = Watched::new();
    watched.excludes = Excludes::new(["f7*"]).unwrap();
    let summary = watched.changes(Hints::default()).unwrap().unwrap();
    assert_eq!(watched.listed(), 31);
    // f7 and f70 to f74.
    assert_eq!(summary.files.unmodified, 69);
    let again = watched.changes(Hints::default()).unwrap();
    assert!(again.is_none() && watched.listed() == 0);
}

#[test]
fn what_was_forgotten_is_looked_at_again() {
    let mut watched = Watched::new();
    write(&watched.path("d1/e1/f6"), &noise(900, 2_000));
    let hints = watched.directories(&["d1/e1"]);
    watched.changes(hints).unwrap().unwrap();
    // The catalogue knows a directory that the archive is about to give up.
    write(&watched.path("d1/e1/f6"), &noise(6, 2_000));
    let (infos, _) = watched.world.verify_clean(0, "before");
    let seqs: Vec<_> = infos.iter().map(|info| info.id.seq).collect();
    watched.world.forget(&seqs, &Run::sound()).unwrap();
    let options = PruneOptions {
        max_unused_percent: 0,
        max_repack_bytes: u64::MAX,
        dry_run: false,
    };
    watched.world.prune(&options, &Run::sound()).unwrap();
    watched.changes(Hints::default()).unwrap().unwrap();
    assert_eq!(watched.listed(), 31);
    watched.is_source("after pruning");
}

/// Numbers from a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }
}

/// Returns the directories below one, itself first.
fn all_directories(root: &Path) -> Vec<PathBuf> {
    let mut found = vec![root.to_owned()];
    let mut at = 0;
    while at < found.len() {
        let mut below: Vec<_> = fs::read_dir(&found[at])
            .unwrap()
            .map(|e| e.unwrap().path())
            .collect();
        below.retain(|path| path.is_dir());
        below.sort();
        found.extend(below);
        at += 1;
    }
    found
}

/// Changes something, and says where.
fn change(source: &Path, dice: &mut Dice, hints: &mut Hints, number: u32) {
    let directories = all_directories(source);
    let at = directories[dice.below(directories.len())].clone();
    let other = directories[dice.below(directories.len())].clone();
    let mut hint = |path: &Path| hints.directory(path.as_os_str().as_bytes().to_vec());
    match dice.below(10) {
        0..3 => write(&at.join(format!("f{}", dice.below(6))), &noise(number, 300)),
        3 => drop(fs::remove_file(at.join(format!("f{}", dice.below(6))))),
        4 => {
            let new = at.join(format!("n{number}"));
            fs::create_dir(&new).unwrap();
            write(&new.join("file"), &noise(number, 700));
            hints.subtree(new.as_os_str().as_bytes().to_vec());
            hints.directory(at.as_os_str().as_bytes().to_vec());
            return;
        }
        5 if at != source => {
            fs::remove_dir_all(&at).unwrap();
            hint(at.parent().unwrap());
            return;
        }
        6 if at != source && !other.starts_with(&at) => {
            // Without a word of what is below: it is known wherever it is.
            let to = other.join(format!("m{number}"));
            fs::rename(&at, to).unwrap();
            hint(at.parent().unwrap());
            hint(&other);
            return;
        }
        7 | 8 => {
            // A second name of a file that is anywhere.
            let first = other.join(format!("f{}", dice.below(6)));
            drop(fs::hard_link(first, at.join(format!("l{number}"))));
        }
        _ => {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = if number.is_multiple_of(2) {
                0o700
            } else {
                0o755
            };
            fs::set_permissions(&at, fs::Permissions::from_mode(mode)).unwrap();
            if let Some(above) = at.parent().filter(|_| at != source) {
                hint(above);
            }
        }
    }
    hint(&at);
}

#[test]
fn snapshots_by_hints_are_snapshots_of_everything() {
    for seed in 0..12 {
        let (mut watched, mut dice) = (Watched::new(), Dice(seed));
        for turn in 0..12_u32 {
            let mut hints = Hints::default();
            for step in 0..=dice.below(6) {
                let number = turn * 100 + u32::try_from(step).unwrap();
                change(watched.source.path(), &mut dice, &mut hints, number);
            }
            while let Some(summary) = watched.changes(hints).unwrap() {
                hints = summary.linked;
                if hints.is_empty() {
                    break;
                }
            }
            watched.is_source(&format!("seed {seed}, turn {turn}"));
        }
    }
}

#[test]
fn a_change_through_another_name_is_seen() {
    let mut watched = Watched::new();
    fs::hard_link(watched.path("d1/e1/f6"), watched.path("d2/e2/other")).unwrap();
    let hints = watched.directories(&["d2/e2"]);
    let summary = watched.changes(hints).unwrap().unwrap();
    assert_eq!(
        summary.linked.len(),
        1,
        "where the first name is nobody said"
    );
    let summary = watched.changes(summary.linked).unwrap().unwrap();
    assert_eq!((summary.files.changed, watched.listed()), (1, 2));
    assert!(summary.linked.is_empty());
    watched.is_source("a second name");
    // Whoever watches is told of one name.
    let mut file = fs::OpenOptions::new()
        .append(true)
        .open(watched.path("d2/e2/other"))
        .unwrap();
    std::io::Write::write_all(&mut file, b"more").unwrap();
    drop(file);
    let hints = watched.directories(&["d2/e2"]);
    let summary = watched.changes(hints).unwrap().unwrap();
    assert!(summary.linked.is_empty());
    watched.is_source("changed through the second name");
    fs::remove_file(watched.path("d1/e1/f6")).unwrap();
    let hints = watched.directories(&["d1/e1"]);
    watched.changes(hints).unwrap().unwrap();
    watched.is_source("one name less");
}

#[test]
fn a_directory_that_leaves_a_root_and_returns_is_not_an_old_one() {
    let (world, source) = (
        World::with_clock(1, Arc::new(MovedClock(Mutex::new(LATER)))),
        fast_folder(),
    );
    let path = |below: &str| source.path().join(below);
    let move_to = |from: &str, to: &str| fs::rename(path(from), path(to)).unwrap();
    let back_up = |root: &str| {
        let options = BackupOptions {
            roots: vec![path(root)],
            ..BackupOptions::default()
        };
        world
            .backup_changes(&options, &Progress::default(), &Run::sound())
            .unwrap();
    };
    write(&path("A/C/D/f"), b"version 1");
    write(&path("B/other"), b"other");
    back_up("A");
    back_up("B");
    move_to("A/C", "B/C");
    move_to("B/C/D", "B/D");
    back_up("B");
    let mut file = fs::OpenOptions::new()
        .write(true)
        .open(path("B/D/f"))
        .unwrap();
    std::io::Write::write_all(&mut file, b"version 2").unwrap();
    drop(file);
    back_up("B");
    move_to("B/D", "B/C/D");
    move_to("B/C", "A/C");
    back_up("A");
    let (infos, _) = world.verify_clean(0, "returned");
    let newest = infos.len() - 1;
    world.restores(0, &infos[newest..], &[&read_tree(&path("A"))], "returned");
}

#[test]
fn what_took_the_place_of_a_directory_that_moved_is_kept() {
    let mut watched = Watched::new();
    fs::rename(watched.path("d1"), watched.path("z")).unwrap();
    fs::create_dir(watched.path("d1")).unwrap();
    fs::rename(watched.path("z/e3"), watched.path("d1/e3")).unwrap();
    let mut hints = watched.directories(&["", "z", "d1"]);
    hints.subtree(watched.name("d1"));
    let summary = watched.changes(hints).unwrap().unwrap();
    assert_eq!(summary.bytes_read, 0);
    watched.is_source("moved apart");
    let mut all = Hints::default();
    all.subtree(watched.name(""));
    assert!(watched.changes(all).unwrap().is_none());
    write(&watched.path("d1/e3/new"), b"new");
    let hints = watched.directories(&["d1/e3"]);
    watched.changes(hints).unwrap().unwrap();
    watched.is_source("changed afterwards");
}
