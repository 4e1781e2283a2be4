//! The custody key in the keystore of the operating system: a real one, on a bus of its own.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use support::{Place, Ran};

/// A session: a bus and a keyring, both ended when this is dropped.
struct Session {
    bus: Child,
    address: String,
}

impl Session {
    fn begin(home: &Path) -> Self {
        fs::create_dir_all(home).unwrap();
        let mut bus = Command::new("dbus-daemon");
        bus.args(["--session", "--nofork", "--print-address=1"]);
        bus.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut bus = bus.stderr(Stdio::null()).spawn().unwrap();
        let mut address = String::new();
        let mut lines = BufReader::new(bus.stdout.take().unwrap());
        lines.read_line(&mut address).unwrap();
        let session = Self {
            bus,
            address: address.trim().to_owned(),
        };
        session.unlock(home);
        session
    }

    /// Starts the keyring; it goes with the bus.
    ///
    /// It answers before it has made its collection, and now and then it never makes one; then another one takes its
    /// place.
    fn unlock(&self, home: &Path) {
        for _ in 0..TRIES {
            self.start_keyring(home);
            let begun = Instant::now();
            while begun.elapsed() < PATIENCE {
                if self.has_collection() {
                    return;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        panic!("the keyring has no collection");
    }

    fn start_keyring(&self, home: &Path) {
        let mut keyring = Command::new("gnome-keyring-daemon");
        keyring.args([
            "--replace",
            "--unlock",
            "--components=secrets",
            "--daemonize",
        ]);
        keyring.env("HOME", home).env("XDG_DATA_HOME", home);
        keyring.env("XDG_RUNTIME_DIR", home);
        keyring.env("DBUS_SESSION_BUS_ADDRESS", &self.address);
        let mut keyring = keyring
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut password = keyring.stdin.take().unwrap();
        password.write_all(b"of the keyring").unwrap();
        drop(password);
        assert!(keyring.wait().unwrap().success());
    }

    /// Says whether there is a default collection.
    fn has_collection(&self) -> bool {
        let mut read = Command::new("dbus-send");
        read.args([
            "--session",
            "--print-reply",
            "--dest=org.freedesktop.secrets",
        ]);
        read.args([
            "/org/freedesktop/secrets",
            "org.freedesktop.Secret.Service.ReadAlias",
            "string:default",
        ]);
        read.env("DBUS_SESSION_BUS_ADDRESS", &self.address);
        let answer = read.output().unwrap();
        let text = String::from_utf8_lossy(&answer.stdout).into_owned();
        answer.status.success() && text.contains("/org/freedesktop/secrets/collection/")
    }

    fn lock(&self) {
        let mut lock = Command::new("dbus-send");
        lock.args([
            "--session",
            "--print-reply",
            "--dest=org.freedesktop.secrets",
        ]);
        lock.args([
            "/org/freedesktop/secrets",
            "org.freedesktop.Secret.Service.Lock",
        ]);
        lock.arg("array:objpath:/org/freedesktop/secrets/collection/login");
        lock.env("DBUS_SESSION_BUS_ADDRESS", &self.address);
        assert!(lock.stdout(Stdio::null()).status().unwrap().success());
    }

    fn run(&self, place: &Place, line: &str, code: i32) -> Ran {
        let ran = place.run_on(&self.address, "profile", line.split(' '));
        assert_eq!(ran.code, code, "{line}: {ran:?}");
        ran
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.bus.kill();
        let _ = self.bus.wait();
    }
}

/// How long the keyring may take to begin, and how often it is begun.
const PATIENCE: Duration = Duration::from_secs(3);
const TRIES: u32 = 8;
const REFERENCE: &str = "strongroom-keystore-v1:";
const KEY: &str = "strongroom-custody-key-v1:";
const FILE: &str = "profile/keys/custody.key";

#[test]
fn matrix_of_a_key_in_a_keystore() {
    let place = Place::new();
    let home = place.path("session");
    let session = Session::begin(&home);
    place.write("files/a", "alpha");

    // Where there is a keystore, a first backup uses it, and says so.
    let first = session.run(&place, "backup files --to disk", 0);
    assert!(first.err.contains("its copy in the keystore"), "{first:?}");
    assert!(place.read(FILE).starts_with(REFERENCE));
    let exported = session.run(&place, "key export --file -", 0).out;
    session.run(&place, "restore latest --to out", 0);
    assert_eq!(place.read("out/a"), "alpha");

    // A rotation keeps the new key there too.
    let reference = place.read(FILE);
    session.run(&place, "key rotate", 0);
    assert_ne!(place.read(FILE), reference);
    assert!(place.read(FILE).starts_with(REFERENCE));
    let rotated = session.run(&place, "key export --file -", 0).out;
    assert_ne!(rotated, exported);

    // To a file and back, with the same key in the end, and nothing left in between.
    session.run(&place, "key move --to file", 0);
    assert_eq!(place.read(FILE), rotated);
    place.ok("backup files");
    let moved = session.run(&place, "key move --to os", 0);
    insta::assert_snapshot!(moved.out, @"the custody key is now in the keystore of the operating system");
    assert!(place.read(FILE).starts_with(REFERENCE));
    let again = session.run(&place, "key move --to os", 0);
    insta::assert_snapshot!(again.out, @"the custody key is already in the keystore of the operating system");
    assert_eq!(session.run(&place, "key export --file -", 0).out, rotated);

    // Locked: said so, nothing lost, and open again afterwards.
    session.lock();
    let locked = session.run(&place, "backup files", 1);
    insta::assert_snapshot!(locked.err, @r"
    error: the keystore of the operating system is locked
    hint: unlock it, or have the key in a file: `strongroom key move --to file` while it is unlocked
    ");
    session.run(&place, "key move --to file", 1);
    assert!(place.read(FILE).starts_with(REFERENCE));
    drop(session);
    let session = Session::begin(&home);
    assert_eq!(session.run(&place, "key export --file -", 0).out, rotated);

    // Gone, and back by the exported key.
    drop(session);
    let gone = place.fails("backup files", 1);
    assert!(gone.err.contains("cannot be reached"), "{gone:?}");
    place.write_secret("exported", &rotated);
    place.ok("key import --file exported");
    assert!(place.read(FILE).starts_with(KEY));
    place.ok("backup files");
}

#[test]
fn matrix_of_a_keystore_that_lost_the_key() {
    let place = Place::new();
    let session = Session::begin(&place.path("session"));
    session.run(&place, "init --keystore os", 0);
    let exported = session.run(&place, "key export --file -", 0).out;
    place.write("files/a", "alpha");
    session.run(&place, "backup files --to disk", 0);
    drop(session);
    let other = Session::begin(&place.path("other-session"));
    let lost = other.run(&place, "backup files", 1);
    insta::assert_snapshot!(lost.err, @r"
    error: the keystore of the operating system does not hold the custody key of the profile
    hint: bring it back with `strongroom key import`
    ");
    place.write_secret("exported", &exported);
    other.run(&place, "key import --file exported", 0);
    assert!(place.read(FILE).starts_with(REFERENCE));
    other.run(&place, "backup files", 0);
}

#[test]
fn without_a_keystore_the_key_is_in_a_file_unless_that_was_refused() {
    let place = Place::new();
    let refused = place.fails("init --keystore os", 1);
    assert!(
        refused
            .err
            .starts_with("error: the keystore of the operating system cannot be reached\n"),
        "{refused:?}"
    );
    let made = place.ok("init");
    assert!(place.read(FILE).starts_with(KEY));
    assert!(
        made.err
            .contains("its copy in HERE/profile/keys/custody.key"),
        "{made:?}"
    );
    place.fails("key move --to os", 1);
    assert!(place.read(FILE).starts_with(KEY));
    let there = place.ok("key move --to file");
    insta::assert_snapshot!(there.out, @"the custody key is already in HERE/profile/keys/custody.key");
}
