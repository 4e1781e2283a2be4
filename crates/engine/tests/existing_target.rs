//! Restoring to where something is already: what stays, what gets its metadata, what is deleted.
#![allow(clippy::unwrap_used, reason = "a test stops where something fails")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use common::{Setup, noise, restore_options, write};
use strongroom_base::ids::{ArchiveId, to_hex};
use strongroom_crypto::hash::hash;
use strongroom_crypto::suite::Suite;
use strongroom_engine::backup::Excludes;
use strongroom_engine::restore::{
    Conflict, Keep, RestoreOptions, RestorePlace, RestoreSummary, restore,
};
use strongroom_engine::{EngineError, Monitor, Progress, Stop, Warning};
use strongroom_files::Target;
use strongroom_store::{Memory, ObjectPath, Store as _};

#[derive(Default)]
struct Told(Mutex<BTreeSet<PathBuf>>);

impl Monitor for Told {
    fn warning(&self, warning: Warning) {
        panic!("{warning:?}");
    }

    fn would_delete(&self, path: &[u8]) {
        let path = String::from_utf8(path.to_vec()).unwrap();
        self.0.lock().unwrap().insert(path.into());
    }
}

/// Takes warnings.
#[derive(Default)]
struct Refused(Mutex<Vec<Warning>>);

impl Monitor for Refused {
    fn warning(&self, warning: Warning) {
        self.0.lock().unwrap().push(warning);
    }
}

struct World {
    setup: Setup,
    store: Arc<Memory>,
    folder: tempfile::TempDir,
}

impl World {
    /// An archive of a folder with a file and a folder with a file.
    fn new() -> Self {
        let store = Arc::new(Memory::new());
        let setup = Setup::new(Suite::Aes256, vec![store.clone()]);
        let folder = tempfile::tempdir().unwrap();
        let world = Self {
            setup,
            store,
            folder,
        };
        fs::create_dir_all(world.at("source/sub")).unwrap();
        write(&world.at("source/a"), b"a");
        write(&world.at("source/sub/b"), b"b");
        set_mode(&world.at("source/sub"), 0o755);
        set_mode(&world.at("source"), 0o755);
        world.setup.backup(&world.at("source")).unwrap();
        world
    }

    fn at(&self, way: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(way)
    }

    fn restore(&self, options: &RestoreOptions, told: &Told) -> RestoreSummary {
        self.try_restore(options, told).unwrap()
    }

    fn try_restore(
        &self,
        options: &RestoreOptions,
        monitor: &dyn Monitor,
    ) -> Result<RestoreSummary, EngineError> {
        let (archive, _) = self.setup.open(0).unwrap();
        let latest = archive.latest().unwrap().unwrap();
        let (progress, stop) = (Progress::default(), Stop::default());
        restore(
            &archive,
            &latest.snapshot,
            options,
            monitor,
            &progress,
            &stop,
        )
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn with(world: &World, on_conflict: Conflict) -> RestoreOptions {
    RestoreOptions {
        on_conflict,
        ..restore_options(&world.at("out"))
    }
}

#[test]
fn a_folder_that_is_there_keeps_its_mode_unless_it_is_replaced() {
    for (on_conflict, expected) in [
        (Conflict::Rename, 0o700),
        (Conflict::Skip, 0o700),
        (Conflict::Overwrite, 0o755),
    ] {
        let world = World::new();
        fs::create_dir_all(world.at("out/sub")).unwrap();
        set_mode(&world.at("out/sub"), 0o700);
        set_mode(&world.at("out"), 0o700);
        world.restore(&with(&world, on_conflict), &Told::default());
        assert_eq!(mode(&world.at("out/sub")), expected, "{on_conflict:?}");
        assert_eq!(mode(&world.at("out")), expected, "{on_conflict:?}");
        assert_eq!(fs::read(world.at("out/sub/b")).unwrap(), b"b");
    }
}

#[test]
fn folders_of_a_restore_that_was_interrupted_get_their_metadata_from_the_next() {
    let world = World::new();
    fs::create_dir_all(world.at("out/sub")).unwrap();
    set_mode(&world.at("out/sub"), 0o1700);
    set_mode(&world.at("out"), 0o1700);
    world.restore(&with(&world, Conflict::Skip), &Told::default());
    assert_eq!(mode(&world.at("out/sub")), 0o755);
    assert_eq!(mode(&world.at("out")), 0o755);
}

#[test]
fn an_empty_folder_becomes_what_was_backed_up() {
    let world = World::new();
    fs::create_dir(world.at("out")).unwrap();
    set_mode(&world.at("out"), 0o700);
    world.restore(&with(&world, Conflict::Rename), &Told::default());
    assert_eq!(mode(&world.at("out")), 0o755);
}

#[test]
fn a_second_name_is_never_one_that_the_snapshot_has() {
    let world = World::new();
    write(&world.at("source/a.restored-1"), b"of the snapshot");
    world.setup.backup(&world.at("source")).unwrap();
    fs::create_dir(world.at("out")).unwrap();
    write(&world.at("out/a"), b"in the way");
    world.restore(&with(&world, Conflict::Rename), &Told::default());
    let mut contents: Vec<_> = fs::read_dir(world.at("out"))
        .unwrap()
        .filter_map(|entry| fs::read_to_string(entry.unwrap().path()).ok())
        .collect();
    contents.sort_unstable();
    assert_eq!(contents, ["a", "in the way", "of the snapshot"]);
}

#[test]
fn what_is_deleted_is_named_before_and_keys_and_destinations_stay() {
    let world = World::new();
    for way in [
        "source/disk/archive",
        "source/old/inside",
        "source/sub/.cache",
    ] {
        fs::create_dir_all(world.at(way)).unwrap();
    }
    write(&world.at("source/sub/new"), b"");
    let keep = Keep {
        folders: vec![world.at("source/disk/archive")],
        excludes: Excludes::new([".cache"]).unwrap(),
    };
    let options = RestoreOptions {
        place: RestorePlace::Original,
        delete: Some(keep),
        dry_run: true,
        ..with(&world, Conflict::Skip)
    };
    let told = Told::default();
    let rehearsed = world.restore(&options, &told);
    let expected = ["source/old", "source/old/inside", "source/sub/new"].map(|way| world.at(way));
    assert_eq!(*told.0.lock().unwrap(), expected.clone().into());
    assert!(expected.iter().all(|path| path.exists()));
    let done = world.restore(
        &RestoreOptions {
            dry_run: false,
            ..options
        },
        &Told::default(),
    );
    assert_eq!((rehearsed.deleted, done.deleted), (3, 3));
    assert!(!expected.iter().any(|path| path.exists()));
    assert!(world.at("source/disk/archive").exists() && world.at("source/sub/.cache").exists());
}

#[test]
fn own_links_lead_back_in_place() {
    let world = World::new();
    fs::rename(world.at("source"), world.at("moved")).unwrap();
    symlink("moved", world.at("source")).unwrap();
    fs::remove_file(world.at("moved/sub/b")).unwrap();
    let options = RestoreOptions {
        place: RestorePlace::Original,
        paths: vec![
            world
                .at("source/sub/b")
                .into_os_string()
                .into_encoded_bytes(),
        ],
        ..with(&world, Conflict::Skip)
    };
    world.restore(&options, &Told::default());
    assert_eq!(fs::read(world.at("moved/sub/b")).unwrap(), b"b");
}

#[test]
fn a_folder_with_something_in_it_is_in_nobodys_way() {
    for conflict in [Conflict::Overwrite, Conflict::Newer] {
        let world = World::new();
        symlink("nowhere", world.at("source/link")).unwrap();
        world.setup.backup(&world.at("source")).unwrap();
        for way in ["out/a/archive", "out/link/archive"] {
            fs::create_dir_all(world.at(way)).unwrap();
            write(&world.at(way).join("deep"), b"needed");
            let old = fs::File::open(world.at(way).parent().unwrap()).unwrap();
            old.set_modified(std::time::UNIX_EPOCH).unwrap();
        }
        let refused = Refused::default();
        let summary = world
            .try_restore(&with(&world, conflict), &refused)
            .unwrap();
        assert_eq!((summary.files, summary.failed), (1, 2), "{conflict:?}");
        assert_eq!(refused.0.lock().unwrap().len(), 2);
        for way in ["out/a/archive/deep", "out/link/archive/deep"] {
            assert_eq!(fs::read(world.at(way)).unwrap(), b"needed");
        }
        // Emptied, they go.
        for way in ["out/a/archive", "out/link/archive"] {
            fs::remove_dir_all(world.at(way)).unwrap();
        }
        let mut options = with(&world, conflict);
        options.on_conflict = Conflict::Overwrite;
        world.restore(&options, &Told::default());
        assert_eq!(fs::read(world.at("out/a")).unwrap(), b"a");
        assert!(world.at("out/link").is_symlink());
    }
}

#[test]
fn where_the_rest_is_deleted_what_is_kept_stays_in_the_way() {
    let world = World::new();
    for way in ["out/a/keep", "out/a/go"] {
        fs::create_dir_all(world.at(way)).unwrap();
        write(&world.at(way).join("deep"), b"deep");
    }
    let options = RestoreOptions {
        delete: Some(Keep {
            folders: vec![world.at("out/a/keep")],
            excludes: Excludes::default(),
        }),
        ..with(&world, Conflict::Overwrite)
    };
    let refused = Refused::default();
    let summary = world.try_restore(&options, &refused).unwrap();
    assert_eq!(summary.failed, 1);
    assert!(world.at("out/a/keep/deep").exists() && !world.at("out/a/go").exists());
}

#[test]
fn nothing_is_deleted_in_a_folder_that_is_kept() {
    let world = World::new();
    fs::create_dir_all(world.at("out/below")).unwrap();
    write(&world.at("out/archive"), b"needed");
    for to in ["out", "out/below", "out/not there"] {
        let options = RestoreOptions {
            delete: Some(Keep {
                folders: vec![world.at("out")],
                excludes: Excludes::default(),
            }),
            ..restore_options(&world.at(to))
        };
        let refused = world.try_restore(&options, &Told::default());
        assert!(
            matches!(refused, Err(EngineError::KeptTarget { .. })),
            "{to}: {refused:?}"
        );
        assert!(world.at("out/archive").exists());
    }
}

/// Names and contents of all files below a folder.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = PathBuf::from(entry.file_name());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            let below = files(&entry.path()).into_iter();
            found.extend(below.map(|(way, content)| (name.join(way), content)));
        } else if kind.is_symlink() {
            let text = fs::read_link(entry.path()).unwrap();
            found.insert(name, text.into_os_string().into_encoded_bytes());
        } else {
            found.insert(name, fs::read(entry.path()).unwrap());
        }
    }
    found
}

/// The name that a restore gives the first of what it writes before it takes the place of something.
fn temporary_name() -> String {
    let digest = hash(b"strongroom restore: temporary name 1");
    let digits = to_hex(&digest[..12]);
    format!(".strongroom-restore-1-{digits}")
}

#[test]
fn what_an_interrupted_restore_left_goes_and_nothing_else() {
    for delete in [false, true] {
        let world = World::new();
        let left = [&*temporary_name(), &format!("sub/{}", temporary_name())]
            .map(|name| world.at("out").join(name));
        let others = [
            ".strongroom-restore-1",
            ".strongroom-restore-2-000000000000000000000000",
        ]
        .map(|name| world.at("out").join(name));
        for path in left.iter().chain(&others) {
            write(path, b"half");
        }
        let options = RestoreOptions {
            delete: delete.then(Keep::default),
            ..with(&world, Conflict::Rename)
        };
        world.restore(&options, &Told::default());
        assert!(!left.iter().any(|path| path.exists()));
        assert!(others.iter().all(|path| path.exists() != delete));
    }
}

#[test]
fn what_another_restore_is_writing_stays() {
    let world = World::new();
    fs::create_dir(world.at("out")).unwrap();
    let target = Target::open_root(&world.at("out")).unwrap();
    let name = temporary_name();
    let writer = target.create_temporary(name.as_bytes()).unwrap();
    world.restore(&with(&world, Conflict::Overwrite), &Told::default());
    assert!(world.at("out").join(&name).exists());
    drop(writer);
    world.restore(&with(&world, Conflict::Overwrite), &Told::default());
    assert!(!world.at("out").join(&name).exists());
}

#[test]
fn a_file_that_an_interrupted_restore_left_half_is_written_anew() {
    for conflict in [Conflict::Rename, Conflict::Skip, Conflict::Newer] {
        let world = World::new();
        fs::create_dir(world.at("out")).unwrap();
        let target = Target::open_root(&world.at("out")).unwrap();
        let half = target.create_file(b"a").unwrap();
        half.write_at(b"ha", 0).unwrap();
        world.restore(&with(&world, conflict), &Told::default());
        let found = files(&world.at("out"));
        assert_eq!(found, files(&world.at("source")), "{conflict:?}");
    }
}

#[test]
fn what_is_in_the_way_of_what_cannot_be_read_stays() {
    let world = World::new();
    write(&world.at("source/sub/large"), &noise(1, 3_000_000));
    write(&world.at("source/large"), &noise(2, 3_000_000));
    world.setup.backup(&world.at("source")).unwrap();
    // What is stored from now on stays readable: the root, but neither the folder in it nor its large file.
    let mut packs = Vec::new();
    let mut list = |path: ObjectPath, _| {
        if path.as_str().contains("/packs/") {
            packs.push(path);
        }
    };
    world.store.list("", &mut list).unwrap();
    assert!(!packs.is_empty());
    write(&world.at("source/new"), b"new");
    world.setup.backup(&world.at("source")).unwrap();
    for path in &packs {
        world.store.delete(path).unwrap();
    }
    for delete in [false, true] {
        write(&world.at("out/sub"), b"precious");
        fs::create_dir_all(world.at("out/large")).unwrap();
        if delete {
            write(&world.at("out/large/in it"), b"precious");
        }
        let options = RestoreOptions {
            delete: delete.then(Keep::default),
            ..with(&world, Conflict::Overwrite)
        };
        let told = Refused::default();
        let summary = world.try_restore(&options, &told).unwrap();
        assert_eq!((summary.damaged, summary.failed), (2, 0));
        let left = files(&world.at("out"));
        let mut expected = vec!["a", "new", "sub"];
        if delete {
            expected.insert(1, "large/in it");
        }
        assert!(left.keys().eq(expected.iter().map(Path::new)), "{left:?}");
        assert_eq!(left[Path::new("sub")], b"precious");
        assert!(world.at("out/large").is_dir());
    }
}

/// A snapshot and a folder that differ in every way there is.
fn entangled() -> World {
    let world = World::new();
    for folder in [
        "source/file there",
        "out",
        "out/file",
        "out/empty",
        "source/sub/deep",
    ] {
        fs::create_dir_all(world.at(folder)).unwrap();
    }
    for name in [
        "same",
        "other",
        "newer there",
        "file",
        "empty",
        "file there/in",
        "sub/deep/x",
    ] {
        write(&world.at("source").join(name), name.as_bytes());
    }
    for name in ["same link", "other link", "link there", "linked"] {
        symlink(name, world.at("source").join(name)).unwrap();
    }
    fs::hard_link(world.at("source/other"), world.at("source/other name")).unwrap();
    fs::hard_link(world.at("source/other"), world.at("source/third name")).unwrap();
    make_pipe(&world.at("source/pipe"));
    world.setup.backup(&world.at("source")).unwrap();
    let old = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000);
    let kept = fs::metadata(world.at("source/same"))
        .unwrap()
        .modified()
        .unwrap();
    for (name, content, time) in [
        ("same", "same", kept),
        ("other", "old", old),
        ("other name", "old", old),
        (
            "newer there",
            "new",
            kept + std::time::Duration::from_hours(1),
        ),
        ("file/in it", "old", old),
        ("file there", "old", old),
        ("link there", "old", old),
        ("sub/deep/more", "more", old),
    ] {
        let path = world.at("out").join(name);
        write(&path, content.as_bytes());
        fs::File::open(&path).unwrap().set_modified(time).unwrap();
    }
    symlink("same link", world.at("out/same link")).unwrap();
    symlink("elsewhere", world.at("out/other link")).unwrap();
    fs::create_dir(world.at("out/linked")).unwrap();
    make_pipe(&world.at("out/pipe"));
    world
}

fn make_pipe(path: &Path) {
    let made = std::process::Command::new("mkfifo").arg(path).status();
    assert!(made.unwrap().success());
}

const CONFLICTS: [Conflict; 4] = [
    Conflict::Rename,
    Conflict::Overwrite,
    Conflict::Skip,
    Conflict::Newer,
];

#[test]
fn a_rehearsal_counts_what_the_restore_does() {
    for conflict in CONFLICTS {
        for (delete, verify) in [(false, false), (false, true), (true, false), (true, true)] {
            let world = entangled();
            let mut options = RestoreOptions {
                delete: delete.then(Keep::default),
                dry_run: true,
                verify,
                ..with(&world, conflict)
            };
            let before = tree(&world.at("out"));
            let (rehearsed, done) = (Refused::default(), Refused::default());
            let first = world.try_restore(&options, &rehearsed).unwrap();
            assert_eq!(tree(&world.at("out")), before);
            options.dry_run = false;
            let second = world.try_restore(&options, &done).unwrap();
            let case = format!("{conflict:?}, delete {delete}, verify {verify}");
            assert_eq!(first, second, "{case}");
            let subjects = |refused: &Refused| {
                let warnings = refused.0.lock().unwrap();
                let subjects = warnings.iter().map(|warning| warning.subject.clone());
                subjects.collect::<BTreeSet<_>>()
            };
            assert_eq!(subjects(&rehearsed), subjects(&done), "{case}");
        }
    }
}

fn tree(folder: &Path) -> String {
    let out = std::process::Command::new("ls")
        .arg("-lRa")
        .arg(folder)
        .output();
    String::from_utf8(out.unwrap().stdout).unwrap()
}

#[test]
fn what_was_put_beside_is_not_put_there_again() {
    for verify in [false, true] {
        let world = entangled();
        let options = RestoreOptions {
            verify,
            ..with(&world, Conflict::Rename)
        };
        let first = world.try_restore(&options, &Refused::default()).unwrap();
        assert!(first.files > 0);
        let after = tree(&world.at("out"));
        for beside in [
            "other.restored-1",
            "file.restored-1",
            "file there.restored-1/in",
        ] {
            assert!(world.at("out").join(beside).exists(), "{beside}");
        }
        for single in ["same", "same link", "pipe"] {
            let beside = format!("{single}.restored-1");
            assert!(
                world.at("out").join(&beside).symlink_metadata().is_err(),
                "{beside}"
            );
        }
        let second = world.try_restore(&options, &Refused::default()).unwrap();
        assert_eq!((second.files, second.others), (0, 0));
        assert_eq!(tree(&world.at("out")), after);
        // What is other than the snapshot has it, is not what was put there.
        write(&world.at("out/other.restored-1"), b"mine now");
        world.try_restore(&options, &Refused::default()).unwrap();
        assert_eq!(
            fs::read(world.at("out/other.restored-1")).unwrap(),
            b"mine now"
        );
        assert_eq!(
            fs::read(world.at("out/other.restored-2")).unwrap(),
            b"other"
        );
    }
}

#[test]
fn where_everything_is_read_the_same_length_and_time_are_not_the_same_file() {
    let world = World::new();
    write(&world.at("out/a"), b"b");
    let time = fs::metadata(world.at("source/a"))
        .unwrap()
        .modified()
        .unwrap();
    fs::File::open(world.at("out/a"))
        .unwrap()
        .set_modified(time)
        .unwrap();
    world.restore(&with(&world, Conflict::Rename), &Told::default());
    assert_eq!(fs::read(world.at("out/a")).unwrap(), b"b");
    assert_eq!(fs::read(world.at("out/a.restored-1")).unwrap(), b"a");
}

/// A file with three names, one of them in another folder.
fn three_names() -> World {
    let world = World::new();
    write(&world.at("source/name 1"), b"of three");
    fs::create_dir_all(world.at("source/sub")).unwrap();
    for name in ["source/name 2", "source/sub/name 3"] {
        fs::hard_link(world.at("source/name 1"), world.at(name)).unwrap();
    }
    world.setup.backup(&world.at("source")).unwrap();
    world
}

const NAMES: [&str; 3] = ["source/name 1", "source/name 2", "source/sub/name 3"];

/// Restores in place, and compares with what a rehearsal said.
fn in_place(world: &World, on_conflict: Conflict, verify: bool) -> RestoreSummary {
    let options = RestoreOptions {
        place: RestorePlace::Original,
        dry_run: true,
        verify,
        ..with(world, on_conflict)
    };
    let rehearsed = world.restore(&options, &Told::default());
    let options = RestoreOptions {
        dry_run: false,
        ..options
    };
    let done = world.restore(&options, &Told::default());
    assert_eq!(rehearsed, done, "{on_conflict:?}, verify {verify}");
    done
}

fn inodes(world: &World, names: &[&str]) -> BTreeSet<u64> {
    let ino = |name: &&str| fs::metadata(world.at(name)).unwrap().ino();
    names.iter().map(ino).collect()
}

#[test]
fn names_of_one_file_stay_names_of_one_file() {
    for (on_conflict, verify) in CONFLICTS.into_iter().flat_map(|c| [(c, false), (c, true)]) {
        for missing in [
            &NAMES[..1],
            &NAMES[1..2],
            &NAMES[2..],
            &NAMES[..2],
            &NAMES[1..],
            &[],
        ] {
            let world = three_names();
            let before = inodes(&world, &NAMES);
            for name in missing {
                fs::remove_file(world.at(name)).unwrap();
            }
            in_place(&world, on_conflict, verify);
            let case = format!("{on_conflict:?}, verify {verify}, {missing:?}");
            let after = inodes(&world, &NAMES);
            assert_eq!(after.len(), 1, "{case}");
            let is_written_anew =
                on_conflict == Conflict::Overwrite && (verify || missing.contains(&NAMES[0]));
            assert_eq!(after != before, is_written_anew, "{case}");
            let found = files(&world.at("source"));
            assert_eq!(found.len(), 5, "{case}: {:?}", found.keys());
        }
    }
}

#[test]
fn names_of_one_file_that_was_changed_come_back_as_names_of_one_file() {
    let world = three_names();
    write(&world.at(NAMES[1]), b"changed, through one of them");
    in_place(&world, Conflict::Overwrite, false);
    assert_eq!(inodes(&world, &NAMES).len(), 1);
    assert_eq!(fs::read(world.at(NAMES[2])).unwrap(), b"of three");
    assert!(!world.at("source").join(temporary_name()).exists());

    write(&world.at(NAMES[1]), b"changed again");
    in_place(&world, Conflict::Rename, false);
    let beside = NAMES.map(|name| format!("{name}.restored-1"));
    let beside = beside.each_ref().map(String::as_str);
    assert_eq!(inodes(&world, &beside).len(), 1);
    assert_eq!(fs::read(world.at(NAMES[2])).unwrap(), b"changed again");
    let again = in_place(&world, Conflict::Rename, false);
    assert_eq!((again.files, again.others), (0, 0));

    // Each a file of its own, as other programs leave them.
    let world = three_names();
    for name in &NAMES[1..] {
        fs::remove_file(world.at(name)).unwrap();
        let copied = std::process::Command::new("cp")
            .arg("-p")
            .args([world.at(NAMES[0]), world.at(name)])
            .status();
        assert!(copied.unwrap().success());
    }
    in_place(&world, Conflict::Skip, false);
    assert_eq!(inodes(&world, &NAMES).len(), 3);
    in_place(&world, Conflict::Overwrite, false);
    assert_eq!(inodes(&world, &NAMES).len(), 1);
}

#[test]
fn a_name_is_not_given_to_a_file_that_only_looks_the_same() {
    let world = three_names();
    let time = fs::metadata(world.at(NAMES[0]))
        .unwrap()
        .modified()
        .unwrap();
    write(&world.at(NAMES[0]), b"OF THREE");
    let file = fs::File::options().write(true).open(world.at(NAMES[0]));
    file.unwrap().set_modified(time).unwrap();
    for missing in [NAMES[1], NAMES[0]] {
        fs::remove_file(world.at(missing)).unwrap();
        world.restore(
            &RestoreOptions {
                place: RestorePlace::Original,
                verify: false,
                ..with(&world, Conflict::Skip)
            },
            &Told::default(),
        );
        assert_eq!(fs::read(world.at(missing)).unwrap(), b"of three");
    }
}

#[test]
fn owner_and_mode_come_back_where_files_are_replaced() {
    let world = World::new();
    set_mode(&world.at("source/a"), 0o640);
    symlink("a", world.at("source/link")).unwrap();
    world.setup.backup(&world.at("source")).unwrap();
    let spoil = || {
        set_mode(&world.at("source/a"), 0o777);
        let is_given = ["source/sub/b", "source/link"]
            .map(|name| std::os::unix::fs::lchown(world.at(name), Some(5), Some(5)).is_ok());
        is_given[0]
    };
    let is_given = spoil();
    for kept in [Conflict::Rename, Conflict::Skip, Conflict::Newer] {
        assert_eq!(in_place(&world, kept, false).files, 0);
        assert_eq!(mode(&world.at("source/a")), 0o777);
    }
    let done = in_place(&world, Conflict::Overwrite, false);
    let expected = if is_given { (2, 1) } else { (1, 0) };
    assert_eq!((done.files, done.others), expected);
    assert_eq!(mode(&world.at("source/a")), 0o640);
    let me = fs::metadata(world.at("source/sub")).unwrap().uid();
    for name in ["source/a", "source/sub/b", "source/link"] {
        let owner = world.at(name).symlink_metadata().unwrap().uid();
        assert_eq!(owner, me, "{name}");
    }
    let again = in_place(&world, Conflict::Overwrite, false);
    assert_eq!((again.files, again.others), (0, 0));
    let listed = std::process::Command::new("setfacl")
        .args(["-m", "u:12345:r"])
        .arg(world.at("source/a"))
        .status();
    if listed.is_ok_and(|status| status.success()) {
        set_mode(&world.at("source/a"), 0o640);
        assert_eq!(in_place(&world, Conflict::Overwrite, false).files, 1);
    }
}

#[test]
fn nothing_is_restored_into_a_folder_that_is_closed() {
    let world = World::new();
    for dry_run in [true, false] {
        for (to, closed) in [
            ("out", "out"),
            ("out/below", "out"),
            ("out/sub/x", "out/sub"),
        ] {
            fs::create_dir_all(world.at(closed)).unwrap();
            let options = RestoreOptions {
                closed: vec![world.at(closed)],
                dry_run,
                ..restore_options(&world.at(to))
            };
            let refused = world.try_restore(&options, &Told::default());
            assert!(
                matches!(refused, Err(EngineError::ClosedTarget { .. })),
                "{to}: {refused:?}"
            );
        }
        let options = RestoreOptions {
            closed: vec![world.at("out/sub"), world.at("not there")],
            dry_run,
            ..restore_options(&world.at("out"))
        };
        let refused = Refused::default();
        let summary = world.try_restore(&options, &refused).unwrap();
        assert_eq!((summary.files, summary.failed), (1, 1));
        assert_eq!(refused.0.lock().unwrap().len(), 1);
        assert!(!world.at("out/sub/b").exists());
    }
}

#[test]
fn nothing_is_restored_into_an_archive_wherever_it_is() {
    let world = World::new();
    let id = ArchiveId([7; 16]);
    write(&world.at(&format!("source/{id}/note")), b"note");
    world.setup.backup(&world.at("source")).unwrap();
    let options = RestoreOptions {
        closed_archives: vec![id],
        ..restore_options(&world.at("out"))
    };
    // A folder that only has such a name is like any other one.
    let summary = world.restore(&options, &Told::default());
    assert_eq!((summary.files, summary.failed), (3, 0));
    fs::remove_file(world.at(&format!("out/{id}/note"))).unwrap();
    fs::create_dir(world.at(&format!("out/{id}/log"))).unwrap();
    for dry_run in [true, false] {
        let options = RestoreOptions {
            dry_run,
            ..options.clone()
        };
        let refused = Refused::default();
        let summary = world.try_restore(&options, &refused).unwrap();
        assert_eq!(summary.failed, 1);
        let below = RestoreOptions {
            place: RestorePlace::Folder(world.at(&format!("out/{id}/log/below"))),
            ..options
        };
        let refused = world.try_restore(&below, &Told::default());
        assert!(matches!(refused, Err(EngineError::ClosedTarget { .. })));
    }
    assert!(!world.at(&format!("out/{id}/note")).exists());
}

/// A hole that the file has too is not read: this would take minutes.
#[test]
fn holes_that_are_there_are_not_read() {
    let world = World::new();
    let holes = |path: &Path| {
        let file = fs::File::create(path).unwrap();
        file.set_len(1 << 40).unwrap();
        let at = |offset| std::os::unix::fs::FileExt::write_all_at(&file, b"data", offset);
        at(5 << 30).and_then(|()| at(700 << 30)).unwrap();
    };
    holes(&world.at("source/holes"));
    world.setup.backup(&world.at("source")).unwrap();
    let restore = || in_place(&world, Conflict::Rename, true);
    assert_eq!(restore().files, 0);
    let file = fs::File::options()
        .write(true)
        .open(world.at("source/holes"));
    let file = file.unwrap();
    let modified = file.metadata().unwrap().modified().unwrap();
    // Something where the snapshot has a hole.
    std::os::unix::fs::FileExt::write_all_at(&file, b"x", 900 << 30).unwrap();
    file.set_modified(modified).unwrap();
    assert_eq!(restore().files, 1);
}
