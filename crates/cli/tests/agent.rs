//! `strongroom agent`: what is saved is backed up by itself.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use support::Place;
use support::agent::{Agent, PATIENCE, restored};

fn start<'p>(place: &'p Place, line: &str) -> Agent<'p> {
    Agent::start(place, line, &[]).after_first_round()
}

fn place() -> Place {
    let place = Place::new();
    place.ok("init");
    place.ok("destination add one one");
    place.ok("destination add two two");
    place.write("files/a/old", "old");
    place
}

fn saves(watch: &str) {
    let place = place();
    let service = start(&place, &format!("files --watch {watch} --calm 1s"));
    let status = service.until("live", |status| status["sources"][0]["health"] == "live");
    assert_eq!(status["sources"][0]["mechanism"], watch);
    service.until("complete", |status| status["state"] == "backup-complete");
    place.write("files/a/new", "new");
    let status = service.snapshots(2);
    assert_eq!(status["last"]["files_new"], 1);
    for destination in ["one", "two"] {
        assert_eq!(restored(&place, destination, "a/new"), "new");
    }
    fs::rename(place.path("files/a"), place.path("files/b")).unwrap();
    service.snapshots(3);
    place.write("files/b/deep/er/x", "x");
    service.snapshots(4);
    assert_eq!(restored(&place, "two", "b/deep/er/x"), "x");
    assert_eq!(restored(&place, "one", "b/old"), "old");
    service.stop();
    assert!(
        place
            .run(["agent", "status"])
            .err
            .contains("no service of this profile runs")
    );
}

/// A source that is a file, saved in place and by editors.
fn saves_of_a_file(watch: &str) {
    let place = place();
    place.write("papers/letter", "first");
    let service = start(&place, &format!("papers/letter --watch {watch} --calm 1s"));
    let status = service.until("live", |status| status["sources"][0]["health"] == "live");
    assert_eq!(status["sources"][0]["mechanism"], watch);
    let path = status["sources"][0]["path"].as_str().unwrap();
    assert!(path.ends_with("papers/letter"), "{path}");
    service.until("complete", |status| status["state"] == "backup-complete");
    let content = |expected: &str| {
        place.ok("restore --from one --to out --on-conflict overwrite");
        assert_eq!(place.read("out/letter"), expected);
    };
    place.write("papers/letter", "in place");
    service.snapshots(2);
    content("in place");
    let rounds = || service.until("a status", |_| true)["rounds"].clone();
    let before = rounds();
    place.write("papers/other", "is not backed up");
    place.write("papers/below/letter", "is not backed up");
    place.write("papers/.letter.new", "by a new file");
    fs::rename(
        place.path("papers/.letter.new"),
        place.path("papers/letter"),
    )
    .unwrap();
    service.snapshots(3);
    content("by a new file");
    assert!(before.as_u64().unwrap() + 2 >= rounds().as_u64().unwrap());
    fs::remove_file(place.path("papers/letter")).unwrap();
    service.until("blind", |status| status["sources"][0]["health"] == "blind");
    place.write("papers/letter", "there again");
    service.snapshots(4);
    content("there again");
    service.stop();
}

#[test]
fn a_file_that_is_saved_is_backed_up_by_inotify() {
    saves_of_a_file("inotify");
}

#[test]
fn a_file_that_is_saved_is_backed_up_by_fanotify() {
    if rustix::process::geteuid().is_root() {
        saves_of_a_file("fanotify");
    }
}

#[test]
fn what_is_saved_is_backed_up_by_inotify() {
    saves("inotify");
}

#[test]
fn what_is_saved_is_backed_up_by_fanotify() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    saves("fanotify");
}

#[test]
fn a_destination_that_was_away_catches_up() {
    let place = place();
    let service = start(&place, "files");
    fs::rename(place.path("two"), place.path("away")).unwrap();
    place.write("files/b", "while it was away");
    service.snapshots(2);
    service.until("it is missed", |status| {
        status["state"] == "waiting-for-destination"
            && status["destinations"][1]["status"] == "unreachable"
            && status["destinations"][1]["queue"]["records_waiting"].as_u64() > Some(0)
    });
    fs::rename(place.path("away"), place.path("two")).unwrap();
    let begun = Instant::now();
    service.until("it has caught up", |status| {
        status["state"] == "backup-complete"
    });
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "it is noticed when it comes back"
    );
    assert_eq!(restored(&place, "two", "b"), "while it was away");
    service.stop();
}

#[test]
fn a_pause_notices_and_waits() {
    let place = place();
    let service = start(&place, "files");
    let told = place.ok("agent pause 1h");
    assert!(told.out.contains("paused until"), "{told:?}");
    place.write("files/b", "during the pause");
    service.until("a change that waits", |status| {
        status["waiting"].as_u64() > Some(0)
    });
    sleep(Duration::from_millis(1_500));
    let status = service.until("paused", |status| status["state"] == "paused");
    assert_eq!(status["snapshots"], 1);
    place.ok("agent resume");
    service.snapshots(2);
    assert_eq!(restored(&place, "one", "b"), "during the pause");
    let second = place.fails("agent run files", 1);
    assert!(second.err.contains("runs already"), "{second:?}");
    service.stop();
}

#[test]
fn a_service_that_was_killed_goes_on() {
    let place = place();
    let mut service = start(&place, "files");
    place.write("files/b", "before");
    service.snapshots(2);
    service.kill();
    drop(service);
    place.write("files/c", "while nobody looked");
    let service = start(&place, "files");
    let status = service.snapshots(1);
    assert_eq!(status["last"]["files_new"], 1);
    assert_eq!(restored(&place, "two", "c"), "while nobody looked");
    service.stop();
}

#[test]
fn a_folder_that_cannot_be_read_keeps_no_other_one_from_being_backed_up() {
    let place = place();
    place.write("other/kept", "kept");
    let mut command = Command::new("setpriv");
    if rustix::process::geteuid().is_root() {
        command.arg("--bounding-set=-dac_override,-dac_read_search");
    }
    command.arg(env!("CARGO_BIN_EXE_strongroom"));
    let line = "files other --watch inotify";
    let service = Agent::start_by(&place, command, line, &[]).after_first_round();
    let set_mode = |mode| {
        let mode = fs::Permissions::from_mode(mode);
        fs::set_permissions(place.path("other"), mode).unwrap();
    };
    set_mode(0o000);
    service.save("b", "while the other one cannot be read");
    let status = service.until("blind", |status| status["sources"][1]["health"] == "blind");
    let why = status["sources"][1]["why"].as_str().unwrap();
    assert!(why.contains("Permission denied"), "{why}");
    assert_eq!(status["sources"][0]["health"], "live");
    assert_eq!(status["state"], "source-blind");
    set_mode(0o700);
    service.until("seen again", |status| status["state"] == "backup-complete");
    assert_eq!(restored(&place, "one", "other/kept"), "kept");
    service.stop();
}

/// Numbers from a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }
}

/// Changes something below `root`.
fn storm(place: &Place, dice: &mut Dice, number: usize) {
    let dir = |dice: &mut Dice| format!("files/d{}/e{}", dice.below(4), dice.below(4));
    let (one, other) = (dir(dice), dir(dice));
    let path = |below: &str| place.path(below);
    fs::create_dir_all(path(&one)).unwrap();
    let _ = match dice.below(8) {
        0..3 => {
            place.write(&format!("{one}/f{}", dice.below(5)), number.to_string());
            Ok(())
        }
        3 => fs::remove_file(path(&format!("{one}/f{}", dice.below(5)))),
        // As an editor saves.
        4 => {
            place.write(&format!("{one}/.swap"), format!("edited {number}"));
            fs::rename(path(&format!("{one}/.swap")), path(&format!("{one}/f0")))
        }
        5 => fs::rename(path(&one), path(&format!("files/moved-{number}"))),
        6 => fs::remove_dir_all(path(&other)),
        _ => {
            let from = path(&format!("{one}/f{}", dice.below(5)));
            fs::hard_link(from, path(&format!("files/link-{number}")))
        }
    };
}

/// Says what differs between the source and the newest snapshot.
fn differing(place: &Place) -> String {
    let _ = fs::remove_dir_all(place.path("back"));
    place.ok("restore latest --from two --to back --no-progress");
    let compared = Command::new("rsync")
        .args(["-aHAX", "--checksum", "--dry-run", "--itemize-changes"])
        .arg("--delete")
        .args([place.path("files/"), place.path("back/")])
        .output()
        .unwrap();
    assert!(compared.status.success(), "{compared:?}");
    String::from_utf8_lossy(&compared.stdout).into_owned()
}

#[test]
fn after_a_storm_the_snapshot_is_the_source() {
    for watch in ["inotify", "fanotify"] {
        if watch == "fanotify" && !rustix::process::geteuid().is_root() {
            continue;
        }
        let place = place();
        let service = start(
            &place,
            &format!("files --watch {watch} --calm 1s --burst 2s"),
        );
        let mut dice = Dice(7);
        let begun = Instant::now();
        let mut number = 0;
        while begun.elapsed() < Duration::from_secs(6) {
            storm(&place, &mut dice, number);
            number += 1;
            sleep(Duration::from_millis(2));
        }
        // What a second name of a file asks for comes a little later, the later the busier the machine is.
        let calm = Instant::now();
        loop {
            let differing = differing(&place);
            if differing.is_empty() {
                break;
            }
            assert!(calm.elapsed() < PATIENCE, "{watch}: {differing}");
            sleep(Duration::from_millis(500));
        }
        service.stop();
    }
}

/// Returns how much of a processor the service has used, in hundredths of a second.
fn ticks(service: &Agent<'_>) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", service.child.id())).unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let number = |at: usize| fields[at].parse::<u64>().unwrap();
    number(11) + number(12)
}

#[test]
fn a_pause_costs_nothing() {
    let place = place();
    let service = start(&place, "files");
    place.ok("agent pause");
    place.write("files/b", "waits");
    service.until("a change that waits", |status| {
        status["waiting"].as_u64() > Some(0)
    });
    sleep(Duration::from_secs(2));
    let before = ticks(&service);
    sleep(Duration::from_secs(2));
    let used = ticks(&service) - before;
    assert!(used < 50, "{used} hundredths of a second in two seconds");
    place.fails("agent backup-now", 2);
    service.stop();
}

#[test]
fn a_folder_that_is_gone_is_left_alone_and_the_others_are_backed_up() {
    let place = place();
    place.write("other/kept", "kept");
    let service = start(&place, "files other");
    fs::rename(place.path("other"), place.path("unmounted")).unwrap();
    service.until("blind", |status| {
        let sources = status["sources"].as_array().unwrap().iter();
        let blind = sources.filter(|source| source["health"] == "blind");
        blind.count() == 1 && status["state"] == "source-blind"
    });
    // The snapshot that was asked for lacks something.
    place.fails("agent backup-now", 3);
    place.write("files/b", "while the other one is gone");
    service.until("a snapshot", |status| status["last"]["files_new"] == 1);
    place.ok("restore latest --from one --to back --no-progress");
    assert_eq!(place.read("back/b"), "while the other one is gone");
    fs::rename(place.path("unmounted"), place.path("other")).unwrap();
    service.until("all live", |status| {
        let mut sources = status["sources"].as_array().unwrap().iter();
        sources.all(|source| source["health"] == "live")
    });
    place.ok("agent backup-now");
    fs::remove_dir_all(place.path("back")).unwrap();
    place.ok("restore latest --from one --to back --no-progress");
    assert_eq!(place.read("back/other/kept"), "kept");
    service.stop();
}
