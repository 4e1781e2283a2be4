//! `destination sync` and `destination heal`: replicas that mend each other, and no key.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use support::Place;

/// Three destinations with a replica of three snapshots each.
fn three() -> Place {
    let place = Place::new();
    place.ok("init");
    for name in ["one", "two", "three"] {
        place.ok(&format!("destination add {name} {name}"));
    }
    for number in 0..3_u8 {
        let bytes: Vec<u8> = (0..1_500_000_u32)
            .map(|at| at.wrapping_mul(2_654_435_761 + u32::from(number)))
            .map(|mixed| {
                (mixed ^ (mixed >> 15))
                    .wrapping_mul(2_246_822_519)
                    .to_be_bytes()[0]
            })
            .collect();
        place.write(&format!("files/large {number}"), bytes);
        place.write(&format!("files/{number}.txt"), "small");
        place.ok("backup files");
    }
    place
}

/// Returns the files below a folder and their bytes.
fn files(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let (mut found, mut stack) = (BTreeMap::new(), vec![root.to_owned()]);
    while let Some(folder) = stack.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                stack.push(path);
            } else {
                let below = path.strip_prefix(root).unwrap().to_owned();
                found.insert(below, fs::read(&path).unwrap());
            }
        }
    }
    found
}

fn assert_same(place: &Place, one: &str, other: &str) {
    let (one, other) = (files(&place.path(one)), files(&place.path(other)));
    let names = |files: &BTreeMap<PathBuf, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&one), names(&other));
    assert!(one == other, "the same names, and other bytes");
}

/// Changes every third object of a destination, and removes every third.
fn ruin(place: &Place, name: &str) -> usize {
    let root = place.path(name);
    let mut ruined = 0;
    for (number, (path, mut bytes)) in files(&root).into_iter().enumerate() {
        let path = root.join(path);
        if number % 3 == 2 {
            continue;
        }
        fs::remove_file(&path).unwrap();
        if number % 3 == 0 {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            let below = path.strip_prefix(place.path("")).unwrap().to_str().unwrap();
            place.write(below, bytes);
        }
        ruined += 1;
    }
    ruined
}

#[test]
fn a_destination_that_was_added_again_is_filled_without_the_source_and_without_a_key() {
    let place = three();
    fs::rename(place.path("files"), place.path("elsewhere")).unwrap();
    fs::remove_dir_all(place.path("two")).unwrap();
    place.ok("destination remove two");
    place.ok("destination add two two");
    let key = place.path("profile/keys/custody.key");
    assert!(key.is_file(), "{:?}", files(&place.path("profile")).keys());
    fs::rename(&key, place.path("key")).unwrap();
    let ran = place.ok("destination sync two");
    assert!(
        ran.out.contains("two: ") && ran.out.contains("up to date"),
        "{ran:?}"
    );
    assert_same(&place, "one", "two");
    let again = place.ok("destination sync --json");
    assert_eq!(again.out.lines().count(), 3);
    assert!(
        again
            .out
            .lines()
            .all(|line| line.contains("\"objects_copied\":0")),
        "{again:?}"
    );
    // The writer goes on as if it had always been there.
    fs::rename(place.path("key"), key).unwrap();
    fs::rename(place.path("elsewhere"), place.path("files")).unwrap();
    place.write("files/new", "new");
    let ran = place.ok("backup files");
    assert!(ran.out.contains("two: up to date"), "{ran:?}");
    assert_same(&place, "one", "two");
    place.ok("verify --read-data --from two");
}

#[test]
fn a_ruined_destination_is_healed_byte_for_byte() {
    let place = three();
    let ruined = ruin(&place, "three");
    let before = files(&place.path("three"));
    let ran = place.fails("destination heal three --dry-run", 4);
    assert!(ran.out.contains("DAMAGED, 0 healed"), "{ran:?}");
    assert!(files(&place.path("three")) == before);
    let ran = place.ok("destination heal --json");
    let objects: Vec<serde_json::Value> = ran
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|object: &serde_json::Value| object["destination"] == "three")
        .collect();
    let number = |key: &str| objects[0][key].as_u64().unwrap();
    assert!(
        number("healed") + number("objects_copied") >= ruined as u64 - 1,
        "{objects:?}"
    );
    assert_eq!(objects[0]["not_healed"], serde_json::json!([]));
    assert_same(&place, "one", "three");
    assert!(
        place
            .ok("destination heal --sample 10")
            .out
            .contains("three: ")
    );
    place.ok("verify --read-data");
}

#[test]
fn damage_that_nobody_can_heal_is_named() {
    let place = three();
    let archive = place.archives("one")[0].clone();
    let packs = |name: &str| place.path(&format!("{name}/{archive}/packs"));
    let pack = files(&packs("one")).into_keys().next().unwrap();
    for name in ["one", "two", "three"] {
        fs::remove_file(packs(name).join(&pack)).unwrap();
    }
    let ran = place.fails("destination heal one", 4);
    assert!(
        ran.err.contains("no other destination has it undamaged"),
        "{ran:?}"
    );
    fs::rename(place.path("two"), place.path("away")).unwrap();
    let ran = place.fails("destination sync two", 1);
    assert!(ran.err.contains("two"), "{ran:?}");
    place.fails("destination sync nowhere", 1);
}

#[test]
fn a_destination_that_went_back_is_set_aside_and_healed_when_asked() {
    let place = three();
    let archive = place.archives("one")[0].clone();
    let newest = |name: &str| {
        let log = place.path(&format!("{name}/{archive}/log"));
        log.join(files(&log).into_keys().next_back().unwrap())
    };
    let removed = newest("two");
    fs::remove_file(&removed).unwrap();
    let ran = place.fails("destination sync", 4);
    assert!(ran.err.contains("two is set aside"), "{ran:?}");
    assert!(!removed.exists());
    assert!(ran.out.contains("one: "), "{ran:?}");
    let ran = place.ok("destination heal two");
    assert!(ran.err.contains("it went back"), "{ran:?}");
    assert_same(&place, "one", "two");
    assert!(place.ok("backup files").out.contains("two: up to date"));
}
