//! Forgetting and pruning as a person does it.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::fs;

use serde_json::Value;
use support::Place;

fn objects(out: &str) -> Vec<Value> {
    out.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn bytes_of(place: &Place, below: &str) -> u64 {
    let mut total = 0;
    for entry in fs::read_dir(place.path(below)).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{below}/{}", entry.file_name().to_str().unwrap());
        total += match entry.metadata().unwrap() {
            found if found.is_dir() => bytes_of(place, &name),
            found => found.len(),
        };
    }
    total
}

/// Four snapshots, the second with a tag, the third with a large file that is gone later.
fn four() -> Place {
    let place = Place::new();
    place.write("files/a.txt", "one");
    place.ok("backup files --to disk");
    place.write("files/a.txt", "two, longer");
    place.ok("backup files --tag keep-me");
    let noise: Vec<u8> = (0..700_000_u32)
        .flat_map(|n| {
            n.wrapping_mul(2_654_435_761)
                .rotate_left(n % 31)
                .to_le_bytes()
        })
        .collect();
    place.write("files/large", noise);
    place.ok("backup files");
    fs::remove_file(place.path("files/large")).unwrap();
    place.write("files/a.txt", "three, and longer still");
    place.ok("backup files");
    place
}

#[test]
fn a_policy_says_what_goes_and_why() {
    let place = four();
    let dry = place.ok("forget --keep-last 1 --keep-tag keep-me --dry-run");
    let lines: Vec<&str> = dry.out.lines().collect();
    assert_eq!(lines.len(), 5, "{dry:?}");
    assert!(lines[0].starts_with("forget  "), "{dry:?}");
    assert!(lines[1].starts_with("keep    ") && lines[1].ends_with("[keep-me]  tag keep-me"));
    assert!(lines[3].ends_with("  last"), "{dry:?}");
    assert_eq!(lines[4], "2 snapshots would be forgotten, 2 kept");
    assert_eq!(place.ok("snapshots").out.lines().count(), 4);
    let done = place.ok("forget --keep-last 1 --keep-tag keep-me --json");
    let objects = objects(&done.out);
    assert_eq!(objects[4]["forgotten"], 2);
    assert_eq!(objects[4]["kept"], 2);
    assert_eq!(objects[1]["action"], "keep");
    assert_eq!(objects[1]["reasons"][0], "tag keep-me");
    assert_eq!(place.ok("snapshots").out.lines().count(), 2);
}

#[test]
fn nothing_goes_without_being_named() {
    let place = four();
    let empty = place.fails("forget", 2);
    assert!(empty.err.contains("no rule says what to keep"), "{empty:?}");
    let none = place.fails("forget --keep-tag never", 2);
    assert!(none.err.contains("--forget-everything"), "{none:?}");
    assert_eq!(place.ok("snapshots").out.lines().count(), 4);
    let one = place.ok("forget latest");
    assert!(
        one.out.ends_with("1 snapshot forgotten, 3 kept\n"),
        "{one:?}"
    );
    let tagged = place.ok("forget --keep-last 1 --tag keep-me");
    assert!(
        tagged.out.ends_with("0 snapshots forgotten, 3 kept\n"),
        "{tagged:?}"
    );
    place.ok("forget --keep-tag never --forget-everything");
    assert_eq!(place.ok("snapshots").out, "");
}

#[test]
fn prune_gives_up_what_nobody_needs_and_backups_go_on() {
    let place = four();
    assert!(
        place
            .ok("prune --dry-run")
            .out
            .contains("nothing to give up")
    );
    place.ok("forget --keep-last 1");
    let before = bytes_of(&place, "disk");
    let dry = place.ok("prune --dry-run");
    assert!(dry.out.contains("would be given up"), "{dry:?}");
    assert_eq!(bytes_of(&place, "disk"), before);
    let done = objects(&place.ok("prune --json").out).pop().unwrap();
    assert!(
        done["bytes_reclaimable"].as_u64().unwrap() > 2_000_000,
        "{done}"
    );
    assert_eq!(done["snapshots"], 1);
    place.ok("verify --read-data");
    assert!(place.ok("prune").out.contains("nothing to give up"));
    place.ok("backup files");
    place.ok("restore latest --to out");
    assert_eq!(place.read("out/a.txt"), "three, and longer still");
    place.ok("forget --keep-last 1 --prune");
    let waiting = place.ok("prune");
    assert!(waiting.out.contains("nothing to give up"), "{waiting:?}");
    assert!(waiting.out.contains("disk: 0 B erased, "), "{waiting:?}");
    assert!(waiting.out.contains(" for the grace"), "{waiting:?}");
    assert!(bytes_of(&place, "disk") > 2_000_000);
    let erased = place.ok("prune --grace 0h");
    assert!(erased.out.contains(" MiB erased"), "{erased:?}");
    assert!(bytes_of(&place, "disk") < 100_000);
    place.ok("restore latest --to again");
    assert_eq!(place.read("again/a.txt"), "three, and longer still");
    place.ok("verify --read-data");
    place.fails("prune --max-unused 101%", 2);
}
