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
use strongroom_engine::{EngineError, Monitor, Progress, Stop, Warning};
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
