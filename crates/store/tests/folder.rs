//! What only a store in a folder can meet: disks that fill up, vanish or hold things they should not.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, UNIX_EPOCH};

use strongroom_base::clock::Timestamp;
use strongroom_base::{Class, Classified as _};
use strongroom_store::durable::write_atomic;
use strongroom_store::{Folder, ObjectPath, PutOutcome, Store, StoreError};
use tempfile::TempDir;

fn path(text: &str) -> ObjectPath {
    ObjectPath::new(text).unwrap()
}

fn fresh() -> (TempDir, Folder) {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::open(dir.path()).unwrap();
    (dir, folder)
}

fn stored(store: &Folder, at: &str, bytes: &[u8]) {
    assert_eq!(store.put_new(&path(at), bytes).unwrap(), PutOutcome::Stored);
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// A small disk of its own; none without the right to mount.
struct Disk(TempDir);

impl Disk {
    #[expect(clippy::print_stderr, reason = "says why a test is left out")]
    fn mount() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let mounted = run(
            "mount",
            &["-t", "tmpfs", "-o", "size=1m", "tmpfs"],
            dir.path(),
        );
        if !mounted {
            eprintln!("left out: mounting a file system is not permitted here");
        }
        mounted.then(|| Self(dir))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn remount(&self, mode: &str) {
        assert!(run(
            "mount",
            &["-o", &format!("remount,{mode}")],
            self.path()
        ));
    }

    fn unmount(&self) -> bool {
        run("umount", &["--lazy"], self.path())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.unmount();
    }
}

fn run(program: &str, arguments: &[&str], path: &Path) -> bool {
    let output = Command::new(program).args(arguments).arg(path).output();
    output.is_ok_and(|output| output.status.success())
}

#[test]
fn a_full_disk_is_named_and_left_clean() {
    let Some(disk) = Disk::mount() else { return };
    let store = Folder::open(disk.path()).unwrap();
    stored(&store, "packs/00/small", &[1; 1000]);
    let free = store.properties().unwrap().free_bytes.unwrap();
    assert!((500_000..1_048_576).contains(&free), "{free}");

    let error = store
        .put_new(&path("packs/00/large"), &vec![2; 2_000_000])
        .unwrap_err();
    assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
    assert_eq!(error.class(), Class::Retry);
    assert!(!error.is_transient());
    assert_eq!(names(&disk.path().join("packs/00")), ["small"]);
    assert_eq!(store.properties().unwrap().free_bytes, Some(free));

    stored(&store, "packs/00/other", &vec![3; 100_000]);
    let error = write_atomic(
        &disk.path().join("packs/00/small"),
        &vec![4; 2_000_000],
        0o600,
    );
    assert!(matches!(error, Err(StoreError::Full { .. })));
    assert_eq!(store.get(&path("packs/00/small"), 1000).unwrap(), [1; 1000]);
    assert_eq!(names(&disk.path().join("packs/00")), ["other", "small"]);
}

#[test]
fn a_read_only_disk_is_named_and_read() {
    let Some(disk) = Disk::mount() else { return };
    let store = Folder::open(disk.path()).unwrap();
    stored(&store, "log/1", b"1");
    disk.remount("ro");
    for at in ["log/2", "packs/00/a"] {
        let error = store.put_new(&path(at), b"2").unwrap_err();
        assert!(matches!(error, StoreError::ReadOnly { .. }), "{error:?}");
    }
    assert!(matches!(
        store.delete(&path("log/1")),
        Err(StoreError::ReadOnly { .. })
    ));
    assert_eq!(store.get(&path("log/1"), 1).unwrap(), b"1");
    assert_eq!(
        store.put_new(&path("log/1"), b"2").unwrap(),
        PutOutcome::AlreadyThere
    );
    disk.remount("rw");
    stored(&store, "packs/00/a", b"2");
}

#[test]
fn a_folder_without_permission_is_named() {
    let (dir, store) = fresh();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o500)).unwrap();
    // The superuser may write all the same.
    if fs::create_dir(dir.path().join("allowed")).is_err() {
        let error = store.put_new(&path("log/1"), b"1").unwrap_err();
        assert!(matches!(error, StoreError::Denied { .. }), "{error:?}");
    }
}

/// Every call says that the store is gone.
fn gone(store: &Folder) {
    let at = path("log/1");
    let results = [
        store.put_new(&at, b"2").map(drop),
        store.get(&at, 9).map(drop),
        store.get_range(&at, 0, 1).map(drop),
        store.size(&at).map(drop),
        store.list("", &mut |_, _| ()),
        store.delete(&at),
        store.properties().map(drop),
        store
            .remove_stale_temporaries(Timestamp(0), Duration::ZERO)
            .map(drop),
    ];
    for (number, result) in results.into_iter().enumerate() {
        assert!(
            matches!(result, Err(StoreError::Gone { .. })),
            "{number}: {result:?}"
        );
    }
}

#[test]
fn an_unmounted_disk_is_gone_and_nothing_is_written_under_it() {
    let Some(disk) = Disk::mount() else { return };
    let store = Folder::open(disk.path()).unwrap();
    stored(&store, "log/1", b"1");
    assert!(disk.unmount());
    gone(&store);
    assert_eq!(names(disk.path()), [""; 0]);
}

#[test]
fn a_replaced_or_removed_root_is_gone() {
    let parent = tempfile::tempdir().unwrap();
    let root = parent.path().join("root");
    let store = Folder::create(&root).unwrap();
    stored(&store, "log/1", b"1");
    fs::rename(&root, parent.path().join("moved")).unwrap();
    gone(&store);
    fs::create_dir(&root).unwrap();
    gone(&store);
    assert_eq!(names(&root), [""; 0]);
    fs::remove_dir(&root).unwrap();
    fs::rename(parent.path().join("moved"), &root).unwrap();
    assert_eq!(store.get(&path("log/1"), 1).unwrap(), b"1");
}

#[test]
fn a_root_must_be_a_folder() {
    let parent = tempfile::tempdir().unwrap();
    let file = parent.path().join("file");
    write_atomic(&file, b"", 0o600).unwrap();
    for missing in [file, parent.path().join("absent")] {
        assert!(matches!(
            Folder::open(&missing),
            Err(StoreError::Gone { .. })
        ));
    }
}

#[test]
fn planted_things_are_refused_and_never_followed() {
    let (dir, store) = fresh();
    let outside = tempfile::tempdir().unwrap();
    write_atomic(&outside.path().join("secret"), b"secret", 0o600).unwrap();
    stored(&store, "log/1", b"1");
    let log = dir.path().join("log");
    symlink(outside.path().join("secret"), log.join("link")).unwrap();
    symlink(outside.path().join("new"), log.join("dangling")).unwrap();
    fs::create_dir(log.join("folder")).unwrap();
    assert!(run("mkfifo", &[], &log.join("pipe")));
    for name in ["link", "dangling", "folder", "pipe"] {
        let at = path(&format!("log/{name}"));
        let results = [
            store.put_new(&at, b"2").map(drop),
            store.get(&at, 9).map(drop),
            store.get_range(&at, 0, 1).map(drop),
            store.size(&at).map(drop),
        ];
        for result in results {
            assert!(
                matches!(result, Err(StoreError::NotAnObject { .. })),
                "{name}: {result:?}"
            );
        }
    }
    symlink(outside.path(), dir.path().join("packs")).unwrap();
    assert!(store.put_new(&path("packs/a"), b"2").is_err());
    assert!(store.get(&path("packs/secret"), 9).is_err());
    assert!(store.delete(&path("packs/secret")).is_err());
    assert_eq!(names(outside.path()), ["secret"]);

    let mut found = Vec::new();
    store
        .list("", &mut |path, _| found.push(path.to_string()))
        .unwrap();
    assert_eq!(found, ["log/1"]);
}

#[test]
fn foreign_names_are_not_listed() {
    let (dir, store) = fresh();
    stored(&store, "log/1", b"1");
    for folder in ["lost+found", ".hidden", "a/b/c/d"] {
        fs::create_dir_all(dir.path().join(folder)).unwrap();
    }
    for file in [
        "README.TXT",
        "log/.nfs0001",
        "lost+found/a",
        ".hidden/a",
        "a/b/c/d/e",
    ] {
        write_atomic(&dir.path().join(file), b"", 0o600).unwrap();
    }
    let mut found = Vec::new();
    store
        .list("", &mut |path, _| found.push(path.to_string()))
        .unwrap();
    assert_eq!(found, ["log/1"]);
}

#[test]
fn stale_temporary_files_are_removed_and_nothing_else() {
    let (dir, store) = fresh();
    stored(&store, "packs/00/a", b"1");
    let folder = dir.path().join("packs/00");
    let old = format!("tmp-{}", "0a".repeat(16));
    let young = format!("tmp-{}", "0b".repeat(16));
    let files = [
        (&*old, 1_000),
        (&young, 2_000),
        ("a", 1_000),
        ("tmp-0a", 1_000),
    ];
    for (name, written) in files {
        let file = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(folder.join(name))
            .unwrap();
        file.set_modified(UNIX_EPOCH + Duration::from_secs(written))
            .unwrap();
    }
    symlink("a", folder.join(format!("tmp-{}", "0c".repeat(16)))).unwrap();

    let mut found = Vec::new();
    store
        .list("", &mut |path, _| found.push(path.to_string()))
        .unwrap();
    assert_eq!(found, ["packs/00/a"]);

    let hour = Duration::from_hours(1);
    let clean = |now| {
        store
            .remove_stale_temporaries(Timestamp::from_parts(now, 0), hour)
            .unwrap()
    };
    assert_eq!(
        clean(1_000),
        0,
        "a clock that went backwards removes nothing"
    );
    assert_eq!(clean(4_600), 0);
    assert_eq!(clean(4_601), 1);
    assert!(!folder.join(old).exists());
    assert!(folder.join(young).exists());
    assert_eq!(names(&folder).len(), 4);
}

#[test]
fn a_removed_folder_is_made_again() {
    let (dir, store) = fresh();
    stored(&store, "packs/00/a", b"1");
    fs::remove_dir_all(dir.path().join("packs")).unwrap();
    stored(&store, "packs/00/a", b"2");
    assert_eq!(store.get(&path("packs/00/a"), 1).unwrap(), b"2");
}

#[test]
fn files_and_folders_are_private() {
    let (dir, store) = fresh();
    stored(&store, "packs/00/a", b"1");
    let mode = |at| {
        fs::metadata(dir.path().join(at))
            .unwrap()
            .permissions()
            .mode()
            & 0o7777
    };
    assert_eq!(
        (mode("packs/00/a"), mode("packs/00"), mode("packs")),
        (0o600, 0o700, 0o700)
    );
}
