//! What was backed up comes back, from every destination and with every suite.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod common;

use std::os::unix::fs::{FileExt, symlink};
use std::path::Path;
use std::sync::Arc;

use common::{Setup, Warnings, differences, differences_but_times, noise, write};
use strongroom_crypto::suite::Suite;
use strongroom_engine::EngineError;
use strongroom_engine::backup::BackupOptions;
use strongroom_store::{Folder, Memory, Store};

fn make_tree(root: &Path) {
    for number in 0..300_u32 {
        let text = format!("file {number}\n").repeat(number as usize * 3);
        write(
            &root.join(format!("small/{:02}/{number}.txt", number % 17)),
            text.as_bytes(),
        );
    }
    write(&root.join("empty"), b"");
    write(&root.join("large"), &noise(1, 3_000_000));
    write(&root.join("copy of large"), &noise(1, 3_000_000));
    let sparse = std::fs::File::create(root.join("sparse")).unwrap();
    sparse.set_len(20 << 20).unwrap();
    sparse.write_all_at(&noise(2, 300_000), 5 << 20).unwrap();
    // A large file is divided among threads when it is restored, a small one is not.
    let small_sparse = std::fs::File::create(root.join("small sparse")).unwrap();
    small_sparse.set_len(3 << 20).unwrap();
    small_sparse
        .write_all_at(&noise(3, 200_000), 1 << 20)
        .unwrap();
    symlink("small/nowhere", root.join("link")).unwrap();
    std::fs::hard_link(root.join("large"), root.join("second name")).unwrap();
    std::fs::create_dir(root.join("empty folder")).unwrap();
}

fn folders(count: usize) -> (tempfile::TempDir, Vec<Arc<dyn Store>>) {
    let place = tempfile::tempdir().unwrap();
    let store = |number: usize| -> Arc<dyn Store> {
        Arc::new(Folder::create(&place.path().join(number.to_string())).unwrap())
    };
    let stores = (0..count).map(store).collect();
    (place, stores)
}

#[test]
fn every_suite_restores_what_was_there() {
    for suite in Suite::ALL {
        let source = tempfile::tempdir().unwrap();
        make_tree(source.path());
        let setup = Setup::new(suite, vec![Arc::new(Memory::new())]);
        let summary = setup.backup(source.path()).unwrap();
        assert_eq!((summary.files.new, summary.failed), (306, 0));
        let target = tempfile::tempdir().unwrap();
        let restored = setup.restore_latest(0, target.path());
        assert_eq!((restored.damaged, restored.failed), (0, 0));
        assert_eq!(differences(source.path(), target.path()), "", "{suite}");
        let report = setup.verify(0);
        assert!(report.is_clean(), "{report:?}");
    }
}

#[test]
fn three_destinations_are_the_same_byte_for_byte() {
    let source = tempfile::tempdir().unwrap();
    make_tree(source.path());
    let (place, stores) = folders(3);
    let setup = Setup::new(Suite::Aes256, stores);
    setup.backup(source.path()).unwrap();
    write(
        &source.path().join("one more"),
        b"a small change makes a small snapshot",
    );
    let summary = setup.backup(source.path()).unwrap();
    assert_eq!(summary.files.new, 1);
    assert!(summary.bytes_stored < 40_000, "{}", summary.bytes_stored);
    for other in ["1", "2"] {
        assert_eq!(
            differences_but_times(&place.path().join("0"), &place.path().join(other)),
            ""
        );
    }
    for store in 0..3 {
        let target = tempfile::tempdir().unwrap();
        setup.restore_latest(store, target.path());
        assert_eq!(differences(source.path(), target.path()), "");
    }
}

#[test]
fn what_did_not_change_is_not_read_again() {
    let source = tempfile::tempdir().unwrap();
    make_tree(source.path());
    // Old enough that nothing can have changed within the granularity of times.
    let old = std::process::Command::new("find")
        .arg(source.path())
        .args(["-exec", "touch", "-h", "-d", "2020-01-01", "{}", "+"])
        .status();
    assert!(old.unwrap().success());
    let setup = Setup::new(Suite::Aes256, vec![Arc::new(Memory::new())]);
    setup.backup(source.path()).unwrap();
    // The time of change of the inode is now, so this one reads again what it cannot be sure of.
    setup.backup(source.path()).unwrap();
    let target = tempfile::tempdir().unwrap();
    setup.restore_latest(0, target.path());
    assert_eq!(differences(source.path(), target.path()), "");
}

#[test]
fn what_no_snapshot_can_hold_is_refused_before_anything_is_written() {
    let setup = Setup::new(Suite::Aes256, vec![Arc::new(Memory::new())]);
    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<_> = (0..1_025)
        .map(|n| folder.path().join(n.to_string()))
        .collect();
    for path in &paths {
        write(path, b"");
    }
    let with_tags = |tags: Vec<String>, roots: &[std::path::PathBuf]| BackupOptions {
        roots: roots.to_vec(),
        tags,
        ..BackupOptions::default()
    };
    for unfit in [
        with_tags(Vec::new(), &paths),
        with_tags(vec!["t".repeat(256)], &paths[..1]),
        with_tags((0..65).map(|n| n.to_string()).collect(), &paths[..1]),
    ] {
        let error = setup.backup_with(&unfit, &Warnings::default()).unwrap_err();
        assert!(matches!(error, EngineError::TooMany { .. }), "{error}");
    }
    let fit = with_tags(
        (0..64).map(|n| format!("{n:0255}")).collect(),
        &paths[..1_024],
    );
    setup.backup_with(&fit, &Warnings::default()).unwrap();
    let (archive, problems) = setup.open(0).unwrap();
    assert!(problems.is_empty(), "{problems:?}");
    let latest = archive.latest().unwrap().unwrap();
    assert_eq!(latest.snapshot.roots.len(), 1_024);
}

/// Whoever writes does not wait for those who read.
#[test]
fn a_snapshot_that_comes_while_an_archive_is_open_is_not_of_it() {
    let (_folder, stores) = folders(1);
    let setup = Setup::new(Suite::Aes256, stores);
    let source = tempfile::tempdir().unwrap();
    write(&source.path().join("a"), &noise(1, 2_000));
    setup.backup(source.path()).unwrap();
    let (archive, _) = setup.open(0).unwrap();
    write(&source.path().join("b"), &noise(2, 2_000));
    setup.backup(source.path()).unwrap();
    let (snapshots, log, problems) = archive.snapshots().unwrap();
    assert_eq!(snapshots.len(), 1);
    assert_eq!(archive.latest().unwrap().unwrap().id, snapshots[0].id);
    assert!(log.problems.is_empty() && problems.is_empty());
    let (later, _) = setup.open(0).unwrap();
    assert_eq!(later.snapshots().unwrap().0.len(), 2);
}
