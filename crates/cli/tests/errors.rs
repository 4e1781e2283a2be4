//! What is said when something is wrong, and with which exit code.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;

use support::{Place, put};

#[test]
fn no_profile() {
    let place = Place::new();
    insta::assert_snapshot!(place.fails("snapshots", 1).err, @r"
    error: there is no profile at HERE/profile
    hint: make one with `strongroom init`, or name a destination with --from and a key with --key-file
    ");
    insta::assert_snapshot!(place.fails("snapshots --json", 1).err, @r#"{"causes":[],"class":"caller","error":"there is no profile at HERE/profile","hint":"make one with `strongroom init`, or name a destination with --from and a key with --key-file"}"#);
}

#[test]
fn nothing_there_yet() {
    let place = Place::new();
    place.ok("init --quiet");
    insta::assert_snapshot!(place.fails("backup .", 1).err, @r"
    error: there is no destination to back up to
    hint: add one with `strongroom destination add NAME URL`, or name one with --to
    ");
    insta::assert_snapshot!(place.fails("snapshots", 1).err, @r"
    error: nothing has been backed up yet
    hint: `strongroom backup` makes the first snapshot; with `--from NAME` you see what another profile left at a destination
    ");
    insta::assert_snapshot!(place.fails("init", 1).err, @r"
    error: there is a profile at HERE/profile already
    hint: use it, or name another folder with --profile
    ");
}

#[test]
fn an_exposed_key() {
    let place = Place::new();
    place.ok("init");
    let key = place.path("profile/keys/custody.key");
    fs::set_permissions(key, fs::Permissions::from_mode(0o644)).unwrap();
    insta::assert_snapshot!(place.fails("key show", 1).err, @r"
    error: the file HERE/profile/keys/custody.key holds a secret and can be read by others
    hint: take the right away with `chmod 600 HERE/profile/keys/custody.key`
    ");
}

#[test]
fn a_file_that_is_not_there() {
    let place = Place::new();
    place.write("files/a", "a");
    place.ok("backup files --to disk");
    insta::assert_snapshot!(place.fails("snapshots --from disk --key-file nowhere/key", 1).err, @r"
    error: cannot open nowhere/key
      because: No such file or directory (os error 2)
    ");
    let line = "destination add bucket s3://host/bucket --credentials-file nowhere/key";
    insta::assert_snapshot!(place.fails(line, 1).err, @r"
    error: cannot open nowhere/key
      because: No such file or directory (os error 2)
    ");
    let listed = place.ok("snapshots").out;
    assert!(listed.contains(" 1 file "), "{listed}");
}

#[test]
fn a_mistake_in_the_settings() {
    let place = Place::new();
    place.ok("init");
    let settings = place.read("profile/config.toml").replace("suite", "siute");
    place.write("profile/config.toml", settings);
    insta::assert_snapshot!(place.fails("destination list", 1).err, @r#"
    error: cannot understand HERE/profile/config.toml
      because: TOML parse error at line 2, column 1
      |
    2 | siute = "aes-256"
      | ^^^^^
    unknown field `siute`, expected one of `version`, `suite`, `spool_bytes`, `guest`, `hooks`, `destination`, `archive`
    "#);
}

#[test]
fn a_key_that_was_copied_wrongly() {
    let place = Place::new();
    let words = "abandon amount liar amount expirre adjust cage candy arch gather drum bullet";
    place.write_secret("words", words);
    insta::assert_snapshot!(place.fails("key import --words words", 1).err, @r"
    error: cannot take the custody key
      because: word 5, `expirre`, is not in the list of words; is it `expire`?
    ");
}

#[test]
fn urls_that_are_refused() {
    let place = Place::new();
    place.ok("init");
    insta::assert_snapshot!(place.fails("destination add cloud https://host/x", 1).err, @"error: destinations with `https:` are not yet in this version");
    insta::assert_snapshot!(place.fails("destination add cloud s3://b/x?region=r", 1).err, @r"
    error: there is no key for the account at the storage service
    hint: give --credentials-file to `strongroom destination add`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY
    ");
    insta::assert_snapshot!(place.fails("destination add nas sftp://me:word@host/x", 1).err, @r"
    error: a URL must not hold a password or a key, because it is shown and stored in the clear
    hint: for S3 give --credentials-file; for SFTP use a key, with --identity or your settings of ssh
    ");
}

#[test]
fn wrong_usage() {
    let place = Place::new();
    place.fails("", 2);
    place.fails("restore latest", 2);
    place.fails("restore --to a --in-place", 2);
    place.fails("verify --read-data=101", 2);
    place.fails("restore --at yesterday --to a", 2);
    place.fails("destination add No_Name /x", 2);
    place.fails("init --suite aes-512", 2);
}

/// A folder with one file, backed up to `disk`.
fn backed_up() -> Place {
    let place = Place::new();
    place.write("files/a.txt", "alpha");
    place.ok("backup files --to disk");
    place
}

#[test]
fn quiet_is_quiet() {
    let place = Place::new();
    place.write("files/a.txt", "alpha");
    for line in [
        "init --quiet",
        "destination add disk disk --quiet",
        "backup files --quiet",
        "verify --quiet",
        "restore --to out --quiet",
        "forget --keep-last 1 --quiet",
        "prune --grace 0h --quiet",
        "key rotate --quiet",
        "key move --to file --quiet",
    ] {
        let ran = place.ok(line);
        assert_eq!((ran.out.as_str(), ran.err.as_str()), ("", ""), "{line}");
    }
    for line in [
        "snapshots -q",
        "ls latest -q",
        "stats -q",
        "key show -q",
        "destination list -q",
        "backup files -q --json",
    ] {
        assert_ne!(place.ok(line).out, "", "{line}");
    }
}

#[test]
fn one_of_something() {
    let place = backed_up();
    let restored = place.ok("restore --to out").out;
    let first = restored.lines().next().unwrap();
    assert!(
        first.starts_with("restored 1 file, 1 directory and 0 others of "),
        "{first}"
    );
    let verified = place.ok("verify").out;
    assert!(
        verified.contains("sound; 1 snapshot, 2 records, "),
        "{verified}"
    );
}

#[test]
fn no_snapshot_yet_at_that_time() {
    let place = backed_up();
    let name = place.ok("snapshots").out[..8].to_owned();
    let early = place.fails("restore --at 2001-01-31 --to out", 1).err;
    let early = early.replace(&name, "OLDEST");
    let (error, hint) = early.split_once('\n').unwrap();
    assert_eq!(
        error,
        "error: no snapshot had begun at that time; OLDEST is the oldest"
    );
    assert!(hint.starts_with("hint: it began at 20"), "{hint}");
}

#[test]
fn a_path_that_is_not_there() {
    let place = backed_up();
    let name = place.ok("snapshots").out[..8].to_owned();
    let missing = place.fails("restore latest files/b --to out", 1).err;
    insta::assert_snapshot!(missing.replace(&name, "SNAPSHOT"), @r"
    error: `HERE/files/b` is not in snapshot SNAPSHOT
    hint: `strongroom ls SNAPSHOT` lists what is there
    ");
}

#[test]
fn words_in_place_of_a_key_file() {
    let place = backed_up();
    let words = place.ok("key export --words").out;
    place.write_secret("words", &words);
    insta::assert_snapshot!(place.fails("snapshots --from disk --key-file words", 1).err, @r"
    error: cannot take the custody key in words
      because: this is no exported custody key: it does not start with `strongroom-custody-key-v1:`
    hint: words are taken with `strongroom key import --words FILE`, a picture with --qr-image; a file is what `strongroom key export --file FILE` wrote
    ");
}

#[test]
fn a_key_is_exported_to_a_new_file_only() {
    let place = backed_up();
    place.write("key", "precious");
    insta::assert_snapshot!(place.fails("key export --file key", 1).err, @r"
    error: cannot write key
      because: File exists (os error 17)
    hint: a file that is there is never replaced: name another one, or remove key first
    ");
    assert_eq!(place.read("key"), "precious");
}

#[test]
fn a_damaged_pack_is_named_once() {
    let place = Place::new();
    // Too much to travel in the record.
    let mut state = 1_u64;
    let noise: Vec<u8> = (0..1_200_000)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            state.to_be_bytes()[0]
        })
        .collect();
    place.write("files/a", noise);
    place.ok("backup files --to disk");
    let archive = &place.archives("disk")[0];
    let packs = place.path(&format!("disk/{archive}/packs"));
    let mut damaged = 0;
    for folder in fs::read_dir(packs).unwrap() {
        for pack in fs::read_dir(folder.unwrap().path()).unwrap() {
            let path = pack.unwrap().path();
            let len = fs::metadata(&path).unwrap().len();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            let file = fs::File::options().write(true).open(&path).unwrap();
            std::os::unix::fs::FileExt::write_all_at(&file, b"damage", len / 2).unwrap();
            damaged += 1;
        }
    }
    assert!(damaged > 0);
    let verified = place.fails("verify --read-data", 4).err;
    for line in verified.lines() {
        assert!(line.matches("pack ").count() <= 1, "{verified}");
    }
    assert!(verified.contains("warning: disk: pack "), "{verified}");
}

#[test]
fn a_damaged_newest_record_is_no_success() {
    let place = backed_up();
    place.write("files/later", "later");
    place.ok("backup files");
    let archive = &place.archives("disk")[0];
    let log = place.path(&format!("disk/{archive}/log"));
    let records = fs::read_dir(log).unwrap();
    let newest = records.map(|entry| entry.unwrap().path()).max().unwrap();
    let first = place.ok("snapshots").out[..8].to_owned();
    let mut bytes = fs::read(&newest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::remove_file(&newest).unwrap();
    put(&newest, &bytes);
    for command in [
        "snapshots",
        "restore latest --to there",
        "ls latest",
        "find *",
    ] {
        let ran = place.fails(command, 4);
        let told = ran.err.matches("the history is damaged").count();
        assert_eq!(told, 1, "{command}: {ran:?}");
        let record = ran.err.lines().filter(|line| line.contains("record"));
        assert_eq!(record.count(), 1, "{command}: {ran:?}");
    }
    // What is asked for by its name is what is asked for.
    place.ok(&format!("restore {first} --to elsewhere"));
}

#[test]
fn an_older_state_is_not_passed_off_as_the_latest() {
    let place = backed_up();
    place.ok("destination add other other");
    place.ok("backup files");
    fs::rename(place.path("other"), place.path("taken")).unwrap();
    place.write("files/later", "later");
    place.ok("backup files");
    fs::rename(place.path("taken"), place.path("other")).unwrap();
    let archive = &place.archives("disk")[0];
    let records = fs::read_dir(place.path(&format!("disk/{archive}/log"))).unwrap();
    let newest = records.map(|entry| entry.unwrap().path()).max().unwrap();
    let sound = fs::read(&newest).unwrap();
    let is_told = |what: &str| {
        for command in ["snapshots", "restore latest --to there", "ls latest"] {
            let ran = place.fails(command, 4);
            assert!(
                ran.err.contains("is newer than all that could be read"),
                "{what}: {command}: {ran:?}"
            );
        }
        fs::remove_dir_all(place.path("there")).unwrap();
    };
    fs::remove_file(&newest).unwrap();
    put(&newest, &sound[..sound.len() / 2]);
    is_told("damaged");
    fs::remove_file(&newest).unwrap();
    put(&newest, &sound);
    fs::rename(place.path("disk"), place.path("taken")).unwrap();
    is_told("away");
    fs::rename(place.path("taken"), place.path("disk")).unwrap();
    assert!(place.ok("ls latest -r").out.contains("later"));
}

#[test]
fn what_the_profile_has_lost_the_destinations_have() {
    let place = backed_up();
    let archive = place.archives("disk")[0].clone();
    let mut made = 1;
    for (part, hurts_reading) in [("archive", true), ("keys", true), ("json", false)] {
        let file = place.path(&format!("profile/state/{archive}.{part}"));
        for is_cut in [true, false] {
            let bytes = fs::read(&file).unwrap();
            fs::remove_file(&file).unwrap();
            if is_cut {
                put(&file, &bytes[..20]);
            }
            let read = place.ok("snapshots");
            assert_eq!(read.out.lines().count(), made, "{part}: {read:?}");
            assert_eq!(
                read.err.contains("warning"),
                hurts_reading,
                "{part}: {read:?}"
            );
            if is_cut || hurts_reading {
                let refused = place.fails("backup files", 4);
                assert!(refused.err.contains("init --adopt"), "{part}: {refused:?}");
            }
            place.ok("init --adopt disk");
            place.ok("backup files");
            made += 1;
            place.ok("verify --read-data");
        }
    }
}

#[test]
fn what_is_asked_for_in_json_comes_in_json() {
    let place = backed_up();
    let object = |line: &str| -> serde_json::Value {
        let text = place.ok(line).out;
        let last = text.lines().next_back().unwrap_or_default();
        serde_json::from_str(last).unwrap_or_else(|error| panic!("{line}: {error}: {text}"))
    };
    let words = object("key export --words --json");
    assert_eq!(words["words"].as_str().unwrap().split(' ').count(), 24);
    assert!(object("key export --qr --json")["svg"].is_string());
    assert_eq!(object("key export --file key --json")["file"], "key");
    assert_eq!(object("man pages --json")["dir"], "pages");
    let made = object("snapshots --json")["snapshot"].clone();
    assert_eq!(made.as_str().unwrap().len(), 64);
    assert_eq!(object("find *.txt --json")["snapshot"], made);
    assert_eq!(object("restore latest --to there --json")["snapshot"], made);
    assert_eq!(place.ok("acknowledge-loss --json").out, "");
    let refused = place.fails("restore --json", 2);
    let error: serde_json::Value = serde_json::from_str(&refused.err).unwrap();
    assert!(error["error"].as_str().unwrap().contains("--to"), "{error}");
    assert!(!place.fails("restore", 2).err.starts_with('{'));
}

#[test]
fn a_destination_that_fails_is_named_once() {
    let place = backed_up();
    place.ok("destination add two two");
    place.ok("backup files");
    fs::rename(place.path("two"), place.path("away")).unwrap();
    place.write("files/b", "later");
    place.ok("backup files");
    let away = place.ok("destination sync");
    assert_eq!(
        away.err.matches("two: cannot be reached").count(),
        1,
        "{away:?}"
    );
    place.fails("destination sync two", 1);
    assert_eq!(place.ok("destination sync --quiet").out, "");
    fs::rename(place.path("disk"), place.path("unplugged")).unwrap();
    fs::rename(place.path("away"), place.path("two")).unwrap();
    let behind = place.fails("backup files", 1);
    assert!(
        behind.err.contains("bring back the destination"),
        "{behind:?}"
    );
    fs::rename(place.path("unplugged"), place.path("disk")).unwrap();
    let verified = place.ok("verify");
    assert!(
        verified.out.contains("two: sound, but BEHIND"),
        "{verified:?}"
    );
    place.ok("destination sync");
    assert!(!place.ok("verify").out.contains("BEHIND"));
    for there in ["disk", "two"] {
        fs::rename(place.path(there), place.path(&format!("{there}-away"))).unwrap();
    }
    let gone = place.fails("backup files", 1);
    assert!(gone.err.contains("hint: is the disk mounted"), "{gone:?}");
}

#[test]
fn content_comes_alone() {
    let place = backed_up();
    place.ok("destination add two two");
    place.ok("backup files");
    fs::rename(place.path("two"), place.path("away")).unwrap();
    let path = place.path("files/a.txt").display().to_string();
    let ran = place.ok(&format!("dump --json latest:{path}"));
    assert_eq!(ran.out, "alpha");
    assert!(ran.err.starts_with("{\"subject\":\"two\""), "{ran:?}");
}

#[test]
fn what_is_asked_for_and_not_there_is_said_to_be_not_there() {
    let place = backed_up();
    for command in [
        "ls deadbeef",
        "restore deadbeef --to there",
        "diff deadbeef latest",
    ] {
        let ran = place.fails(command, 1);
        assert!(
            ran.err.contains("there is no snapshot `deadbeef`"),
            "{command}: {ran:?}"
        );
    }
    let ran = place.fails("versions /nowhere", 1);
    assert!(ran.err.contains("`/nowhere` is in no snapshot"), "{ran:?}");
    let archive = &place.archives("disk")[0];
    let log = place.path(&format!("disk/{archive}/log"));
    let records = fs::read_dir(log).unwrap();
    let newest = records.map(|entry| entry.unwrap().path()).max().unwrap();
    fs::remove_file(&newest).unwrap();
    put(&newest, b"damaged");
    let ran = place.fails("restore latest --to there", 4);
    assert!(ran.err.contains("no snapshot can be read"), "{ran:?}");
}

#[test]
fn a_password_that_others_may_read_is_refused() {
    let place = backed_up();
    place.write("password", "seven purple walruses sing\n");
    fs::set_permissions(place.path("password"), fs::Permissions::from_mode(0o644)).unwrap();
    let ran = place.fails("key password set --private-password-file password", 1);
    assert!(ran.err.contains("chmod 600"), "{ran:?}");
}

#[test]
fn advice_is_about_the_profile_that_was_named() {
    let place = Place::new();
    place.write("files/a.txt", "alpha");
    let ran = place.ok("backup files --to ./disk --profile other");
    assert!(
        ran.err
            .contains("strongroom --profile other key export --words"),
        "{ran:?}"
    );
}

#[test]
fn words_are_asked_for_read_from_a_pipe_and_kept_from_others() {
    let place = backed_up();
    place.ok("key export --words --to words");
    let mode = fs::metadata(place.path("words")).unwrap().permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
    assert_eq!(place.read("words"), place.ok("key export --words").out);
    assert!(
        place
            .fails("key export --words --to words", 1)
            .err
            .contains("never replaced")
    );
    // There is no terminal here.
    let ran = place.fails("key import --words", 2);
    assert!(ran.err.contains("no terminal to ask on"), "{ran:?}");
    place.fails("key import --words --file words", 2);
    let mut import = std::process::Command::new(env!("CARGO_BIN_EXE_strongroom"));
    let piped = import
        .args(["key", "import", "--words", "-", "--profile", "piped"])
        .current_dir(place.path(""))
        .stdin(fs::File::open(place.path("words")).unwrap())
        .output()
        .unwrap();
    assert!(piped.status.success(), "{piped:?}");
    let key = |profile: &str| {
        let shown = place
            .ok(&format!("--profile {profile} key show --json"))
            .out;
        let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
        shown["custody_key_id"].as_str().unwrap().to_owned()
    };
    assert_eq!(key("piped"), key("profile"));
    fs::set_permissions(place.path("words"), fs::Permissions::from_mode(0o644)).unwrap();
    let ran = place.fails("key import --words words --profile other", 1);
    assert!(ran.err.contains("chmod 600"), "{ran:?}");
}

#[test]
fn a_secret_in_an_endpoint_is_refused_and_not_repeated() {
    let place = Place::new();
    place.ok("init");
    for endpoint in [
        "http://me:TOPSECRET@127.0.0.1:5099",
        "http%3A%2F%2Fme%3ATOPSECRET%40127.0.0.1",
        "http://me%3ATOPSECRET%40127.0.0.1",
        "https://TOPSECRET@host",
    ] {
        let line = format!(
            "destination add c --single-writer s3://bkt/p?endpoint={endpoint}&region=us-east-1"
        );
        let ran = place.fails(&line, 1);
        assert!(ran.err.contains("must not hold a password"), "{ran:?}");
        assert!(!ran.err.contains("TOPSECRET"), "{ran:?}");
    }
}

#[test]
fn what_looks_like_another_computer_is_no_folder() {
    let place = Place::new();
    place.ok("init");
    let refused = |text: &str| place.fails(&format!("destination add far {text}"), 1).err;
    insta::assert_snapshot!(refused("me@nas:/srv/x"), @r"
    error: `me@nas:/srv/x` looks like a place on another computer, and not like a folder of this one
    hint: `sftp://me@nas/srv/x` is that folder of another computer; for a folder of that name here, write ./me@nas:/srv/x
    ");
    insta::assert_snapshot!(refused("b2:bucket:path"), @r"
    error: `b2:bucket:path` looks like a place on another computer, and not like a folder of this one
    hint: another computer is sftp://USER@HOST/PATH, a bucket s3://BUCKET/PREFIX?region=REGION, a share the folder where it is mounted; for a folder of that name here, write ./b2:bucket:path
    ");
    for text in ["nas:backups", "rclone:remote:path", "//server/share"] {
        assert!(refused(text).contains("looks like"), "{text}");
    }
    let secret = refused("davs:me:TOPSECRET@host");
    assert!(!secret.contains("TOPSECRET"), "{secret}");
    let entries = fs::read_dir(place.path("")).unwrap();
    let names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["profile"]);
    place.ok("destination add near ./a:b");
    assert!(place.path("a:b").is_dir());
    place.write("files/a", "a");
    let ran = place.fails("backup files --to nas:backups", 1);
    assert!(ran.err.contains("looks like"), "{ran:?}");
}

/// Writes bytes in the place of a file that nobody may write.
fn replace(path: &std::path::Path, bytes: &[u8]) {
    fs::remove_file(path).unwrap();
    put(path, bytes);
}

/// Returns the files below a folder.
fn below(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| {
            if path.is_dir() {
                below(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

#[test]
fn what_verify_finds_is_told_though_one_destination_fails() {
    let place = Place::new();
    place.write("files/a", support::drawn::Drawn(7).bytes(1_200_000));
    place.ok("init --quiet");
    for name in ["a", "b", "c"] {
        place.ok(&format!("destination add {name} {name}"));
    }
    place.ok("backup files");
    let archive = place.archive();
    // The folder cannot be listed: not even root can look into a file.
    let packs = place.path(&format!("a/{archive}/packs"));
    fs::rename(&packs, place.path("packs")).unwrap();
    put(&packs, b"no folder");
    let ran = place.fails("verify", 1);
    assert!(ran.err.contains("warning: a: NOT VERIFIED"), "{ran:?}");
    for name in ["b: sound", "c: sound"] {
        assert!(ran.out.contains(name), "{ran:?}");
    }
    let pack = below(&place.path(&format!("c/{archive}/packs"))).remove(0);
    let len = fs::metadata(&pack).unwrap().len();
    replace(&pack, &vec![0; usize::try_from(len).unwrap()]);
    let ran = place.fails("verify --read-data", 4);
    for (text, told) in [
        (&ran.err, "warning: a: NOT VERIFIED"),
        (&ran.err, "warning: c: pack "),
        (&ran.out, "b: sound"),
        (&ran.out, " DAMAGED; "),
    ] {
        assert!(text.contains(told), "{told}: {ran:?}");
    }
    fs::remove_file(&packs).unwrap();
    fs::rename(place.path("packs"), &packs).unwrap();
    replace(
        &pack,
        &fs::read(
            below(&packs)
                .iter()
                .find(|path| path.file_name() == pack.file_name())
                .unwrap(),
        )
        .unwrap(),
    );
    // Where it cannot be noted what was read, it was read all the same.
    let catalogue = place.path(&format!("profile/catalogue/{archive}"));
    for file in below(&catalogue) {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        if name.starts_with("read-") {
            fs::remove_file(&file).unwrap();
            fs::create_dir_all(file.join("in the way")).unwrap();
        }
    }
    let ran = place.ok("verify --read-data");
    assert!(ran.err.contains("cannot be noted"), "{ran:?}");
    assert_eq!(ran.out.matches(": sound").count(), 3, "{ran:?}");
}

#[test]
fn one_directory_that_is_lost_stops_no_looking_around() {
    let place = Place::new();
    // Small contents lie in the directory: it is too large to travel in the record.
    let mut dice = support::drawn::Drawn(11);
    for number in 0..3_000 {
        place.write(&format!("files/sub/{number}"), dice.bytes(480));
    }
    place.write("files/z", "1");
    place.ok("backup files --to disk");
    place.write("files/z", "2");
    place.ok("backup files");
    fs::remove_dir_all(place.path("files/sub")).unwrap();
    place.write("files/z", "3");
    place.ok("backup files");
    let listed = place.ok("snapshots").out;
    let names: Vec<&str> = listed.lines().map(|line| &line[..8]).collect();
    let packs = below(&place.path(&format!("disk/{}/packs", place.archive())));
    assert!(!packs.is_empty());
    for pack in packs {
        fs::remove_file(pack).unwrap();
    }
    let z = place.path("files/z").display().to_string();
    for (line, told, lost) in [
        ("find z".to_owned(), "HERE/files/z", "HERE/files/sub: "),
        (
            format!("ls -r {}", names[1]),
            "HERE/files/z",
            "HERE/files/sub: ",
        ),
        (
            format!("diff {} {}", names[1], names[2]),
            "M  HERE/files/z",
            "HERE/files/sub: ",
        ),
        (format!("versions {z}"), "since", "HERE/files/z: "),
    ] {
        let ran = place.fails(&line, 4);
        assert!(ran.out.contains(told), "{line}: {ran:?}");
        assert!(ran.err.contains(lost), "{line}: {ran:?}");
    }
}

#[test]
fn a_lost_record_is_not_nothing() {
    let place = backed_up();
    place.write("files/later", "later");
    place.ok("backup files");
    let mut records = below(&place.path(&format!("disk/{}/log", place.archive())));
    records.sort();
    fs::remove_file(&records[1]).unwrap();
    let ran = place.fails("acknowledge-loss", 4);
    assert!(ran.out.contains("record "), "{ran:?}");
    assert!(!ran.err.contains("nothing was lost"), "{ran:?}");
    let stats = place.fails("stats", 4);
    assert!(stats.err.contains("the history is damaged"), "{stats:?}");
}

#[test]
fn patterns_as_a_shell_completes_them() {
    let place = backed_up();
    let found = |pattern: &str| place.ok(&format!("find {pattern}")).out.lines().count();
    assert_eq!(found("./a.txt"), 1);
    assert_eq!(found("files/"), 1);
    assert_eq!(found("files/a.txt/"), 0);
    assert_eq!(found("./files/*.txt"), 1);
}

#[test]
fn an_error_of_usage_in_json_is_one_sentence() {
    let place = Place::new();
    let ran = place.fails("backup --no-such-thing --json", 2);
    assert!(!ran.err.contains("--help"), "{ran:?}");
    let ran = place.fails("verify --read-data=101 --json", 2);
    assert!(!ran.err.contains("--help"), "{ran:?}");
}

#[test]
fn the_archive_is_adopted_from_a_destination_that_is_ahead() {
    let place = Place::new();
    place.write("files/a", "a");
    place.ok("init --quiet");
    for name in ["one", "two"] {
        place.ok(&format!("destination add {name} {name}"));
    }
    place.ok("backup files");
    let copied = std::process::Command::new("cp")
        .args(["-a", "profile", "old"])
        .current_dir(place.path(""))
        .status();
    assert!(copied.unwrap().success());
    fs::rename(place.path("one"), place.path("away")).unwrap();
    place.write("files/a", "b");
    place.ok("backup files");
    fs::rename(place.path("away"), place.path("one")).unwrap();
    let ran = place.run("--profile old destination sync".split(' '));
    assert_ne!(ran.code, 0, "{ran:?}");
    assert!(
        ran.err
            .contains("`strongroom --profile old init --adopt two`"),
        "{ran:?}"
    );
}

#[test]
fn who_has_to_wait_is_told_for_whom() {
    let place = backed_up();
    let lock = place.path(&format!("profile/state/{}.lock", place.archive()));
    let lock = fs::File::options().write(true).open(lock).unwrap();
    lock.lock().unwrap();
    let mut waits = place.start("backup files");
    let mut told = BufReader::new(waits.stderr.take().unwrap()).lines();
    let expected = format!("waiting: the archive {} is in use", place.archive());
    assert!(told.next().unwrap().unwrap().starts_with(&expected));
    lock.unlock().unwrap();
    let others: Vec<String> = told.map(Result::unwrap).collect();
    assert!(waits.wait().unwrap().success(), "{others:?}");
    assert!(
        !others.iter().any(|line| line.contains("waiting")),
        "{others:?}"
    );
}
