//! Destinations that go and come back: what only the spool has, and which archive they belong to.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::fs;

use support::Place;

/// A place where the newest snapshot is in the spool alone.
fn spooled() -> Place {
    let place = Place::new();
    place.write("src/a", "one");
    place.ok("init");
    place.ok("destination add d ./d");
    place.ok("backup src");
    place.ok("spool --limit 20M");
    place.write("src/a", "two, longer");
    fs::rename(place.path("d"), place.path("away")).unwrap();
    place.fails("backup src", 1);
    place
}

fn spool_files(place: &Place) -> usize {
    let spool = place.path(&format!("profile/spool/{}", place.archive()));
    fs::read_dir(spool).map_or(0, Iterator::count)
}

#[test]
fn what_only_the_spool_has_is_not_dropped_unasked() {
    let place = spooled();
    let refused = place.fails("destination remove d", 1);
    assert!(
        refused.err.contains("no other destination has"),
        "{refused:?}"
    );
    place.ok("destination remove d --give-up");
    place.fails("spool --off", 1);
    place.ok("destination add new ./new");
    let refused = place.fails("backup src", 1);
    assert!(refused.err.contains("no new archive"), "{refused:?}");
    assert_ne!(spool_files(&place), 0);
    place.ok("spool --off --give-up");
    place.ok("backup src");
}

#[test]
fn a_destination_that_is_ahead_of_the_others_is_not_removed_unasked() {
    let place = Place::new();
    place.write("src/a", "one");
    place.ok("init");
    place.ok("destination add d ./d");
    place.ok("backup src");
    place.ok("destination add e ./e");
    let refused = place.fails("destination remove d", 1);
    assert!(refused.err.contains("it has records"), "{refused:?}");
    place.ok("destination sync e");
    place.ok("destination remove d");
    place.ok("destination remove e");
}

#[test]
fn a_destination_that_is_added_again_goes_on_with_its_archive() {
    let place = spooled();
    let archive = place.archive();
    fs::rename(place.path("away"), place.path("d")).unwrap();
    place.ok("backup src");
    place.ok("destination remove d");
    let added = place.ok("destination add disk ./d");
    assert!(
        added.out.contains(&format!("wrote archive {archive}")),
        "{added:?}"
    );
    let done = place.ok("backup src --json");
    assert!(done.out.contains("\"new_archive\":null"), "{done:?}");
    assert_eq!(place.archives("d"), [archive]);
    assert_eq!(place.ok("snapshots").out.lines().count(), 4);
}

#[test]
fn a_new_archive_is_said_to_begin_and_the_old_one_is_taken_up_again() {
    let place = Place::new();
    place.write("src/a", "one");
    place.ok("init");
    place.ok("destination add d ./d");
    let first = place.ok("backup src");
    assert!(!first.err.contains("new archive"), "{first:?}");
    let archive = place.archive();
    place.ok("destination remove d");
    place.ok("destination add e ./e");
    let done = place.ok("backup src");
    let gone = format!("archive {archive} is at none of the destinations that are left");
    assert!(done.err.contains(&gone), "{done:?}");
    let added = place.ok("destination add d ./d --json");
    let taken = format!("\"archives_taken_back\":[\"{archive}\"]");
    assert!(added.out.contains(&taken), "{added:?}");
    let there = place.ok(&format!("snapshots --archive {archive}"));
    assert_eq!(there.out.lines().count(), 1);
    let done = place.ok("backup src --to d --json");
    assert!(
        done.out.contains(&archive) && done.out.contains("\"new_archive\":null"),
        "{done:?}"
    );
    let done = place.ok("backup src --to e --json");
    assert!(
        done.out.contains("\"why\":\"other-destinations\""),
        "{done:?}"
    );
}

#[test]
fn a_destination_is_renamed() {
    let place = Place::new();
    place.write("src/a", "one");
    place.ok("backup src --to ./d");
    place.ok("destination add e ./e");
    place.fails("destination set d --name e", 1);
    place.fails("destination set d --name=-x", 2);
    place.ok("destination set d --name disk");
    assert!(place.ok("destination list").out.starts_with("disk "));
    assert!(place.ok("backup src").out.contains("disk: up to date"));
}

#[test]
fn one_folder_is_one_destination() {
    let place = Place::new();
    place.write("src/a", "one");
    place.ok("init");
    place.ok("destination add d ./two/d");
    std::os::unix::fs::symlink(place.path("two/d"), place.path("link")).unwrap();
    for (name, url) in [
        ("b", "./link"),
        ("b", "two/../two/d/"),
        ("b", "link/in"),
        ("b", "two"),
        ("b", "/"),
    ] {
        let refused = place.fails(&format!("destination add {name} {url}"), 1);
        assert!(refused.err.contains("error: "), "{refused:?}");
    }
    assert!(!place.path("two/d/in").exists());
    place.fails("destination add -- -x ./x", 2);
    // What is there already by another name is meant.
    place.ok("backup src --to link");
    assert_eq!(place.ok("destination list").out.lines().count(), 1);
    place.fails("backup src --to ./two/d/in", 1);
}
