//! What is mounted is what was backed up: names, content, metadata, and the versions of files.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

#[path = "../../engine/tests/common/mod.rs"]
mod common;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use common::{Setup, differences, noise, write};
use strongroom_crypto::suite::Suite;
use strongroom_mount::{Access, MountOptions, Mounted, Unmounted, mount};
use strongroom_read::{Archive, Replicas};
use strongroom_replica::layout::object_path;
use strongroom_replica::record::Added;
use strongroom_store::{Folder, Memory, Store};

/// Every kind of thing that a backup keeps.
fn make_tree(root: &Path) {
    for number in 0..300_u32 {
        let text = format!("file {number} and needle {}\n", number % 7).repeat(number as usize);
        let path = format!("small/{:02}/{number}.txt", number % 17);
        write(&root.join(path), text.as_bytes());
    }
    write(&root.join("empty"), b"");
    write(&root.join("tiny"), b"within the tree");
    write(&root.join("large"), &noise(1, 9_000_000));
    write(&root.join(OsStr::from_bytes(b"not \xff UTF-8")), b"bytes");
    let sparse = File::create(root.join("sparse")).unwrap();
    sparse.set_len(20 << 20).unwrap();
    sparse.write_all_at(&noise(2, 300_000), 5 << 20).unwrap();
    symlink("small/nowhere", root.join("link")).unwrap();
    fs::hard_link(root.join("large"), root.join("second name")).unwrap();
    fs::create_dir(root.join("empty folder")).unwrap();
    let tool = |name: &str, words: &[&str]| {
        let status = Command::new(name).args(words).current_dir(root).status();
        assert!(status.unwrap().success(), "{name} {words:?}");
    };
    tool("mkfifo", &["pipe"]);
    tool("touch", &["-d", "1969-12-31T23:59:58.5Z", "tiny"]);
    tool("chmod", &["4751", "empty"]);
    tool("setfattr", &["-n", "user.note", "-v", "kept", "tiny"]);
    tool("setfacl", &["-m", "u:12345:r", "tiny"]);
    if is_root() {
        tool("mknod", &["device", "c", "259", "70000"]);
        tool("chown", &["1234:5678", "empty folder"]);
    }
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout == b"0\n"
}

/// An archive that is mounted, and unmounted when the test ends.
struct Shown {
    mounted: Option<Mounted>,
    folder: tempfile::TempDir,
}

const ALL: MountOptions = MountOptions {
    access: Access::Mounter,
    snapshot: None,
};

impl Shown {
    fn new(archive: Archive, options: &MountOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mounted = mount(archive, folder.path(), options).unwrap();
        Self {
            mounted: Some(mounted),
            folder,
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Returns where a path of the computer is in the newest snapshot.
    fn latest(&self, path: &Path) -> PathBuf {
        let below = path.strip_prefix("/").unwrap();
        self.path().join("latest").join(below)
    }

    fn versions(&self, path: &Path) -> PathBuf {
        let below = path.strip_prefix("/").unwrap();
        self.path().join("versions").join(below)
    }

    fn unmount(mut self) -> Unmounted {
        self.mounted.take().unwrap().unmount().unwrap()
    }
}

fn open(setup: &Setup) -> Archive {
    setup.open(0).unwrap().0
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name());
    names
        .map(|name| String::from_utf8_lossy(name.as_bytes()).into_owned())
        .collect()
}

fn in_memory() -> Setup {
    Setup::new(Suite::Aes256, vec![Arc::new(Memory::new())])
}

#[test]
fn what_is_shown_is_what_was_backed_up() {
    let source = tempfile::tempdir().unwrap();
    make_tree(source.path());
    let setup = in_memory();
    assert_eq!(setup.backup(source.path()).unwrap().failed, 0);
    let shown = Shown::new(open(&setup), &ALL);
    let latest = shown.latest(source.path());
    assert_eq!(differences(source.path(), &latest), "");

    let (one, two) = (latest.join("large"), latest.join("second name"));
    let (one, two) = (fs::metadata(one).unwrap(), fs::metadata(two).unwrap());
    assert_eq!((one.ino(), one.nlink()), (two.ino(), 2));
    let again = fs::metadata(latest.join("large")).unwrap();
    assert_eq!(again.ino(), one.ino());
    assert_eq!(
        fs::metadata(latest.join("tiny")).unwrap().mtime_nsec(),
        500_000_000
    );

    let refused = File::create(latest.join("new")).unwrap_err();
    assert_eq!(refused.raw_os_error(), Some(30), "EROFS");
    let refused = fs::remove_file(latest.join("empty")).unwrap_err();
    assert_eq!(refused.raw_os_error(), Some(30), "EROFS");
    assert!(!latest.join("nothing").exists());

    let at_top = names(shown.path());
    let expected = ["by-id", "latest", "tags", "versions"];
    assert!(
        expected.iter().all(|name| at_top.contains(*name)),
        "{at_top:?}"
    );
    assert_eq!(at_top.len(), 5, "{at_top:?}");
    let by_id = names(&shown.path().join("by-id"));
    let id = by_id.first().unwrap();
    assert_eq!(
        names(&shown.path().join("by-id").join(id)),
        names(&shown.path().join("latest"))
    );
    assert_eq!(shown.unmount(), Unmounted::Whole);
}

#[test]
fn grep_finds_the_same_in_both() {
    let source = tempfile::tempdir().unwrap();
    make_tree(source.path());
    fs::remove_file(source.path().join("pipe")).unwrap();
    let setup = in_memory();
    setup.backup(source.path()).unwrap();
    let shown = Shown::new(open(&setup), &ALL);
    let found = |folder: &Path| {
        let mut grep = Command::new("grep");
        grep.args(["-rc", "--devices=skip", "needle 3", "."])
            .current_dir(folder);
        let out = String::from_utf8_lossy(&grep.output().unwrap().stdout).into_owned();
        let mut lines: Vec<String> = out.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let there = found(&shown.latest(source.path()));
    assert!(there.len() > 300, "{}", there.len());
    assert_eq!(there, found(source.path()));
}

#[test]
fn readers_side_by_side_read_anywhere() {
    let source = tempfile::tempdir().unwrap();
    make_tree(source.path());
    let setup = in_memory();
    setup.backup(source.path()).unwrap();
    let shown = Shown::new(open(&setup), &ALL);
    let latest = shown.latest(source.path());
    thread::scope(|scope| {
        for reader in 0..6_u64 {
            let (source, latest) = (source.path(), &latest);
            scope.spawn(move || {
                for name in ["large", "sparse", "tiny"] {
                    let (real, here) = (source.join(name), latest.join(name));
                    let (real, here) = (File::open(real).unwrap(), File::open(here).unwrap());
                    let len = real.metadata().unwrap().len();
                    // What has holes says so, so that who copies it asks where they are.
                    let (size, blocks) = (len, here.metadata().unwrap().blocks());
                    assert_eq!(blocks < size / 512, name != "tiny", "{name}: {blocks}");
                    let mut at = reader * 7_919;
                    for _ in 0..60 {
                        at = at
                            .wrapping_mul(6_364_136_223_846_793_005)
                            .wrapping_add(1 + reader);
                        let (mut one, mut two) = (vec![0; 70_000], vec![0; 70_000]);
                        let offset = (at >> 20) % len;
                        let got = real.read_at(&mut one, offset).unwrap();
                        let mut done = 0;
                        while done < got {
                            let part = here.read_at(&mut two[done..], offset + done as u64);
                            done += part.unwrap();
                        }
                        assert!(one == two, "{name} at {offset}");
                    }
                }
            });
        }
    });
}

#[test]
fn every_version_of_a_file_is_found() {
    let source = tempfile::tempdir().unwrap();
    let file = source.path().join("docs/letter.txt");
    let setup = in_memory();
    let mut written = Vec::new();
    for turn in 0..4_u32 {
        if turn != 2 {
            let text = format!("turn {turn}");
            write(&file, text.as_bytes());
            written.push(text);
        }
        write(&source.path().join(format!("docs/only {turn}")), b"x");
        setup.backup(source.path()).unwrap();
        fs::remove_file(source.path().join(format!("docs/only {turn}"))).unwrap();
    }
    fs::remove_dir_all(source.path().join("docs")).unwrap();
    write(&source.path().join("docs"), b"now a file");
    setup.backup(source.path()).unwrap();

    let shown = Shown::new(open(&setup), &ALL);
    let versions = shown.versions(&file);
    let mut contents = Vec::new();
    for name in names(&versions) {
        assert!(name.contains("Z-") && name.ends_with("txt"), "{name}");
        contents.push(fs::read_to_string(versions.join(&name)).unwrap());
    }
    contents.sort();
    assert_eq!(contents, written);
    let docs = shown.versions(&source.path().join("docs"));
    let below = names(&docs);
    let folders = below.iter().filter(|name| !name.starts_with("20"));
    let expected = ["letter.txt", "only 0", "only 1", "only 2", "only 3"];
    assert!(folders.eq(expected), "{below:?}");
    assert_eq!(below.len(), 6, "and the version that is a file: {below:?}");
    assert!(!docs.join("never").exists());
    assert_eq!(names(shown.path()).len(), 5 + 4);
}

#[test]
fn a_large_folder_is_listed_by_parts_and_searched_by_halves() {
    let source = tempfile::tempdir().unwrap();
    // Long names, so that the list of tree chunks needs lists itself.
    let name = |number: u32| format!("entry {number} {}", "x".repeat(190));
    for number in 0..20_000 {
        File::create(source.path().join(name(number))).unwrap();
    }
    let setup = in_memory();
    setup.backup(source.path()).unwrap();
    let all = names(source.path());
    let shown = Shown::new(open(&setup), &ALL);
    let latest = shown.latest(source.path());
    for number in 0..20_000 {
        assert!(latest.join(name(number)).is_file(), "{number}");
    }
    for nothing in ["a", "entry 777", "entry 777 y", "z"] {
        assert!(!latest.join(nothing).exists(), "{nothing}");
    }
    assert!(names(&latest) == all);
    // With the attributes, as `ls -l` wants them.
    let listed = Command::new("ls").arg("-l").arg(&latest).output().unwrap();
    assert_eq!(listed.stdout.split(|byte| *byte == b'\n').count(), 20_002);
    assert!(names(&shown.versions(source.path())) == all);
}

#[test]
fn new_snapshots_appear() {
    let source = tempfile::tempdir().unwrap();
    write(&source.path().join("a"), b"one");
    let setup = in_memory();
    setup.backup(source.path()).unwrap();
    let shown = Shown::new(open(&setup), &ALL);
    assert_eq!(names(shown.path()).len(), 5);
    write(&source.path().join("a"), b"another");
    setup.backup(source.path()).unwrap();
    let end = std::time::Instant::now() + Duration::from_mins(1);
    while names(shown.path()).len() < 6 {
        assert!(std::time::Instant::now() < end, "it does not appear");
        thread::yield_now();
    }
    let newest = names(shown.path())
        .into_iter()
        .rfind(|name| name.starts_with("20"));
    let newest = shown.path().join(newest.unwrap());
    let below = source.path().strip_prefix("/").unwrap();
    assert!(newest.join(below).join("a").exists());
    let versions = shown.versions(&source.path().join("a"));
    assert_eq!(names(&versions).len(), 2);
}

#[test]
fn one_snapshot_alone_is_the_top() {
    let source = tempfile::tempdir().unwrap();
    write(&source.path().join("a"), b"one");
    let setup = in_memory();
    setup.backup(source.path()).unwrap();
    let archive = open(&setup);
    let snapshot = Some(archive.latest().unwrap().unwrap().hash);
    let options = MountOptions { snapshot, ..ALL };
    let shown = Shown::new(archive, &options);
    let below = source.path().strip_prefix("/").unwrap();
    assert_eq!(
        fs::read(shown.path().join(below).join("a")).unwrap(),
        b"one"
    );
    assert!(!shown.path().join("latest").exists());
}

/// Two replicas of a tree, in folders.
fn two_replicas(source: &Path) -> (tempfile::TempDir, Setup) {
    let place = tempfile::tempdir().unwrap();
    let folder = |name: &str| -> Arc<dyn Store> {
        Arc::new(Folder::create(&place.path().join(name)).unwrap())
    };
    let setup = Setup::new(Suite::Aes256, vec![folder("0"), folder("1")]);
    write(&source.join("one/large"), &noise(5, 24_000_000));
    setup.backup(source).unwrap();
    write(&source.join("two/large"), &noise(6, 24_000_000));
    setup.backup(source).unwrap();
    (place, setup)
}

/// Overwrites the packs of the first replica with zeros that the files of the first snapshot need.
fn damage_first_packs(setup: &Setup) -> usize {
    let (archive, _) = setup.open(0).unwrap();
    let (snapshots, log, _) = archive.snapshots().unwrap();
    let first = snapshots[0].id.seq;
    let mut damaged = 0;
    for entry in log.entries.iter().filter(|entry| entry.id().seq <= first) {
        for Added { object, size } in &entry.header.changes.adds {
            let is_data =
                object.kind() == strongroom_base::object::ObjectKind::Pack && *size > 1 << 20;
            if is_data {
                let path = object_path(setup.identity.archive, object);
                setup.stores[0].delete(&path).unwrap();
                damaged += 1;
            }
        }
    }
    damaged
}

#[test]
fn damage_is_an_error_for_what_is_damaged_alone() {
    let source = tempfile::tempdir().unwrap();
    let (_place, setup) = two_replicas(source.path());
    assert!(damage_first_packs(&setup) > 0);
    let shown = Shown::new(open(&setup), &ALL);
    let latest = shown.latest(source.path());
    let lost = fs::read(latest.join("one/large")).unwrap_err();
    assert_eq!(lost.raw_os_error(), Some(5), "EIO");
    assert!(fs::read(latest.join("two/large")).unwrap() == noise(6, 24_000_000));
    let mounted = shown.mounted.as_ref().unwrap();
    let problem = mounted.wait_for_problem(Duration::from_mins(1)).unwrap();
    let subject = String::from_utf8_lossy(&problem.subject).into_owned();
    assert!(subject.ends_with("one/large"), "{problem:?}");
    assert!(problem.message.contains("packs/"), "{problem:?}");

    // Another replica makes it good.
    let replicas = setup.stores.iter().map(|store| setup.replica(store));
    let replicas = Replicas::new(replicas.collect()).unwrap();
    let both = Archive::open(replicas, &setup.custody, &mut Vec::new()).unwrap();
    let shown = Shown::new(both, &ALL);
    let latest = shown.latest(source.path());
    assert!(fs::read(latest.join("one/large")).unwrap() == noise(5, 24_000_000));
}

#[test]
fn who_is_refused_is_told_and_busy_mounts_go() {
    let source = tempfile::tempdir().unwrap();
    write(&source.path().join("a"), b"one");
    let setup = in_memory();
    setup.backup(source.path()).unwrap();
    let refused = mount(open(&setup), source.path(), &ALL).err().unwrap();
    assert!(refused.to_string().contains("is not empty"), "{refused}");
    let shown = Shown::new(open(&setup), &ALL);
    let folder = shown.path().to_owned();
    let file = File::open(shown.latest(&source.path().join("a"))).unwrap();
    let empty = tempfile::tempdir().unwrap();
    let mut shown = shown;
    let unmounted = shown.mounted.take().unwrap().unmount().unwrap();
    assert_eq!(unmounted, Unmounted::InUse);
    assert_eq!(names(&folder), names(empty.path()));
    drop(file);
}

#[test]
fn others_may_look_as_far_as_permissions_say() {
    if !is_root() {
        return;
    }
    let source = tempfile::tempdir().unwrap();
    fs::set_permissions(source.path(), fs::Permissions::from_mode(0o755)).unwrap();
    write(&source.path().join("open"), b"one");
    write(&source.path().join("closed"), b"one");
    write(&source.path().join("listed"), b"one");
    for (name, mode) in [("open", 0o644), ("closed", 0o600), ("listed", 0o600)] {
        fs::set_permissions(source.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    let listed = source.path().join("listed");
    let status = Command::new("setfacl")
        .args(["-m", "u:65534:r"])
        .arg(listed)
        .status();
    assert!(status.unwrap().success());
    let setup = in_memory();
    setup.backup(source.path()).unwrap();
    let can = |shown: &Shown, name: &str| {
        fs::set_permissions(shown.folder.path(), fs::Permissions::from_mode(0o755)).ok();
        let path = shown.latest(&source.path().join(name));
        let mut cat = Command::new("setpriv");
        cat.args(["--reuid=65534", "--clear-groups", "cat"])
            .arg(path);
        cat.output().unwrap().status.success()
    };
    let closed = Shown::new(open(&setup), &ALL);
    assert!(!can(&closed, "open"));
    let others = Shown::new(
        open(&setup),
        &MountOptions {
            access: Access::Others,
            snapshot: None,
        },
    );
    let may: Vec<bool> = ["open", "closed", "listed"]
        .map(|name| can(&others, name))
        .into();
    assert_eq!(may, [true, false, true]);
}
