//! `destination sync` and `destination heal`: replicas that mend each other, and no key.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use support::Place;
use support::drawn::Drawn;

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

/// Three destinations with a replica of a long history: runs were merged, snapshots forgotten, packs and records
/// given up, and all of that waits to be erased.
fn long() -> Place {
    let place = Place::new();
    place.ok("init");
    for name in ["one", "two", "three"] {
        place.ok(&format!("destination add {name} {name}"));
    }
    let mut drawn = Drawn(1);
    for number in 0..90 {
        // Larger than what travels in a record, now and then.
        let len = if number % 3 == 0 { 1_200_000 } else { 3_000 };
        let bytes: Vec<u8> = drawn.bytes(len);
        place.write(&format!("files/{}", number % 7), bytes);
        place.ok("backup files");
        if number % 40 == 39 {
            place.ok("forget --keep-last 5 --prune");
        }
    }
    place
}

/// Says whether two folders hold the same, as another program sees it.
fn diff(place: &Place, one: &str, other: &str) -> String {
    let output = std::process::Command::new("diff")
        .arg("-r")
        .args([place.path(one), place.path(other)])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_hundred_objects_of_a_long_history_come_back_byte_for_byte() {
    let place = long();
    assert_eq!(diff(&place, "one", "three"), "");
    for seed in [1, 2] {
        let mut all: Vec<PathBuf> = files(&place.path("three")).into_keys().collect();
        let is_run = |path: &&PathBuf| path.to_str().unwrap().contains("/indexes/");
        assert!(all.len() > 130, "{} objects", all.len());
        assert!(all.iter().filter(is_run).count() > 20, "{all:?}");
        let mut drawn = Drawn(seed);
        for (number, path) in drawn.choose(&mut all, 100).into_iter().enumerate() {
            let below = format!("three/{}", path.display());
            let mut bytes = fs::read(place.path(&below)).unwrap();
            fs::remove_file(place.path(&below)).unwrap();
            match number % 3 {
                0 => continue,
                1 => bytes.truncate(bytes.len() / 2),
                _ => {
                    let at = drawn.below(bytes.len());
                    bytes[at] ^= 1 << (number % 8);
                }
            }
            place.write(&below, bytes);
        }
        assert_ne!(diff(&place, "one", "three"), "");
        let ran = place.ok("destination heal three");
        assert!(
            ran.out.contains("put back that wait to be erased"),
            "{ran:?}"
        );
        assert_eq!(diff(&place, "one", "three"), "");
        assert_eq!(diff(&place, "one", "two"), "");
    }
    let again = place.ok("destination heal three").out;
    assert!(
        again.contains("sound") && !again.contains("put back"),
        "{again}"
    );
    // It is erased as if nothing had happened, and does not come back.
    place.write("files/last", "last");
    place.ok("backup files");
    place.ok("prune --grace 0h");
    let count = |name: &str| files(&place.path(name)).len();
    assert!(count("three") < 60, "{}", count("three"));
    assert_same(&place, "one", "three");
    place.ok("verify --read-data");
}

#[test]
fn what_one_destination_has_erased_is_not_put_back_to_another() {
    let place = long();
    let before = files(&place.path("one"));
    place.write("files/last", "last");
    place.ok("backup files");
    fs::rename(place.path("three"), place.path("away")).unwrap();
    place.ok("prune --grace 0h");
    fs::rename(place.path("away"), place.path("three")).unwrap();
    assert!(files(&place.path("one")).len() < before.len() / 2);
    assert!(files(&place.path("three")).len() > before.len());
    let config = fs::read_to_string(place.path("profile/config.toml")).unwrap();
    place.write_secret(
        "profile/config.toml",
        &config.replace("begun = true", "begun = true\ngrace = \"0h\""),
    );
    place.ok("destination sync");
    let after = files(&place.path("one"));
    place.ok("destination heal");
    assert!(files(&place.path("one")) == after);
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
    assert!(ran.err.contains("two: set aside"), "{ran:?}");
    assert!(!removed.exists());
    assert!(ran.out.contains("one: "), "{ran:?}");
    let ran = place.ok("destination heal two");
    assert!(ran.err.contains("it went back"), "{ran:?}");
    assert_same(&place, "one", "two");
    assert!(place.ok("backup files").out.contains("two: up to date"));
}

#[test]
fn disks_that_take_turns_catch_up_from_the_spool() {
    let place = Place::new();
    place.ok("init");
    for name in ["one", "two"] {
        place.ok(&format!("destination add {name} {name}"));
    }
    place.write("files/a", "first");
    place.ok("backup files");
    place.ok("spool --limit 1G");
    let swap = |from: &str, to: &str| fs::rename(place.path(from), place.path(to)).unwrap();
    swap("two", "away-two");
    place.write("files/b", "second");
    place.ok("backup files");
    swap("one", "away-one");
    place.write("files/c", "third");
    let undelivered = place.fails("backup files", 1);
    let warning = "1 record is in the spool of this computer alone";
    assert!(undelivered.err.contains(warning), "{undelivered:?}");
    let refused = place.fails("spool --off", 1);
    assert!(
        refused.err.contains("holds what a destination lacks"),
        "{refused:?}"
    );
    swap("away-two", "two");
    place.ok("destination sync two");
    let listed = place.ok("snapshots --from two --json");
    assert_eq!(listed.out.lines().count(), 3, "{listed:?}");
    swap("away-one", "one");
    place.ok("backup files");
    assert_same(&place, "one", "two");
    place.ok("spool --off");
    let left = fs::read_dir(place.path("profile/spool")).unwrap().count();
    assert_eq!(left, 0);
}

#[test]
fn two_profiles_that_adopted_apart_from_each_other_are_not_mixed() {
    let place = Place::new();
    place.write("files/a.txt", "first");
    place.ok("--quiet backup files --to ./one --to ./two");
    place.ok("key export --file custody.key");
    let run = |profile: &str, line: &str| place.run_with(profile, line.split(' '));
    // Each adopts where the other cannot look: both begin generation 2.
    for (profile, disk) in [("b", "one"), ("c", "two")] {
        let line = format!("init --adopt ./{disk} --key-file custody.key");
        assert_eq!(run(profile, &line).code, 0);
        place.write("files/a.txt", format!("by {profile}"));
        assert_eq!(run(profile, "--quiet backup files").code, 0);
    }
    let line = "destination add two ./two";
    let added = run("b", line);
    assert_eq!(added.code, 0, "{added:?}");
    let (one, two) = (files(&place.path("one")), files(&place.path("two")));
    for task in ["sync two", "heal two", "sync", "heal"] {
        let ran = run("b", &format!("destination {task}"));
        assert_eq!(ran.code, 4, "{task}: {ran:?}");
        assert!(ran.err.contains("gone on by itself"), "{task}: {ran:?}");
        assert!(files(&place.path("one")) == one, "{task}");
        assert!(files(&place.path("two")) == two, "{task}");
    }
    // The one with the profile's history is mended for all that.
    let record = one
        .keys()
        .find(|path| path.to_string_lossy().contains("log/"));
    let record = PathBuf::from("one").join(record.unwrap());
    fs::remove_file(place.path(record.to_str().unwrap())).unwrap();
    let healed = run("b", "destination heal one");
    assert_eq!(healed.code, 0, "{healed:?}");
    assert!(files(&place.path("one")) == one);
    // Each still has what it wrote.
    for (profile, disk) in [("b", "one"), ("c", "two")] {
        let line = format!("restore latest --from {disk} --to out-{profile}");
        let restored = run(profile, &line);
        assert_eq!(restored.code, 0, "{restored:?}");
        assert_eq!(
            place.read(&format!("out-{profile}/a.txt")),
            format!("by {profile}")
        );
    }
}

/// As above, after one of the two has adopted again where both can be reached: the generations of one number are below.
#[test]
fn a_profile_that_adopts_again_takes_nothing_of_the_other() {
    let place = Place::new();
    place.write("files/a.txt", "first");
    place.ok("--quiet backup files --to ./one --to ./two");
    place.ok("key export --file custody.key");
    fs::rename(place.path("two"), place.path("away")).unwrap();
    place.write("files/a.txt", "second");
    place.ok("--quiet backup files");
    fs::rename(place.path("away"), place.path("two")).unwrap();
    let run = |profile: &str, line: &str| place.run_with(profile, line.split(' '));
    let adopt = |profile: &str, disk: &str| {
        let line = format!("init --adopt ./{disk} --key-file custody.key");
        run(profile, &line)
    };
    for (profile, disk) in [("b", "one"), ("c", "two")] {
        assert_eq!(adopt(profile, disk).code, 0);
        place.write("files/a.txt", format!("by {profile}"));
        assert_eq!(run(profile, "--quiet backup files").code, 0);
    }
    assert_eq!(run("b", "destination add two ./two").code, 0);
    let two = files(&place.path("two"));
    let again = adopt("b", "one");
    assert_eq!(again.code, 4, "{again:?}");
    assert!(again.err.contains("two: set aside"), "{again:?}");
    let one = files(&place.path("one"));
    for task in ["heal two", "sync two", "heal one", "heal", "sync"] {
        let ran = run("b", &format!("destination {task}"));
        let code = if task == "heal one" { 0 } else { 4 };
        assert_eq!(ran.code, code, "{task}: {ran:?}");
        assert!(files(&place.path("one")) == one, "{task}");
        assert!(files(&place.path("two")) == two, "{task}");
    }
    let verified = run("b", "verify --from one");
    assert_eq!(verified.code, 0, "{verified:?}");
    // The other one is still read, and takes part again when it is empty.
    let restored = run("c", "restore latest --from two --to out");
    assert_eq!(restored.code, 0, "{restored:?}");
    assert_eq!(place.read("out/a.txt"), "by c");
    fs::remove_dir_all(place.path("two")).unwrap();
    fs::create_dir(place.path("two")).unwrap();
    assert_eq!(run("b", "destination remove two").code, 0);
    assert_eq!(run("b", "destination add two ./two").code, 0);
    let filled = run("b", "destination sync two");
    assert_eq!(filled.code, 0, "{filled:?}");
    assert_same(&place, "one", "two");
}
