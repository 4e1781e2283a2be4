//! What only stores on servers can meet: slow lines, cut connections, errors that pass, locks, strangers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;
use std::time::Duration;

use strongroom_base::clock::{Clock as _, SystemClock, Timestamp};
use strongroom_base::random::RandomSource;
use strongroom_base::{Class, Classified as _};
use strongroom_store::probe::probe;
use strongroom_store::retry::{RetryPolicy, RetryStore, Sleeper};
use strongroom_store::s3::{self, Credential, S3};
use strongroom_store::sftp::{self, Sftp};
use strongroom_store::throttle::Limits;
use strongroom_store::{LockMode, LockRule, ObjectPath, PutOutcome, Store, StoreError};
use strongroom_testkit::{Faults, Proxy, Service, exchange, service};

/// One day, in nanoseconds.
const DAY: i128 = 86_400_000_000_000;

struct NoSleep;

impl Sleeper for NoSleep {
    fn sleep(&self, _: Duration) {}
}

struct Drawn;

impl RandomSource for Drawn {
    fn fill(&self, bytes: &mut [u8]) {
        use std::hash::{BuildHasher as _, RandomState};
        for part in bytes.chunks_mut(8) {
            let drawn = RandomState::new().hash_one(()).to_le_bytes();
            part.copy_from_slice(&drawn[..part.len()]);
        }
    }
}

/// A name that nobody used before.
fn fresh() -> String {
    format!("t{}", SystemClock.now().0)
}

fn path(text: &str) -> ObjectPath {
    ObjectPath::new(text).unwrap()
}

fn at(server: &Service, address: &str, bucket: &str) -> s3::Options {
    s3::Options {
        endpoint: format!("http://{address}").parse().unwrap(),
        bucket_in_host: false,
        bucket: bucket.to_owned(),
        region: server.text("region").to_owned(),
        prefix: fresh(),
        lock_days: None,
        lock_mode: None,
        single_writer: false,
        limits: Limits::default(),
    }
}

fn open(server: &Service, options: s3::Options) -> S3 {
    let credential = Credential::new(server.text("key_id"), server.text("secret"), None);
    S3::new(options, credential, Arc::new(SystemClock)).unwrap()
}

fn content(number: usize) -> Vec<u8> {
    let len = [10, 1_000, 100_000, 700_000][number % 4] + number;
    let mixed =
        (0..u32::try_from(len).unwrap()).zip(std::iter::repeat(u32::try_from(number).unwrap()));
    mixed
        .map(|(at, number)| {
            (at * 31 + number * 7)
                .wrapping_mul(2_654_435_761)
                .to_be_bytes()[0]
        })
        .collect()
}

/// Stores through a bad way, and looks both through it and directly at what came of it.
fn nothing_is_lost(bad: &dyn Store, direct: &dyn Store) {
    for number in 0..24 {
        let at = path(&format!("packs/0{}/{number}", number % 3));
        // `AlreadyThere` may mean an attempt whose answer was lost; the bytes decide.
        let _ = bad.put_new(&at, &content(number)).unwrap();
        assert!(direct.get(&at, 1 << 20).unwrap() == content(number), "{at}");
    }
    for number in 0..24 {
        let at = path(&format!("packs/0{}/{number}", number % 3));
        assert!(bad.get(&at, 1 << 20).unwrap() == content(number), "{at}");
        assert!(bad.get_range(&at, 3, 7).unwrap() == content(number)[3..10]);
    }
    let mut count = 0;
    let mut visit = |_: ObjectPath, _: u64| count += 1;
    direct.list("packs/", &mut visit).unwrap();
    assert_eq!(count, 24, "and nothing beside them");
}

#[test]
#[ignore = "needs `cargo xtask services start`"]
fn a_slow_line_with_errors_and_cuts_loses_nothing() {
    let server = service("garage");
    let faults = Faults {
        latency: Duration::from_millis(50),
        unavailable_every: Some(3),
        cut_after: Some(800_000),
        ..Faults::default()
    };
    let proxy = Proxy::open(server.address(), faults);
    let prefix = fresh();
    let options = |address: &str| s3::Options {
        prefix: prefix.clone(),
        single_writer: true,
        ..at(&server, address, server.text("bucket"))
    };
    let bad = open(&server, options(&proxy.address().to_string()));
    let policy = RetryPolicy {
        attempts_max: 20,
        ..RetryPolicy::default()
    };
    let bad = RetryStore::new(bad, NoSleep, policy);
    nothing_is_lost(&bad, &open(&server, options(server.address())));
    let (connections, broken) = proxy.connections();
    assert!(broken > 5, "{broken} of {connections} connections");
}

#[test]
#[ignore = "needs `cargo xtask services start`"]
fn a_server_that_ignores_the_condition_is_found_out() {
    let server = service("moto");
    let bucket = fresh();
    make_bucket(&server, &bucket, "");
    let honest = open(&server, at(&server, server.address(), &bucket));
    assert!(probe(&honest, &Drawn).unwrap().exclusive_create);
    let faults = Faults {
        lost_header: Some("if-none-match"),
        ..Faults::default()
    };
    let proxy = Proxy::open(server.address(), faults);
    let options = || at(&server, &proxy.address().to_string(), &bucket);
    let found = probe(&open(&server, options()), &Drawn).unwrap();
    assert!(!found.exclusive_create && !found.exclusive_in_process);
    let declared = s3::Options {
        single_writer: true,
        ..options()
    };
    let found = probe(&open(&server, declared), &Drawn).unwrap();
    assert!(!found.exclusive_create && found.exclusive_in_process);
}

#[test]
#[ignore = "needs `cargo xtask services start`"]
fn a_single_writer_heeds_what_another_store_has_put() {
    let server = service("garage");
    let options = s3::Options {
        single_writer: true,
        ..at(&server, server.address(), server.text("bucket"))
    };
    let prefix = options.prefix.clone();
    let one = open(&server, options);
    let undeclared = s3::Options {
        prefix: prefix.clone(),
        ..at(&server, server.address(), server.text("bucket"))
    };
    let plain = open(&server, undeclared);
    assert!(!probe(&plain, &Drawn).unwrap().exclusive_create);
    let object = path("log/1-1");
    assert_eq!(
        plain.put_new(&object, b"theirs").unwrap(),
        PutOutcome::Stored
    );
    assert_eq!(
        one.put_new(&object, b"mine").unwrap(),
        PutOutcome::AlreadyThere
    );
    assert_eq!(one.get(&object, 9).unwrap(), b"theirs");
}

#[test]
#[ignore = "needs `cargo xtask services start`"]
fn who_is_not_let_in_is_told_why_and_nothing_is_tried_again() {
    let server = service("garage");
    let options = || at(&server, server.address(), server.text("bucket"));
    let stranger = Credential::new("GK000000000000000000000000", server.text("secret"), None);
    let wrong = Credential::new(server.text("key_id"), "wrong", None);
    for (credential, name) in [
        (stranger, "GK000000000000000000000000"),
        (wrong, server.text("key_id")),
    ] {
        let store = S3::new(options(), credential, Arc::new(SystemClock)).unwrap();
        let error = store.check().unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
        assert!(!error.to_string().contains(server.text("secret")));
        assert_eq!(
            (error.class(), error.is_transient()),
            (Class::Caller, false)
        );
    }
    let absent = open(&server, at(&server, server.address(), "no-such-bucket"));
    let error = absent.check().unwrap_err();
    assert_eq!(error.class(), Class::Caller, "{error}");
    let nobody = open(&server, at(&server, "127.0.0.1:9", "bucket"));
    let error = nobody.check().unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert!(!error.to_string().contains("X-Amz"), "{error}");
}

/// Makes a bucket; the server takes it from anybody.
fn make_bucket(server: &Service, bucket: &str, header: &str) {
    let request = format!(
        "PUT /{bucket} HTTP/1.1\r\nHost: {}\r\n{header}Content-Length: 0\r\nConnection: close\r\n\r\n",
        server.address()
    );
    let answer = exchange(server.address(), &request);
    assert!(answer.contains(" 200 "), "{answer}");
}

#[test]
#[ignore = "needs `cargo xtask services start`"]
fn what_is_locked_stays_until_its_time() {
    let server = service("moto");
    let bucket = fresh();
    make_bucket(
        &server,
        &bucket,
        "x-amz-bucket-object-lock-enabled: true\r\n",
    );
    let options = s3::Options {
        lock_days: Some(3),
        lock_mode: Some(LockMode::Compliance),
        ..at(&server, server.address(), &bucket)
    };
    let store = open(&server, options);
    let rule = LockRule {
        mode: LockMode::Compliance,
        days: 3,
    };
    let found = probe(&store, &Drawn).unwrap();
    assert_eq!((found.lock, found.deletes), (Some(rule), false));

    let object = path("packs/00/a");
    assert_eq!(store.put_new(&object, b"kept").unwrap(), PutOutcome::Stored);
    let until = store.locked_until(&object).unwrap().unwrap();
    let now = SystemClock.now();
    assert!(until.0 > now.0 + 2 * DAY && until.0 < now.0 + 4 * DAY);
    let error = store.delete(&object).unwrap_err();
    assert!(matches!(error, StoreError::Denied { .. }), "{error}");

    // The lock grows, and never shrinks.
    let later = Timestamp(now.0 + 10 * DAY);
    assert!(store.extend_lock(&object, later).unwrap());
    let longer = store.locked_until(&object).unwrap().unwrap();
    assert!((longer.0 - later.0).abs() < 2_000_000_000, "{longer:?}");
    assert!(store.extend_lock(&object, until).unwrap());
    assert_eq!(store.locked_until(&object).unwrap(), Some(longer));
    assert!(store.delete(&object).is_err());
    assert_eq!(store.get(&object, 9).unwrap(), b"kept");
}

#[test]
#[ignore = "needs `cargo xtask services start`"]
fn what_a_bucket_locks_by_itself_is_told() {
    let server = service("moto");
    let bucket = fresh();
    make_bucket(
        &server,
        &bucket,
        "x-amz-bucket-object-lock-enabled: true\r\n",
    );
    let rule = "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule>\
        <DefaultRetention><Mode>GOVERNANCE</Mode><Days>7</Days></DefaultRetention></Rule></ObjectLockConfiguration>";
    let request = format!(
        "PUT /{bucket}?object-lock HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{rule}",
        server.address(),
        rule.len()
    );
    let answer = exchange(server.address(), &request);
    assert!(answer.contains(" 200 "), "{answer}");
    let store = open(&server, at(&server, server.address(), &bucket));
    let expected = LockRule {
        mode: LockMode::Governance,
        days: 7,
    };
    let found = probe(&store, &Drawn).unwrap();
    assert_eq!((found.lock, found.deletes), (Some(expected), false));
}

fn account(config: &str, port: Option<u16>, folder: &str) -> sftp::Options {
    let server = service("sshd");
    sftp::Options {
        host: "127.0.0.1".to_owned(),
        port,
        user: None,
        folder: format!("{}/{folder}", server.text("folder")),
        identity: None,
        ssh_config: Some(server.path(config).to_owned()),
        limits: Limits::default(),
    }
}

#[test]
#[ignore = "needs `cargo xtask services start`"]
fn a_connection_that_is_cut_is_made_again() {
    let server = service("sshd");
    let faults = Faults {
        cut_after: Some(1_500_000),
        ..Faults::default()
    };
    let proxy = Proxy::open(server.address(), faults);
    let folder = fresh();
    let direct = Sftp::create(account("ssh_config", None, &folder), Arc::new(Drawn)).unwrap();
    let options = account("ssh_config", Some(proxy.address().port()), &folder);
    let bad = Arc::new(Sftp::open(options, Arc::new(Drawn)).unwrap());
    let policy = RetryPolicy {
        attempts_max: 20,
        ..RetryPolicy::default()
    };
    nothing_is_lost(&RetryStore::new(Arc::clone(&bad), NoSleep, policy), &direct);
    assert!(bad.connections() > 3, "{}", bad.connections());
}

#[test]
#[ignore = "needs `cargo xtask services start`"]
fn a_host_that_is_not_known_is_not_trusted() {
    let options = account("ssh_config_stranger", None, "x");
    let error = Sftp::open(options, Arc::new(Drawn)).unwrap_err();
    assert!(error.to_string().contains("host key"), "{error}");
    assert_eq!(
        (error.class(), error.is_transient()),
        (Class::Caller, false)
    );
}

#[test]
#[ignore = "needs `cargo xtask services start`"]
fn what_is_durable_is_probed_and_not_assumed() {
    let words = |config| {
        let options = account(config, None, &fresh());
        let store = Sftp::create(options, Arc::new(Drawn)).unwrap();
        store.properties().unwrap()
    };
    let all = words("ssh_config");
    assert!(
        all.durable.contains("file and its folder"),
        "{}",
        all.durable
    );
    assert!(all.exclusive && all.free_bytes.is_some());
    let few = words("ssh_config_plain");
    assert!(few.durable.contains("cannot tell"), "{}", few.durable);
    assert!(few.exclusive && few.free_bytes.is_none());
}

#[test]
#[ignore = "needs `cargo xtask services start`"]
fn a_folder_that_is_gone_is_not_made_again() {
    let error = Sftp::open(account("ssh_config", None, "absent"), Arc::new(Drawn)).unwrap_err();
    assert!(matches!(error, StoreError::Gone { .. }), "{error}");
}
