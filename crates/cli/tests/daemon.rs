//! The agent as a daemon: supervised, with commands of the user, alarms, metrics, and pauses that last.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use support::Place;
use support::agent::{Agent, PATIENCE, restored};

fn place() -> Place {
    let place = Place::new();
    place.ok("init");
    place.ok("destination add one one");
    place.ok("destination add two two");
    place.write("files/a", "a");
    place
}

/// Runs the program with words that hold spaces.
fn set(place: &Place, name: &str, command: &str) {
    let ran = place.run(["agent", "set", name, command]);
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn a_snapshot_that_is_asked_for_waits_for_a_command_on_the_archive() {
    let place = place();
    let agent = Agent::start(&place, "files", &[]);
    agent.until("complete", |status| status["state"] == "backup-complete");
    let log = place.path("log").display().to_string();
    let log_line = format!("echo $STRONGROOM_RESULT >> {log}");
    set(&place, "--after", &log_line);
    let archive = place.archives("one")[0].clone();
    let lock = place.path(&format!("profile/state/{archive}.lock"));
    let lock = fs::File::options().write(true).open(lock).unwrap();
    lock.lock().unwrap();
    place.write("files/b", "while it was locked");
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| place.run(["agent", "backup-now"]));
        agent.until("locked", |status| status["state"] == "under-maintenance");
        agent.until("asked", |status| status["asked"] == 1);
        assert_eq!(agent.until("a status", |_| true)["snapshots"], 1);
        assert!(!asked.is_finished());
        lock.unlock().unwrap();
        let ran = asked.join().unwrap();
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(ran.err.contains("is in use by"), "{ran:?}");
    });
    assert_eq!(restored(&place, "one", "b"), "while it was locked");
    assert_eq!(
        place.read("log"),
        "done\n",
        "no command of the user ran in vain"
    );
    agent.stop();
}

#[test]
fn many_who_ask_and_say_nothing_are_not_waited_for() {
    let place = place();
    let agent = Agent::start(&place, "files", &[]);
    agent.snapshots(1);
    let socket = place.path("profile/agent.sock");
    let connect = |_| UnixStream::connect(&socket).unwrap();
    let mut silent: Vec<UnixStream> = (0..40).map(connect).collect();
    let begun = Instant::now();
    let busy = loop {
        let ran = place.run(["agent", "status"]);
        if ran.code != 0 {
            break ran;
        }
        assert!(begun.elapsed() < PATIENCE);
    };
    assert!(busy.err.contains("it is busy"), "{busy:?}");
    // A byte now and then is no question.
    while place.run(["agent", "status"]).code != 0 {
        for stream in &mut silent {
            let _ = stream.write_all(b"{");
        }
        assert!(begun.elapsed() < PATIENCE);
    }
}

#[test]
fn a_name_forges_no_line() {
    let place = place();
    let name = "files/ev\u{1b}[2Jil\nSTATUS=forged";
    place.write(&format!("{name}/a"), "a");
    let path = place.path("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let variables = [("NOTIFY_SOCKET", path.to_str().unwrap())];
    let agent = Agent::start(&place, name, &variables);
    agent.snapshots(1);
    let told = place.ok("agent status").out;
    assert!(
        told.contains("ev\\u{1b}[2Jil\\nSTATUS=forged: live"),
        "{told}"
    );
    set(&place, "--before", &format!("cd {}", "/nowhere"));
    agent.stop();
}

#[test]
fn a_profile_may_lie_deeper_than_a_socket_can_be_named() {
    let place = place();
    let deep = "d".repeat(150);
    fs::rename(place.path("profile"), place.path(&deep)).unwrap();
    let path = place.path(&deep);
    let variables = [("STRONGROOM_PROFILE", path.to_str().unwrap())];
    let mut agent = Agent::start(&place, "files", &variables);
    let begun = Instant::now();
    while place.run_with(&deep, ["agent", "status"]).code != 0 {
        assert!(begun.elapsed() < PATIENCE, "{}", place.read("agent.log"));
    }
    let ran = place.run_with(&deep, ["agent", "set", "present", "--cpu", "30%"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(place.run_with(&deep, ["agent", "stop"]).code, 0);
    assert!(agent.child.wait().unwrap().success());
    assert!(!path.join("agent.sock").exists());
}

/// Waits until a file is there.
fn until_there(place: &Place, file: &str) {
    let begun = Instant::now();
    while !place.path(file).exists() {
        assert!(begun.elapsed() < PATIENCE, "{file} is not there");
        sleep(Duration::from_millis(20));
    }
}

/// Returns so many KiB that no compression makes smaller.
fn noise(kib: usize) -> Vec<u8> {
    let mut number = 1_u64;
    let random = (0..kib << 7).flat_map(|_| {
        number = number
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        number.to_be_bytes()
    });
    random.collect()
}

/// Waits until a file has this in it.
fn until_read(place: &Place, file: &str, wanted: &str) -> String {
    let begun = Instant::now();
    loop {
        let text = fs::read_to_string(place.path(file)).unwrap_or_default();
        if text.contains(wanted) {
            return text;
        }
        assert!(begun.elapsed() < PATIENCE, "{file} lacks {wanted}: {text}");
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_supervisor_is_told_how_the_agent_is() {
    let place = place();
    let path = place.path("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let path = path.to_str().unwrap();
    let variables = [("NOTIFY_SOCKET", path), ("WATCHDOG_USEC", "200000")];
    let agent = Agent::start(&place, "files", &variables);
    let told = |wanted: &str| {
        let begun = Instant::now();
        let mut all = Vec::new();
        let mut message = [0; 4096];
        while begun.elapsed() < PATIENCE {
            let len = socket.recv(&mut message).unwrap();
            let text = String::from_utf8_lossy(&message[..len]).trim().to_owned();
            if text == wanted {
                return;
            }
            all.push(text);
        }
        panic!("not told {wanted}: {all:?}");
    };
    told("READY=1");
    told("STATUS=backup complete");
    told("WATCHDOG=1");
    told("WATCHDOG=1");
    place.ok("agent pause");
    told("STATUS=paused");
    place.ok("agent stop");
    told("STOPPING=1");
    drop(agent);
}

#[test]
fn a_pause_lasts_over_a_restart() {
    let place = place();
    let mut agent = Agent::start(&place, "files", &[]);
    agent.snapshots(1);
    place.ok("agent pause 4h");
    agent.kill();
    place.write("files/b", "b");
    let mut agent = Agent::start(&place, "files", &[]);
    let status = agent.until("paused", |status| status["state"] == "paused");
    assert!(status["paused_until"].as_i64().is_some());
    assert_eq!(status["snapshots"], 0);
    agent.kill();
    let note = place.read("profile/agent.json");
    let until = status["paused_until"].to_string();
    assert!(note.contains(&until), "{note}");
    // A clock that is behind makes it no longer.
    let far = format!("9{until}");
    place.write_secret("profile/agent.json", &note.replace(&until, &far));
    let mut agent = Agent::start(&place, "files", &[]);
    let status = agent.until("paused", |status| status["state"] == "paused");
    let left = status["paused_until"].as_i64().unwrap() - status["since"].as_i64().unwrap();
    assert!(left <= 4 * 3600, "{left}");
    // A time that is over is no pause.
    agent.kill();
    place.write_secret("profile/agent.json", &note.replace(&until, "1"));
    let agent = Agent::start(&place, "files", &[]);
    agent.snapshots(1);
}

#[test]
fn a_pause_that_the_service_was_too_busy_to_see_holds_no_queue_afterwards() {
    let place = place();
    place.ok("destination set two --limit-upload 100K");
    let agent = Agent::start(&place, "files", &[]);
    agent.until_destination("two", "up to date", |two| two["status"] == "up-to-date");
    // The service waits for the command, and sees nothing.
    let waits = format!(
        "touch {0}/held; while [ ! -e {0}/go ]; do sleep 0.05; done",
        place.path("").display()
    );
    set(&place, "--after", &waits);
    place.write("files/b", noise(400));
    until_there(&place, "held");
    agent.until_destination("two", "copying", |two| two["status"] == "catching-up");
    place.ok("agent pause");
    agent.until_destination("two", "held", |two| two["status"] == "waiting");
    place.ok("agent resume");
    agent.until_destination("two", "copying again", |two| two["status"] != "waiting");
    place.write("go", "");
}

#[test]
fn a_pause_ends_a_backup_that_is_under_way_and_it_goes_on_later() {
    let place = place();
    let mut numbers = 1_u64;
    for file in 0..100 {
        let random = (0..1 << 17).flat_map(|_| {
            numbers = numbers
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            numbers.to_be_bytes()
        });
        place.write(&format!("files/{file}"), random.collect::<Vec<u8>>());
    }
    place.ok("agent set present --cpu 1%");
    let agent = Agent::start(&place, "files", &[]);
    agent.until("work", |status| {
        status["progress"]["bytes_read"].as_u64() > Some(1 << 20)
    });
    place.ok("agent pause");
    let status = agent.until("paused", |status| status["state"] == "paused");
    assert_eq!(status["snapshots"], 0);
    // The archive is free for others.
    place.ok("agent set present --cpu 100%");
    place.ok("agent resume");
    let status = agent.snapshots(1);
    assert_eq!(status["last"]["files_new"], 101);
}

#[test]
fn commands_run_around_a_snapshot_and_see_no_secret() {
    let place = place();
    let log = place.path("log").display().to_string();
    set(
        &place,
        "--before",
        &format!("echo before $STRONGROOM_LOOKS_AT >> {log}"),
    );
    set(&place, "--after", &format!("env >> {log}; echo >> {log}"));
    let secret = ("AWS_SECRET_ACCESS_KEY", "of-the-account");
    let agent = Agent::start(&place, "files", &[secret]);
    let status = agent.snapshots(1);
    let text = until_read(&place, "log", "STRONGROOM_RESULT=done");
    assert!(text.starts_with("before everything\n"), "{text}");
    let snapshot = status["last"]["snapshot"].as_str().unwrap();
    assert!(
        text.contains(&format!("STRONGROOM_SNAPSHOT={snapshot}\n")),
        "{text}"
    );
    assert!(text.contains("STRONGROOM_FILES_NEW=1\n"), "{text}");
    assert!(!text.contains("of-the-account"), "{text}");
    set(&place, "--before", "exit 7");
    place.write("files/b", "b");
    let status = agent.until("no snapshot", |status| status["state"] == "failing");
    assert_eq!(status["snapshots"], 1);
    let reason = status["reason"].as_str().unwrap();
    assert_eq!(
        reason,
        "the command before the snapshot failed: it ended with exit status: 7"
    );
    set(&place, "--before", "");
    set(&place, "--after", "exit 8");
    place.ok("agent backup-now");
    let status = agent.until("a command that failed", |status| {
        status["hook_failed"].is_string()
    });
    assert_eq!(status["snapshots"], 2);
    assert_eq!(status["state"], "backup-complete");
}

#[test]
fn an_alarm_is_given_when_a_destination_goes_back_and_when_it_is_well_again() {
    let place = place();
    let log = place.path("alarms").display().to_string();
    set(
        &place,
        "--alarm",
        &format!(
            "[ -e {log}.first ] || ! touch {log}.first || exit 7; \
             cat >> {log}; env | grep ^STRONGROOM_A >> {log}"
        ),
    );
    let agent = Agent::start(&place, "files", &[]);
    agent.snapshots(1);
    let copy = |from: &str, to: &str| {
        let _ = fs::remove_dir_all(place.path(to));
        let mut copy = Command::new("cp");
        copy.arg("-a").args([place.path(from), place.path(to)]);
        assert!(copy.status().unwrap().success());
    };
    copy("two", "older");
    place.write("files/b", "b");
    agent.snapshots(2);
    copy("older", "two");
    place.write("files/c", "c");
    agent.until("set aside", |status| {
        status["destinations"][1]["status"] == "set-aside"
    });
    // The command fails the first time, and is tried again. What came before it is not told twice.
    let failed = agent.until("a command that failed", |status| {
        status["alarm_failed"].is_string()
    });
    assert_eq!(failed["hook_failed"], serde_json::Value::Null);
    let text = until_read(&place, "alarms", "STRONGROOM_ALARM");
    place.ok("agent pause");
    agent.until("paused", |status| {
        status["destinations"][1]["status"] != "set-aside"
    });
    place.ok("agent resume");
    let again = place.read("alarms");
    assert!(!again.contains("over"), "{again}");
    assert!(
        text.contains(": critical: two is set aside: nothing is written to it"),
        "{text}"
    );
    assert!(
        text.contains("STRONGROOM_ALARM=destination-set-aside\n"),
        "{text}"
    );
    place.ok("destination accept two");
    place.ok("agent backup-now");
    until_read(&place, "alarms", ": over: two is set aside");
    let log = place.read("agent.log");
    assert!(log.contains("critical: two is set aside"), "{log}");
}

#[test]
fn metrics_are_for_those_who_were_allowed_to_see_them() {
    let place = place();
    let refused = place.fails("agent run files --metrics 0.0.0.0:1", 2);
    assert!(refused.err.contains("--metrics-for-others"), "{refused:?}");
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let agent = Agent::start(&place, &format!("files --metrics {address}"), &[]);
    agent.snapshots(1);
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(
        answer.contains("\nstrongroom_snapshots_total 1\n"),
        "{answer}"
    );
    let printed = place.ok("agent metrics").out;
    let wanted = "strongroom_destination_complete{destination=\"two\"} 1\n";
    assert!(printed.contains(wanted), "{printed}");
}

#[test]
fn units_are_as_systemd_wants_them() {
    let place = place();
    let words = "files --to one --exclude *.o --calm 5s --metrics 127.0.0.1:9";
    for scope in ["--user", "--system"] {
        let printed = place
            .ok(&format!("agent install {scope} --print {words}"))
            .out;
        let line = printed
            .lines()
            .find(|line| line.starts_with("ExecStart="))
            .unwrap();
        let (_, words) = line.split_once("\" ").unwrap();
        assert_eq!(
            words,
            "\"--profile\" \"HERE/profile\" \"agent\" \"run\" \"--to\" \"one\" \"--exclude\" \"*.o\" \"--calm\" \"5s\" \
             \"--metrics\" \"127.0.0.1:9\" \"--\" \"HERE/files\""
        );
        verify(&place, &printed, scope);
    }
    let missing = place.run(["agent", "uninstall"]);
    assert_eq!(missing.code, 0, "{missing:?}");
    assert!(missing.out.starts_with("there is no "), "{missing:?}");
}

/// Lets systemd look at a unit, where it is installed.
fn verify(place: &Place, unit: &str, scope: &str) {
    let file = place.path("strongroom-agent.service");
    place.write("strongroom-agent.service", unit);
    let verify = Command::new("systemd-analyze")
        .args(["verify", "--man=no", scope])
        .arg(&file)
        .env("XDG_RUNTIME_DIR", place.path(""))
        .output();
    // Where systemd is not installed, the units are compared with those that were reviewed, and no more.
    let Ok(output) = verify else { return };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{scope}: {said}");
    assert!(!said.contains("strongroom-agent"), "{scope}: {said}");
}
