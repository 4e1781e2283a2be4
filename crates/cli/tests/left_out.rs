//! Files that a backup cannot have as they are: what it says of them, and how it ends.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::fs;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;
use support::Place;
use support::drawn::Drawn;

/// Returns the result of a command, its last line.
fn result(out: &str) -> Value {
    serde_json::from_str(out.lines().last().unwrap()).unwrap()
}

/// Backs up without the right of root to read everything; returns the result and the exit code.
fn unprivileged_backup(place: &Place) -> (Value, Option<i32>) {
    let mut command = Command::new("setpriv");
    if rustix::process::geteuid().is_root() {
        command.arg("--bounding-set=-dac_override,-dac_read_search");
    }
    let output = command
        .arg(env!("CARGO_BIN_EXE_strongroom"))
        .args(["backup", "files", "--to", "disk", "--json"])
        .current_dir(place.path(""))
        .env_clear()
        .env("STRONGROOM_PROFILE", place.path("profile"))
        .env("HOME", place.path("home"))
        .output()
        .unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    (result(&out), output.status.code())
}

#[test]
fn a_file_that_cannot_be_read_is_neither_new_nor_changed() {
    let place = Place::new();
    place.write("files/read", "read");
    place.write("files/hidden", "hidden");
    let set_mode = |mode| {
        let mode = fs::Permissions::from_mode(mode);
        fs::set_permissions(place.path("files/hidden"), mode).unwrap();
    };
    set_mode(0o000);
    for _ in 0..2 {
        let (done, code) = unprivileged_backup(&place);
        assert_eq!(code, Some(3));
        assert_eq!(done["files_failed"], 1);
        let known = [&done["files_new"], &done["files_unmodified"]];
        assert_eq!(
            known
                .map(|count| count.as_u64().unwrap())
                .iter()
                .sum::<u64>(),
            1
        );
        assert_eq!(done["files_changed"], 0);
    }
    set_mode(0o600);
    let (done, code) = unprivileged_backup(&place);
    assert_eq!((code, &done["files_new"]), (Some(0), &1.into()));
}

#[test]
fn a_file_that_was_read_again_and_is_the_same_has_not_changed() {
    let place = Place::new();
    place.write("files/a", "a");
    place.write("files/b", "b");
    // Right after they were written nobody can say by their times whether they changed.
    for expected in [[2, 0, 0], [0, 0, 2], [0, 0, 2]] {
        let done = result(&place.ok("backup files --to disk --json").out);
        let counts = ["files_new", "files_changed", "files_unmodified"];
        assert_eq!(counts.map(|name| done[name].as_u64().unwrap()), expected);
    }
    place.write("files/b", "c");
    let done = result(&place.ok("backup files --json").out);
    assert_eq!(done["files_changed"], 1);
    assert_eq!(done["files_unmodified"], 1);
}

#[test]
fn a_file_that_changes_while_it_is_read_is_listed_and_told_by_the_exit_code() {
    let place = Place::new();
    place.write("files/calm", "calm");
    place.write("files/busy", Drawn(1).bytes(32 << 20));
    let busy = fs::OpenOptions::new()
        .write(true)
        .open(place.path("files/busy"))
        .unwrap();
    let is_over = AtomicBool::new(false);
    let line = "backup files --to disk";
    let (told, counted) = std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0_u64.. {
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
                busy.write_all_at(&number.to_be_bytes(), number % (32 << 20))
                    .unwrap();
            }
        });
        let runs = (
            place.run(line.split(' ')),
            place.run("backup files --json".split(' ')),
        );
        is_over.store(true, Ordering::Relaxed);
        runs
    });
    assert_eq!((told.code, counted.code), (3, 3), "{told:?} {counted:?}");
    assert!(
        told.err
            .contains("HERE/files/busy: changed while it was read"),
        "{told:?}"
    );
    assert!(
        told.out
            .contains("1 file changed while being read, and kept as read last"),
        "{told:?}"
    );
    assert_eq!(result(&counted.out)["files_unsettled"], 1);
    assert_eq!(result(&counted.out)["files_failed"], 0);
    // Calm again, it is read again, and all is well.
    let done = result(&place.ok("backup files --json").out);
    assert_eq!(done["files_unsettled"], 0);
    place.ok("restore latest --to out");
    let same =
        fs::read(place.path("out/busy")).unwrap() == fs::read(place.path("files/busy")).unwrap();
    assert!(same);
}
