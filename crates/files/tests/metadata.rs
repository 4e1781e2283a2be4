//! Extended attributes, access control lists, file flags, owners and times: read, restored, read again.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use strongroom_base::clock::Timestamp;
use strongroom_files::{
    ACCESS_LIST, Aspect, Dir, Extra, Metadata, Names, Owner, Place, Special, Target,
    apply_metadata, extra_of, extra_of_child,
};
use tempfile::TempDir;

const NODUMP: u32 = 0x40;
const NOATIME: u32 = 0x80;

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn target() -> (TempDir, Target) {
    let folder = TempDir::new().unwrap();
    let target = Target::open_root(folder.path()).unwrap();
    (folder, target)
}

fn me() -> Owner {
    Owner {
        uid: rustix::process::geteuid().as_raw(),
        gid: rustix::process::getegid().as_raw(),
    }
}

fn metadata(extra: &Extra) -> Metadata<'_> {
    Metadata {
        mode: 0o440,
        owner: Some(me()),
        mtime: Timestamp::from_parts(1_600_000_000, 123_456_789),
        extra,
    }
}

fn read_file(dir: &Dir, name: &[u8]) -> Extra {
    let stat = dir.stat_child(name).unwrap();
    extra_of(&dir.open_file(name, &stat).unwrap()).unwrap()
}

fn pairs(list: &[(&str, &[u8])]) -> Vec<(Vec<u8>, Vec<u8>)> {
    list.iter()
        .map(|(name, value)| (name.as_bytes().to_vec(), value.to_vec()))
        .collect()
}

#[test]
fn attributes_flags_mode_and_time_come_back() {
    let (_folder, target) = target();
    let large = vec![7; 3000];
    let mut xattrs = vec![
        ("user.a", &b""[..]),
        ("user.b", &large),
        ("user.c\n", b"\0\xff"),
    ];
    if is_root() {
        xattrs.insert(0, ("trusted.t", b"root"));
    }
    let extra = Extra {
        flags: NODUMP | NOATIME,
        xattrs: pairs(&xattrs),
        unread: Vec::new(),
    };
    let file = target.create_file(b"file").unwrap();
    file.write_at(b"content", 0).unwrap();
    let failed = apply_metadata(Place::File(&file), &metadata(&extra));
    assert!(failed.is_empty(), "{failed:?}");
    let found = read_file(target.dir(), b"file");
    assert_eq!(found.xattrs, extra.xattrs);
    assert_eq!(found.flags, extra.flags);
    assert!(found.unread.is_empty());
    let stat = target.dir().stat_child(b"file").unwrap();
    assert_eq!(stat.mode, 0o440);
    assert_eq!(
        stat.mtime(),
        Timestamp::from_parts(1_600_000_000, 123_456_789)
    );

    let folder = target.make_dir(b"folder").unwrap().0;
    let failed = apply_metadata(Place::Folder(&folder), &metadata(&extra));
    assert!(failed.is_empty(), "{failed:?}");
    let found = extra_of(folder.dir()).unwrap();
    assert_eq!((found.flags, found.xattrs), (extra.flags, extra.xattrs));
}

#[test]
fn what_has_nothing_reads_as_nothing() {
    let (folder, target) = target();
    target.create_file(b"file").unwrap();
    assert!(read_file(target.dir(), b"file").is_empty());
    assert!(extra_of(target.dir()).unwrap().is_empty());
    symlink("file", folder.path().join("link")).unwrap();
    assert!(extra_of_child(target.dir(), b"link").unwrap().is_empty());
    let process = Dir::open_root("/proc/self".as_ref()).unwrap();
    assert!(extra_of(&process).unwrap().is_empty());
    assert!(
        extra_of_child(target.dir(), b"absent")
            .unwrap_err()
            .is_gone()
    );
    assert!(extra_of_child(target.dir(), b"../file").is_err());
}

#[test]
fn times_of_every_kind_of_entry_reach_far() {
    let (_folder, target) = target();
    let extra = Extra::default();
    target.create_symlink(b"link", b"nowhere").unwrap();
    target.create_special(b"fifo", Special::Fifo).unwrap();
    target.create_special(b"socket", Special::Socket).unwrap();
    let kept = [
        (-1, 999_999_999),
        (-2_000_000_000, 1),
        (0, 0),
        (9_000_000_000, 5),
    ];
    for (seconds, nanoseconds) in kept {
        let mtime = Timestamp::from_parts(seconds, nanoseconds);
        let metadata = Metadata {
            mtime,
            ..metadata(&extra)
        };
        for name in [&b"link"[..], b"fifo", b"socket"] {
            let failed = apply_metadata(Place::Entry(target.dir(), name), &metadata);
            assert!(failed.is_empty(), "{failed:?}");
            let stat = target.dir().stat_child(name).unwrap();
            assert_eq!(stat.mtime(), mtime);
        }
    }
    assert_eq!(target.dir().stat_child(b"fifo").unwrap().mode, 0o440);
    // Not every file system reaches this year; one that does not must not pass in silence.
    let mtime = Timestamp::from_parts(20_000_000_000, 1);
    let far = Metadata {
        mtime,
        ..metadata(&extra)
    };
    let failed = apply_metadata(Place::Entry(target.dir(), b"fifo"), &far);
    let kept = target.dir().stat_child(b"fifo").unwrap().mtime() == mtime;
    assert_eq!(failed.is_empty(), kept, "{failed:?}");
    for mtime in [Timestamp(i128::MAX), Timestamp(i128::MIN)] {
        let metadata = Metadata {
            mtime,
            ..metadata(&extra)
        };
        let failed = apply_metadata(Place::Entry(target.dir(), b"link"), &metadata);
        assert_eq!(failed.len(), 1);
        assert_eq!(failed[0].aspect, Aspect::Mtime);
    }
}

#[test]
fn links_are_not_followed_when_metadata_is_applied() {
    let (folder, target) = target();
    let outside = TempDir::new().unwrap();
    let victim = outside.path().join("victim");
    File::create(&victim).unwrap();
    fs::set_permissions(&victim, fs::Permissions::from_mode(0o600)).unwrap();
    let before = Dir::open_root(outside.path())
        .unwrap()
        .stat_child(b"victim")
        .unwrap();
    symlink(&victim, folder.path().join("link")).unwrap();
    let extra = Extra {
        flags: NODUMP,
        xattrs: pairs(&[("trusted.t", b"x")]),
        unread: Vec::new(),
    };
    let owner = Some(Owner {
        uid: 1234,
        gid: 1234,
    });
    let metadata = Metadata {
        mode: 0o777,
        owner,
        ..metadata(&extra)
    };
    let failed = apply_metadata(Place::Entry(target.dir(), b"link"), &metadata);
    assert!(failed.iter().any(|failed| failed.aspect == Aspect::Flags));
    let after = Dir::open_root(outside.path())
        .unwrap()
        .stat_child(b"victim")
        .unwrap();
    assert_eq!(before, after);
    if is_root() {
        assert_eq!(failed.len(), 1, "{failed:?}");
        let found = extra_of_child(target.dir(), b"link").unwrap();
        assert_eq!(found.xattrs, extra.xattrs);
        assert_eq!(target.dir().stat_child(b"link").unwrap().uid, 1234);
    }
    let climbing = apply_metadata(Place::Entry(target.dir(), b"../x"), &metadata);
    assert_eq!(climbing[0].aspect, Aspect::Everything);
}

#[test]
fn access_control_lists_come_back_and_inherited_ones_go() {
    let (folder, target) = target();
    let source = folder.path().join("source");
    File::create(&source).unwrap();
    let set = |arguments: &[&str]| {
        let status = Command::new("setfacl")
            .args(arguments)
            .arg(&source)
            .status();
        status.is_ok_and(|status| status.success())
    };
    if !set(&["-m", "u:12345:r,g:54321:rw"]) {
        return;
    }
    let extra = read_file(target.dir(), b"source");
    assert_eq!(extra.xattrs.len(), 1);
    assert_eq!(extra.xattrs[0].0, b"system.posix_acl_access");
    let stat = target.dir().stat_child(b"source").unwrap();
    let metadata = Metadata {
        mode: stat.mode,
        ..metadata(&extra)
    };
    let file = target.create_file(b"file").unwrap();
    assert!(apply_metadata(Place::File(&file), &metadata).is_empty());
    assert_eq!(read_file(target.dir(), b"file").xattrs, extra.xattrs);
    assert_eq!(target.dir().stat_child(b"file").unwrap().mode, stat.mode);

    let status = Command::new("setfacl")
        .args(["-d", "-m", "u:12345:rwx"])
        .arg(folder.path())
        .status();
    assert!(status.unwrap().success());
    let defaults = extra_of(target.dir()).unwrap();
    assert_eq!(defaults.xattrs[0].0, b"system.posix_acl_default");
    let plain = target.create_file(b"plain").unwrap();
    let inner = target.make_dir(b"inner").unwrap().0;
    let nothing = Extra::default();
    let metadata = Metadata {
        mode: 0o777,
        extra: &nothing,
        ..metadata
    };
    assert!(apply_metadata(Place::File(&plain), &metadata).is_empty());
    assert!(apply_metadata(Place::Folder(&inner), &metadata).is_empty());
    assert!(read_file(target.dir(), b"plain").is_empty());
    assert!(extra_of(inner.dir()).unwrap().is_empty());
}

#[test]
fn without_its_access_control_list_a_file_is_not_open_to_its_group() {
    let (_folder, target) = target();
    // What a user may is in it without a mask, so no system takes it. The mode has the mask.
    let mut list = 2_u32.to_le_bytes().to_vec();
    for (tag, may) in [(0x01_u16, 6_u16), (0x02, 6), (0x04, 0), (0x20, 0)] {
        list.extend(tag.to_le_bytes());
        list.extend(may.to_le_bytes());
        list.extend(12_345_u32.to_le_bytes());
    }
    let extra = Extra {
        xattrs: vec![(ACCESS_LIST.to_vec(), list)],
        ..Extra::default()
    };
    let metadata = Metadata {
        mode: 0o660,
        ..metadata(&extra)
    };
    let file = target.create_file(b"file").unwrap();
    let failed = apply_metadata(Place::File(&file), &metadata);
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!(failed[0].aspect, Aspect::Xattr(ACCESS_LIST.to_vec()));
    assert_eq!(target.dir().stat_child(b"file").unwrap().mode, 0o600);
}

/// What a folder hands down, it hands down to folders that are made in it, too.
#[test]
fn what_a_new_folder_hands_down_goes() {
    let (folder, target) = target();
    let extra = Extra::default();
    let check = |name: &[u8], owner: Owner| {
        let inner = target.make_dir(name).unwrap().0;
        let file = inner.create_file(b"file").unwrap();
        let metadata = Metadata {
            owner: Some(owner),
            ..metadata(&extra)
        };
        assert!(apply_metadata(Place::File(&file), &metadata).is_empty());
        assert!(read_file(inner.dir(), b"file").is_empty());
        let stat = inner.dir().stat_child(b"file").unwrap();
        assert_eq!((stat.uid, stat.gid), (owner.uid, owner.gid));
        assert_eq!(stat.mode, 0o440);
        extra_of(inner.dir()).unwrap()
    };
    assert!(check(b"nothing", me()).is_empty());
    if is_root() {
        let (uid, gid) = (1234, 4321);
        check(b"others", Owner { uid, gid });
        rustix::fs::chown(folder.path(), None, Some(rustix::fs::Gid::from_raw(4321))).unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o2755)).unwrap();
        check(b"group", me());
    }
    let flags = Extra {
        flags: NODUMP,
        ..Extra::default()
    };
    apply_metadata(
        Place::Folder(&target),
        &Metadata {
            mode: 0o755,
            ..metadata(&flags)
        },
    );
    if !extra_of(target.dir()).unwrap().is_empty() {
        assert!(!check(b"flags", me()).is_empty());
    }
    let status = Command::new("setfacl")
        .args(["-d", "-m", "u:12345:rwx"])
        .arg(folder.path())
        .status();
    if status.is_ok_and(|status| status.success()) {
        assert!(!check(b"list", me()).is_empty());
    }
}

#[test]
fn rights_of_an_owner_are_not_lent_without_the_owner() {
    let (_folder, target) = target();
    let extra = Extra::default();
    let unknown = Some(Owner {
        uid: u32::MAX,
        gid: me().gid,
    });
    for (name, owner, mode) in [
        (&b"owned"[..], Some(me()), 0o6755),
        (b"nobody's", None, 0o755),
        (b"half", unknown, 0o2755),
    ] {
        let file = target.create_file(name).unwrap();
        let metadata = Metadata {
            mode: 0o6755,
            owner,
            ..metadata(&extra)
        };
        let failed = apply_metadata(Place::File(&file), &metadata);
        assert_eq!(target.dir().stat_child(name).unwrap().mode, mode);
        let reported = failed
            .iter()
            .any(|failed| failed.aspect == Aspect::SetIdBits);
        assert_eq!(reported, mode != 0o6755);
    }
    let folder = target.make_dir(b"folder").unwrap().0;
    let metadata = Metadata {
        mode: 0o3775,
        owner: None,
        ..metadata(&extra)
    };
    assert!(apply_metadata(Place::Folder(&folder), &metadata).is_empty());
    assert_eq!(folder.dir().stat().unwrap().mode, 0o3775);
}

#[test]
fn an_entry_that_is_not_open_gets_its_metadata_too() {
    let (_folder, target) = target();
    drop(target.create_file(b"file").unwrap());
    let extra = Extra {
        flags: NODUMP,
        xattrs: pairs(&[("user.a", b"x")]),
        unread: Vec::new(),
    };
    let failed = apply_metadata(Place::Entry(target.dir(), b"file"), &metadata(&extra));
    assert!(failed.is_empty(), "{failed:?}");
    let found = read_file(target.dir(), b"file");
    assert_eq!((found.flags, found.xattrs), (extra.flags, extra.xattrs));
    assert_eq!(target.dir().stat_child(b"file").unwrap().mode, 0o440);
}

#[test]
fn what_cannot_be_applied_is_reported_and_the_rest_is_done() {
    let (_folder, target) = target();
    let long = format!("user.{}", "n".repeat(300));
    let extra = Extra {
        flags: 0,
        xattrs: pairs(&[
            ("", b"x"),
            ("nonsense", b"x"),
            ("user.\0", b"x"),
            (&long, b"x"),
            ("user.ok", b"x"),
        ]),
        unread: Vec::new(),
    };
    let file = target.create_file(b"file").unwrap();
    let failed = apply_metadata(Place::File(&file), &metadata(&extra));
    assert_eq!(failed.len(), 4, "{failed:?}");
    assert_eq!(
        read_file(target.dir(), b"file").xattrs,
        pairs(&[("user.ok", b"x")])
    );
    assert_eq!(target.dir().stat_child(b"file").unwrap().mode, 0o440);
}

#[test]
fn names_win_over_numbers_where_they_are_known() {
    let names = Names::new();
    let owner = Owner { uid: 77, gid: 78 };
    let found = owner.by_name(&names, Some(b"root"), Some(b"no such group, surely"));
    assert_eq!(found, Owner { uid: 0, gid: 78 });
    assert_eq!(owner.by_name(&names, None, None), owner);
}
