//! The program and the server's program, from the first link to a lost laptop.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]

#[path = "support/server.rs"]
mod started;
mod support;

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use started::Server;
use support::{Place, Ran};

const PASSWORD: &str = "correct horse battery staple";

/// A server, and the profile of its first sysadmin, who is signed in.
struct World {
    place: Place,
    server: Server,
}

impl World {
    fn new() -> Self {
        let place = Place::new();
        place.write_secret("password", PASSWORD);
        let server = Server::start(&place.path("server"), &[]);
        let world = Self { place, server };
        world.ok(
            "profile",
            &format!(
                "login --setup {} --password-file password",
                world.server.link
            ),
        );
        world
    }

    fn run(&self, profile: &str, line: &str) -> Ran {
        self.place.run_with(profile, line.split(' '))
    }

    #[track_caller]
    fn ok(&self, profile: &str, line: &str) -> String {
        let ran = self.run(profile, line);
        assert_eq!(ran.code, 0, "{line}: {ran:?}");
        ran.out
    }

    #[track_caller]
    fn fails(&self, profile: &str, line: &str, code: i32) -> String {
        let ran = self.run(profile, line);
        assert_eq!(ran.code, code, "{line}: {ran:?}");
        ran.err
    }

    #[track_caller]
    fn json(&self, line: &str) -> Value {
        let out = self.ok("profile", &format!("{line} --json"));
        serde_json::from_str(out.lines().next().unwrap()).unwrap()
    }

    /// How many users and computers there are, and entries in the log.
    fn counts(&self) -> (usize, usize, u64) {
        let lines = |line: &str| {
            self.ok("profile", &format!("{line} --json"))
                .lines()
                .count()
        };
        let seq = self.json("admin audit list")["seq"].as_u64().unwrap();
        (lines("admin user list"), lines("admin computer list"), seq)
    }

    /// Makes a registration key, and returns what is enrolled with.
    fn key(&self, terms: &str) -> String {
        let line = format!("admin registration rotate Default{terms}");
        self.json(&line)["key"].as_str().unwrap().to_owned()
    }

    fn enrolment(&self, key: &str) -> String {
        let Server {
            port, fingerprint, ..
        } = &self.server;
        format!("strongroom://localhost:{port}/{key}#{fingerprint}")
    }
}

#[test]
fn from_the_first_link_to_a_lost_laptop() {
    let world = World::new();
    let who = world.ok("profile", "whoami");
    assert!(who.starts_with("sysadmin at https://localhost:"), "{who}");
    ada_is_invited(&world);
    let enrolment = eve_and_ada_enrol(&world);
    a_laptop_is_lost(&world, &enrolment);
    passwords_are_as_long_as_the_settings_say(&world);
    let log = world.ok("profile", "admin audit list");
    for event in [
        "settings.changed",
        "computer.revoked",
        "computer.enrolled",
        "user.registered",
        "registration-key.rotated",
        "organisation.created",
    ] {
        assert!(log.contains(event), "{event}: {log}");
    }
    verify_exports(&world);
    // The session is in a file that only its owner can read, until it is over.
    let session = world.place.path("profile/keys/server.session");
    let mode = fs::metadata(&session).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    world.ok("profile", "logout");
    let said = world.fails("profile", "whoami", 1);
    assert!(said.contains("nobody is signed in"), "{said}");
    assert!(!session.exists());
    let wrong = "login --user sysadmin --password-file weak";
    let said = world.fails("profile", wrong, 5);
    assert!(said.contains("the name or the password is wrong"), "{said}");
    world.ok("profile", "login --user sysadmin --password-file password");
}

/// A link is good once; a weak password is not taken; who administers nothing is told no more than that.
fn ada_is_invited(world: &World) {
    let again = format!(
        "login --setup {} --password-file password",
        world.server.link
    );
    let said = world.fails("other", &again, 1);
    assert!(said.contains("a link is good once"), "{said}");
    world.ok(
        "profile",
        "admin organisation create Engineering --parent Default",
    );
    world.ok(
        "profile",
        "admin user create Default/Engineering ada --person Ada",
    );
    world.ok(
        "profile",
        "admin user create Default/Engineering formula --person =1+1",
    );
    let listed = world.ok("profile", "admin user list --search formula --csv");
    assert!(listed.contains(",'=1+1,"), "{listed}");
    let made = world.json("admin link invite ada");
    let link = made["link"].as_str().unwrap();
    world.place.write("weak", "ada");
    let weak = format!("login --setup {link} --password-file weak");
    let said = world.fails("ada", &weak, 1);
    assert!(said.contains("needs at least 12"), "{said}");
    world.ok(
        "ada",
        &format!("login --setup {link} --password-file password"),
    );
    assert!(world.ok("ada", "whoami").starts_with("ada (Ada) at"));
    let said = world.fails("ada", "admin organisation create Mine", 1);
    let hint = "hint: what you may not see is not found either";
    assert!(said.contains(hint), "{said}");
}

/// One with a new account, and one whose account is there: its password does it. Returns with what they enrolled.
fn eve_and_ada_enrol(world: &World) -> String {
    let rotate = "admin registration rotate Engineering --uses-max 2";
    let made = world.ok("profile", rotate);
    let (_, enrolment) = made.split_once("enrol with: strongroom enroll ").unwrap();
    let enrolment = enrolment.trim().to_owned();
    let options = "--password-file password --name";
    let eve = format!("enroll {enrolment} --user eve {options} Laptop");
    let said = world.ok("eve", &eve);
    assert!(
        said.contains("as Laptop; the account eve was made"),
        "{said}"
    );
    let file = fs::metadata(world.place.path("eve/keys/server.computer")).unwrap();
    assert_eq!(file.permissions().mode() & 0o777, 0o600);
    let who = world.ok("eve", "whoami");
    assert!(who.contains("by the credential of this computer"), "{who}");
    assert!(who.contains("Laptop, checked in just now"), "{who}");
    notices_another_epoch(world);
    let ada = format!("enroll {enrolment} --user ada {options} Tower");
    let said = world.ok("tower", &ada);
    assert!(said.contains("the account ada was there"), "{said}");
    // Not with another password.
    let wrong = format!("enroll {enrolment} --user ada --password-file weak");
    let said = world.fails("wrong", &wrong, 5);
    assert!(said.contains("the name or the password is wrong"), "{said}");
    assert!(!world.place.path("wrong").exists());
    enrolment
}

/// A computer remembers the epoch of the server, and says where it is another one.
fn notices_another_epoch(world: &World) {
    let file = "eve/server.toml";
    let read = || fs::read_to_string(world.place.path(file)).unwrap();
    assert!(read().contains("\nepoch = 1\n"), "{}", read());
    for (known, said) in [(0, "was restored from a backup"), (7, "an older copy")] {
        let other = format!("\nepoch = {known}\n");
        world
            .place
            .write(file, read().replace("\nepoch = 1\n", &other));
        let ran = world.run("eve", "whoami");
        assert!(ran.code == 0 && ran.err.contains(said), "{ran:?}");
    }
    // An older copy is not taken for the server.
    assert!(read().contains("\nepoch = 7\n"), "{}", read());
    world
        .place
        .write(file, read().replace("\nepoch = 7\n", "\nepoch = 1\n"));
    let ran = world.run("eve", "whoami");
    assert!(ran.code == 0 && ran.err.is_empty(), "{ran:?}");
}

/// What an administrator sets holds where passwords are chosen.
fn passwords_are_as_long_as_the_settings_say(world: &World) {
    let set = "admin settings set Engineering password.length_min";
    let said = world.ok("profile", &format!("{set} 40 --lock locked"));
    assert!(said.contains("locked"), "{said}");
    let listed = world.ok("profile", "admin settings list Engineering --csv");
    assert!(
        listed.contains("\npassword.length_min,40,Engineering,locked,40"),
        "{listed}"
    );
    let made = world.json("admin link reset ada");
    let link = made["link"].as_str().unwrap();
    let login = format!("login --setup {link} --password-file password");
    let said = world.fails("ada", &login, 1);
    assert!(said.contains("needs at least 40"), "{said}");
    let said = world.fails("profile", &format!("{set} 5"), 1);
    assert!(said.contains("6 to 64"), "{said}");
    world.ok("profile", "admin settings inherit Engineering password");
    world.ok("ada", &login);
}

/// Its credential is good for nothing at once, and it can be enrolled anew.
fn a_laptop_is_lost(world: &World, enrolment: &str) {
    let computers = world.ok("profile", "admin computer list --csv");
    let header = "name,user,active,credential,";
    assert!(computers.starts_with(header), "{computers}");
    let has_both = computers.contains("\nLaptop,") && computers.contains("\nTower,");
    assert!(has_both, "{computers}");
    let again = format!("enroll {enrolment} --user eve --password-file password --name Anew");
    let said = world.fails("eve", &again, 1);
    assert!(said.contains("is enrolled at"), "{said}");
    world.ok("profile", "admin computer revoke Laptop");
    let said = world.fails("eve", "whoami", 1);
    assert!(said.contains("sign in first"), "{said}");
    world.ok("eve", &again);
}

/// Every form is verified without the server, and one changed byte is found where it is.
fn verify_exports(world: &World) {
    for format in ["json", "csv", "cef"] {
        let file = format!("export.{format}");
        world.ok(
            "profile",
            &format!("admin audit export {file} --format {format}"),
        );
        let said = world.ok("nobody", &format!("admin audit verify {file}"));
        assert!(said.starts_with("entries 1 to "), "{said}");
        let changed = world
            .place
            .read(&file)
            .replacen("Engineering", "Engineerinh", 1);
        world.place.write("changed", &changed);
        let said = world.fails("nobody", "admin audit verify changed", 4);
        assert!(said.contains("because: record "), "{said}");
        world.fails("profile", &format!("admin audit export {file}"), 1);
    }
    // One that has a signed head, and the key that signed it.
    let vector = include_str!("../../../spec/vectors/audit-v1/valid/export-csv.json");
    let vector: Value = serde_json::from_str(vector).unwrap();
    world
        .place
        .write("signed", vector["text"].as_str().unwrap());
    let key = "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8";
    let verify = |key: &str| format!("admin audit verify signed --trusted-key {key}");
    let said = world.ok("nobody", &verify(key));
    let vouched = "a trusted key vouches for entries up to 3";
    assert!(said.contains(vouched), "{said}");
    let said = world.ok("nobody", "admin audit verify signed");
    assert!(said.contains("1 checkpoints are signed by keys"), "{said}");
    world.fails("nobody", &verify(&key.replace('0', "1")), 5);
    world.fails("nobody", &verify("x"), 1);
}

#[test]
fn what_is_not_good_enrols_nothing() {
    let world = World::new();
    let good = world.key("");
    let before = world.counts();
    let refused = |enrolment: &str, code: i32| {
        let line = format!("enroll {enrolment} --user eve --password-file password");
        let said = world.fails("eve", &line, code);
        assert!(!world.place.path("eve").exists(), "{said}");
        said
    };
    let Server {
        port, fingerprint, ..
    } = &world.server;
    let unknown = refused(&world.enrolment("0000-0000-0000-0000"), 1);
    assert!(
        unknown.contains("error: the registration key is not good, or not any more"),
        "{unknown}"
    );
    let short = refused(&world.enrolment("0000"), 1);
    assert!(
        short.contains("key: a registration key has 16 letters and digits"),
        "{short}"
    );
    // Another certificate: nothing is sent.
    let other = "ab".repeat(32);
    let said = refused(&format!("strongroom://localhost:{port}/{good}#{other}"), 5);
    assert!(
        said.contains("shows another certificate than it should"),
        "{said}"
    );
    // None: what it shows is said, for who can compare it.
    let said = refused(&format!("strongroom://localhost:{port}/{good}"), 1);
    assert!(said.contains(&format!("--pin {fingerprint}")), "{said}");
    let said = refused(
        &format!("strongroom://localhost:{port}/{good}#{fingerprint}.{other}"),
        5,
    );
    assert!(said.contains("another organisation key"), "{said}");
    world.place.write("password", "eve");
    let said = refused(&world.enrolment(&good), 1);
    assert!(said.contains("needs at least 12"), "{said}");
    world.place.write("password", PASSWORD);
    assert_eq!(world.counts(), before);

    let once = world.key(" --uses-max 1");
    assert!(refused(&world.enrolment(&good), 1).contains("is not good"));
    world.ok(
        "first",
        &format!(
            "enroll {} --user first --password-file password",
            world.enrolment(&once)
        ),
    );
    let before = world.counts();
    let used_up = refused(&world.enrolment(&once), 1);
    assert!(used_up.contains("hint: ask for a new one"), "{used_up}");
    // The log says that it was tried, and why it failed; that is all.
    let after = world.counts();
    assert_eq!(after, (before.0, before.1, before.2 + 1));
    let entry = world.json("admin audit list");
    assert_eq!(
        entry["details"]["because"],
        "the registration key is used up"
    );

    let child = "admin organisation create Closed --parent Default";
    world.ok("profile", child);
    let key = world.json("admin registration rotate Closed")["key"]
        .as_str()
        .unwrap()
        .to_owned();
    world.ok(
        "profile",
        "admin organisation block Closed --confirm Closed",
    );
    assert!(refused(&world.enrolment(&key), 1).contains("is not good"));
}

#[test]
fn bulk_work_is_a_pipe() {
    let world = World::new();
    world.place.write(
        "users.csv",
        "name,person,email\nada,\"Ada, Countess\",ada@example.org\nbob,,\nsysadmin,,\n",
    );
    let said = world.fails("profile", "admin user import Default users.csv", 3);
    assert!(
        said.contains("warning: sysadmin: there is a user `sysadmin` already"),
        "{said}"
    );
    let csv = world.ok("profile", "admin user list --csv --search ada");
    assert!(
        csv.contains("ada,\"Ada, Countess\",ada@example.org,"),
        "{csv}"
    );
    // What is listed is imported elsewhere.
    world.ok("profile", "admin organisation create Other");
    world.place.write("again.csv", csv.replace("ada", "eve"));
    world.ok("profile", "admin user import Other again.csv --dry-run");
    assert_eq!(world.counts().0, 3);
    world.ok("profile", "admin user import Other again.csv");
    let json = world.ok("profile", "admin user list --organisation Other --json");
    assert!(json.contains("\"name\":\"eve\""), "{json}");

    world.ok("profile", "admin group create Default Team");
    world.ok("profile", "admin group add Default/Team ada");
    assert!(
        world
            .ok("profile", "admin group members Default/Team")
            .contains("ada")
    );
    world.ok("profile", "admin role give ada manager --at Default");
    let roles = world.ok("profile", "admin role list ada");
    assert!(roles.contains("manager       Default"), "{roles}");
    world.ok("profile", "admin role take ada manager --at Default");
    world.ok("profile", "admin user suspend ada");
    world.ok("profile", "admin user resume ada");
    world.ok("profile", "admin user move ada Other");
    // Somebody else changed it since: version 1 was before the move.
    let said = world.fails(
        "profile",
        "admin user edit ada --person Ada --if-version 1",
        1,
    );
    assert!(said.contains("it was changed since"), "{said}");
    world.ok("profile", "admin user edit ada --person Ada");
    let said = world.fails("profile", "admin organisation block Other", 2);
    assert!(said.contains("confirm it with --confirm"), "{said}");
    let said = world.fails(
        "profile",
        "admin organisation block Other --confirm Othr",
        1,
    );
    assert!(said.contains("confirm: type the name"), "{said}");
    world.ok("profile", "admin organisation block Other --confirm Other");
    assert!(
        world
            .ok("profile", "admin user show eve")
            .contains("stands: blocked")
    );
    let said = world.fails("profile", "admin user block nobody", 1);
    assert!(said.contains("you see no user called nobody"), "{said}");
    // A page has 500 items: more than that come whole.
    let many: Vec<String> = (0..1100)
        .map(|number| format!("{{\"name\":\"u{number}\"}}"))
        .collect();
    world.place.write("many.json", many.join("\n"));
    world.ok("profile", "admin user import Default many.json");
    assert_eq!(world.counts().0, 3 + 1 + 1100);
}

#[test]
fn a_token_acts_and_a_password_changes() {
    let world = World::new();
    let made = world
        .json("admin token create reader --action account.read --action profile.read --days 1");
    world
        .place
        .write_secret("token", made["secret"].as_str().unwrap());
    let Server {
        port, fingerprint, ..
    } = &world.server;
    let login = format!("login --server https://localhost:{port}#{fingerprint} --token-file token");
    world.ok("program", &login);
    assert!(world.ok("program", "whoami").contains("by an API token"));
    assert!(world.ok("program", "admin user list").contains("sysadmin"));
    world.fails("program", "admin user create Default eve", 1);
    let tokens = world.ok("profile", "admin token list me");
    assert!(tokens.contains("reader"), "{tokens}");
    world.ok(
        "profile",
        &format!("admin token revoke {}", made["id"].as_str().unwrap()),
    );
    let said = world.fails("program", "whoami", 1);
    assert!(said.contains("hint: the session is over"), "{said}");

    world.place.write_secret("new", "four other words entirely");
    world.ok(
        "profile",
        "login --password-file password --change-password --new-password-file new",
    );
    world.fails("other", &format!("login --server https://localhost:{port}#{fingerprint} --user sysadmin --password-file password"), 5);
    world.ok("other", &format!("login --server https://localhost:{port}#{fingerprint} --user sysadmin --password-file new"));
    assert_eq!(
        world
            .ok("profile", "admin session list me --json")
            .lines()
            .count(),
        2
    );
    world.ok("profile", "admin session end-all me");
    // Another certificate than the remembered one is not slipped in.
    let other = "ab".repeat(32);
    let line = format!("login --server https://localhost:{port}#{other} --password-file new");
    let said = world.fails("other", &line, 5);
    assert!(said.contains("another certificate of"), "{said}");
}

#[test]
fn one_signal_ends_the_wait_for_a_server() {
    let place = Place::new();
    place.write_secret("password", PASSWORD);
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("https://127.0.0.1:{}", silent.local_addr().unwrap().port());
    let mut child = Command::new(env!("CARGO_BIN_EXE_strongroom"))
        .args(["login", "--user", "me", "--password-file", "password"])
        .args(["--server", &server])
        .current_dir(place.path(""))
        .env("STRONGROOM_PROFILE", place.path("profile"))
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let _connection = silent.accept().unwrap();
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
}
