//! Files that a backup cannot have as they are, or a restore has no room for: what is said of them, and how it ends.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::PathBuf;
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

/// A small disk; `None` where nothing can be mounted.
fn small_disk(place: &Place) -> Option<PathBuf> {
    let disk = place.path("out");
    fs::create_dir(&disk).unwrap();
    let mut mount = Command::new("mount");
    mount
        .args(["-t", "tmpfs", "-o", "size=10m", "none"])
        .arg(&disk);
    let output = mount.output();
    output
        .is_ok_and(|output| output.status.success())
        .then_some(disk)
}

/// Runs something of the system, which must succeed.
fn run(program: &str, arguments: &[&OsStr]) {
    let status = Command::new(program).args(arguments).status();
    assert!(status.unwrap().success(), "{program}");
}

#[test]
fn a_restore_to_a_full_disk_says_so_and_goes_on_when_there_is_room() {
    let place = Place::new();
    let mut drawn = Drawn(2);
    for number in 0..60 {
        place.write(&format!("files/sub/{number}"), drawn.bytes(400_000));
    }
    place.write("files/sub/large", drawn.bytes(9_000_000));
    place.ok("backup files --to disk");
    let Some(disk) = small_disk(&place) else {
        return;
    };
    let full = place.run("restore --to out/back".split(' '));
    let so_far = differences(&place);
    let remount = ["-o".as_ref(), "remount,size=50m".as_ref(), disk.as_os_str()];
    run("mount", &remount);
    let done = place.run("restore --to out/back".split(' '));
    let in_the_end = differences(&place);
    run("umount", &[disk.as_os_str()]);
    assert_eq!(full.code, 1, "{full:?}");
    assert_eq!(full.err.lines().count(), 3, "{full:?}");
    let lines: Vec<&str> = full.err.lines().collect();
    assert!(
        lines[0].starts_with("error: no room is left to restore `HERE/out/back/sub/"),
        "{full:?}"
    );
    assert_eq!(lines[1], "  because: No space left on device (os error 28)");
    assert!(lines[2].starts_with("hint: make room, or restore elsewhere"));
    // What is there is whole, and there is something.
    assert!(
        so_far
            .iter()
            .all(|line| line.starts_with("Only in HERE/files/sub: ")),
        "{so_far:?}"
    );
    assert!((1..60).contains(&so_far.len()), "{so_far:?}");
    assert_eq!(done.code, 0, "{done:?}");
    assert!(in_the_end.is_empty(), "{in_the_end:?}");
}

/// Says what of `files` is not in `out/back`.
fn differences(place: &Place) -> Vec<String> {
    let mut command = Command::new("diff");
    command
        .arg("-r")
        .args([place.path("files"), place.path("out/back")]);
    let out = command.output().unwrap().stdout;
    let out = String::from_utf8(out).unwrap();
    let here = place.path("").display().to_string();
    let lines = out
        .lines()
        .map(|line| line.replace(here.trim_end_matches('/'), "HERE"));
    lines.collect()
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

#[test]
fn a_path_that_cannot_be_opened_keeps_no_other_one_from_being_backed_up() {
    let place = Place::new();
    place.write("a/file", "a");
    place.write("b/file", "b");
    place.ok("backup a b --to ./disk");
    fs::rename(place.path("b"), place.path("c")).unwrap();
    let ran = place.fails("backup a b", 3);
    assert!(
        ran.err
            .contains("HERE/b: nothing of it is in this snapshot"),
        "{ran:?}"
    );
    assert!(ran.out.contains("1 path could not be opened"), "{ran:?}");
    let ran = place.fails("backup a b --json", 3);
    assert!(
        result(&ran.out)["paths_failed"].as_array().unwrap().len() == 1,
        "{ran:?}"
    );
    place.fails("backup a b --dry-run", 3);
    let before = place.ok("snapshots").out;
    place.fails("backup b not-there", 1);
    assert_eq!(place.ok("snapshots").out, before);
}

#[test]
fn a_rehearsal_counts_neither_profile_nor_destinations() {
    let place = Place::new();
    place.write("files/a", "a");
    place.ok("backup files --to ./files/disk");
    let ran = place.ok("backup files --dry-run --json");
    let found = result(&ran.out);
    assert_eq!(
        (&found["bytes_scanned"], &found["files_new"]),
        (&1.into(), &0.into()),
        "{ran:?}"
    );
}

#[test]
fn own_files_in_a_destination_are_backed_up_and_its_archives_are_not() {
    let place = Place::new();
    place.write("src/media/photos/p.jpg", "p");
    place.write("src/media/0123456789abcdef0123456789abcdef/mine", "m");
    place.write("src/media/probe/mine", "m");
    place.ok("backup src --to src/media");
    for root in ["src", "src/media"] {
        place.ok(&format!("backup {root}"));
        let listed = place.ok("ls -r latest").out;
        assert!(listed.contains("src/media/photos/p.jpg"), "{listed}");
        assert_eq!(listed.matches("/mine").count(), 2, "{listed}");
        assert!(!listed.contains(&place.archive()), "{listed}");
    }
}

#[test]
fn neither_keys_nor_archives_are_backed_up_when_they_are_named() {
    let place = Place::new();
    place.write("src/a", "a");
    place.ok("backup src --to ./disk");
    std::os::unix::fs::symlink(place.path("profile"), place.path("link")).unwrap();
    let archive = format!("disk/{}", place.archive());
    let log = format!("{archive}/log");
    for path in [
        "profile",
        "profile/keys/custody.key",
        "link/keys",
        &archive,
        &log,
    ] {
        for dry_run in ["", " --dry-run"] {
            let refused = place.fails(&format!("backup src {path}{dry_run}"), 1);
            assert!(refused.err.contains("cannot back up"), "{refused:?}");
        }
    }
}

#[test]
fn a_link_that_is_named_is_told_of() {
    let place = Place::new();
    place.write("src/a", "a");
    std::os::unix::fs::symlink("src", place.path("link")).unwrap();
    let ran = place.ok("backup link --to ./disk");
    assert!(
        ran.err
            .contains("to back up what it leads to, name HERE/src"),
        "{ran:?}"
    );
}

#[test]
fn a_pattern_that_never_matches_is_told_of() {
    let place = Place::new();
    place.write("src/a", "a");
    let ran = place.ok("backup src --to ./disk --exclude ./src/a --exclude *.o");
    assert_eq!(ran.err.matches("leaves nothing out").count(), 1, "{ran:?}");
}

#[test]
fn what_is_named_is_backed_up_whatever_is_left_out_above_it() {
    let place = Place::new();
    place.write("root/a", "a");
    place.write("root/home/doc/kept", "k");
    place.write("root/home/doc/sub/home/lost", "l");
    place.write("root/home/other", "o");
    place.ok("backup root root/home/doc root/home/doc/sub/home/lost --exclude home --to ./disk");
    let listed = place.ok("ls -r latest").out;
    for (name, is_there) in [
        ("/a", true),
        ("/kept", true),
        ("/lost", true),
        ("/other", false),
    ] {
        assert_eq!(
            listed.contains(&format!("{name}\n")),
            is_there,
            "{name}: {listed}"
        );
    }
    place.ok("backup root --exclude home");
    assert!(!place.ok("ls -r latest").out.contains("/kept"));
}

#[test]
fn file_systems_that_are_named_are_backed_up_and_the_others_leave_an_empty_folder() {
    let place = Place::new();
    place.write("out/a", "a");
    fs::remove_file(place.path("out/a")).unwrap();
    fs::remove_dir(place.path("out")).unwrap();
    let Some(disk) = small_disk(&place) else {
        return;
    };
    place.write("out/doc", "precious");
    place.write("out/sub/other", "other");
    let all = place.run("backup . out --one-file-system --exclude profile --to ./disk".split(' '));
    let with_all = place.run("ls -r latest".split(' '));
    let some = place.run("backup . out/sub --one-file-system --exclude profile".split(' '));
    let with_some = place.run("ls -r latest".split(' '));
    let none = place.run("backup . --one-file-system --exclude profile".split(' '));
    let with_none = place.run("ls -r latest".split(' '));
    run("umount", &[disk.as_os_str()]);
    assert_eq!(
        (all.code, some.code, none.code),
        (0, 0, 0),
        "{all:?} {some:?} {none:?}"
    );
    let has = |ran: &support::Ran, name: &str| ran.out.lines().any(|line| line.ends_with(name));
    assert!(
        has(&with_all, "/out/doc") && has(&with_all, "/out/sub/other"),
        "{with_all:?}"
    );
    assert!(
        has(&with_some, "/out/sub/other") && !has(&with_some, "/out/doc"),
        "{with_some:?}"
    );
    assert!(
        has(&with_none, "/out/") && !has(&with_none, "/out/sub/"),
        "{with_none:?}"
    );
}

#[test]
fn a_file_that_says_that_it_is_empty_is_read_all_the_same() {
    let place = Place::new();
    place.ok("backup /proc/version --to ./disk");
    let version = fs::read_to_string("/proc/version").unwrap();
    assert_eq!(place.ok("dump latest:/proc/version").out, version);
}
