//! The agent with destinations that are slow, hang, are away, went back, or may not be used now: the others never wait.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;
use strongroom_store::{Folder, Store as _};
use support::Place;
use support::agent::{Agent, restored};

/// So long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);
/// So long a snapshot takes at most, with its second of calm, on a busy machine.
const PROMPT: Duration = Duration::from_secs(8);

fn start(place: &Place) -> Agent<'_> {
    let mut agent = Agent::start(place, "files", &[]);
    agent.patience = PATIENCE;
    agent.after_first_round()
}

fn place() -> Place {
    let place = Place::new();
    place.ok("init");
    for name in ["one", "two", "three"] {
        place.ok(&format!("destination add {name} {name}"));
    }
    place.write("files/a", "old");
    place
}

fn objects(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let folder = Folder::open(folder).unwrap();
    let mut paths = Vec::new();
    folder.list("", &mut |path, _| paths.push(path)).unwrap();
    let bytes = |path: &_| folder.get(path, u64::MAX).unwrap();
    paths
        .iter()
        .map(|path| (path.to_string(), bytes(path)))
        .collect()
}

fn noise(seed: u32, len: u32) -> Vec<u8> {
    let byte = |at: u32| {
        (at ^ seed.rotate_left(9))
            .wrapping_mul(2_654_435_761)
            .to_be_bytes()[0]
    };
    (0..len)
        .map(|at| byte(at) ^ byte(at / 251 + seed))
        .collect()
}

/// What nobody can compress.
fn random(len: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut byte = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()[3]
    };
    (0..len).map(|_| byte()).collect()
}

fn spooled(place: &Place) -> usize {
    let mut count = 0;
    for entry in fs::read_dir(place.path("profile/spool"))
        .into_iter()
        .flatten()
    {
        count += objects(&entry.unwrap().path()).len();
    }
    count
}

/// Replaces where a destination is, as somebody would who edits the settings.
fn move_to(place: &Place, name: &str, url: &str) {
    let path = place.path("profile/config.toml");
    let text = fs::read_to_string(&path).unwrap();
    let old = format!("url = \"{}\"", place.path(name).display());
    assert!(text.contains(&old), "{text}");
    place.write_secret(
        "profile/config.toml",
        &text.replace(&old, &format!("url = \"{url}\"")),
    );
}

/// Returns hours that have not come yet, and when they begin.
fn hours() -> (String, u64) {
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let hour = now / 3_600;
    let text = format!("{:02}:00-{:02}:00", (hour + 2) % 24, (hour + 3) % 24);
    (text, (hour + 2) * 3_600)
}

#[test]
fn one_that_hangs_delays_nobody() {
    let place = place();
    place.ok("backup files");
    // It takes connections, and never says anything.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    move_to(&place, "three", &format!("sftp://127.0.0.1:{port}/x"));
    let agent = start(&place);
    for number in 0..4 {
        let took = agent.save(&format!("n{number}"), format!("{number}"));
        assert!(took < PROMPT, "{took:?}");
    }
    for name in ["one", "two"] {
        let there = agent.until_destination(name, "it has all", |it| it["status"] == "up-to-date");
        assert_eq!(there["queue"]["lane"], "foreground");
        assert_eq!(restored(&place, name, "n3"), "3");
    }
    assert!(spooled(&place) > 0, "what it lacks waits in the spool");
    assert!(
        agent.stop() < PROMPT,
        "nobody waits for it at the end either"
    );
}

#[test]
fn one_that_is_slow_delays_nobody_and_catches_up() {
    let place = place();
    place.ok("backup files");
    place.ok("destination set three --limit-upload 200K");
    let agent = start(&place);
    agent.until_destination("three", "it is looked at", |it| {
        it["status"] == "up-to-date"
    });
    agent.save("large", noise(1, 2_000_000));
    let begun = Instant::now();
    for number in 0..3 {
        let took = agent.save(&format!("n{number}"), format!("{number}"));
        assert!(took < PROMPT, "{took:?}");
    }
    agent.until("all have all", |status| {
        status["state"] == "backup-complete"
    });
    assert!(
        begun.elapsed() > Duration::from_secs(2),
        "the limit is heeded"
    );
    let there = agent.until_destination("three", "it has all", |it| it["status"] == "up-to-date");
    assert_eq!(there["queue"]["lane"], "background");
    assert_eq!(there["queue"]["records_waiting"], 0);
    agent.until("the spool is empty", |_| spooled(&place) == 0);
    agent.stop();
    assert!(objects(&place.path("one")) == objects(&place.path("three")));
    assert_eq!(restored(&place, "three", "n2"), "2");
}

#[test]
fn one_that_was_away_catches_up_without_the_source() {
    let place = place();
    let agent = start(&place);
    fs::rename(place.path("three"), place.path("away")).unwrap();
    for number in 0..3 {
        let took = agent.save("b", format!("while it was away {number}"));
        assert!(took < PROMPT, "{took:?}");
    }
    agent.until_destination("three", "it is missed", |it| {
        it["status"] == "unreachable" && it["queue"]["next_try"].is_i64()
    });
    // No round is made from now on.
    place.ok("agent set --before false");
    place.write("files/b", "nobody has backed this up");
    let begun = Instant::now();
    fs::rename(place.path("away"), place.path("three")).unwrap();
    agent.until_destination("three", "it has all", |it| it["status"] == "up-to-date");
    assert!(begun.elapsed() < PROMPT, "it is noticed when it comes back");
    assert_eq!(restored(&place, "three", "b"), "while it was away 2");
    assert!(objects(&place.path("one")) == objects(&place.path("three")));
    agent.until_destination("three", "rounds serve it again", |it| {
        it["queue"]["lane"] == "foreground"
    });
    agent.stop();
}

#[test]
fn one_that_went_back_is_set_aside_and_the_others_go_on() {
    let place = place();
    place.ok("backup files");
    place.ok("destination set three --limit-upload 100M");
    let copied = Command::new("cp")
        .args([
            "-a".as_ref(),
            place.path("three").as_os_str(),
            place.path("old").as_os_str(),
        ])
        .status();
    assert!(copied.unwrap().success());
    let agent = start(&place);
    agent.save("b", "b");
    agent.until("all have all", |status| {
        status["state"] == "backup-complete"
    });
    fs::rename(place.path("three"), place.path("newer")).unwrap();
    fs::rename(place.path("old"), place.path("three")).unwrap();
    let took = agent.save("c", "c");
    assert!(took < PROMPT, "{took:?}");
    let there = agent.until_destination("three", "the alarm", |it| it["status"] == "set-aside");
    assert!(
        there["reason"].as_str().unwrap().contains("went back"),
        "{there}"
    );
    assert!(agent.save("d", "d") < PROMPT);
    assert_eq!(restored(&place, "one", "d"), "d");
    // The disk that was meant comes back.
    fs::rename(place.path("three"), place.path("old")).unwrap();
    fs::rename(place.path("newer"), place.path("three")).unwrap();
    agent.until_destination("three", "it has all", |it| it["status"] == "up-to-date");
    assert_eq!(restored(&place, "three", "d"), "d");
    agent.stop();
}

#[test]
fn disks_that_take_turns_at_their_mount_points_catch_up() {
    let place = Place::new();
    place.ok("init");
    for name in ["one", "two"] {
        place.ok(&format!("destination add {name} {name}"));
    }
    place.write("files/a", "old");
    // What is left of a disk that is unmounted is an empty folder.
    let unmount = |name: &str| {
        fs::rename(place.path(name), place.path(&format!("{name}-disk"))).unwrap();
        fs::create_dir(place.path(name)).unwrap();
    };
    let mount = |name: &str| {
        fs::remove_dir(place.path(name)).unwrap();
        fs::rename(place.path(&format!("{name}-disk")), place.path(name)).unwrap();
    };
    let agent = start(&place);
    let is_near = |it: &Value| it["queue"]["lane"] == "foreground";
    for name in ["one", "two"] {
        agent.until_destination(name, "it has all", is_near);
    }
    unmount("two");
    for text in ["1", "2"] {
        assert!(agent.save("b", text) < PROMPT);
    }
    let there = agent.until_destination("two", "it is missed", |it| it["status"] != "up-to-date");
    assert_eq!(there["status"], "unreachable", "{there}");
    unmount("one");
    mount("two");
    assert!(agent.save("b", "3") < PROMPT);
    agent.until_destination("two", "it has all", |it| it["status"] == "up-to-date");
    assert_eq!(restored(&place, "two", "b"), "3");
    mount("one");
    agent.until_destination("one", "it has all", |it| it["status"] == "up-to-date");
    agent.stop();
    assert!(objects(&place.path("one")) == objects(&place.path("two")));
}

#[test]
fn hours_are_heeded() {
    let place = place();
    place.ok("backup files");
    let (hours, begin) = hours();
    place.ok(&format!("destination set three --schedule {hours}"));
    let agent = start(&place);
    assert!(agent.save("b", "b") < PROMPT);
    let there = agent.until_destination("three", "it waits", |it| it["status"] == "scheduled");
    let until = there["queue"]["until"].as_i64().unwrap();
    assert_eq!(until.unsigned_abs(), begin);
    let told = place.ok("agent status").out;
    assert!(
        told.contains("three: scheduled since") && told.contains("waits until"),
        "{told}"
    );
    assert!(objects(&place.path("three")).len() < objects(&place.path("one")).len());
    place.ok("destination set three --schedule none");
    agent.save("c", "c");
    agent.until_destination("three", "it has all", |it| it["status"] == "up-to-date");
    assert_eq!(restored(&place, "three", "c"), "c");
    agent.stop();
}

#[test]
fn a_pause_holds_queues() {
    let place = place();
    let agent = start(&place);
    agent.until_destination("three", "near", |it| it["queue"]["lane"] == "foreground");
    fs::rename(place.path("three"), place.path("gone")).unwrap();
    agent.save("b", "new");
    agent.until_destination("three", "away", |it| it["status"] == "unreachable");
    place.ok("agent pause");
    fs::rename(place.path("gone"), place.path("three")).unwrap();
    let held = |it: &Value| it["reason"] == "the service is paused";
    agent.until_destination("three", "held", held);
    assert_ne!(objects(&place.path("one")), objects(&place.path("three")));
    place.ok("agent resume");
    agent.until_destination("three", "caught up", |it| it["status"] == "up-to-date");
    assert_eq!(objects(&place.path("one")), objects(&place.path("three")));
    agent.stop();
}

#[test]
fn it_ends_promptly_while_it_copies() {
    let place = place();
    place.ok("backup files");
    place.ok("destination set three --limit-upload 20K");
    let agent = start(&place);
    agent.save("large", noise(2, 3_000_000));
    agent.until_destination("three", "it lacks something", |it| {
        it["queue"]["records_waiting"].as_u64() > Some(0)
    });
    let took = agent.stop();
    assert!(took < PROMPT, "{took:?}");
    // A command finds everything in order, and goes on.
    place.ok("destination set three --limit-upload none");
    place.ok("destination sync");
    assert!(objects(&place.path("one")) == objects(&place.path("three")));
}

#[test]
fn a_command_is_alone_with_the_archive() {
    let place = place();
    place.ok("backup files");
    place.ok("destination set three --limit-upload 1M");
    let agent = start(&place);
    for number in 0..6 {
        agent.save(&format!("n{number}"), noise(number, 700_000));
    }
    place.ok("prune --no-progress");
    place.ok("destination sync");
    assert!(objects(&place.path("one")) == objects(&place.path("three")));
    assert!(agent.save("later", "later") < PROMPT);
    agent.until("all have all", |status| {
        status["state"] == "backup-complete"
    });
    agent.stop();
    assert_eq!(restored(&place, "three", "later"), "later");
}

/// Damages the largest pack of a destination; returns where it is, and what it was.
fn damage_largest(place: &Place, name: &str) -> (PathBuf, Vec<u8>) {
    let folder = place.path(name);
    let mut there = objects(&folder);
    there.retain(|path, _| path.contains("/packs/"));
    let (path, bytes) = there.iter().max_by_key(|(_, bytes)| bytes.len()).unwrap();
    let file = folder.join(path);
    let mut other = bytes.clone();
    other[1_000] ^= 1;
    replace(&file, &other);
    (file, bytes.clone())
}

fn replace(file: &Path, bytes: &[u8]) {
    fs::remove_file(file).unwrap();
    fs::File::create(file).unwrap().write_all(bytes).unwrap();
}

#[test]
fn one_that_lacks_what_nobody_has_stays_not_complete() {
    let place = Place::new();
    place.ok("init");
    place.ok("destination add one one");
    place.write("files/large", random(2_000_000));
    place.ok("backup files");
    let (file, bytes) = damage_largest(&place, "one");
    place.ok("destination add two two");
    let agent = start(&place);
    let is_lacking = |it: &Value| it["status"] == "not-complete";
    agent.until_destination("two", "it lacks something", is_lacking);
    // What is new comes there, and changes nothing of it.
    agent.save("b", "new");
    agent.snapshots(2);
    let is_served =
        |it: &Value| it["queue"]["records_waiting"] == 0 && it["status"] != "catching-up";
    let there = agent.until_destination("two", "the new record", is_served);
    assert!(is_lacking(&there), "{there}");
    agent.stop();
    let agent = start(&place);
    let is_known = |it: &Value| it["status"] == "up-to-date" || is_lacking(it);
    let there = agent.until_destination("two", "it is looked at", is_known);
    assert!(is_lacking(&there), "{there}");
    agent.stop();
    // Neither does a command forget it, until it is healed.
    let ran = place.run(["backup", "files"]);
    assert!(ran.err.contains("not complete"), "{ran:?}");
    replace(&file, &bytes);
    place.ok("destination heal two --no-progress");
    let agent = start(&place);
    agent.until_destination("two", "it is whole", |it| it["status"] == "up-to-date");
    agent.stop();
}

#[test]
fn one_that_goes_while_nothing_changes_is_missed() {
    let place = place();
    let mut agent = Agent::start(&place, "files --look 1s", &[]);
    agent.patience = PATIENCE;
    let agent = agent.after_first_round();
    let is_near = |it: &Value| it["queue"]["lane"] == "foreground";
    for name in ["one", "two", "three"] {
        agent.until_destination(name, "it has all", is_near);
    }
    fs::rename(place.path("two"), place.path("gone")).unwrap();
    agent.until_destination("two", "missed", |it| it["status"] == "unreachable");
    fs::rename(place.path("gone"), place.path("two")).unwrap();
    agent.until_destination("two", "it is back", is_near);
    agent.stop();
}

#[test]
fn a_round_that_fails_says_nothing_good_of_destinations() {
    let place = Place::new();
    place.ok("init");
    place.ok("spool --off");
    place.ok("destination add one one");
    place.write("files/a", "old");
    let agent = start(&place);
    let is_near = |it: &Value| it["queue"]["lane"] == "foreground";
    agent.until_destination("one", "it has all", is_near);
    fs::rename(place.path("one"), place.path("gone")).unwrap();
    place.write("files/b", "new");
    agent.until_destination("one", "missed", |it| it["status"] == "unreachable");
    fs::rename(place.path("gone"), place.path("one")).unwrap();
    agent.snapshots(2);
    assert_eq!(restored(&place, "one", "b"), "new");
    agent.stop();
}

#[test]
fn one_that_was_ahead_and_is_gone_stops_nobody() {
    let place = place();
    place.ok("backup files");
    place.ok("key export --file key");
    let copied = Command::new("cp")
        .args(["-a".as_ref(), place.path("three").as_os_str()])
        .arg(place.path("adopted"))
        .status();
    assert!(copied.unwrap().success());
    let adopt = "init --adopt adopted --key-file key --keystore file";
    assert_eq!(place.run_with("other", adopt.split(' ')).code, 0);
    assert_eq!(place.run_with("other", ["backup", "files"]).code, 0);
    let agent = start(&place);
    // Another stick is plugged in.
    fs::rename(place.path("three"), place.path("own")).unwrap();
    agent.save("b", "b");
    agent.until_destination("three", "it is missed", |it| it["status"] == "unreachable");
    fs::rename(place.path("adopted"), place.path("three")).unwrap();
    agent.until_destination("three", "the alarm", |it| it["status"] == "ahead");
    fs::rename(place.path("three"), place.path("adopted")).unwrap();
    agent.until_destination("three", "it is gone", |it| it["status"] == "unreachable");
    agent.save("c", "c");
    assert_eq!(restored(&place, "one", "c"), "c");
    agent.stop();
}

#[test]
fn hours_are_heeded_from_the_first_snapshot_on() {
    let place = Place::new();
    place.ok("init");
    place.ok("destination add one one");
    place.ok(&format!("destination set one --schedule {}", hours().0));
    place.write("files/a", "first");
    let agent = start(&place);
    let status = agent.until("a reason", |status| status["reason"].is_string());
    assert!(
        status["reason"].as_str().unwrap().contains("hours"),
        "{status}"
    );
    assert!(objects(&place.path("one")).is_empty());
    place.ok("destination set one --schedule none");
    agent.snapshots(1);
    // Neither does a spool that is full change anything of it.
    place.ok("spool --limit 1M");
    place.ok(&format!("destination set one --schedule {}", hours().0));
    let before = objects(&place.path("one")).len();
    place.write("files/large", random(3_000_000));
    agent.until("it is full", |status| status["reason"].is_string());
    let rounds = agent.until("a status", |_| true)["rounds"].as_u64();
    agent.until("another attempt", |status| {
        status["rounds"].as_u64() > rounds
    });
    assert_eq!(objects(&place.path("one")).len(), before);
    agent.stop();
}

#[test]
fn queues_begin_with_the_agent_and_with_the_settings() {
    let place = Place::new();
    place.ok("init");
    place.ok("destination add one one");
    place.write("files/a", "a");
    place.ok("backup files");
    place.ok("destination add two two");
    // Nothing of it is there: no snapshot is due.
    fs::rename(place.path("files"), place.path("unmounted")).unwrap();
    let mut agent = Agent::start(&place, "files", &[]);
    agent.patience = PATIENCE;
    agent.until_destination("two", "it has all", |it| it["status"] == "up-to-date");
    place.ok("destination add three three");
    agent.until_destination("three", "it has all", |it| it["status"] == "up-to-date");
    agent.stop();
    assert_eq!(restored(&place, "three", "a"), "a");
}

/// A mount whose process is told what to do, and ends in any case.
struct Mount(Child);

impl Mount {
    fn signal(&self, name: &str) {
        let id = self.0.id().to_string();
        let _ = Command::new("kill").args([name, &id]).status();
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        self.signal("-CONT");
        self.signal("-INT");
        let _ = self.0.wait();
    }
}

#[test]
fn one_whose_folder_hangs_delays_nobody() {
    let place = place();
    place.ok("destination remove three");
    fs::create_dir(place.path("nas")).unwrap();
    place.ok("destination add three nas/three");
    place.ok("backup files");
    fs::remove_dir_all(place.path("nas/three")).unwrap();
    let mut mount = Mount(
        Command::new(env!("CARGO_BIN_EXE_strongroom"))
            .args(["mount", "nas"])
            .current_dir(place.path(""))
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("STRONGROOM_PROFILE", place.path("profile"))
            .env("HOME", place.path("home"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let mut line = String::new();
    BufReader::new(mount.0.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert!(line.starts_with("mounted"), "{line}");
    let agent = start(&place);
    agent.until_destination("three", "it is missed", |it| it["status"] == "unreachable");
    mount.signal("-STOP");
    for number in 0..3 {
        let took = agent.save(&format!("n{number}"), "new");
        assert!(took < PROMPT, "{took:?}");
    }
    assert_eq!(restored(&place, "one", "n2"), "new");
    let took = agent.stop();
    assert!(took < PROMPT, "{took:?}");
}
