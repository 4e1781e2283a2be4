//! Roots that come and go.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use strongroom_base::Classified as _;
use strongroom_base::clock::FixedClock;
use strongroom_watch::{Health, Place, Reason, Settings, WatchError, Watcher, Why};

use crate::field::{Field, Folder, LONG, Mounted, NOW, may_mount, put, settings, with_each};

/// Waits for the health, and returns the reasons of all trees until then.
#[track_caller]
fn wait_for(watcher: &Watcher, is_reached: impl Fn(&Health) -> bool) -> Vec<Why> {
    let mut seen = Vec::new();
    loop {
        let changes = watcher.wait(LONG);
        assert!(!changes.is_empty(), "{:?}", watcher.sources());
        seen.extend(changes.trees.iter().map(|tree| tree.why));
        if is_reached(&watcher.sources()[0].health) {
            return seen;
        }
    }
}

fn blind(why: Reason) -> Health {
    Health::BlindSince { time: NOW, why }
}

#[test]
fn a_root_that_is_gone_is_blind_until_it_is_there_again() {
    with_each(|mechanism| {
        // Disks use the numbers of deleted folders again.
        let folder = Folder::on_disk();
        fs::create_dir(folder.root().join("deep")).unwrap();
        let mut settings = settings(&folder.root(), mechanism);
        settings.root_every = Duration::from_millis(5);
        let field = Field::with_settings(folder, settings);
        let away = field.outside().join("away");
        fs::rename(&field.root, &away).unwrap();
        wait_for(&field.watcher, |health| *health == blind(Reason::RootGone));
        assert_eq!(field.watcher.sources()[0].mechanism, None);
        put(away.join("deep/file"), "");
        assert!(!field.changes().covers(&Place::of_root(0)));
        fs::rename(&away, &field.root).unwrap();
        let seen = wait_for(&field.watcher, |health| *health == Health::Live);
        assert!(seen.contains(&Why::Returned), "{seen:?}");
        put(field.at("deep/file"), "");
        field.expect(&["deep"], &[]);
        // Gone for so short a time that nobody saw it.
        fs::remove_dir_all(&field.root).unwrap();
        fs::create_dir_all(field.at("deep")).unwrap();
        field.changes();
        wait_for_live(&field);
        put(field.at("deep/file"), "");
        field.expect(&["deep"], &[]);
    });
}

fn wait_for_live(field: &Field) {
    while field.watcher.sources()[0].health != Health::Live {
        field.watcher.wait(LONG);
    }
    field.changes();
}

#[test]
fn a_folder_above_the_root_moves() {
    with_each(|mechanism| {
        let folder = Folder::new();
        let above = folder.path().join("above");
        fs::create_dir_all(above.join("root")).unwrap();
        let mut settings = settings(&above.join("root"), mechanism);
        settings.root_every = Duration::from_millis(5);
        let field = Field::with_settings(folder, settings);
        let away = field.outside().join("away");
        fs::rename(&above, &away).unwrap();
        wait_for(&field.watcher, |health| *health == blind(Reason::RootGone));
        fs::rename(&away, &above).unwrap();
        wait_for(&field.watcher, |health| *health == Health::Live);
        put(above.join("root/file"), "");
        field.expect(&[""], &[]);
    });
}

#[test]
fn an_unmounted_root_is_blind_although_the_folder_is_there() {
    if !may_mount() {
        return;
    }
    with_each(|mechanism| {
        let folder = Folder::new();
        let mounted = Mounted::tmpfs(&folder.root()).unwrap();
        let field = Field::with(folder, mechanism);
        put(field.at("file"), "");
        field.expect(&[""], &[]);
        mounted.unmount();
        let why = Reason::RootUnmounted;
        wait_for(&field.watcher, |health| *health == blind(why.clone()));
        put(field.at("under"), "");
        let changes = field.changes();
        assert!(!changes.covers(&Place::of_root(0)), "{changes:?}");
        let _again = Mounted::tmpfs(&field.root).unwrap();
        let seen = wait_for(&field.watcher, |health| *health == Health::Live);
        assert_eq!(seen, [Why::Returned]);
        put(field.at("file"), "");
        field.expect(&[""], &[]);
    });
}

#[test]
fn something_is_mounted_over_the_root() {
    if !may_mount() {
        return;
    }
    with_each(|mechanism| {
        let field = Field::new(mechanism);
        let mounted = Mounted::tmpfs(&field.root).unwrap();
        field.expect(&[], &[("", Why::Returned)]);
        put(field.at("file"), "");
        field.expect(&[""], &[]);
        drop(mounted);
    });
}

#[test]
fn a_root_need_not_be_there_at_the_beginning() {
    with_each(|mechanism| {
        let folder = Folder::new();
        let mut settings = settings(&folder.root().join("later"), mechanism);
        settings.root_every = Duration::from_millis(5);
        let watcher = Watcher::start(settings).unwrap();
        assert_eq!(watcher.sources()[0].health, blind(Reason::RootGone));
        fs::create_dir(folder.root().join("later")).unwrap();
        let seen = wait_for(&watcher, |health| *health == Health::Live);
        assert_eq!(seen, [Why::Returned]);
    });
}

#[test]
fn a_root_may_be_named_by_a_symbolic_link() {
    with_each(|mechanism| {
        let folder = Folder::new();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(folder.root(), &link).unwrap();
        let field = Field::with_settings(folder, settings(&link, mechanism));
        put(field.at("file"), "");
        field.expect(&[""], &[]);
    });
}

#[test]
fn several_roots_are_told_apart() {
    with_each(|mechanism| {
        let folder = Folder::new();
        let roots = ["one", "two"].map(|name| folder.root().join(name));
        for root in &roots {
            fs::create_dir(root).unwrap();
        }
        let mut settings = settings(&roots[0], mechanism);
        settings.roots = roots.to_vec();
        let watcher = Watcher::start(settings).unwrap();
        assert!(watcher.settle(LONG));
        assert_eq!(watcher.take().trees.len(), 2);
        put(roots[1].join("file"), "");
        assert!(watcher.settle(LONG));
        assert_eq!(watcher.take().directories, [Place::of_root(1)]);
    });
}

#[test]
fn roots_that_cannot_be_are_refused() {
    let start = |roots: &[&str]| {
        let roots = roots.iter().map(Into::into).collect();
        Watcher::start(Settings::new(roots, Arc::new(FixedClock(NOW)))).unwrap_err()
    };
    let error = start(&["relative"]);
    assert!(matches!(error, WatchError::NotAbsolute { .. }), "{error}");
    let error = start(&["/a/b", "/ab", "/a"]);
    assert!(matches!(error, WatchError::Overlap { .. }), "{error}");
    assert_eq!(error.to_string(), "`/a/b` is within `/a`");
    assert_eq!(error.class(), strongroom_base::Class::Caller);
}

#[test]
fn closing_ends_the_waiting() {
    let folder = Folder::new();
    let watcher = Watcher::start(settings(
        &folder.root(),
        strongroom_watch::Mechanism::Polling,
    ))
    .unwrap();
    watcher.take();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| watcher.wait(Duration::MAX / 4));
        watcher.close();
        waiting.join().unwrap();
    });
    while watcher.sources()[0].health.why() != Some(&Reason::Ended) {
        std::thread::yield_now();
    }
    assert!(!watcher.settle(LONG));
}
