//! Restoring to where something is already: what stays, what gets its metadata, what is deleted.
#![allow(clippy::unwrap_used, reason = "a test stops where something fails")]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use common::{Setup, restore_options, write};
use strongroom_crypto::suite::Suite;
use strongroom_engine::backup::Excludes;
use strongroom_engine::restore::{
    Conflict, Keep, RestoreOptions, RestorePlace, RestoreSummary, restore,
};
use strongroom_engine::{Monitor, Progress, Stop, Warning};
use strongroom_store::Memory;

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

struct World {
    setup: Setup,
    folder: tempfile::TempDir,
}

impl World {
    /// An archive of a folder with a file and a folder with a file.
    fn new() -> Self {
        let setup = Setup::new(Suite::Aes256, vec![Arc::new(Memory::new())]);
        let folder = tempfile::tempdir().unwrap();
        let world = Self { setup, folder };
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
        let (archive, _) = self.setup.open(0).unwrap();
        let latest = archive.latest().unwrap().unwrap();
        let (progress, stop) = (Progress::default(), Stop::default());
        restore(&archive, &latest.snapshot, options, told, &progress, &stop).unwrap()
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
    let expected = [world.at("source/old"), world.at("source/sub/new")];
    assert_eq!(*told.0.lock().unwrap(), expected.clone().into());
    assert!(expected.iter().all(|path| path.exists()));
    let done = world.restore(
        &RestoreOptions {
            dry_run: false,
            ..options
        },
        &Told::default(),
    );
    assert_eq!((rehearsed.deleted, done.deleted), (2, 2));
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
