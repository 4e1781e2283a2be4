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
