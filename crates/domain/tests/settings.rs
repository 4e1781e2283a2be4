//! Own groups of settings, by name: what is set, locked and inherited again (administration 2.6).

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use strongroom_domain::policy::{ChangeError, Level, Lock, OwnGroups, Policies, Row, ServerGroups};

mod world;

use world::{CHILD, OWN, PARENT, ROOT};

fn value(policies: &Policies, name: &str) -> (String, Level, Option<Level>) {
    let all = policies.all();
    let found = all.iter().find(|holds| holds.name == name).unwrap();
    (found.value.clone(), found.owner, found.locked_by)
}

#[test]
fn a_setting_that_is_set_makes_its_group_an_own_one() {
    let server = ServerGroups::default();
    let mut parent = OwnGroups::default();
    parent
        .set((&server, &[]), "sessions.idle", "20m", None)
        .unwrap();
    let above = [(PARENT, &parent)];
    let mut own = OwnGroups::default();
    own.set(
        (&server, &above),
        "sessions.absolute",
        "6h",
        Some(Lock::Locked),
    )
    .unwrap();
    let path = [(PARENT, &parent), (OWN, &own)];
    let policies = Policies::of(&server, &path);
    let of_own = Level::Organisation(OWN);
    assert_eq!(
        value(&policies, "sessions.absolute"),
        ("6h".to_owned(), of_own, Some(of_own))
    );
    // What held before holds on, as an own value.
    assert_eq!(
        value(&policies, "sessions.idle"),
        ("20m".to_owned(), of_own, None)
    );
    // Other groups are inherited as before.
    assert_eq!(
        value(&policies, "password.length_min"),
        ("12".to_owned(), Level::Server, None)
    );
    assert_eq!(own.inherit("sessions.idle"), Ok(true));
    assert_eq!(own, OwnGroups::default());
    assert_eq!(own.inherit("sessions"), Ok(false));
}

#[test]
fn a_lock_is_left_as_it_is_where_nobody_says() {
    let server = ServerGroups::default();
    let mut own = OwnGroups::default();
    let mut set = |value: &str, lock| own.set((&server, &[]), "password.length_min", value, lock);
    set("14", Some(Lock::Locked)).unwrap();
    set("16", None).unwrap();
    assert_eq!(
        own.rows(),
        [Row {
            name: "password.length_min".to_owned(),
            value: "16".to_owned(),
            lock: Lock::Locked
        }]
    );
}

#[test]
fn what_is_locked_above_has_no_other_value_below() {
    let server = ServerGroups::default();
    let mut root = OwnGroups::default();
    root.set(
        (&server, &[]),
        "registration.registration",
        "closed",
        Some(Lock::Locked),
    )
    .unwrap();
    let above = [(ROOT, &root)];
    let mut own = OwnGroups::default();
    let refused = own.set((&server, &above), "registration.registration", "open", None);
    assert!(
        matches!(refused, Err(ChangeError::Locked(locked)) if locked.by == Level::Organisation(ROOT))
    );
    // The same value may be its own.
    let mut own = OwnGroups::default();
    own.set(
        (&server, &above),
        "registration.registration",
        "closed",
        None,
    )
    .unwrap();
    let path = [(ROOT, &root), (CHILD, &own)];
    let policies = Policies::of(&server, &path);
    assert!(!policies.registration.is_open());
    assert_eq!(
        policies.registration.registration.owner,
        Level::Organisation(ROOT)
    );
    assert!(Policies::of(&server, &[]).registration.is_open());
}

#[test]
fn what_is_no_setting_is_refused() {
    let server = ServerGroups::default();
    let mut own = OwnGroups::default();
    for name in [
        "",
        "sessions",
        "sessions.",
        "sessions.idle.",
        "escrow.bounds",
        "x.y",
    ] {
        let refused = own.set((&server, &[]), name, "1", None);
        assert_eq!(refused, Err(ChangeError::Unknown), "{name}");
    }
    for name in ["", "x", "sessions.x", "sessions.idle.x"] {
        assert_eq!(own.inherit(name), Err(ChangeError::Unknown), "{name}");
    }
    let refused = own.set((&server, &[]), "sessions.idle", "30s", None);
    assert!(matches!(refused, Err(ChangeError::Value(_))));
}

#[test]
fn what_is_stored_is_read_and_what_is_newer_passed_over() {
    let server = ServerGroups::default();
    let mut own = OwnGroups::default();
    own.set(
        (&server, &[]),
        "registration.key_uses_max",
        "5",
        Some(Lock::Locked),
    )
    .unwrap();
    own.set((&server, &[]), "sessions.idle", "1h", None)
        .unwrap();
    let mut rows = own.rows();
    assert_eq!(rows.len(), 6);
    rows.push(Row {
        name: "weather.rain".to_owned(),
        value: "much".to_owned(),
        lock: Lock::Open,
    });
    assert_eq!(OwnGroups::from_rows(&rows), Ok(own));
    rows[0].value = "?".to_owned();
    assert!(OwnGroups::from_rows(&rows).is_err());
}

#[test]
fn what_lets_more_happen_than_before_is_named() {
    let server = ServerGroups::default();
    let with = |changes: &[(&str, &str, Lock)]| {
        let mut own = OwnGroups::default();
        for (name, value, lock) in changes {
            own.set((&server, &[]), name, value, Some(*lock)).unwrap();
        }
        Policies::of(&server, &[(OWN, &own)])
    };
    let inherited = with(&[]);
    let tight = with(&[
        ("sessions.idle", "10m", Lock::Open),
        ("sessions.absolute", "12h", Lock::Locked),
        ("password.length_min", "14", Lock::Open),
        ("registration.registration", "closed", Lock::Open),
    ]);
    assert_eq!(tight.loosened_since(&inherited), Vec::<&str>::new());
    assert_eq!(tight.loosened_since(&tight), Vec::<&str>::new());
    // The lock of what has the same value counts.
    let loosened = [
        "password.length_min",
        "sessions.idle",
        "sessions.absolute",
        "registration.registration",
    ];
    assert_eq!(inherited.loosened_since(&tight), loosened);
}
