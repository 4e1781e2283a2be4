//! Making and removing entries below a folder in which somebody else has planted things.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{FileTypeExt, MetadataExt, symlink};
use std::process::Command;

use strongroom_base::{Class, Classified};
use strongroom_files::{Error, Extent, Kind, Special, Target};
use tempfile::TempDir;

fn target() -> (TempDir, Target) {
    let folder = TempDir::new().unwrap();
    let target = Target::open_root(folder.path()).unwrap();
    (folder, target)
}

/// Everything that can be made, under one name.
fn attempts(target: &Target, name: &[u8]) -> Vec<Error> {
    let file = target.create_file(b"a file").or_else(|_| {
        target.remove(b"a file")?;
        target.create_file(b"a file")
    });
    drop(file.unwrap());
    [
        target.create_file(name).err(),
        target.create_symlink(name, b"text").err(),
        target.create_special(name, Special::Fifo).err(),
        target.create_hard_link(name, target, b"a file").err(),
    ]
    .into_iter()
    .map(Option::unwrap)
    .collect()
}

#[test]
fn every_kind_of_entry_is_made() {
    let (folder, target) = target();
    let inner = target.make_dir(b"inner").unwrap().0;
    inner
        .create_file(b"file\n\xff")
        .unwrap()
        .write_at(b"abc", 2)
        .unwrap();
    target.create_symlink(b"link", b"/nowhere/\xff").unwrap();
    target
        .create_hard_link(b"second", &inner, b"file\n\xff")
        .unwrap();
    target.create_special(b"fifo", Special::Fifo).unwrap();
    assert_eq!(fs::read(folder.path().join("second")).unwrap(), b"\0\0abc");
    assert_eq!(target.dir().read_link(b"link").unwrap(), b"/nowhere/\xff");
    assert!(
        fs::metadata(folder.path().join("fifo"))
            .unwrap()
            .file_type()
            .is_fifo()
    );
    assert_eq!(target.dir().stat_child(b"second").unwrap().nlink, 2);
    for name in [&b"inner"[..], b"second", b"fifo"] {
        assert_eq!(target.dir().stat_child(name).unwrap().mode & 0o077, 0);
    }
    target.replace(b"second", b"fifo").unwrap();
    assert_eq!(target.dir().stat_child(b"fifo").unwrap().kind, Kind::File);
    assert!(
        target
            .open_below([&b"inner"[..]])
            .unwrap()
            .dir()
            .stat_child(b"file\n\xff")
            .is_ok()
    );
}

#[test]
fn devices_are_made_by_root_and_refused_to_others() {
    let (folder, target) = target();
    let null = Special::CharDevice { major: 1, minor: 3 };
    let far = Special::BlockDevice {
        major: 4095,
        minor: 1_048_575,
    };
    if rustix::process::geteuid().is_root() {
        target.create_special(b"null", null).unwrap();
        target.create_special(b"far", far).unwrap();
        assert_eq!(target.dir().stat_child(b"null").unwrap().rdev, (1, 3));
        assert_eq!(
            target.dir().stat_child(b"far").unwrap().rdev,
            (4095, 1_048_575)
        );
        assert!(fs::read(folder.path().join("null")).unwrap().is_empty());
    } else {
        let error = target.create_special(b"null", null).unwrap_err();
        assert!(matches!(error, Error::NeedsPrivilege { .. }));
        assert_eq!(error.class(), Class::Caller);
    }
    let absurd = Special::CharDevice {
        major: u32::MAX,
        minor: u32::MAX,
    };
    assert!(target.create_special(b"absurd", absurd).is_err());
}

#[test]
fn holes_are_restored_as_holes() {
    let (folder, target) = target();
    let file = target.create_file(b"sparse").unwrap();
    file.write_at(&[9; 4096], 1 << 20).unwrap();
    file.set_len(1 << 30).unwrap();
    file.sync().unwrap();
    assert!(fs::metadata(folder.path().join("sparse")).unwrap().blocks() < 64);
    let stat = target.dir().stat_child(b"sparse").unwrap();
    let open = target.dir().open_file(b"sparse", &stat).unwrap();
    let extents = open.extents(stat.size).unwrap();
    let data = Extent::Data {
        offset: 1 << 20,
        len: 4096,
    };
    assert_eq!((extents.len(), extents[1]), (3, data));
}

#[test]
fn unsafe_names_make_nothing() {
    let (folder, target) = target();
    for name in [&b""[..], b".", b"..", b"/tmp/x", b"a/b", b"../x", b"x\0y"] {
        for error in attempts(&target, name) {
            assert!(matches!(error, Error::UnsafeName { .. }), "{error}");
        }
        assert!(matches!(
            target.make_dir(name).map(|(made, _)| made),
            Err(Error::UnsafeName { .. })
        ));
        assert!(matches!(target.remove(name), Err(Error::UnsafeName { .. })));
        assert!(matches!(
            target.replace(b"a file", name),
            Err(Error::UnsafeName { .. })
        ));
        assert!(matches!(
            target.replace(name, b"y"),
            Err(Error::UnsafeName { .. })
        ));
        let linked = target.create_hard_link(b"z", &target, name);
        assert!(matches!(linked, Err(Error::UnsafeName { .. })));
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn nothing_is_written_through_planted_links() {
    let (folder, target) = target();
    let outside = TempDir::new().unwrap();
    fs::create_dir(outside.path().join("deep")).unwrap();
    let victim = outside.path().join("victim");
    File::create(&victim)
        .unwrap()
        .write_all(b"precious")
        .unwrap();
    symlink(outside.path(), folder.path().join("sub")).unwrap();
    symlink(&victim, folder.path().join("file")).unwrap();
    symlink(outside.path().join("new"), folder.path().join("dangling")).unwrap();
    assert!(target.make_dir(b"sub").is_err());
    assert!(target.open_child(b"sub").is_err());
    assert!(target.open_below([&b"sub"[..], b"deep"]).is_err());
    for name in [&b"file"[..], b"dangling", b"sub"] {
        for error in attempts(&target, name) {
            assert!(error.is_taken(), "{error}");
        }
    }
    target.create_hard_link(b"copy", &target, b"file").unwrap();
    assert_eq!(
        target.dir().stat_child(b"copy").unwrap().kind,
        Kind::Symlink
    );
    assert_eq!(fs::read(&victim).unwrap(), b"precious");
    assert_eq!(fs::metadata(&victim).unwrap().nlink(), 1);
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 2);
    assert_eq!(
        fs::read_dir(outside.path().join("deep")).unwrap().count(),
        0
    );
}

#[test]
fn removing_takes_trees_but_not_what_links_lead_to() {
    let (folder, target) = target();
    let outside = TempDir::new().unwrap();
    fs::create_dir(outside.path().join("kept")).unwrap();
    let tree = target.make_dir(b"tree").unwrap().0;
    for name in [&b"b"[..], b"a", b"c\xff"] {
        let inner = tree.make_dir(name).unwrap().0;
        inner.make_dir(b"empty").unwrap();
        inner.create_file(b"file").unwrap();
        inner.create_special(b"fifo", Special::Fifo).unwrap();
        let path = outside.path().as_os_str().as_encoded_bytes();
        inner.create_symlink(b"link", path).unwrap();
    }
    symlink(outside.path(), folder.path().join("link")).unwrap();
    target.remove(b"tree").unwrap();
    target.remove(b"link").unwrap();
    target.create_file(b"file").unwrap();
    target.remove(b"file").unwrap();
    assert!(target.dir().names().unwrap().is_empty());
    assert!(outside.path().join("kept").exists());
    assert!(target.remove(b"file").unwrap_err().is_gone());
}

#[test]
fn a_tree_deeper_than_open_files_or_paths_allow_is_removed() {
    const DEPTH: usize = 1500;
    let (_folder, target) = target();
    let mut here = target.make_dir(b"deep").unwrap().0;
    for _ in 0..DEPTH {
        here = here.make_dir(b"one more level").unwrap().0;
    }
    here.create_file(b"bottom").unwrap();
    target.remove(b"deep").unwrap();
    assert!(target.dir().names().unwrap().is_empty());
}

#[test]
fn another_file_system_is_not_emptied() {
    let (folder, target) = target();
    let inner = target.make_dir(b"tree").unwrap().0;
    inner.make_dir(b"mounted").unwrap();
    let mounted = folder.path().join("tree/mounted");
    let mount = Command::new("mount")
        .args(["-t", "tmpfs", "none"])
        .arg(&mounted)
        .output();
    if !mount.is_ok_and(|mount| mount.status.success()) {
        return;
    }
    File::create(mounted.join("kept")).unwrap();
    let (whole, inside) = (target.remove(b"tree"), inner.remove(b"mounted"));
    let kept = mounted.join("kept").exists();
    let unmounted = Command::new("umount").arg(&mounted).status().unwrap();
    assert!(unmounted.success());
    assert!(kept);
    assert!(matches!(whole, Err(Error::MountPoint { .. })));
    assert!(matches!(inside, Err(Error::MountPoint { .. })));
}
