//! What is mounted, unmounted, or mounted twice below a root.

use std::fs;
use std::path::Path;

use strongroom_watch::{Choice, Health, Mechanism, Reason, Source, Why};

use crate::field::{Field, Folder, Mounted, may_mount, put, settings, with_each};

fn source_at(field: &Field, path: &Path) -> Option<Source> {
    let sources = field.watcher.sources();
    sources.into_iter().find(|source| source.path == path)
}

#[test]
fn what_is_mounted_below_the_root_is_watched_and_can_be_unmounted() {
    if !may_mount() {
        return;
    }
    with_each(|mechanism| {
        let folder = Folder::new();
        fs::create_dir_all(folder.root().join("a/point/under")).unwrap();
        let field = Field::with(folder, mechanism);
        let mounted = Mounted::tmpfs(&field.at("a/point")).unwrap();
        field.expect(&[], &[("a/point", Why::Mounted)]);
        let source = source_at(&field, &field.at("a/point")).unwrap();
        assert_eq!(source.file_system, "tmpfs");
        assert_eq!(
            (source.mechanism, source.health),
            (Some(mechanism), Health::Live)
        );
        fs::create_dir(field.at("a/point/in")).unwrap();
        put(field.at("a/point/in/file"), "");
        field.expect(&["a/point"], &[("a/point/in", Why::New)]);
        put(field.at("a/point/in/file"), "more");
        field.expect(&["a/point/in"], &[]);

        mounted.unmount();
        let changes = field.changes();
        let trees: Vec<_> = changes.trees.iter().map(|tree| tree.why).collect();
        assert_eq!(trees, [Why::Mounted], "{changes:?}");
        assert_eq!(changes.trees[0].place.bytes(), b"a/point");
        assert_eq!(field.watcher.sources().len(), 1);
        put(field.at("a/point/under/file"), "");
        field.expect(&["a/point/under"], &[]);

        // Something else at the same place.
        let _again = Mounted::tmpfs(&field.at("a/point")).unwrap();
        field.expect(&[], &[("a/point", Why::Mounted)]);
        put(field.at("a/point/file"), "");
        field.expect(&["a/point"], &[]);
    });
}

#[test]
fn the_state_of_a_mounted_folder_is_an_entry_of_the_one_above() {
    if !may_mount() {
        return;
    }
    with_each(|mechanism| {
        let folder = Folder::new();
        fs::create_dir_all(folder.root().join("a/point")).unwrap();
        let _mounted = Mounted::tmpfs(&folder.root().join("a/point")).unwrap();
        let field = Field::with(folder, mechanism);
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o711);
        fs::set_permissions(field.at("a/point"), mode).unwrap();
        field.expect(&["a", "a/point"], &[]);
    });
}

#[test]
fn what_is_covered_by_a_mount_is_not_watched() {
    if !may_mount() {
        return;
    }
    with_each(|mechanism| {
        let folder = Folder::new();
        fs::create_dir_all(folder.root().join("a/point")).unwrap();
        let _inner = Mounted::tmpfs(&folder.root().join("a/point")).unwrap();
        let field = Field::with(folder, mechanism);
        let outer = Mounted::tmpfs(&field.at("a")).unwrap();
        fs::create_dir_all(field.at("a/point")).unwrap();
        field.changes();
        let sources = field.watcher.sources();
        let places: Vec<_> = sources.iter().map(|source| source.place.bytes()).collect();
        assert_eq!(places, [&b""[..], b"a"]);
        put(field.at("a/point/file"), "");
        field.expect(&["a/point"], &[]);
        outer.unmount();
        let changes = field.changes();
        let trees: Vec<_> = changes
            .trees
            .iter()
            .map(|tree| tree.place.bytes())
            .collect();
        assert_eq!(trees, [&b"a"[..], b"a/point"], "{changes:?}");
        put(field.at("a/point/file"), "");
        field.expect(&["a/point"], &[]);
        assert_eq!(field.watcher.sources().len(), 2);
    });
}

#[test]
fn what_is_mounted_twice_is_told_at_every_place() {
    if !may_mount() {
        return;
    }
    with_each(|mechanism| {
        let folder = Folder::new();
        fs::create_dir_all(folder.root().join("own/deep")).unwrap();
        fs::create_dir(folder.root().join("bound")).unwrap();
        fs::create_dir(folder.root().join("from outside")).unwrap();
        fs::create_dir_all(folder.path().join("outside/deep")).unwrap();
        let root = folder.root();
        let _inner = Mounted::bind(&root.join("own"), &root.join("bound"));
        let _outer = Mounted::bind(&folder.path().join("outside"), &root.join("from outside"));
        let field = Field::with(folder, mechanism);
        put(field.at("own/deep/file"), "");
        field.expect(&["bound/deep", "own/deep"], &[]);
        put(field.at("bound/deep/file"), "more");
        field.expect(&["bound/deep", "own/deep"], &[]);
        put(field.outside().join("outside/deep/file"), "");
        field.expect(&["from outside/deep"], &[]);
        put(field.at("from outside/file"), "");
        field.expect(&["from outside"], &[]);
        put(field.outside().join("elsewhere"), "");
        field.expect_nothing();
        fs::create_dir(field.at("own/new")).unwrap();
        let both = [("bound/new", Why::New), ("own/new", Why::New)];
        field.expect(&["bound", "own"], &both);
    });
}

#[test]
fn the_root_may_be_seen_through_a_mount_of_a_part() {
    if !may_mount() {
        return;
    }
    with_each(|mechanism| {
        let folder = Folder::new();
        fs::create_dir_all(folder.path().join("origin/deep")).unwrap();
        let _bound = Mounted::bind(&folder.path().join("origin"), &folder.root());
        let field = Field::with(folder, mechanism);
        put(field.outside().join("origin/deep/file"), "");
        put(field.outside().join("outside"), "");
        field.expect(&["deep"], &[]);
    });
}

#[test]
fn what_is_not_wanted_is_not_watched_where_it_is_mounted() {
    if !may_mount() {
        return;
    }
    with_each(|mechanism| {
        let folder = Folder::new();
        fs::create_dir_all(folder.root().join("cache/point")).unwrap();
        let mut settings = settings(&folder.root(), mechanism);
        settings.wants = std::sync::Arc::new(|place| place.bytes() != b"cache");
        let field = Field::with_settings(folder, settings);
        let _mounted = Mounted::tmpfs(&field.at("cache/point")).unwrap();
        put(field.at("cache/point/file"), "");
        field.expect_nothing();
        assert_eq!(field.watcher.sources().len(), 1);
    });
}

#[test]
fn each_file_system_has_the_best_mechanism_that_works_for_it() {
    if !may_mount() {
        return;
    }
    let folder = Folder::new();
    for name in ["local", "deaf", "made-up"] {
        fs::create_dir(folder.root().join(name)).unwrap();
    }
    let _local = Mounted::tmpfs(&folder.root().join("local")).unwrap();
    let device = fs::File::options().read(true).write(true).open("/dev/fuse");
    let Ok(device) = device else {
        return;
    };
    // Whoever touched this would wait for ever.
    let Ok(_deaf) = Mounted::deaf(&folder.root().join("deaf"), &device) else {
        return;
    };
    let made_up = folder.root().join("made-up");
    let flags = rustix::mount::MountFlags::empty();
    rustix::mount::mount("none", &made_up, "proc", flags, None).unwrap();
    let mut settings = settings(&folder.root(), Mechanism::Polling);
    settings.choice = Choice::Automatic;
    let watcher = strongroom_watch::Watcher::start(settings).unwrap();
    assert!(watcher.settle(crate::field::LONG));
    let sources = watcher.sources();
    rustix::mount::unmount(&made_up, rustix::mount::UnmountFlags::DETACH).unwrap();
    let kinds: Vec<_> = sources.iter().map(|source| source.place.bytes()).collect();
    assert_eq!(kinds, [&b""[..], b"deaf", b"local"]);
    let file_system = "fuse.deaf".to_owned();
    let why = Reason::Remote { file_system };
    assert_eq!(sources[1].mechanism, Some(Mechanism::Polling));
    assert_eq!(sources[1].health, Health::Degraded { why });
    assert_ne!(sources[0].mechanism, Some(Mechanism::Polling));
    assert_ne!(sources[2].mechanism, Some(Mechanism::Polling));
}

#[test]
fn layers_are_watched_by_what_works() {
    if !may_mount() {
        return;
    }
    let folder = Folder::new();
    let names = ["lower", "upper", "work"];
    let [lower, upper, work] = names.map(|name| folder.path().join(name));
    for path in [&lower.join("deep"), &upper, &work] {
        fs::create_dir_all(path).unwrap();
    }
    put(lower.join("deep/file"), "");
    let Some(_mounted) = Mounted::layers(&folder.root(), [&lower, &upper, &work]) else {
        return;
    };
    let mut settings = settings(&folder.root(), Mechanism::Polling);
    settings.choice = Choice::Automatic;
    let watcher = strongroom_watch::Watcher::start(settings).unwrap();
    let changes = || {
        assert!(watcher.settle(crate::field::LONG));
        watcher.take()
    };
    changes();
    let source = watcher.sources().remove(0);
    assert_eq!(source.file_system, "overlay");
    assert_ne!(source.mechanism, Some(Mechanism::Polling), "{source:?}");
    put(folder.root().join("deep/file"), "copied up");
    let hinted = changes();
    assert!(
        hinted.covers(&strongroom_watch::Place::below(0, b"deep")),
        "{source:?} {hinted:?}"
    );
    put(folder.root().join("deep/new"), "");
    let hinted = changes();
    assert_eq!(hinted.directories.len(), 1, "{source:?} {hinted:?}");
}
