//! Restoring where somebody else plants symbolic links.
#![allow(clippy::unwrap_used, reason = "a test stops where something fails")]

mod common;

use std::fs;
use std::os::unix::fs::{MetadataExt as _, lchown, symlink};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use common::hooked::Hooked;
use common::{Setup, Warnings, noise, restore_options, write};
use strongroom_crypto::suite::Suite;
use strongroom_engine::restore::{Keep, RestoreOptions, restore};
use strongroom_engine::{EngineError, Progress, Stop};
use strongroom_store::Memory;

const SOMEBODY: u32 = 65_534;

#[test]
fn a_named_folder_is_not_reached_through_somebody_elses_link() {
    let folder = tempfile::tempdir().unwrap();
    let at = |way: &str| folder.path().canonicalize().unwrap().join(way);
    write(&at("source/a"), b"a");
    write(&at("victim/precious"), b"precious");
    fs::create_dir(at("home")).unwrap();
    let setup = Setup::new(Suite::Aes256, vec![Arc::new(Memory::new())]);
    setup.backup(&at("source")).unwrap();
    let (archive, _) = setup.open(0).unwrap();
    let snapshot = archive.latest().unwrap().unwrap().snapshot;
    let try_restore = |options: &RestoreOptions| {
        let (progress, stop) = (Progress::default(), Stop::default());
        let monitor = Warnings::default();
        restore(&archive, &snapshot, options, &monitor, &progress, &stop)
    };
    symlink(at("victim"), at("home/out")).unwrap();
    if lchown(at("home/out"), Some(SOMEBODY), None).is_err() {
        // Only root can give a link away.
        return;
    }
    for (to, dry_run) in [
        ("home/out", false),
        ("home/out/deeper", false),
        ("home/out", true),
    ] {
        let options = RestoreOptions {
            delete: Some(Keep::default()),
            dry_run,
            ..restore_options(&at(to))
        };
        let refused = try_restore(&options);
        let Err(EngineError::ForeignLink { source, .. }) = refused else {
            panic!("{to}: {refused:?}");
        };
        let uid = match source {
            strongroom_files::Error::ForeignLink { uid, .. } => uid,
            other => panic!("{other}"),
        };
        assert_eq!(uid, SOMEBODY);
        assert!(fs::read_dir(at("victim")).unwrap().count() == 1);
    }
    // One's own link leads there.
    lchown(at("home/out"), Some(0), None).unwrap();
    assert_eq!(
        try_restore(&restore_options(&at("home/out")))
            .unwrap()
            .files,
        1
    );
    assert_eq!(fs::read(at("victim/a")).unwrap(), b"a");
}

#[test]
fn a_second_name_is_of_the_file_that_was_restored_wherever_its_folder_is_now() {
    let folder = tempfile::tempdir().unwrap();
    let at: Arc<dyn Fn(&str) -> PathBuf + Send + Sync> = {
        let folder = folder.path().canonicalize().unwrap();
        Arc::new(move |way| folder.join(way))
    };
    write(&at("source/a"), &noise(1, 3_000_000));
    fs::hard_link(at("source/a"), at("source/b")).unwrap();
    write(&at("elsewhere/a"), b"of somebody else");
    let is_armed = Arc::new(OnceLock::<()>::new());
    let hook = {
        let (is_armed, at, is_done) = (is_armed.clone(), at.clone(), AtomicBool::new(false));
        move |_: &str, _: &str| {
            if is_armed.get().is_some()
                && at("out/a").exists()
                && !is_done.swap(true, Ordering::Relaxed)
            {
                fs::rename(at("out"), at("moved")).unwrap();
                symlink("elsewhere", at("out")).unwrap();
            }
            Ok(())
        }
    };
    let store = Hooked {
        inner: Arc::new(Memory::new()),
        hook: Box::new(hook),
    };
    let setup = Setup::new(Suite::Aes256, vec![Arc::new(store)]);
    setup.backup(&at("source")).unwrap();
    is_armed.set(()).unwrap();
    setup.restore_latest(0, &at("out"));
    assert!(at("out").is_symlink(), "the hook was called");
    let ino = |way: &str| fs::metadata(at(way)).unwrap().ino();
    assert_eq!(ino("moved/a"), ino("moved/b"));
    assert_eq!(fs::metadata(at("elsewhere/a")).unwrap().nlink(), 1);
}
