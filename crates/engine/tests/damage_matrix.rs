//! Whatever is damaged at a destination, nothing panics, nothing is restored silently wrong, verification
//! names it, and a second replica makes it good: `spec/archive-v1.md`, sections 3 to 9.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod common;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use common::crash::{Run, World, restore_to};
use common::trees::{Tree, fast_folder, read_tree};
use common::{noise, write};
use strongroom_crypto::keys::SealedKind;
use strongroom_crypto::random::SystemRandom;
use strongroom_engine::verify::{ReadData, ReadTimes, VerifyOptions, verify};
use strongroom_engine::{Progress, Stop};
use strongroom_format::keys::KeysObject;
use strongroom_format::pack::{PackClass, Trailer};
use strongroom_format::padding::Carrier;
use strongroom_format::sealed::open_object;
use strongroom_read::{Archive, Replicas};
use strongroom_replica::layout::{KeysCopy, Place, object_path};
use strongroom_store::{Memory, ObjectPath, Store as _};

/// An archive with every kind of object, the trees of its snapshots, and one more object.
struct Subject {
    world: World,
    trees: Vec<Tree>,
    source: tempfile::TempDir,
    old_keys: Vec<u8>,
}

impl Subject {
    fn new(seed: u32) -> Self {
        let source = fast_folder();
        for number in 0..60_u32 {
            let path = format!("{}/{number}.txt", number % 7);
            let text = format!("file {number} of {seed}\n").repeat(90);
            write(&source.path().join(path), text.as_bytes());
        }
        let world = World::new(2);
        let mut subject = Self {
            world,
            trees: Vec::new(),
            source,
            old_keys: Vec::new(),
        };
        subject.backup(seed + 1, 1_500_000);
        subject.backup(seed + 2, 1_500_000);
        subject.backup(seed + 3, 0);
        subject.backup(seed + 4, 1_500_000);
        subject.change_keys();
        subject
    }

    fn backup(&mut self, turn: u32, large: usize) {
        let file = |name: String| self.source.path().join(name);
        write(
            &file(format!("{}/small {turn}", turn % 7)),
            &noise(turn, 3_000),
        );
        if large > 0 {
            write(&file(format!("large {turn}")), &noise(turn + 500, large));
        }
        let root = self.source.path();
        self.world.backup(root, &Run::sound()).unwrap();
        self.trees.push(read_tree(root));
    }

    /// Puts keys object number 2 in the place of number 1.
    fn change_keys(&mut self) {
        let identity = &self.world.setup.identity;
        let (ring, custody) = (&identity.ring, &self.world.setup.custody);
        let keys = KeysObject::new(identity.archive, 2, ring, custody, vec![], &SystemRandom);
        let bytes = keys.encode(&ring.authority());
        for store in &self.world.setup.stores {
            let replica = self.world.setup.replica(store);
            let (number, name) = replica.keys_objects().unwrap()[0];
            self.old_keys = replica.get_keys(number, name).unwrap();
            replica.put_keys(2, &bytes).unwrap();
            replica.delete_keys(number, name).unwrap();
        }
    }

    /// Returns the objects of a kind, in the order in which they were written where there is one.
    fn objects(&self, kind: &str) -> Vec<ObjectPath> {
        let identity = &self.world.setup.identity;
        let is_of = |path: &ObjectPath, bytes: &[u8]| {
            let below = path.as_str().split_once('/').unwrap().1;
            let class = || {
                let (archive, ring) = (identity.archive, &*identity.ring);
                let opened = open_object(bytes, SealedKind::Pack, archive, ring).unwrap();
                Trailer::of_plaintext(&opened.1, Carrier::Object)
                    .unwrap()
                    .class
            };
            match kind {
                "descriptor" => below == "archive",
                "keys" => is_keys(below, KeysCopy::First),
                "keys, copy" => is_keys(below, KeysCopy::Second),
                "data pack" => below.starts_with("packs/") && class() == PackClass::Data,
                "meta pack" => below.starts_with("packs/") && class() == PackClass::Meta,
                "index" => below.starts_with("indexes/"),
                _ => below.starts_with("log/"),
            }
        };
        let objects = self.world.objects(0);
        let of_kind = objects
            .into_iter()
            .filter(|(path, bytes)| is_of(path, bytes));
        let mut paths: Vec<ObjectPath> = of_kind.map(|(path, _)| path).collect();
        // The record that adds an object says when it was written; all others are sorted by their names.
        let (_, log, _) = self.world.archive(&[0]).snapshots().unwrap();
        assert_eq!((log.entries.len(), log.problems.len()), (5, 0));
        let adds = |path: &ObjectPath| {
            log.entries.iter().position(|entry| {
                let mut added = entry.header.changes.adds.iter();
                added.any(|added| object_path(identity.archive, &added.object) == *path)
            })
        };
        paths.sort_by_key(adds);
        paths
    }

    /// Returns the object that stands for a kind.
    fn object(&self, kind: &str) -> ObjectPath {
        let objects = self.objects(kind);
        let at = match kind {
            // The first snapshot does not depend on what the second one added.
            "data pack" | "meta pack" | "index" => 1,
            "record, middle" => 2,
            "record, packs" => 3,
            "record, newest" => 4,
            _ => 0,
        };
        objects[at].clone()
    }
}

const KINDS: [&str; 10] = [
    "descriptor",
    "keys",
    "keys, copy",
    "data pack",
    "meta pack",
    "index",
    "record, first",
    "record, middle",
    "record, packs",
    "record, newest",
];

const DAMAGES: [&str; 11] = [
    "bit at front",
    "bit in middle",
    "bit at end",
    "truncated",
    "emptied",
    "deleted",
    "swapped",
    "older",
    "foreign in place",
    "foreign added",
    "next generation",
];

fn is_keys(below: &str, which: KeysCopy) -> bool {
    matches!(Place::parse(below), Some(Place::Keys { copy, .. }) if copy == which)
}

fn set(store: &Memory, path: &ObjectPath, bytes: &[u8]) {
    store.delete(path).unwrap();
    let _ = store.put_new(path, bytes).unwrap();
}

/// Damages the first destination; says whether there is such a damage for the kind.
fn damage(subject: &Subject, foreign: &Subject, world: &World, kind: &str, damage: &str) -> bool {
    let store = &*world.stores[0];
    let path = subject.object(kind);
    let bytes = store.get(&path, u64::MAX).unwrap();
    let flip = |at: usize| {
        store.damage(&path, |bytes| bytes[at] ^= 4);
    };
    let theirs = foreign.object(kind);
    let their_bytes = foreign.world.stores[0].get(&theirs, u64::MAX).unwrap();
    let prefix = subject.world.setup.identity.archive.to_string();
    let name = theirs.as_str().split_once('/').unwrap().1;
    match damage {
        "bit at front" => flip(0),
        "bit in middle" => flip(bytes.len() / 2),
        "bit at end" => flip(bytes.len() - 1),
        "truncated" => set(store, &path, &bytes[..bytes.len() / 2]),
        "emptied" => set(store, &path, b""),
        "deleted" => store.delete(&path).unwrap(),
        "swapped" => {
            let others = subject.objects(kind);
            let Some(other) = others.iter().rev().find(|other| **other != path) else {
                return false;
            };
            let other_bytes = store.get(other, u64::MAX).unwrap();
            set(store, &path, &other_bytes);
            set(store, other, &bytes);
        }
        "older" if kind.starts_with("keys") => set(store, &path, &subject.old_keys),
        "foreign in place" => set(store, &path, &their_bytes),
        "foreign added" if kind == "descriptor" => return false,
        "foreign added" if kind.starts_with("keys") => {
            let name = name.replacen("00000002", "00000003", 1);
            set(
                store,
                &ObjectPath::new(&format!("{prefix}/{name}")).unwrap(),
                &their_bytes,
            );
        }
        "foreign added" if kind.starts_with("record") => {
            let path = format!("{prefix}/log/00000001-0000000000000006");
            set(store, &ObjectPath::new(&path).unwrap(), &their_bytes);
        }
        "foreign added" => {
            set(
                store,
                &ObjectPath::new(&format!("{prefix}/{name}")).unwrap(),
                &their_bytes,
            );
        }
        "next generation" if kind.starts_with("record") => {
            for path in ["00000002-0000000000000001", "ffffffff-ffffffffffffffff"] {
                let path = format!("{prefix}/log/{path}");
                set(store, &ObjectPath::new(&path).unwrap(), &their_bytes);
            }
        }
        _ => return false,
    }
    true
}

/// What came of one damage.
#[derive(Default)]
struct Outcome {
    words: Vec<String>,
    faults: Vec<String>,
}

impl Outcome {
    fn fault(&mut self, what: impl Into<String>) {
        self.faults.push(what.into());
    }
}

fn open(
    world: &World,
    stores: &[usize],
) -> Result<(Archive, Vec<strongroom_read::ReadError>), String> {
    let replica = |number: &usize| world.setup.replica(&world.setup.stores[*number]);
    let replicas = Replicas::new(stores.iter().map(replica).collect()).unwrap();
    let mut problems = Vec::new();
    match Archive::open(replicas, &world.setup.custody, &mut problems) {
        Ok(archive) => Ok((archive, problems)),
        Err(error) => Err(error.to_string()),
    }
}

/// Opens, verifies and restores what is at the damaged destination alone.
fn alone(subject: &Subject, world: &World, kind: &str, what: &str, outcome: &mut Outcome) {
    let added = ["foreign added", "next generation"].contains(&what);
    let (archive, problems) = match open(world, &[0]) {
        Ok(opened) => {
            outcome.words.push("opens".to_owned());
            opened
        }
        Err(error) => {
            outcome.fault(format!("does not open: {error}"));
            outcome.words.push(format!("refused ({error})"));
            // Who knows the key ring needs no keys.
            let replicas =
                Replicas::new(vec![world.setup.replica(&world.setup.stores[0])]).unwrap();
            let mut problems = Vec::new();
            let ring = world.setup.identity.ring.clone();
            match Archive::with_key_ring(replicas, ring, &mut problems) {
                Ok(archive) => (archive, problems),
                Err(error) => return outcome.fault(format!("does not open at all: {error}")),
            }
        }
    };
    let all = ReadData::Percent {
        percent: 100,
        turn: 0,
    };
    let mut times = ReadTimes::default();
    let mut options = VerifyOptions {
        read_data: all,
        acknowledged: None,
        times: &mut times,
        now: strongroom_base::clock::Timestamp(0),
    };
    match verify(
        &archive,
        &problems,
        &mut options,
        &Progress::default(),
        &Stop::default(),
    ) {
        Ok(report) => {
            let lines = report
                .damage
                .iter()
                .map(|(what, why)| format!("{what}: {why}"));
            let text = lines.collect::<Vec<_>>().join("\n");
            let named = match kind {
                "descriptor" | "index" => text.contains(kind),
                "keys" => text.starts_with("keys ") && !text.contains(".copy: "),
                "keys, copy" => text.starts_with("keys ") && text.contains(".copy: "),
                "data pack" | "meta pack" => text.contains("pack "),
                _ => text.contains("record "),
            };
            outcome
                .words
                .push(format!("verify {}", report.damage.len()));
            // That the newest record is gone shows at another replica, or by what a profile remembers.
            let hidden = (kind, what) == ("record, newest", "deleted");
            if !added && !named && !hidden {
                outcome.fault(format!("verify does not name it: {text}"));
            }
            if added && !kind.starts_with("record") && report.damage.len() + problems.len() > 0 {
                outcome.words.push(format!("({text})"));
            }
        }
        Err(error) => outcome.fault(format!("verify fails: {error}")),
    }
    restore_all(subject, &archive, kind, what, outcome);
}

/// Restores every snapshot that is listed; nothing may be wrong.
fn restore_all(
    subject: &Subject,
    archive: &Archive,
    kind: &str,
    what: &str,
    outcome: &mut Outcome,
) {
    let whole = ["whole", "foreign added", "next generation"].contains(&what);
    let infos = match archive.snapshots() {
        Ok((infos, ..)) => infos,
        Err(error) => return outcome.fault(format!("no list of snapshots: {error}")),
    };
    let (mut files, mut lost) = (0, 0);
    for info in &infos {
        let at = usize::try_from(info.id.seq.0).unwrap() - 2;
        let Some(tree) = subject.trees.get(at) else {
            outcome.fault(format!("{} is no snapshot", info.id));
            continue;
        };
        let target = fast_folder();
        let summary = restore_to(archive, info, target.path());
        let restored = read_tree(target.path());
        let wrong: Vec<_> = common::trees::wrong(tree, &restored)
            .into_iter()
            .filter(|name| !target.path().join(name).is_dir())
            .collect();
        if !wrong.is_empty() {
            outcome.fault(format!("{} restores wrong: {wrong:?}", info.id));
        }
        let missing = tree.len() - restored.len();
        if missing > 0 && summary.damaged == 0 {
            outcome.fault(format!("{} lacks {missing} silently", info.id));
        }
        if at == 0 && missing > 0 {
            outcome.fault(format!("{missing} entries of the first snapshot are lost"));
        }
        files += restored.len();
        lost += missing;
    }
    outcome.words.push(format!(
        "{} snapshots, {files} entries, {lost} lost",
        infos.len()
    ));
    let damaged = if what == "swapped" { 2 } else { 1 };
    let expected = match kind {
        "record, middle" | "record, newest" | "record, packs" if !whole => 4 - damaged,
        "record, first" if !whole => 5 - damaged,
        _ => 4,
    };
    if infos.len() < expected {
        outcome.fault(format!("only {} snapshots are listed", infos.len()));
    }
    let independent = [
        "descriptor",
        "keys",
        "keys, copy",
        "record, first",
        "record, middle",
        "record, newest",
    ];
    if (whole || independent.contains(&kind)) && lost > 0 {
        outcome.fault(format!("{lost} entries are lost that do not depend on it"));
    }
}

/// A second replica makes everything good, and the writer goes on.
fn with_another(subject: &Subject, world: &World, outcome: &mut Outcome) {
    match open(world, &[0, 1]) {
        Ok((archive, _)) => {
            let mut second = Outcome::default();
            restore_all(subject, &archive, "", "whole", &mut second);
            match archive.latest() {
                Ok(Some(latest)) if latest.id.seq.0 == 5 => {}
                Ok(_) => second.fault("the latest is not the latest"),
                Err(error) => second.fault(format!("no latest: {error}")),
            }
            outcome.words.push(if second.faults.is_empty() {
                "second replica: whole".to_owned()
            } else {
                "second replica: NOT whole".to_owned()
            });
            let told = second
                .faults
                .into_iter()
                .map(|fault| format!("with two: {fault}"));
            outcome.faults.extend(told);
        }
        Err(error) => outcome.fault(format!("with two: does not open: {error}")),
    }
    let keys = || {
        let replica = world.setup.replica(&world.setup.stores[1]);
        replica.keys_objects().unwrap()
    };
    let keys_before = keys();
    match world.backup(subject.source.path(), &Run::sound()) {
        Ok(summary) => {
            let status =
                |report: &strongroom_engine::DestinationReport| report.status.is_complete();
            let complete = summary
                .destinations
                .iter()
                .filter(|report| status(report))
                .count();
            outcome.words.push(format!("backup to {complete}"));
        }
        Err(error) => outcome.fault(format!("the next backup fails: {error}")),
    }
    if keys() != keys_before {
        outcome.fault("the keys of the second replica changed");
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "the table is a result")]
fn every_damage_to_every_kind_of_object_matrix() {
    let (subject, foreign) = (Subject::new(0), Subject::new(100));
    let (mut cases, mut faults) = (0, Vec::new());
    let mut table: BTreeMap<(usize, usize), String> = BTreeMap::new();
    for (row, kind) in KINDS.into_iter().enumerate() {
        for (column, what) in DAMAGES.into_iter().enumerate() {
            let world = subject.world.fork();
            if !damage(&subject, &foreign, &world, kind, what) {
                continue;
            }
            cases += 1;
            let mut outcome = Outcome::default();
            let run = AssertUnwindSafe(|| {
                alone(&subject, &world, kind, what, &mut outcome);
                with_another(&subject, &world, &mut outcome);
            });
            if catch_unwind(run).is_err() {
                outcome.fault("panicked");
            }
            let told = outcome.faults.iter();
            faults.extend(told.map(|fault| format!("{kind} × {what}: {fault}")));
            table.insert((row, column), outcome.words.join("; "));
        }
    }
    for ((row, column), words) in &table {
        println!("{:15} {:16} {words}", KINDS[*row], DAMAGES[*column]);
    }
    println!("{cases} cases");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
