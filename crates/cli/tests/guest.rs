//! The agent as a guest: it follows presence, power and network by D-Bus, here told by python-dbusmock on a bus of its own.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use support::Place;
use support::agent::{Agent, PATIENCE};

/// The system's Python, which has the Debian package.
const PYTHON: &str = "/usr/bin/python3";

const LOGIN: (&str, &str) = ("org.freedesktop.login1", "/org/freedesktop/login1");
const SESSION: &str = "/org/freedesktop/login1/session/c1";
const POWER: (&str, &str) = ("org.freedesktop.UPower", "/org/freedesktop/UPower");
const BATTERY: &str = "/org/freedesktop/UPower/devices/DisplayDevice";
const NETWORK: (&str, &str) = (
    "org.freedesktop.NetworkManager",
    "/org/freedesktop/NetworkManager",
);

/// A bus with services that say what a test wants them to. They end with it.
struct Bus {
    children: Vec<Child>,
    address: String,
}

impl Bus {
    fn start() -> Self {
        let mut bus = Command::new("dbus-daemon");
        bus.args(["--session", "--nofork", "--print-address=1"]);
        bus.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut bus = bus.stderr(Stdio::null()).spawn().unwrap();
        let mut address = String::new();
        let mut lines = BufReader::new(bus.stdout.take().unwrap());
        lines.read_line(&mut address).unwrap();
        Self {
            children: vec![bus],
            address: address.trim().to_owned(),
        }
    }

    /// Starts a service, and waits until it answers.
    fn serve(&mut self, template: &str, (name, _): (&str, &str)) {
        let mut mock = Command::new(PYTHON);
        mock.args(["-m", "dbusmock", "--template", template]);
        // A template knows by itself which bus it belongs to.
        mock.env("DBUS_SYSTEM_BUS_ADDRESS", &self.address);
        mock.env("DBUS_SESSION_BUS_ADDRESS", &self.address);
        mock.stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        self.children.push(mock.spawn().unwrap());
        let begun = Instant::now();
        let bus = ("org.freedesktop.DBus", "/org/freedesktop/DBus");
        let owner = format!("string:{name}");
        while !self.call(bus, "org.freedesktop.DBus.GetNameOwner", &[&owner]) {
            assert!(begun.elapsed() < PATIENCE, "{template} does not start");
            sleep(Duration::from_millis(20));
        }
    }

    fn call(&self, (name, path): (&str, &str), method: &str, arguments: &[&str]) -> bool {
        let mut send = Command::new("dbus-send");
        send.arg(format!("--bus={}", self.address));
        send.args(["--print-reply", &format!("--dest={name}"), path, method]);
        send.args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        send.status().unwrap().success()
    }

    fn set(&self, (name, path): (&str, &str), interface: &str, property: &str, value: &str) {
        let words = [interface, property].map(|word| format!("string:{word}"));
        let value = format!("variant:{value}");
        let method = "org.freedesktop.DBus.Properties.Set";
        assert!(self.call((name, path), method, &[&words[0], &words[1], &value]));
    }

    fn set_session(&self, property: &str, value: bool) {
        let value = format!("boolean:{value}");
        let interface = "org.freedesktop.login1.Session";
        self.set((LOGIN.0, SESSION), interface, property, &value);
    }

    fn set_battery(&self, percent: u8) {
        let value = format!("double:{percent}");
        let interface = "org.freedesktop.UPower.Device";
        self.set((POWER.0, BATTERY), interface, "Percentage", &value);
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        for child in self.children.iter_mut().rev() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Starts an agent on a bus, and waits for its first snapshot.
fn start<'p>(place: &'p Place, address: &str) -> Agent<'p> {
    let on_bus = ["DBUS_SESSION_BUS_ADDRESS", "DBUS_SYSTEM_BUS_ADDRESS"].map(|bus| (bus, address));
    let agent = Agent::start(place, "files", &on_bus);
    agent.until("a first snapshot", |status| status["snapshots"] == 1);
    agent
}

fn until_situation(agent: &Agent<'_>, situation: &str) -> Value {
    agent.until(situation, |status| {
        status["guest"]["situation"] == situation
    })
}

fn place() -> Place {
    let place = Place::new();
    place.ok("init");
    place.ok("destination add one one");
    place.write("files/a", "a");
    place
}

#[test]
fn matrix_of_presence_and_services_that_come_and_go() {
    let place = place();
    let mut bus = Bus::start();
    let agent = start(&place, &bus.address);
    let status = until_situation(&agent, "present");
    let unknown = status["guest"]["unknown"].as_array().unwrap().clone();
    assert_eq!(unknown.len(), 3, "{unknown:?}");
    assert_eq!(unknown[0], "whether somebody is present: no service tells");
    bus.serve("logind", LOGIN);
    bus.serve("upower", POWER);
    bus.serve("networkmanager", NETWORK);
    let status = agent.until("all known", |status| {
        status["guest"]["unknown"] == serde_json::json!([])
    });
    assert_eq!(status["guest"]["situation"], "away", "nobody has a session");
    assert_eq!(status["guest"]["cpu_percent"], 80);
    let session = [
        "string:c1",
        "string:seat0",
        "uint32:1000",
        "string:me",
        "boolean:true",
    ];
    assert!(bus.call(LOGIN, "org.freedesktop.DBus.Mock.AddSession", &session));
    bus.set_session("IdleHint", false);
    until_situation(&agent, "present");
    for hint in ["IdleHint", "LockedHint"] {
        bus.set_session(hint, true);
        until_situation(&agent, "away");
        bus.set_session(hint, false);
        until_situation(&agent, "present");
    }
    place.ok("agent set away --cpu 55%");
    bus.set_session("LockedHint", true);
    let status = until_situation(&agent, "away");
    assert_eq!(status["guest"]["cpu_percent"], 55);
    drop(bus);
    agent.until("without a bus", |status| {
        let unknown = status["guest"]["unknown"].as_array().unwrap();
        unknown.len() == 1 && status["guest"]["situation"] == "present"
    });
}

#[test]
fn matrix_of_a_battery_that_empties() {
    let place = place();
    // What has a limit is served by a queue.
    place.ok("destination add two two --limit-upload 100M");
    let mut bus = Bus::start();
    bus.serve("upower", POWER);
    let agent = start(&place, &bus.address);
    agent.until_destination("two", "up to date", |two| two["status"] == "up-to-date");
    bus.set_battery(49);
    bus.set(POWER, POWER.0, "OnBattery", "boolean:true");
    let status = until_situation(&agent, "battery");
    assert_eq!(status["guest"]["cpu_percent"], 10);
    assert_eq!(status["guest"]["battery_percent"], 49);
    place.write("files/b", "b");
    let status = agent.until("a schedule", |status| status["state"] == "backup-schedule");
    let next = status["next_at"].as_i64().unwrap() - status["last"]["at"].as_i64().unwrap();
    assert!((600..=900).contains(&next), "{next}");
    assert_eq!(status["snapshots"], 1);
    bus.set_battery(9);
    agent.until("low", |status| status["state"] == "low-battery");
    let told = place.ok("agent status");
    assert!(told.out.starts_with("battery low"), "{told:?}");
    place.ok("agent backup-now");
    agent.until("a snapshot that was asked for", |status| {
        status["snapshots"] == 2 && status["state"] == "low-battery"
    });
    // Queues wait, too.
    agent.until_destination("two", "held", |two| {
        two["status"] == "waiting" && two["reason"] == "the battery is nearly empty"
    });
    place.write("files/c", "c");
    agent.until("a change that waits", |status| status["waiting"] == 1);
    bus.set(POWER, POWER.0, "OnBattery", "boolean:false");
    agent.until("mains", |status| {
        status["snapshots"] == 3 && status["state"] == "backup-complete"
    });
}

#[test]
fn matrix_of_a_network_that_costs_money() {
    let place = place();
    let mut bus = Bus::start();
    bus.serve("networkmanager", NETWORK);
    let metered = |value: u32| format!("variant:uint32:{value}");
    let name = format!("string:{}", NETWORK.0);
    let add = [&*name, "string:Metered", &metered(1)];
    assert!(bus.call(NETWORK, "org.freedesktop.DBus.Mock.AddProperty", &add));
    // Nobody answers there, and nobody is asked while the network is metered.
    let settings = place.read("profile/config.toml");
    let far = "\n[[destination]]\nname = \"far\"\nid = \"00000000000000000000000000000007\"\n\
               url = \"sftp://nobody@127.0.0.1:1/srv\"\ndefault = true\n";
    place.write_secret("profile/config.toml", &format!("{settings}{far}"));
    let agent = start(&place, &bus.address);
    let status = agent.until("metered", |status| status["guest"]["far_allowed"] == false);
    assert_eq!(status["guest"]["metered"], true);
    place.write("files/b", "b");
    agent.until("a snapshot", |status| status["snapshots"] == 2);
    let reason = |status: &Value| {
        let mut all = status["destinations"].as_array().unwrap().iter();
        let far = all.find(|there| there["name"] == "far");
        let reason = far.and_then(|far| far["reason"].as_str());
        reason.unwrap_or_default().to_owned()
    };
    let metered = "the network is metered: it waits for another one";
    agent.until("waiting", |status| reason(status) == metered);
    place.ok("agent set --metered go");
    agent.until("allowed", |status| {
        let reason = reason(status);
        let is_tried = !reason.is_empty() && reason != metered;
        status["guest"]["far_allowed"] == true && is_tried
    });
    place.ok("agent set --metered wait");
    bus.set(NETWORK, NETWORK.0, "Metered", "uint32:4");
    agent.until("free", |status| status["guest"]["metered"] == false);
}

#[test]
fn matrix_of_an_alarm_on_the_desktop() {
    let place = place();
    place.ok("destination add two two");
    let mut bus = Bus::start();
    let desktop = (
        "org.freedesktop.Notifications",
        "/org/freedesktop/Notifications",
    );
    bus.serve("notification_daemon", desktop);
    let agent = start(&place, &bus.address);
    let copy = |from: &str, to: &str| {
        let _ = fs::remove_dir_all(place.path(to));
        let mut copy = Command::new("cp");
        copy.arg("-a").args([place.path(from), place.path(to)]);
        assert!(copy.status().unwrap().success());
    };
    copy("two", "older");
    place.write("files/b", "b");
    agent.until("a snapshot", |status| status["snapshots"] == 2);
    copy("older", "two");
    place.write("files/c", "c");
    let begun = Instant::now();
    let told = loop {
        let mut send = Command::new("dbus-send");
        send.arg(format!("--bus={}", bus.address));
        send.args(["--print-reply", &format!("--dest={}", desktop.0), desktop.1]);
        send.args(["org.freedesktop.DBus.Mock.GetMethodCalls", "string:Notify"]);
        let answer = String::from_utf8(send.output().unwrap().stdout).unwrap();
        if answer.contains("two is set aside") {
            break answer;
        }
        assert!(begun.elapsed() < PATIENCE, "{answer}");
        sleep(Duration::from_millis(50));
    };
    assert!(told.contains("Backup: not working"), "{told}");
    assert!(told.contains("byte 2"), "{told}");
}
