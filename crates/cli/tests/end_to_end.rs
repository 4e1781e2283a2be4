//! The program as a person uses it: from nothing to a snapshot and back.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use support::{Place, put};

const PASSWORD: &str = "seven purple walruses sing\n";
const OTHER_PASSWORD: &str = "eleven orange herons hum\n";

/// A folder with some files, backed up to `disk`.
fn backed_up() -> Place {
    let place = Place::new();
    place.write("files/a.txt", "alpha");
    place.write("files/below/b.bin", vec![7; 300_000]);
    place.ok("backup files --to disk");
    place
}

/// The last line of the output, as an object.
fn last_object(out: &str) -> serde_json::Value {
    serde_json::from_str(out.lines().last().unwrap()).unwrap()
}

#[test]
fn one_command_leads_from_nothing_to_a_snapshot_and_another_one_back() {
    let place = Place::new();
    place.write("files/a.txt", "alpha");
    let first = place.ok("backup files --to disk");
    assert!(
        first.err.contains("made the profile HERE/profile"),
        "{first:?}"
    );
    assert!(
        first.err.contains("strongroom key export --words"),
        "{first:?}"
    );
    place.ok("restore latest --to out");
    assert_eq!(place.read("out/a.txt"), "alpha");
}

#[test]
fn a_backup_says_what_it_did_as_an_object() {
    let place = backed_up();
    place.write("files/new.txt", "new");
    let object = last_object(&place.ok("backup files --json --tag t").out);
    for key in [
        "bytes_scanned",
        "bytes_read",
        "bytes_new",
        "bytes_stored",
        "files_failed",
        "files_unsettled",
    ] {
        assert!(object[key].is_u64(), "{key} in {object}");
    }
    assert_eq!(object["files_new"], 1);
    assert_eq!(object["snapshot"].as_str().unwrap().len(), 64);
    assert_eq!(object["destinations"][0]["status"], "up-to-date");
    assert!(object["duration_seconds"].is_f64());
    let snapshots = place.ok("snapshots --json --tag t").out;
    assert_eq!(last_object(&snapshots)["snapshot"], object["snapshot"]);
}

#[test]
fn what_is_in_an_archive_can_be_looked_at() {
    let place = backed_up();
    place.write("files/a.txt", "beta!");
    fs::remove_file(place.path("files/below/b.bin")).unwrap();
    place.ok("backup files");
    let names: Vec<String> = place
        .ok("snapshots")
        .out
        .lines()
        .map(|line| line[..8].to_owned())
        .collect();
    let [first, second] = &names[..] else {
        panic!("{names:?}")
    };
    insta::assert_snapshot!(place.ok(&format!("ls -r {first}")).out, @r"
    HERE/files/
    HERE/files/a.txt
    HERE/files/below/
    HERE/files/below/b.bin
    ");
    assert_eq!(place.ok(&format!("dump {first}:files/a.txt")).out, "alpha");
    assert_eq!(place.ok("dump latest:files/a.txt").out, "beta!");
    let differs = place.ok(&format!("diff {first} {second}")).out;
    assert!(differs.contains("M  HERE/files/a.txt\n"), "{differs}");
    assert!(differs.contains("-  HERE/files/below/b.bin\n"), "{differs}");
    let found = place.ok("find *.bin").out;
    assert_eq!(found, format!("{first}  HERE/files/below/b.bin\n"));
    assert_eq!(place.ok("find files/*.txt").out.lines().count(), 2);
    assert_eq!(place.ok("versions files/a.txt").out.lines().count(), 2);
    let gone = place.ok("versions files/below/b.bin").out;
    assert!(
        gone.lines().last().unwrap().ends_with("not there"),
        "{gone}"
    );
    assert!(place.ok("stats").out.contains("snapshots            2"));
    place.fails("ls latest:/nowhere", 1);
    place.fails("dump latest:files/below", 1);
}

#[test]
fn a_bare_machine_needs_credentials_and_nothing_else() {
    let place = backed_up();
    place.write_secret("password", PASSWORD);
    place.ok("key password set --private-password-file password");
    place.ok("key export --file key");
    fs::rename(place.path("profile"), place.path("elsewhere")).unwrap();

    place.ok("restore --from disk --key-file key --to by-key");
    place.ok("restore --from disk --private-password-file password --to by-password");
    assert_eq!(place.read("by-key/a.txt"), "alpha");
    assert_eq!(place.read("by-password/below/b.bin").len(), 300_000);

    place.fails("snapshots --from disk", 5);
    place.write_secret("wrong", OTHER_PASSWORD);
    let refused = place.fails("snapshots --from disk --private-password-file wrong", 5);
    assert!(
        refused.err.contains("the private password opens nothing"),
        "{refused:?}"
    );
    place.ok("--profile another init");
    place.ok("--profile another key export --file another-key");
    place.fails("snapshots --from disk --key-file another-key", 5);
}

#[test]
fn every_form_of_the_key_leads_back_to_it() {
    let place = backed_up();
    let id = place
        .ok("key show")
        .out
        .split(' ')
        .nth(2)
        .unwrap()
        .to_owned();
    place.ok("key export --file key");
    let mode = fs::metadata(place.path("key"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    place.fails("key export --file key", 1);
    place.write_secret("words", &place.ok("key export --words").out);
    assert!(place.ok("key export --qr").out.lines().count() > 20);
    place.ok("key export --qr --svg key.svg");
    for (number, form) in ["--file key", "--words words"].iter().enumerate() {
        let line = format!("key import {form}");
        let ran = place.run_with(&format!("other-{number}"), line.split(' '));
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(ran.out.contains(&id), "{ran:?}");
    }
    let other = place.run_with("new", ["init"]);
    assert_eq!(other.code, 0);
    let exported = place.run_with("new", ["key", "export", "--file", "new-key"]);
    assert_eq!(exported.code, 0);
    let refused = place.fails("key import --file new-key", 1);
    assert!(
        refused
            .err
            .contains("another custody key, which archives need"),
        "{refused:?}"
    );
}

#[test]
fn a_rotation_that_was_interrupted_is_settled() {
    let place = backed_up();
    place.ok("backup files --to ./second");
    let key = |name: &str| place.path(&format!("profile/keys/custody.{name}"));
    let opens = |file: &str| {
        for there in ["disk", "second"] {
            place.ok(&format!(
                "--profile none snapshots --from {there} --key-file {file}"
            ));
        }
    };
    // Every archive is under the next key.
    fs::copy(key("key"), key("old")).unwrap();
    let copied = |from: &str, to: &str| {
        let mut copy = std::process::Command::new("cp");
        copy.arg("-a").args([place.path(from), place.path(to)]);
        let ran = copy.status();
        assert!(ran.unwrap().success());
    };
    copied("second", "second-before");
    let second = place.archives("second")[0].clone();
    let state = format!("profile/state/{second}.keys");
    copied(&state, "keys-before");
    place.ok("key rotate");
    let interrupt = || {
        fs::rename(key("key"), key("next")).unwrap();
        fs::copy(key("old"), key("key")).unwrap();
    };
    interrupt();
    place.ok("key export --file settled");
    assert!(!key("next").exists());
    opens("settled");
    // Only some of them are.
    interrupt();
    let pending = fs::read(key("next")).unwrap();
    fs::remove_dir_all(place.path("second")).unwrap();
    copied("second-before", "second");
    copied("keys-before", &state);
    let refused = place.fails("key export --file early", 1);
    assert!(
        refused.err.contains("`strongroom key rotate` finishes it"),
        "{refused:?}"
    );
    assert!(place.ok("key show").err.contains("interrupted"));
    assert!(place.ok("backup files").err.contains("interrupted"));
    place.ok("key rotate");
    assert_ne!(fs::read(key("key")).unwrap(), pending);
    place.ok("key export --file finished");
    opens("finished");
    // None is: whoever copied the profile meanwhile has that key, so another one is drawn.
    put(&key("next"), &pending);
    fs::set_permissions(key("next"), fs::Permissions::from_mode(0o600)).unwrap();
    place.ok("key rotate");
    assert!(!key("next").exists());
    assert_ne!(fs::read(key("key")).unwrap(), pending);
    place.ok("backup files");
}

#[test]
fn a_rotated_key_locks_the_old_one_out() {
    let place = backed_up();
    place.write_secret("password", PASSWORD);
    place.write_secret("other", OTHER_PASSWORD);
    place.ok("key password set --private-password-file password");
    place.ok("key export --file old-key");
    place.fails("key rotate", 1);
    // None of those that there are: a slip of the pen would lock its owner out.
    place.fails("key rotate --private-password-file other", 5);
    place.ok("key rotate --private-password-file other --drop-passwords");
    place.ok("key export --file new-key");
    let archive = &place.archives("disk")[0];
    let keys = place.path(&format!("disk/{archive}/keys"));
    let names = fs::read_dir(keys).unwrap();
    let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
    names.sort_unstable();
    let copy = format!("{}.copy", names[0].to_string_lossy());
    assert_eq!(
        names[1..],
        [copy.as_str()],
        "what the old key opens is still there"
    );
    place.fails("snapshots --from disk --key-file old-key", 5);
    place.fails("snapshots --from disk --private-password-file password", 5);
    place.ok("snapshots --from disk --key-file new-key");
    place.ok("snapshots --from disk --private-password-file other");
    place.write("files/later.txt", "later");
    place.ok("backup files");
    place.ok("restore --to out");
    assert_eq!(place.read("out/later.txt"), "later");
    assert_eq!(place.read("out/a.txt"), "alpha");
}

#[test]
fn a_private_password_is_changed_and_removed() {
    let place = backed_up();
    place.write_secret("password", PASSWORD);
    place.write_secret("other", OTHER_PASSWORD);
    place.write_secret("weak", "password1234");
    place.fails("key password set --private-password-file weak", 1);
    place.ok("key password set --private-password-file password");
    place.ok("key password change --private-password-file password --new-password-file other");
    place.fails("snapshots --from disk --private-password-file password", 5);
    place.ok("snapshots --from disk --private-password-file other");
    assert_eq!(place.ok("key slots").out.lines().count(), 1);
    place.ok("key password remove --private-password-file other");
    place.fails("snapshots --from disk --private-password-file other", 5);
    assert_eq!(place.ok("key slots").out, "");
}

#[test]
fn a_destination_that_was_away_catches_up_with_data_and_keys() {
    let place = Place::new();
    place.write("files/a.txt", "alpha");
    place.ok("init");
    place.ok("destination add one one");
    place.ok("destination add two two");
    place.ok("backup files");
    fs::rename(place.path("two"), place.path("away")).unwrap();
    place.write("files/b.txt", "beta");
    let ran = place.ok("backup files");
    assert!(ran.err.contains("two: takes nothing now"), "{ran:?}");
    place.ok("key export --file old-key");
    let ran = place.ok("key rotate");
    assert!(ran.err.contains("two: cannot be reached"), "{ran:?}");
    fs::rename(place.path("away"), place.path("two")).unwrap();
    place.ok("snapshots --from two --key-file old-key");
    let ran = place.ok("backup files");
    assert!(ran.out.contains("two: caught up"), "{ran:?}");
    place.fails("snapshots --from two --key-file old-key", 5);
    assert_eq!(place.ok("snapshots --from two").out.lines().count(), 3);
    place.ok("verify --read-data");
}

#[test]
fn backup_sets_with_another_list_have_another_archive() {
    let place = backed_up();
    place.ok("backup files --to disk --to ./second");
    place.ok("backup files --to second --to disk");
    assert_eq!(place.archives("disk").len(), 2);
    assert_eq!(place.archives("second").len(), 1);
    assert_eq!(place.ok("snapshots").out.lines().count(), 1);
    let both = &place.archives("second")[0];
    assert_eq!(
        place
            .ok(&format!("snapshots --archive {both}"))
            .out
            .lines()
            .count(),
        2
    );
    let several = place.fails("snapshots --from disk", 1);
    assert!(several.err.contains(both), "{several:?}");
    assert!(
        several.err.contains("hint: choose one with --archive"),
        "{several:?}"
    );
}

#[test]
fn damage_is_found_and_named() {
    let place = backed_up();
    place.ok("verify --read-data");
    let archive = &place.archives("disk")[0];
    let packs = place.path(&format!("disk/{archive}/packs"));
    let mut stack = vec![packs];
    let mut spoilt = 0;
    while let Some(folder) = stack.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                stack.push(path);
                continue;
            }
            let mut bytes = fs::read(&path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::remove_file(&path).unwrap();
            place.write(
                path.strip_prefix(place.path("")).unwrap().to_str().unwrap(),
                bytes,
            );
            spoilt += 1;
        }
    }
    if spoilt == 0 {
        // The whole snapshot travels in its record.
        let record = format!("disk/{archive}/log/00000001-0000000000000002");
        let mut bytes = fs::read(place.path(&record)).unwrap();
        let end = bytes.len() - 100;
        bytes[end] ^= 1;
        fs::remove_file(place.path(&record)).unwrap();
        place.write(&record, bytes);
    }
    let ran = place.fails("verify --read-data", 4);
    assert!(
        ran.err.contains("damaged") || ran.err.contains("malformed"),
        "{ran:?}"
    );
}

#[test]
fn two_writers_never_run_at_once() {
    let place = backed_up();
    let archive = place.archives("disk")[0].clone();
    let lock = place.path(&format!("profile/state/{archive}.lock"));
    let file = fs::File::options()
        .read(true)
        .write(true)
        .open(lock)
        .unwrap();
    file.lock().unwrap();
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| place.ok("backup files --json"));
        // It writes nothing before the other one has ended.
        let log = place.path(&format!("disk/{archive}/log"));
        let count = || fs::read_dir(&log).unwrap().count();
        let before = count();
        for _ in 0..100 {
            std::thread::yield_now();
            assert_eq!((count(), waits.is_finished()), (before, false));
        }
        file.unlock().unwrap();
        waits.join().unwrap();
        assert!(count() > before);
    });
}
