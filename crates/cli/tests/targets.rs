//! Where a restore writes, and where it does not.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, lchown, symlink};
use std::path::Path;
use std::process::Command;

use support::Place;

const NOBODY: u32 = 65_534;

/// A profile with a snapshot of two files.
fn place() -> Place {
    let place = Place::new();
    place.write("source/a", "a");
    place.write("source/b", "b");
    place.ok("init");
    place.ok("backup source --to disk");
    place
}

#[test]
fn above_a_link_is_where_the_system_has_it() {
    let place = place();
    place.write("here/out/precious", "precious");
    fs::create_dir_all(place.path("other/deep")).unwrap();
    symlink("../other/deep", place.path("here/link")).unwrap();
    place.ok("restore --to here/link/../out --delete");
    assert_eq!(place.read("here/out/precious"), "precious");
    assert_eq!(place.read("other/out/a"), "a");
    place.write("other/f", "f");
    place.ok("backup here/link/../f --to disk");
    let listed = place.ok("ls -r latest");
    assert!(listed.out.contains("HERE/other/f"), "{listed:?}");
}

#[test]
fn somebody_elses_link_leads_nowhere() {
    let place = place();
    place.write("victim/precious", "precious");
    symlink(place.path("victim"), place.path("planted")).unwrap();
    if lchown(place.path("planted"), Some(NOBODY), None).is_err() {
        return;
    }
    for line in [
        "restore --to planted --delete",
        "restore --to planted/below",
        "restore --to planted --dry-run",
        "backup source --to planted",
        "destination add x planted/below",
    ] {
        let refused = place.fails(line, 1);
        assert!(refused.err.contains("user 65534 made"), "{refused:?}");
    }
    let left = fs::read_dir(place.path("victim")).unwrap();
    assert_eq!(left.count(), 1);
}

#[test]
fn nothing_is_restored_into_a_profile_in_use_or_an_archive() {
    let place = place();
    let archive = format!("disk/{}", place.archive());
    for to in ["profile", "profile/below", &archive] {
        let refused = place.fails(&format!("restore --to {to}"), 1);
        assert!(refused.err.contains("nothing is restored"), "{refused:?}");
        place.fails(&format!("restore --to {to} --dry-run"), 1);
    }
    place.ok("restore --to disk/beside");
    // A profile that is not in use can be restored.
    place.ok("key export --file custody.key");
    place.ok("restore --from disk --key-file custody.key --to profile/below");
}

#[test]
fn the_time_that_is_shown_finds_the_snapshot() {
    let place = place();
    let shown = place.ok("snapshots").out;
    let mut words = shown.split_whitespace();
    let (_, day, time) = (words.next(), words.next().unwrap(), words.next().unwrap());
    let time = format!("{day} {time}");
    let ran = place.run(["restore", "--to", "out", "--at", &time]);
    assert_eq!(ran.code, 0, "{time}: {ran:?}");
}

#[test]
fn who_may_not_set_owners_is_told_once() {
    let place = place();
    let open = |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    // Somebody else needs a program, an archive and a key to read.
    fs::copy(env!("CARGO_BIN_EXE_strongroom"), place.path("program")).unwrap();
    fs::create_dir(place.path("theirs")).unwrap();
    place.ok("key export --file theirs/custody.key");
    for path in ["theirs", "theirs/custody.key"] {
        if lchown(place.path(path), Some(NOBODY), None).is_err() {
            return;
        }
    }
    let mut opening = Command::new("chmod");
    let opened = opening
        .args(["-R", "a+rX"])
        .arg(place.path("disk"))
        .status();
    assert!(opened.unwrap().success());
    open(&place.path(""));
    let ran = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"])
        .arg(place.path("program"))
        .args([
            "restore",
            "--from",
            "disk",
            "--key-file",
            "theirs/custody.key",
        ])
        .args(["--to", "theirs/out"])
        .current_dir(place.path(""))
        .env_clear()
        .env("HOME", place.path("theirs"))
        .output()
        .unwrap();
    let told = String::from_utf8(ran.stderr).unwrap();
    assert!(ran.status.success(), "{told}");
    assert_eq!(told.matches("warning").count(), 1, "{told}");
    assert!(told.contains("needs root: 3 times"), "{told}");
}
