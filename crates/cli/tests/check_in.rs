//! The agent checks in at the server by itself, and says what came of it.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]

#[path = "support/server.rs"]
mod started;
mod support;

use std::fs;

use serde_json::Value;
use started::Server;
use support::Place;
use support::agent::Agent;

/// Lets the agent check in now: it does when its settings may be others.
const CALL: &str = "agent set --metered go";

/// A server, an administrator of it, and an agent that runs on a computer that is not enrolled yet.
struct World<'p> {
    place: &'p Place,
    server: Option<Server>,
    /// Where it is, and how it is known.
    address: (u16, String),
    agent: Agent<'p>,
}

impl<'p> World<'p> {
    fn new(place: &'p Place) -> Self {
        place.write_secret("password", "correct horse battery staple");
        let server = Server::start(&place.path("server"), &[]);
        place.write("files/a", "a");
        place.ok("init");
        place.ok("destination add disk disk");
        let agent = Agent::start(place, "files", &[]).after_first_round();
        let link = server.link.clone();
        let world = Self {
            place,
            address: (server.port, server.fingerprint.clone()),
            server: Some(server),
            agent,
        };
        world.by_admin(&format!("login --setup {link} --password-file password"));
        world
    }

    fn by_admin(&self, line: &str) -> String {
        let ran = self.place.run_with("admin", line.split(' '));
        assert_eq!(ran.code, 0, "{line}: {ran:?}");
        ran.out
    }

    fn enrol(&self) {
        let made = self.by_admin("admin registration rotate Default --json");
        let made: Value = serde_json::from_str(made.trim()).unwrap();
        let key = made["key"].as_str().unwrap();
        let (port, fingerprint) = &self.address;
        self.place.ok(&format!(
            "enroll strongroom://localhost:{port}/{key}#{fingerprint} --user eve --password-file password --name Laptop"
        ));
    }

    fn end_server(&mut self) {
        self.server.take().unwrap().end();
    }

    fn start_server(&mut self) {
        let home = self.place.path("server");
        self.server = Some(Server::start_again(&home, self.address.0));
    }

    fn computer(&self) -> Value {
        let listed = self.by_admin("admin computer list --json");
        serde_json::from_str(listed.lines().last().unwrap()).unwrap()
    }

    /// Lets the agent check in, and waits until that went as it should.
    fn until(&self, state: &str) -> Value {
        self.place.ok(CALL);
        let is_so = |status: &Value| status["server"]["state"] == state;
        self.agent.until(state, is_so)["server"].clone()
    }

    fn status(&self) -> String {
        let ran = self.place.run(["agent", "status"]);
        // What is wrong with the server is no failure of backups.
        assert_eq!(ran.code, 0, "{ran:?}");
        ran.out
    }
}

#[test]
fn the_agent_checks_in_and_says_how_the_server_is() {
    let place = Place::new();
    let mut world = World::new(&place);
    assert_eq!(
        world.agent.until("a status", |_| true)["server"],
        Value::Null
    );
    assert!(!world.status().contains("server"));
    // It is told of an enrolment, and need not be started again.
    world.enrol();
    let is_taken = |status: &Value| status["server"]["state"] == "taken";
    let taken = world.agent.until("a check-in", is_taken)["server"].clone();
    assert_eq!(taken["epoch"], 1);
    let pause = taken["next_check_in"].as_i64().unwrap() - taken["last_check_in"].as_i64().unwrap();
    assert!((13 * 60..=17 * 60).contains(&pause), "{pause}");
    assert_ne!(world.computer()["last_seen"], Value::Null);
    assert!(world.status().contains(": last check-in "));

    a_server_that_is_away_stops_no_backup(&mut world);
    a_restored_server_is_said(&mut world);
    a_refusal_is_an_alarm(&world);
}

fn a_server_that_is_away_stops_no_backup(world: &mut World<'_>) {
    world.end_server();
    let away = world.until("unreachable");
    assert!(away["reason"].as_str().unwrap().contains("does not answer"));
    assert!(world.status().contains("not reached"));
    world.agent.save("b", "b");
    let log = world.place.read("agent.log");
    assert!(!log.contains("refuses this computer"), "{log}");
    world.start_server();
    let back = world.until("taken");
    assert_eq!(back["reason"], Value::Null);
}

fn a_restored_server_is_said(world: &mut World<'_>) {
    let (home, backups) = (world.place.path("server"), world.place.path("backups"));
    let line = format!("backup --to {}", backups.display());
    let (done, said) = Server::run(&home, &line);
    assert!(done, "{said}");
    world.end_server();
    let mut backups = fs::read_dir(backups).unwrap();
    let backup = backups.next().unwrap().unwrap().path();
    let (done, said) = Server::run(&home, &format!("restore {} --replace", backup.display()));
    assert!(done, "{said}");
    world.start_server();
    world.place.ok(CALL);
    let is_restored = |status: &Value| status["server"]["epoch"] == 2;
    let server = world.agent.until("the new epoch", is_restored)["server"].clone();
    assert_eq!(server["changed"]["since"]["restored"]["known"], 1);
    assert!(world.status().contains("was restored from a backup"));
    world.by_admin("login --user sysadmin --password-file password");
}

fn a_refusal_is_an_alarm(world: &World<'_>) {
    world.by_admin("admin computer revoke Laptop");
    let refused = world.until("refused");
    assert_ne!(refused["failing_since"], Value::Null);
    assert!(world.status().contains("refuses this computer"));
    world.agent.until("the alarm", |_| {
        let log = world.place.read("agent.log");
        log.contains("warning: https://") && log.contains("refuses this computer")
    });
    // Enrolled anew, it is taken again.
    world.enrol();
    world
        .agent
        .until("a check-in", |status| status["server"]["state"] == "taken");
}
