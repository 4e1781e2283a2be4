//! Everything that goes over the wire, as it is inside TLS, during registration, sign-in and a change of password, and the whole
//! database: neither has the password or anything that signs in when it is sent again.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]
#![allow(clippy::print_stdout, reason = "what was counted is for who looks")]

#[path = "support/recorder.rs"]
mod recorder;
#[path = "support/server.rs"]
mod started;
mod support;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use recorder::{Exchange, Recorder};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;
use started::Server;
use support::Place;

const ADMINISTRATORS: &str = "an administrator's own words";
const FIRST: &str = "Grüne Äpfel? 17 Körbe!";
const SECOND: &str = "Blaue Pflaumen? 18 Körbe!";

/// A server, behind a recorder.
struct World {
    place: Place,
    recorder: Recorder,
    server: Server,
}

impl World {
    fn new() -> Self {
        let place = Place::new();
        let recorder = Recorder::start();
        let environment = [
            (
                "STRONGROOM_SERVER_LISTEN_PUBLIC_ADDRESS",
                format!("https://localhost:{}", recorder.port),
            ),
            // Whoever tries every stored value as a token does it from many networks.
            (
                "STRONGROOM_SERVER_LISTEN_TRUSTED_PROXIES",
                "['127.0.0.0/8']".to_owned(),
            ),
        ];
        let server = Server::start(&place.path("server"), &environment);
        recorder.lead_to(server.port, &place.path("server"));
        place.write_secret("administrators", ADMINISTRATORS);
        place.write_secret("first", FIRST);
        place.write_secret("second", SECOND);
        Self {
            place,
            recorder,
            server,
        }
    }

    /// Runs a command; returns what it printed, and what went over the wire.
    #[track_caller]
    fn run(&self, profile: &str, line: &str) -> (String, Vec<Exchange>) {
        let ran = self.place.run_with(profile, line.split(' '));
        assert_eq!(ran.code, 0, "{line}: {ran:?}");
        let exchanges = self.recorder.take();
        assert!(!exchanges.is_empty(), "{line} did not go by the recorder");
        (ran.out, exchanges)
    }

    fn json(&self, profile: &str, line: &str) -> (Value, Vec<Exchange>) {
        let (out, exchanges) = self.run(profile, &format!("{line} --json"));
        let value = serde_json::from_str(out.lines().next().unwrap());
        (value.unwrap(), exchanges)
    }

    fn at(&self) -> String {
        let fingerprint = &self.server.fingerprint;
        format!("https://localhost:{}#{fingerprint}", self.recorder.port)
    }

    /// What the server says to somebody who shows this.
    fn who(&self, bearer: &str, number: usize) -> u16 {
        let (high, low) = (number / 200, number % 200 + 1);
        let request = format!(
            "GET /api/v1/me HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 10.1.{high}.{low}\r\nAuthorization: Bearer {bearer}\r\n\r\n"
        );
        self.recorder.send(request.as_bytes()).status()
    }

    /// Every value of every table.
    fn rows(&self) -> BTreeSet<Vec<u8>> {
        let file = self.place.path("server/server.sqlite");
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let database = Connection::open_with_flags(file, flags).unwrap();
        let mut tables = database
            .prepare("SELECT name FROM sqlite_master WHERE type = 'table'")
            .unwrap();
        let names = tables.query_map([], |row| row.get::<_, String>(0)).unwrap();
        let mut values = BTreeSet::new();
        for name in names {
            let all = format!("SELECT * FROM \"{}\"", name.unwrap());
            let mut all = database.prepare(&all).unwrap();
            let n_columns = all.column_count();
            let mut rows = all.query([]).unwrap();
            while let Some(row) = rows.next().unwrap() {
                for column in 0..n_columns {
                    match row.get_ref(column).unwrap() {
                        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
                            values.insert(bytes.to_vec());
                        }
                        _ => {}
                    }
                }
            }
        }
        values
    }
}

#[test]
fn neither_the_wire_nor_the_database_signs_in() {
    let world = World::new();
    let link = &world.server.link;
    let set_up = format!("login --setup {link} --password-file administrators");
    let (_, by_link) = world.run("chief", &set_up);
    let (made, _) = world.json("chief", "admin registration rotate Default");
    let key = made["key"].as_str().unwrap();
    let at = world.at().replace("https://", "");
    let (host, fingerprint) = at.split_once('#').unwrap();
    let enrol = format!(
        "enroll strongroom://{host}/{key}#{fingerprint} --user eve --password-file first --name Laptop"
    );
    let (_, registration) = world.run("eve", &enrol);
    let login = format!("login --server {} --user eve --password-file", world.at());
    let (_, sign_in) = world.run("desk", &format!("{login} first"));
    let change = format!("{login} first --change-password --new-password-file second");
    let (_, change) = world.run("desk", &change);
    let token = "admin token create robot --action account.read --days 1";
    let (token, tokens) = world.json("desk", token);
    let wire = [&by_link, &registration, &sign_in, &change, &tokens].map(Vec::as_slice);
    let wire = wire.concat();
    has_no_password(&world, &wire);
    no_row_is_a_token(&world, token["secret"].as_str().unwrap());
    world.run("desk", "logout");
    world.run("chief", "logout");
    let recorded = [by_link, registration, sign_in, change];
    nothing_signs_in_again(&world, &recorded);
    // The new password does, and the old one does not.
    world.run("desk", &format!("{login} second"));
    let old = format!("{login} first");
    assert_eq!(world.place.run_with("other", old.split(' ')).code, 5);
}

/// No form of a password is in what was said, or in a file of the database.
fn has_no_password(world: &World, wire: &[Exchange]) {
    let mut said = Vec::new();
    for exchange in wire {
        said.extend_from_slice(&exchange.request);
        said.extend_from_slice(&exchange.response);
    }
    let mut dump = Vec::new();
    for entry in fs::read_dir(world.place.path("server")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            dump.extend(fs::read(path).unwrap());
        }
    }
    for value in world.rows() {
        dump.extend(value);
    }
    // What is looked for in this way is found.
    assert!(has(&said, b"\"eve\"") && has(&dump, b"eve"));
    let mut n_forms = 0;
    for password in [ADMINISTRATORS, FIRST, SECOND] {
        for form in forms(password) {
            assert!(!has(&said, &form), "{password} is on the wire");
            assert!(!has(&dump, &form), "{password} is in the database");
            n_forms += 1;
        }
    }
    println!(
        "{} exchanges with {} bytes, {} bytes of the database: none of {n_forms} forms of 3 passwords",
        wire.len(),
        said.len(),
        dump.len()
    );
}

fn has(text: &[u8], needle: &[u8]) -> bool {
    text.windows(needle.len()).any(|window| window == needle)
}

/// The forms in which a text may hide.
fn forms(text: &str) -> Vec<Vec<u8>> {
    let hex = |bytes: &[u8]| {
        let mut digits = String::new();
        for byte in bytes {
            let _ = write!(digits, "{byte:02x}");
        }
        digits
    };
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let other_wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let latin: Vec<u8> = text.chars().map(|c| c as u8).collect();
    let json = serde_json::to_string(text).unwrap();
    let mut escaped = String::new();
    let mut percent = String::new();
    for c in text.chars() {
        if c.is_ascii() {
            escaped.push(c);
        } else {
            let _ = write!(escaped, "\\u{:04x}", u32::from(c));
        }
    }
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            percent.push(char::from(byte));
        } else {
            let _ = write!(percent, "%{byte:02X}");
        }
    }
    let backwards: String = text.chars().rev().collect();
    let plain = [
        text.as_bytes().to_vec(),
        wide,
        other_wide,
        latin,
        json.trim_matches('"').as_bytes().to_vec(),
        escaped.into_bytes(),
        percent.into_bytes(),
        backwards.into_bytes(),
    ];
    let mut forms = Vec::new();
    for bytes in plain {
        let digits = hex(&bytes);
        forms.push(digits.to_uppercase().into_bytes());
        forms.push(digits.into_bytes());
        for engine in [&STANDARD, &URL_SAFE] {
            for before in 0..3 {
                // Within a longer text the first and last digits depend on what is beside.
                let mut padded = vec![0; before];
                padded.extend_from_slice(&bytes);
                let whole = padded.len() / 3 * 3;
                let text = engine.encode(&padded[..whole]);
                let start = if before == 0 { 0 } else { 4 };
                forms.push(text.as_bytes()[start..].to_vec());
            }
        }
        forms.push(bytes);
    }
    forms
}

/// Each value that is stored, as it is and in the forms of a secret, is nobody's credential.
fn no_row_is_a_token(world: &World, token: &str) {
    let session = world.place.read("desk/keys/server.session");
    let computer = world.place.read("eve/keys/server.computer");
    for good in [session.trim(), computer.trim(), token] {
        assert!(good.len() > 60, "{good}");
        // A token of this action may not ask who it is; it is known all the same.
        assert_ne!(world.who(good, 0), 401);
    }
    let mut candidates = BTreeSet::new();
    for value in world.rows() {
        let digits: String = value.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        let text = String::from_utf8(value).unwrap_or_default();
        for secret in [text, digits] {
            if secret.is_empty() || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
                continue;
            }
            // Longer than anything that a header may have.
            if secret.len() > 4_000 {
                continue;
            }
            candidates.insert(secret.clone());
            for prefix in ["srs_", "srt_", "src_"] {
                candidates.insert(format!("{prefix}{secret}"));
            }
        }
    }
    for secret in [session.trim(), computer.trim(), token] {
        assert!(!candidates.contains(secret));
    }
    for (number, candidate) in candidates.iter().enumerate() {
        assert_eq!(world.who(candidate, number), 401, "{candidate}");
    }
    println!("{} values of the database: none signs in", candidates.len());
}

/// What was recorded is sent again, after those who said it have signed out; also with what the server asks anew.
fn nothing_signs_in_again(world: &World, recorded: &[Vec<Exchange>]) {
    let mut n_sent = 0;
    for sequence in recorded {
        let mut attempt: Option<(String, String)> = None;
        for before in sequence {
            let is_public = ["sign-in", "links", "enroll"]
                .iter()
                .any(|word| before.line().contains(&format!("/{word}/")));
            let again = world.recorder.send(&before.request);
            n_sent += 1;
            signs_nobody_in(&again);
            assert!(is_public || again.status() == 401, "{}", before.line());
            // The recorded last message, for the attempt that has begun just now.
            let [sent, _] = before.bodies();
            if let (Some((old, new)), Some(_)) = (&attempt, sent.get("attempt")) {
                let text = String::from_utf8(before.request.clone()).unwrap();
                let renamed = world.recorder.send(text.replace(old, new).as_bytes());
                n_sent += 1;
                signs_nobody_in(&renamed);
            }
            let [_, given] = before.bodies();
            let [_, given_again] = again.bodies();
            if let (Some(old), Some(new)) =
                (given["attempt"].as_str(), given_again["attempt"].as_str())
            {
                attempt = Some((old.to_owned(), new.to_owned()));
            }
        }
    }
    println!("{n_sent} recorded requests sent again: nobody is signed in");
}

fn signs_nobody_in(exchange: &Exchange) {
    let [_, given] = exchange.bodies();
    let line = exchange.line();
    assert_ne!(exchange.status(), 201, "{line}");
    assert!(given.get("secret").is_none(), "{line}");
}
