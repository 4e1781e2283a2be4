//! The agent with destinations that are slow, hang, are away, went back, or may not be used now: the others never wait.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
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
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let hour = now / 3_600;
    let hours = format!("{:02}:00-{:02}:00", (hour + 2) % 24, (hour + 3) % 24);
    place.ok(&format!("destination set three --schedule {hours}"));
    let agent = start(&place);
    assert!(agent.save("b", "b") < PROMPT);
    let there = agent.until_destination("three", "it waits", |it| it["status"] == "scheduled");
    let until = there["queue"]["until"].as_i64().unwrap();
    assert_eq!(until.unsigned_abs(), (hour + 2) * 3_600);
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
