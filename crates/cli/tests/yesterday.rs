//! Yesterday's backup of the server is restored: what was forbidden since stays so, what was used since is void, and clients
//! are told.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]

#[path = "support/server.rs"]
mod started;
mod support;

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use started::Server;
use support::{Place, Ran};

const PASSWORD: &str = "correct horse battery staple";

/// A server, with what was there yesterday.
struct World {
    place: Place,
    port: u16,
    fingerprint: String,
    /// Links that were made yesterday, for each of these.
    links: [(&'static str, String); 2],
    /// A registration key that makes one account.
    key_for_one: String,
}

impl World {
    /// Makes everything there was yesterday.
    fn new(server: &Server, place: Place) -> Self {
        place.write_secret("password", PASSWORD);
        let mut world = Self {
            place,
            port: server.port,
            fingerprint: server.fingerprint.clone(),
            links: [("bob", String::new()), ("dan", String::new())],
            key_for_one: String::new(),
        };
        world.set_up("profile", &server.link);
        let enrolment = world.key("Default", "");
        for user in ["eve", "carol", "frank"] {
            world.enrol(user, &enrolment, 0);
        }
        for (user, link) in world.links.clone() {
            world.ok("profile", &format!("admin user create Default {user}"));
            let made = world.json(&format!("admin link invite {user}"));
            let at = usize::from(user == "dan");
            made["link"]
                .as_str()
                .unwrap_or(&link)
                .clone_into(&mut world.links[at].1);
        }
        world.ok(
            "profile",
            "admin organisation create Guests --parent Default",
        );
        world.key_for_one = world.key("Guests", " --uses-max 1");
        let made = world
            .json("admin token create reader --action account.read --action profile.read --days 9");
        let token = made["secret"].as_str().unwrap();
        world.place.write_secret("token", token);
        world
    }

    fn home(&self) -> PathBuf {
        self.place.path("server")
    }

    fn run(&self, profile: &str, line: &str) -> Ran {
        self.place.run_with(profile, line.split(' '))
    }

    #[track_caller]
    fn ok(&self, profile: &str, line: &str) -> Ran {
        let ran = self.run(profile, line);
        assert_eq!(ran.code, 0, "{line}: {ran:?}");
        ran
    }

    #[track_caller]
    fn fails(&self, profile: &str, line: &str, code: i32) -> String {
        let ran = self.run(profile, line);
        assert_eq!(ran.code, code, "{line}: {ran:?}");
        ran.err
    }

    #[track_caller]
    fn json(&self, line: &str) -> Value {
        let out = self.ok("profile", &format!("{line} --json")).out;
        serde_json::from_str(out.lines().next().unwrap()).unwrap()
    }

    fn key(&self, organisation: &str, terms: &str) -> String {
        let line = format!("admin registration rotate {organisation}{terms}");
        let key = self.json(&line)["key"].as_str().unwrap().to_owned();
        let (port, fingerprint) = (self.port, &self.fingerprint);
        format!("strongroom://localhost:{port}/{key}#{fingerprint}")
    }

    #[track_caller]
    fn enrol(&self, user: &str, enrolment: &str, code: i32) -> String {
        let line = format!("enroll {enrolment} --user {user} --password-file password");
        let ran = self.run(user, &format!("{line} --name {user}s"));
        assert_eq!(ran.code, code, "{line}: {ran:?}");
        ran.err
    }

    #[track_caller]
    fn set_up(&self, profile: &str, link: &str) {
        let login = format!("login --setup {link} --password-file password");
        self.ok(profile, &login);
    }

    fn log_in(&self, user: &str) -> String {
        let (port, fingerprint) = (self.port, &self.fingerprint);
        let server = format!("https://localhost:{port}#{fingerprint}");
        format!("login --server {server} --user {user} --password-file password")
    }

    /// Signs the sysadmin in again, whose session is void.
    fn come_back(&self) {
        let said = self.fails("profile", "admin user list", 1);
        assert!(said.contains("the session is over"), "{said}");
        self.ok("profile", &self.log_in("sysadmin"));
    }
}

/// Makes yesterday's backup, and returns where it is.
fn back_up(world: &World) -> String {
    let folder = world.place.path("backups");
    let (is_good, said) = Server::run(&world.home(), &format!("backup --to {}", folder.display()));
    assert!(
        is_good && said.contains("it needs the master key "),
        "{said}"
    );
    let path = said.lines().next().unwrap().to_owned();
    assert!(fs::metadata(&path).unwrap().len() > 1_000);
    path
}

#[test]
fn what_happened_since_yesterday_stays_so_or_is_void() {
    let place = Place::new();
    let server = Server::start(&place.path("server"), &[]);
    let world = World::new(&server, place);
    let backup = back_up(&world);

    // Since then a user was blocked, a computer lost, a link and a key for one were used, and a token was revoked.
    world.ok("profile", "admin user block eve");
    world.ok("profile", "admin computer revoke carols");
    world.set_up("bob", &world.links[0].1);
    world.enrol("guest", &world.key_for_one, 0);
    let tokens = world.json("admin token list me");
    let token = tokens["id"].as_str().unwrap();
    world.ok("profile", &format!("admin token revoke {token}"));
    assert!(world.ok("frank", "whoami").out.starts_with("frank at "));

    server.end();
    let (is_good, said) = Server::run(&world.home(), &format!("restore {backup}"));
    let named = said.contains("say that it is to be replaced");
    assert!(!is_good && named, "{said}");
    let line = format!("restore {backup} --replace");
    let (is_good, said) = Server::run(&world.home(), &line);
    assert!(is_good && said.contains("is in its epoch 2"), "{said}");
    let carried = "who was blocked in the database that was replaced stays so";
    assert!(said.contains(carried), "{said}");

    let server = Server::start_again(&world.home(), world.port);
    assert_eq!(server.fingerprint, world.fingerprint);
    world.come_back();
    nothing_is_good_again(&world);
    // A computer that nobody revoked goes on.
    let ran = world.ok("frank", "whoami");
    let by = "by the credential of this computer";
    assert!(ran.out.contains(by), "{ran:?}");
    what_is_on_record(&world);
    server.end();
}

fn nothing_is_good_again(world: &World) {
    // Blocked, with the right password; her computer too.
    let said = world.fails("other", &world.log_in("eve"), 1);
    assert!(
        said.contains("not active") || said.contains("blocked"),
        "{said}"
    );
    world.fails("eve", "whoami", 1);
    let listed = world.ok("profile", "admin user show eve").out;
    assert!(listed.contains("stands: blocked"), "{listed}");
    // Revoked.
    world.fails("carol", "whoami", 1);
    // A link that was used, one that was not, and the session that the first began.
    world.fails("bob", "whoami", 1);
    for (user, link) in &world.links {
        let line = format!("login --setup {link} --password-file password");
        let said = world.fails(user, &line, 1);
        assert!(said.contains("a link is good once"), "{user}: {said}");
    }
    // The password that was chosen by it is not there any more.
    world.fails("other", &world.log_in("bob"), 5);
    // Used up, although it was not yesterday.
    let said = world.enrol("again", &world.key_for_one, 1);
    assert!(said.contains("the registration key is not good"), "{said}");
    let (port, fingerprint) = (world.port, &world.fingerprint);
    let token = format!("login --server https://localhost:{port}#{fingerprint} --token-file token");
    world.fails("program", &token, 1);
}

/// The log says that there was a restore, and is one chain.
fn what_is_on_record(world: &World) {
    let log = world.ok("profile", "admin audit list").out;
    assert!(log.contains("server.restored"), "{log}");
    world.ok("profile", "admin audit export log.jsonl");
    let verified = world.ok("nobody", "admin audit verify log.jsonl").out;
    assert!(verified.starts_with("entries 1 to "), "{verified}");
}

/// Where the database is lost, nothing in the backup can say who was blocked since; whoever restores is told, and nobody gets
/// in by what was issued.
#[test]
fn a_lost_database_is_no_secret() {
    let place = Place::new();
    let server = Server::start(&place.path("server"), &[]);
    let world = World::new(&server, place);
    let backup = back_up(&world);
    world.ok("profile", "admin user block eve");
    server.end();
    for entry in fs::read_dir(world.home()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::remove_file(path).unwrap();
        }
    }
    let (is_good, said) = Server::run(&world.home(), &format!("restore {backup}"));
    let told = "who was blocked after the backup was made is not: block them";
    assert!(is_good && said.contains(told), "{said}");
    let server = Server::start_again(&world.home(), world.port);
    world.come_back();
    // Her session would be void; her password is as it was, until she is blocked again.
    world.ok("other", &world.log_in("eve"));
    world.ok("profile", "admin user block eve");
    world.fails("other", "whoami", 1);
    let said = world.enrol("again", &world.key_for_one, 1);
    assert!(said.contains("the registration key is not good"), "{said}");
    let (_, link) = &world.links[1];
    let login = format!("login --setup {link} --password-file password");
    world.fails("dan", &login, 1);
    server.end();
}
