//! Listing, state and reading, on trees with every kind of entry.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::ffi::OsStr;
use std::fs::{self, File, FileTimes};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::{CWD, FileType, Mode};
use strongroom_files::{Dir, Error, Extent, Kind, Whole};
use tempfile::TempDir;

fn tree() -> (TempDir, Dir) {
    let folder = TempDir::new().unwrap();
    let dir = Dir::open_root(folder.path()).unwrap();
    (folder, dir)
}

fn below(folder: &TempDir, name: &[u8]) -> PathBuf {
    folder.path().join(OsStr::from_bytes(name))
}

fn make(path: &Path, content: &[u8]) {
    File::create(path)
        .unwrap()
        .write_all_at(content, 0)
        .unwrap();
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
fn every_kind_is_listed_and_told_apart() {
    let (folder, dir) = tree();
    let at = |name: &str| folder.path().join(name);
    make(&at("file"), b"content");
    fs::create_dir(at("directory")).unwrap();
    symlink("nowhere", at("dangling")).unwrap();
    rustix::fs::mkfifoat(CWD, at("fifo"), Mode::RUSR).unwrap();
    let _socket = UnixListener::bind(at("socket")).unwrap();
    let mut expected = vec![
        (&b"dangling"[..], Kind::Symlink),
        (b"directory", Kind::Directory),
        (b"fifo", Kind::Fifo),
        (b"file", Kind::File),
        (b"socket", Kind::Socket),
    ];
    if is_root() {
        for (name, kind, device) in [
            ("null", FileType::CharacterDevice, (1, 3)),
            ("zblock", FileType::BlockDevice, (7, 260)),
        ] {
            let device = rustix::fs::makedev(device.0, device.1);
            rustix::fs::mknodat(CWD, at(name), kind, Mode::RUSR, device).unwrap();
        }
        expected.insert(4, (b"null", Kind::CharDevice));
        expected.push((b"zblock", Kind::BlockDevice));
        assert_eq!(dir.stat_child(b"zblock").unwrap().rdev, (7, 260));
    }
    let list = dir.names().unwrap();
    let found: Vec<_> = list
        .iter()
        .map(|entry| (entry.name, entry.kind.unwrap()))
        .collect();
    assert_eq!(found, expected);
    for entry in list.iter() {
        let stat = dir.stat_child(entry.name).unwrap();
        assert_eq!(Some(stat.kind), entry.kind);
        assert_eq!(stat.ino, entry.ino);
    }
    assert_eq!(dir.read_link(b"dangling").unwrap(), b"nowhere");
}

#[test]
fn the_state_is_what_the_system_says() {
    let (folder, dir) = tree();
    let path = below(&folder, b"file");
    make(&path, &[7; 5000]);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o4751)).unwrap();
    fs::hard_link(&path, below(&folder, b"other")).unwrap();
    let stat = dir.stat_child(b"file").unwrap();
    let known = fs::metadata(&path).unwrap();
    assert_eq!((stat.mode, stat.size, stat.nlink), (0o4751, 5000, 2));
    assert_eq!((stat.uid, stat.gid), (known.uid(), known.gid()));
    assert_eq!((stat.dev, stat.ino), (known.dev(), known.ino()));
    assert_eq!(stat.blocks, known.blocks());
    assert_eq!(
        stat.mtime().to_parts().unwrap(),
        (known.mtime(), u32::try_from(known.mtime_nsec()).unwrap())
    );
    assert_eq!(
        stat.ctime().to_parts().unwrap(),
        (known.ctime(), u32::try_from(known.ctime_nsec()).unwrap())
    );
    let other = dir.stat_child(b"other").unwrap();
    assert!(other.is_unchanged_since(&stat));
    make(&below(&folder, b"third"), &[7; 5000]);
    assert!(!dir.stat_child(b"third").unwrap().is_same_entry(&stat));
}

#[test]
fn hostile_names_are_listed_and_opened() {
    let (folder, dir) = tree();
    let long = vec![b'n'; 255];
    for name in [&b"new\nline"[..], b"\xff\xfe", b"-rf", b" ", b"\x01", &long] {
        make(&below(&folder, name), name);
        let stat = dir.stat_child(name).unwrap();
        let file = dir.open_file(name, &stat).unwrap();
        let mut content = Vec::new();
        file.read_all_small(name.len(), &mut content).unwrap();
        assert_eq!(content, name);
    }
    let list = dir.names().unwrap();
    assert_eq!(list.len(), 6);
    assert_eq!(list.get(5).unwrap().name, b"\xff\xfe");
}

#[test]
fn a_directory_with_more_names_than_a_buffer_is_listed_whole_twice() {
    let (folder, dir) = tree();
    for number in 0..3000 {
        make(&folder.path().join(format!("{number:0>40}")), b"");
    }
    for _ in 0..2 {
        let list = dir.names().unwrap();
        assert_eq!(list.len(), 3000);
        assert!(
            list.iter()
                .zip(list.iter().skip(1))
                .all(|(a, b)| a.name < b.name)
        );
    }
    std::thread::scope(|scope| {
        let lists: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| dir.names().unwrap().len()))
            .collect();
        assert!(lists.into_iter().all(|list| list.join().unwrap() == 3000));
    });
}

#[test]
fn neither_links_nor_paths_are_opened() {
    let (folder, dir) = tree();
    fs::create_dir(below(&folder, b"real")).unwrap();
    make(&below(&folder, b"real/file"), b"secret");
    symlink("real", below(&folder, b"link")).unwrap();
    symlink("real/file", below(&folder, b"filelink")).unwrap();
    let real = dir.open_child(b"real").unwrap();
    let stat = real.stat_child(b"file").unwrap();
    assert!(matches!(dir.open_child(b"link"), Err(Error::Failed { .. })));
    assert!(matches!(
        dir.open_file(b"filelink", &stat),
        Err(Error::Failed { .. })
    ));
    for name in [&b".."[..], b".", b"", b"real/file", b"/etc"] {
        assert!(matches!(
            dir.open_child(name),
            Err(Error::UnsafeName { .. })
        ));
        assert!(matches!(
            dir.stat_child(name),
            Err(Error::UnsafeName { .. })
        ));
        assert!(matches!(
            dir.open_file(name, &stat),
            Err(Error::UnsafeName { .. })
        ));
    }
    assert!(dir.stat_child(b"absent").unwrap_err().is_gone());
}

#[test]
fn a_pipe_in_the_place_of_a_file_neither_blocks_nor_is_read() {
    let (folder, dir) = tree();
    make(&below(&folder, b"name"), b"x");
    let stat = dir.stat_child(b"name").unwrap();
    fs::remove_file(below(&folder, b"name")).unwrap();
    rustix::fs::mkfifoat(CWD, below(&folder, b"name"), Mode::RUSR).unwrap();
    assert!(matches!(
        dir.open_file(b"name", &stat),
        Err(Error::Replaced { .. })
    ));
    let pipe = dir.stat_child(b"name").unwrap();
    assert!(matches!(
        dir.open_file(b"name", &pipe),
        Err(Error::Replaced { .. })
    ));
}

#[test]
fn a_file_that_changes_its_length_is_noticed() {
    let (folder, dir) = tree();
    make(&below(&folder, b"file"), b"0123456789");
    let stat = dir.stat_child(b"file").unwrap();
    let file = dir.open_file(b"file", &stat).unwrap();
    let mut content = vec![1, 2, 3];
    assert_eq!(
        file.read_all_small(10, &mut content).unwrap(),
        Whole::AsExpected
    );
    assert_eq!(content, b"0123456789");
    assert_eq!(
        file.read_all_small(11, &mut content).unwrap(),
        Whole::Shorter
    );
    assert_eq!(content, b"0123456789");
    assert_eq!(file.read_all_small(4, &mut content).unwrap(), Whole::Longer);
    assert_eq!(content, b"0123");
    assert_eq!(file.read_all_small(0, &mut content).unwrap(), Whole::Longer);
    let mut part = [0; 8];
    assert_eq!(file.read_at(&mut part, 6).unwrap(), 4);
    assert_eq!(&part[..4], b"6789");
    assert!(file.stat().unwrap().is_unchanged_since(file.stat_at_open()));
    File::options()
        .append(true)
        .open(below(&folder, b"file"))
        .unwrap()
        .set_len(3)
        .unwrap();
    assert!(!file.stat().unwrap().is_unchanged_since(file.stat_at_open()));
}

#[test]
fn reading_leaves_the_time_of_access() {
    let (folder, dir) = tree();
    fs::create_dir(below(&folder, b"inner")).unwrap();
    make(&below(&folder, b"inner/file"), b"x");
    let long_ago = FileTimes::new().set_accessed(SystemTime::UNIX_EPOCH);
    for name in [&b"inner/file"[..], b"inner"] {
        File::open(below(&folder, name))
            .unwrap()
            .set_times(long_ago)
            .unwrap();
    }
    let inner = dir.open_child(b"inner").unwrap();
    assert_eq!(inner.names().unwrap().len(), 1);
    let stat = inner.stat_child(b"file").unwrap();
    let file = inner.open_file(b"file", &stat).unwrap();
    file.read_all_small(1, &mut Vec::new()).unwrap();
    for name in [&b"inner/file"[..], b"inner"] {
        assert_eq!(fs::metadata(below(&folder, name)).unwrap().atime(), 0);
    }
}

fn extents_of(prepare: impl Fn(&File)) -> Vec<Extent> {
    let (folder, dir) = tree();
    let file = File::create(below(&folder, b"file")).unwrap();
    prepare(&file);
    file.sync_all().unwrap();
    let stat = dir.stat_child(b"file").unwrap();
    dir.open_file(b"file", &stat)
        .unwrap()
        .extents(stat.size)
        .unwrap()
}

#[test]
fn holes_are_found_at_every_place() {
    const MIB: u64 = 1 << 20;
    let data = |offset, len| Extent::Data { offset, len };
    let hole = |offset, len| Extent::Hole { offset, len };
    assert_eq!(extents_of(|_| ()), []);
    assert_eq!(
        extents_of(|file| file.write_all_at(b"x", 0).unwrap()),
        [data(0, 1)]
    );
    assert_eq!(
        extents_of(|file| file.set_len(5 * MIB + 3).unwrap()),
        [hole(0, 5 * MIB + 3)]
    );
    let both = extents_of(|file| {
        file.write_all_at(&[1; 4096], MIB).unwrap();
        file.write_all_at(&[1; 4096], 2 * MIB).unwrap();
        file.set_len(3 * MIB).unwrap();
    });
    assert_eq!(
        both,
        [
            hole(0, MIB),
            data(MIB, 4096),
            hole(MIB + 4096, MIB - 4096),
            data(2 * MIB, 4096),
            hole(2 * MIB + 4096, MIB - 4096)
        ]
    );
}
