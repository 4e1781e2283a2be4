//! The program with destinations on servers.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use strongroom_store::Store;
use strongroom_store::s3::{self, Credential, S3};
use strongroom_store::throttle::Limits;
use strongroom_testkit::{Faults, Proxy, Service, exchange, service};
use support::Place;
use support::three::{Clock, Three, fresh};

#[test]
#[ignore = "needs `cargo xtask services start`"]
fn three_destinations_are_the_same_and_each_restores() {
    let three = Three::new(Faults::default());
    let place = &three.place;
    let ran = place.ok("backup files");
    for name in ["cloud", "nas", "disk"] {
        assert_eq!(Three::status(&ran, name), "up to date");
        place.ok(&format!("restore latest --from {name} --to back-{name}"));
        let (back, large) = (format!("back-{name}/large"), "files/large");
        assert!(fs::read(place.path(&back)).unwrap() == fs::read(place.path(large)).unwrap());
    }
    assert!(three.same() > 3);
    let tested = place.ok("destination test cloud --json").out;
    let tested: serde_json::Value = serde_json::from_str(&tested).unwrap();
    assert_eq!(tested["exclusive_create"], false);
    assert_eq!(tested["exclusive_in_process"], true);
    assert_eq!(
        tested["who_can_delete"],
        "whoever holds this credential can delete everything here"
    );
    let tested = place.ok("destination test cloud").out;
    assert!(
        tested.contains("as long as one computer writes"),
        "{tested}"
    );
    let secret = three.garage.text("secret");
    assert!(!place.read("profile/config.toml").contains(secret));
}

#[test]
#[ignore = "needs `cargo xtask services start`"]
fn one_that_is_down_does_not_stop_the_others_and_catches_up() {
    let mut three = Three::new(Faults::default());
    three.place.ok("backup files");
    let before = three.same();
    let address = three.way.take().unwrap().address();
    three.place.write("files/b.txt", "beta");
    let ran = three.place.ok("backup files");
    assert_eq!(Three::status(&ran, "cloud"), "unreachable");
    assert_eq!(Three::status(&ran, "nas"), "up to date");
    assert!(ran.err.contains("cloud: takes nothing now"), "{ran:?}");

    // The same bucket, by another way.
    let way = Proxy::open(three.garage.address(), Faults::default());
    let settings = three.place.read("profile/config.toml");
    let settings = settings.replace(&address.to_string(), &way.address().to_string());
    three.place.write("profile/config.toml", settings);
    let ran = three.place.ok("backup files");
    assert_eq!(Three::status(&ran, "cloud"), "caught up");
    assert!(three.same() > before);
}

#[test]
#[ignore = "needs `cargo xtask services start`"]
fn a_bad_credential_and_a_careless_server_are_explained() {
    let garage = service("garage");
    let place = Place::new();
    place.ok("init --quiet");
    let url = |address: &str| {
        format!(
            "s3://{}/x?endpoint=http://{address}&region={}",
            garage.text("bucket"),
            garage.text("region")
        )
    };
    let ran = place.fails(&format!("destination add a {}", url(garage.address())), 1);
    assert!(ran.err.contains("--credentials-file"), "{ran:?}");
    place.write_secret(
        "key",
        "aws_access_key_id = GKx\naws_secret_access_key = y\n",
    );
    let line = format!(
        "destination add a {} --credentials-file key",
        url(garage.address())
    );
    let ran = place.fails(&line, 1);
    assert!(ran.err.contains("GKx"), "{ran:?}");
    assert!(place.ok("destination list").out.is_empty());

    let key = format!(
        "aws_access_key_id = {}\naws_secret_access_key = {}\n",
        garage.text("key_id"),
        garage.text("secret")
    );
    place.write_secret("key", &key);
    let ran = place.fails(&line, 1);
    for words in ["If-None-Match", "--single-writer", "very same moment"] {
        assert!(ran.err.contains(words), "{words}: {ran:?}");
    }
    assert!(place.ok("destination list").out.is_empty());
    let ran = place.ok(&format!("{line} --single-writer"));
    let words = "never replaces an object: as long as one computer writes";
    assert!(ran.err.contains(words), "{ran:?}");
    assert!(
        place
            .ok("destination list")
            .out
            .contains("single-writer=yes")
    );
}

#[test]
#[ignore = "needs `cargo xtask services start`"]
fn adopting_from_a_bucket_uses_the_stored_key() {
    let three = Three::new(Faults::default());
    three.place.ok("backup files");
    // The environment holds no key; the profile does.
    let ran = three.place.ok("init --adopt cloud");
    assert!(ran.out.contains("(generation 2)"), "{ran:?}");
    assert!(three.same() > 3);
}

#[test]
#[ignore = "needs `cargo xtask services start`"]
fn few_requests_lead_to_a_list_and_to_one_file() {
    let garage = service("garage");
    let place = Place::new();
    let key = format!(
        "aws_access_key_id = {}\naws_secret_access_key = {}\n",
        garage.text("key_id"),
        garage.text("secret")
    );
    place.write_secret("key", &key);
    place.ok("init --quiet");
    let way = Proxy::open(garage.address(), Faults::default());
    let url = format!(
        "s3://{}/{}?endpoint=http://{}&region={}",
        garage.text("bucket"),
        fresh(),
        way.address(),
        garage.text("region")
    );
    place.ok(&format!(
        "destination add cloud {url} --credentials-file key --single-writer"
    ));
    for number in 0..3_000_u32 {
        let text = format!("{number} {}", number.wrapping_mul(2_654_435_761)).repeat(40);
        place.write(&format!("files/{}/{number}", number % 50), text);
    }
    place.ok("backup files");
    place.write("files/new", "new");
    place.ok("backup files");
    let asked = |line: &str| {
        let before = way.requests();
        place.ok(line);
        way.requests() - before
    };
    // One for each of: the bucket, the keys, the log (twice: for the head, and for the snapshots), what is new in it, and
    // a few for the index. Nothing is asked for twice.
    let list = asked("snapshots");
    assert!((6..=14).contains(&list), "{list} requests");
    let wanted = place.path("files/7/2007");
    let one = asked(&format!("restore {} --to back", wanted.display()));
    assert!((8..=20).contains(&one), "{one} requests");
    assert_eq!(place.read("back/2007"), place.read("files/7/2007"));
    // All of it takes one for each segment, and no more for 3,000 files.
    let all = asked("restore latest --to all");
    assert!((8..=30).contains(&all), "{all} requests");
    assert_eq!(place.read("all/9/109"), place.read("files/9/109"));
}

/// Three destinations are too many for a lock: one bucket that has it.
struct Vault {
    place: Place,
    moto: Service,
    bucket: String,
}

impl Vault {
    fn new() -> Self {
        let (moto, bucket) = (service("moto"), fresh());
        let request = format!(
            "PUT /{bucket} HTTP/1.1\r\nHost: {}\r\nx-amz-bucket-object-lock-enabled: true\r\n\
             Content-Length: 0\r\nConnection: close\r\n\r\n",
            moto.address()
        );
        assert!(exchange(moto.address(), &request).contains(" 200 "));
        let place = Place::new();
        let key = format!(
            "aws_access_key_id = {}\naws_secret_access_key = {}\n",
            moto.text("key_id"),
            moto.text("secret")
        );
        place.write_secret("key", &key);
        place.ok("init --quiet");
        let url = format!(
            "s3://{bucket}/vault?endpoint=http://{}&region={}",
            moto.address(),
            moto.text("region")
        );
        place.ok(&format!(
            "destination add vault {url} --credentials-file key --lock-days 2 --lock-mode compliance"
        ));
        Self {
            place,
            moto,
            bucket,
        }
    }

    fn store(&self) -> S3 {
        let moto = &self.moto;
        let options = s3::Options {
            endpoint: moto.text("address").parse().unwrap(),
            bucket_in_host: false,
            bucket: self.bucket.clone(),
            region: moto.text("region").to_owned(),
            prefix: "vault".to_owned(),
            lock_days: None,
            lock_mode: None,
            single_writer: false,
            limits: Limits::default(),
        };
        let credential = Credential::new(moto.text("key_id"), moto.text("secret"), None);
        S3::new(options, credential, Arc::new(Clock)).unwrap()
    }

    /// For how many days the objects of the archive are locked from now on, about.
    fn days(&self) -> BTreeMap<String, i128> {
        let (store, archive) = (self.store(), self.place.archive());
        let mut paths = Vec::new();
        let prefix = format!("{archive}/");
        store
            .list(&prefix, &mut |path, _| paths.push(path))
            .unwrap();
        let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos();
        let days = |path: &_| {
            let until = store.locked_until(path).unwrap().unwrap().0;
            let left = until - i128::try_from(now).unwrap();
            (left + DAY / 2).div_euclid(DAY)
        };
        paths
            .iter()
            .map(|path| (path.to_string(), days(path)))
            .collect()
    }
}

const DAY: i128 = 86_400_000_000_000;

#[test]
#[ignore = "needs `cargo xtask services start`"]
fn what_is_needed_stays_locked_and_what_was_given_up_does_not() {
    let vault = Vault::new();
    let place = &vault.place;
    let noise = |seed: u32| {
        let bytes = (0..1_500_000_u32).map(|at| (at ^ seed).wrapping_mul(2_654_435_761));
        bytes
            .map(|mixed| (mixed ^ (mixed >> 13)).to_be_bytes()[1])
            .collect::<Vec<u8>>()
    };
    place.write("files/old", noise(1));
    place.ok("backup files");
    let first = vault.days();
    assert!(first.values().all(|days| *days == 2), "{first:?}");
    fs::remove_file(place.path("files/old")).unwrap();
    place.write("files/new", noise(77));
    place.ok("backup files");
    place.ok("forget --keep-last 1");
    place.ok("prune");
    let ran = place.ok("backup files --verbose");
    assert!(
        !ran.err.contains("locked for longer"),
        "all is locked for long: {ran:?}"
    );

    // As if the time of the locks were mostly over.
    let settings = place.read("profile/config.toml");
    place.write_secret(
        "profile/config.toml",
        &settings.replace("lock-days=2", "lock-days=10"),
    );
    let state = format!("profile/state/{}.locks", place.archive());
    fs::remove_file(place.path(&state)).unwrap();
    let ran = place.ok("backup files --verbose");
    assert!(ran.err.contains("locked for longer"), "{ran:?}");
    let days = vault.days();
    let (short, long): (Vec<_>, Vec<_>) = days.iter().partition(|(_, days)| **days <= 2);
    assert!(long.iter().all(|(_, days)| **days == 10), "{days:?}");
    let is_pack = |path: &&String| path.contains("/packs/");
    let old: Vec<&String> = first.keys().filter(is_pack).collect();
    let given_up: Vec<&String> = short
        .iter()
        .map(|(path, _)| *path)
        .filter(is_pack)
        .collect();
    assert_eq!(given_up, old);
    assert!(long.len() > short.len(), "{days:?}");

    // Nothing goes before its time, whoever asks with the credential of the profile.
    place.ok("prune --grace 0h");
    let store = vault.store();
    for path in days.keys() {
        let path = strongroom_store::ObjectPath::new(path).unwrap();
        assert!(store.delete(&path).is_err(), "{path}");
    }
    assert!(vault.days().len() >= days.len());
    // It was just done.
    let ran = place.ok("backup files --verbose");
    assert!(!ran.err.contains("locked for longer"), "{ran:?}");
    place.ok("verify --read-data");
}
