//! The one list of what every store does, tried against every store.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;
use std::time::Duration;

use strongroom_base::clock::Timestamp;
use strongroom_base::random::RandomSource;
use strongroom_base::{Class, Classified as _};
use strongroom_store::fault::{FaultPlan, FaultStore};
use strongroom_store::probe::probe;
use strongroom_store::record::RecordStore;
use strongroom_store::retry::{RetryPolicy, RetryStore, Sleeper};
use strongroom_store::{Folder, Memory, ObjectPath, PutOutcome, Store, StoreError};

struct NoSleep;

impl Sleeper for NoSleep {
    fn sleep(&self, _: Duration) {}
}

struct Fixed;

impl RandomSource for Fixed {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

type Behaviour = fn(&dyn Store);

const BEHAVIOURS: [(&str, Behaviour); 13] = [
    ("what is put comes back", what_is_put_comes_back),
    ("an empty object is an object", an_empty_object_is_an_object),
    ("a large object comes back", a_large_object_comes_back),
    ("nothing is replaced", nothing_is_replaced),
    ("one of many writers wins", one_of_many_writers_wins),
    ("limits hold", limits_hold),
    ("ranges are exact", ranges_are_exact),
    ("what is absent is not found", what_is_absent_is_not_found),
    ("arrival is told", arrival_is_told),
    (
        "listing is recursive and bounded by folders",
        listing_is_recursive,
    ),
    ("a visitor may call the store", a_visitor_may_call_the_store),
    (
        "what is deleted is gone and can be put again",
        deleted_is_gone,
    ),
    (
        "a probe finds everything and leaves nothing",
        a_probe_finds_everything,
    ),
];

/// Tries every behaviour on a store of its own.
fn check<S: Store>(make: impl FnMut() -> S) {
    check_where(|_| true, make);
}

/// Tries the behaviours that `is_kept` names, each on a store of its own.
fn check_where<S: Store>(is_kept: impl Fn(&str) -> bool, mut make: impl FnMut() -> S) {
    for (name, behaviour) in BEHAVIOURS {
        if !is_kept(name) {
            continue;
        }
        let store = make();
        let run = std::panic::AssertUnwindSafe(|| behaviour(&store));
        assert!(
            std::panic::catch_unwind(run).is_ok(),
            "{}: {name}",
            store.describe()
        );
    }
}

#[test]
fn memory() {
    check(Memory::new);
}

#[test]
fn folder() {
    let parent = tempfile::tempdir().unwrap();
    let mut roots = (0..).map(|number: u32| parent.path().join(number.to_string()));
    check(|| Folder::create(&roots.next().unwrap()).unwrap());
}

#[test]
fn folder_behind_every_wrapper() {
    let parent = tempfile::tempdir().unwrap();
    let mut roots = (0..).map(|number: u32| parent.path().join(number.to_string()));
    check(|| {
        let folder = Folder::create(&roots.next().unwrap()).unwrap();
        let faulty = FaultStore::new(folder, Arc::new(FaultPlan::none()));
        let recorded: Arc<dyn Store> = Arc::new(RecordStore::new(faulty));
        RetryStore::new(Box::new(recorded), NoSleep, RetryPolicy::default())
    });
}

/// The servers of `cargo xtask services`.
mod services {
    use std::num::NonZeroU64;

    use strongroom_base::clock::SystemClock;
    use strongroom_store::s3::{Credential, S3};
    use strongroom_store::sftp::{self, Sftp};
    use strongroom_store::throttle::{Limit, Limits};
    use strongroom_store::{LockMode, s3};
    use strongroom_testkit::{Service, service};

    use super::*;

    /// A prefix that nobody used before.
    fn fresh() -> String {
        let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos();
        format!("behaviour/{now}")
    }

    fn bucket(server: &Service, bucket: &str, single_writer: bool, limits: Limits) -> S3 {
        let options = s3::Options {
            endpoint: server.text("address").parse().unwrap(),
            bucket_in_host: false,
            bucket: bucket.to_owned(),
            region: server.text("region").to_owned(),
            prefix: fresh(),
            lock_days: None,
            lock_mode: None::<LockMode>,
            single_writer,
            limits,
        };
        let credential = Credential::new(server.text("key_id"), server.text("secret"), None);
        S3::new(options, credential, Arc::new(SystemClock)).unwrap()
    }

    fn account(config: &str, limits: Limits) -> Sftp {
        let server = service("sshd");
        let options = sftp::Options {
            host: "127.0.0.1".to_owned(),
            port: None,
            user: None,
            folder: format!("{}/{}", server.text("folder"), fresh()),
            identity: None,
            ssh_config: Some(server.path(config).to_owned()),
            limits,
        };
        Sftp::create(options, Arc::new(Drawn)).unwrap()
    }

    /// Names that differ, as a store needs them.
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

    /// Limits that are never met, so that their code is run.
    fn wide() -> Limits {
        let limit = || {
            let rate = NonZeroU64::new(1 << 40).unwrap();
            Some(Arc::new(Limit::new(rate, Arc::new(SystemClock))))
        };
        Limits {
            upload: limit(),
            download: limit(),
        }
    }

    #[test]
    #[ignore = "needs `cargo xtask services start`"]
    fn garage() {
        let server = service("garage");
        check(|| bucket(&server, server.text("bucket"), true, Limits::default()));
    }

    #[test]
    #[ignore = "needs `cargo xtask services start`"]
    fn garage_with_limits_and_retries() {
        let server = service("garage");
        check(|| {
            let store = bucket(&server, server.text("bucket"), true, wide());
            RetryStore::new(store, NoSleep, RetryPolicy::default())
        });
    }

    #[test]
    #[ignore = "needs `cargo xtask services start`"]
    fn moto() {
        let server = service("moto");
        let name = fresh().replace('/', "-");
        let request = format!(
            "PUT /{name} HTTP/1.1\r\nHost: {}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            server.address()
        );
        strongroom_testkit::exchange(server.address(), &request);
        check(|| bucket(&server, &name, true, Limits::default()));
        // moto looks whether an object is there and stores it in two steps, with no lock between
        // them: of writers at the same moment more than one can win.
        let is_kept = |name: &str| name != "one of many writers wins";
        check_where(is_kept, || bucket(&server, &name, false, Limits::default()));
    }

    #[test]
    #[ignore = "needs `cargo xtask services start`"]
    fn openssh() {
        check(|| account("ssh_config", Limits::default()));
    }

    #[test]
    #[ignore = "needs `cargo xtask services start`"]
    fn openssh_with_limits_and_without_extensions() {
        check(|| account("ssh_config_plain", wide()));
    }
}

fn path(text: &str) -> ObjectPath {
    ObjectPath::new(text).unwrap()
}

fn stored(store: &dyn Store, at: &str, bytes: &[u8]) {
    assert_eq!(
        store.put_new(&path(at), bytes).unwrap(),
        PutOutcome::Stored,
        "{at}"
    );
}

fn listed(store: &dyn Store, prefix: &str) -> Vec<(String, u64)> {
    let mut found = Vec::new();
    store
        .list(prefix, &mut |path, size| {
            found.push((path.to_string(), size));
        })
        .unwrap();
    found.sort();
    found
}

fn what_is_put_comes_back(store: &dyn Store) {
    for at in ["archive", "log/1-1", "packs/00/name", "a/b/c/d.e-f"] {
        stored(store, at, at.as_bytes());
    }
    for at in ["archive", "log/1-1", "packs/00/name", "a/b/c/d.e-f"] {
        assert_eq!(store.get(&path(at), 100).unwrap(), at.as_bytes());
        assert_eq!(store.size(&path(at)).unwrap(), at.len() as u64);
    }
}

fn an_empty_object_is_an_object(store: &dyn Store) {
    stored(store, "empty", b"");
    assert_eq!(store.get(&path("empty"), 0).unwrap(), b"");
    assert_eq!(store.get_range(&path("empty"), 0, 0).unwrap(), b"");
    assert_eq!(
        store.put_new(&path("empty"), b"x").unwrap(),
        PutOutcome::AlreadyThere
    );
    assert_eq!(listed(store, ""), [("empty".to_owned(), 0)]);
}

fn a_large_object_comes_back(store: &dyn Store) {
    let bytes: Vec<u8> = (0..3_000_001_u32)
        .map(|at| at.wrapping_mul(2_654_435_761).to_be_bytes()[0])
        .collect();
    stored(store, "packs/ab/large", &bytes);
    assert!(store.get(&path("packs/ab/large"), u64::MAX).unwrap() == bytes);
    let part = store
        .get_range(&path("packs/ab/large"), 1_234_567, 765_433)
        .unwrap();
    assert!(part == bytes[1_234_567..2_000_000]);
}

fn nothing_is_replaced(store: &dyn Store) {
    stored(store, "log/1-1", b"first");
    for other in [&b"second"[..], b"first", b""] {
        assert_eq!(
            store.put_new(&path("log/1-1"), other).unwrap(),
            PutOutcome::AlreadyThere
        );
    }
    assert_eq!(store.get(&path("log/1-1"), 9).unwrap(), b"first");
}

fn one_of_many_writers_wins(store: &dyn Store) {
    for round in 0..20 {
        let at = path(&format!("log/{round}"));
        let barrier = std::sync::Barrier::new(4);
        let put = |writer: u8| {
            barrier.wait();
            store.put_new(&at, &[writer; 1000]).unwrap()
        };
        let put = &put;
        let outcomes: Vec<_> = std::thread::scope(|scope| {
            let writers: Vec<_> = (0..4)
                .map(|writer| scope.spawn(move || put(writer)))
                .collect();
            writers
                .into_iter()
                .map(|writer| writer.join().unwrap())
                .collect()
        });
        let winners: Vec<_> = (0..4)
            .filter(|writer| outcomes[usize::from(*writer)] == PutOutcome::Stored)
            .collect();
        assert_eq!(winners.len(), 1);
        assert_eq!(store.get(&at, 1000).unwrap(), [winners[0]; 1000]);
    }
}

fn limits_hold(store: &dyn Store) {
    stored(store, "archive", b"12345");
    assert_eq!(store.get(&path("archive"), 5).unwrap(), b"12345");
    let error = store.get(&path("archive"), 4).unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::TooLarge {
                size: 5,
                len_max: 4,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(error.class(), Class::Damage);
}

fn ranges_are_exact(store: &dyn Store) {
    stored(store, "packs/00/a", b"0123456789");
    let range = |offset, len| store.get_range(&path("packs/00/a"), offset, len);
    assert_eq!(range(0, 10).unwrap(), b"0123456789");
    assert_eq!(range(3, 4).unwrap(), b"3456");
    assert_eq!(range(10, 0).unwrap(), b"");
    for (offset, len) in [
        (0, 11),
        (9, 2),
        (10, 1),
        (11, 0),
        (u64::MAX, 1),
        (1, usize::MAX),
    ] {
        let error = range(offset, len).unwrap_err();
        assert!(
            matches!(error, StoreError::Truncated { size: 10, .. }),
            "{offset} {len}: {error}"
        );
        assert_eq!(error.class(), Class::Damage);
    }
}

fn what_is_absent_is_not_found(store: &dyn Store) {
    stored(store, "log/1-1", b"1");
    for at in ["archive", "log/1-2", "packs/00/a"] {
        let at = path(at);
        for error in [
            store.get(&at, 9).unwrap_err(),
            store.get_range(&at, 0, 0).unwrap_err(),
            store.size(&at).unwrap_err(),
        ] {
            assert!(matches!(error, StoreError::NotFound { .. }), "{error}");
            assert_eq!(error.class(), Class::Damage);
        }
    }
}

fn arrival_is_told(store: &dyn Store) {
    stored(store, "a/first", b"1");
    stored(store, "a/second", b"2");
    let arrived = |at: &str| store.modified(&path(at));
    assert!(arrived("a/first").unwrap() <= arrived("a/second").unwrap());
    assert!(arrived("a/first").unwrap() > Timestamp::from_parts(1_600_000_000, 0));
    let absent = arrived("a/third");
    assert!(matches!(absent, Err(StoreError::NotFound { .. })));
}

fn listing_is_recursive(store: &dyn Store) {
    assert_eq!(listed(store, ""), []);
    assert_eq!(listed(store, "log/"), []);
    for (at, bytes) in [
        ("archive", "1"),
        ("log/1-1", "22"),
        ("log-2/a", "3"),
        ("packs/00/a", "4"),
        ("packs/01/b", ""),
    ] {
        stored(store, at, bytes.as_bytes());
    }
    let expect = |prefix, expected: &[(&str, u64)]| {
        let expected: Vec<_> = expected
            .iter()
            .map(|(at, size)| ((*at).to_owned(), *size))
            .collect();
        assert_eq!(listed(store, prefix), expected, "{prefix}");
    };
    expect(
        "",
        &[
            ("archive", 1),
            ("log-2/a", 1),
            ("log/1-1", 2),
            ("packs/00/a", 1),
            ("packs/01/b", 0),
        ],
    );
    expect("log/", &[("log/1-1", 2)]);
    expect("packs/", &[("packs/00/a", 1), ("packs/01/b", 0)]);
    expect("packs/01/", &[("packs/01/b", 0)]);
    expect("packs/02/", &[]);
    for prefix in ["log", "/", "../", "log/../"] {
        let error = store.list(prefix, &mut |_, _| ()).unwrap_err();
        assert_eq!(error.class(), Class::Caller, "{prefix}: {error}");
    }
}

fn a_visitor_may_call_the_store(store: &dyn Store) {
    stored(store, "log/1", b"1");
    stored(store, "log/2", b"22");
    let mut total = 0;
    store
        .list("log/", &mut |path, _| {
            total += store.get(&path, 9).unwrap().len();
        })
        .unwrap();
    assert_eq!(total, 3);
}

fn deleted_is_gone(store: &dyn Store) {
    stored(store, "packs/00/a", b"1");
    stored(store, "packs/00/b", b"1");
    for _ in 0..2 {
        store.delete(&path("packs/00/a")).unwrap();
    }
    store.delete(&path("nowhere/at/all")).unwrap();
    assert!(matches!(
        store.size(&path("packs/00/a")),
        Err(StoreError::NotFound { .. })
    ));
    assert_eq!(listed(store, ""), [("packs/00/b".to_owned(), 1)]);
    stored(store, "packs/00/a", b"2");
    assert_eq!(store.get(&path("packs/00/a"), 1).unwrap(), b"2");
}

fn a_probe_finds_everything(store: &dyn Store) {
    let found = probe(store, &Fixed).unwrap();
    assert!(
        found.exclusive_in_process && found.reads_back && found.lists && found.deletes,
        "{found:?}"
    );
    let exclusive = store.properties().unwrap().exclusive;
    assert_eq!(found.exclusive_create, exclusive);
    assert_ne!(found.durable, "not known");
    assert_eq!(listed(store, ""), []);
}
