//! Compares two trees of files strictly, with nothing of Strongroom's own code.
//!
//! Compared are names, kinds, bytes, modes, owners, times of modification in nanoseconds, targets of links,
//! numbers of devices, which names are hard links of one another, and extended attributes (so ACLs too).

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, FileType, Metadata};
use std::io::Read;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use rustix::fs::{lgetxattr, llistxattr};
use rustix::io::Errno;

/// How much is compared at a time.
const BLOCK: u64 = 1 << 20;

/// What was compared, and what differs.
#[derive(Default)]
pub(crate) struct Comparison {
    /// Regular files on the left, hard links counted each.
    pub(crate) files: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
    /// Folders on the left, the root too.
    pub(crate) folders: u64,
    /// Everything else on the left: links, pipes, devices.
    pub(crate) others: u64,
    /// What differs, one a line.
    pub(crate) differences: Vec<String>,
}

/// Compares what is at `left` with what is at `right`, without what is at the paths `left_out`, which are
/// below `left`.
pub(crate) fn compare(left: &Path, right: &Path, left_out: &[PathBuf]) -> Result<Comparison> {
    let mut walk = Walk {
        left_out,
        first_names: [BTreeMap::new(), BTreeMap::new()],
        comparison: Comparison::default(),
    };
    walk.entry(left, right, Path::new("."))?;
    Ok(walk.comparison)
}

/// A walk through both trees.
struct Walk<'a> {
    left_out: &'a [PathBuf],
    /// For each tree the name under which a file (device, inode) was met first.
    first_names: [BTreeMap<(u64, u64), PathBuf>; 2],
    comparison: Comparison,
}

impl Walk<'_> {
    fn entry(&mut self, left: &Path, right: &Path, name: &Path) -> Result<()> {
        let here = stat(left)?;
        let there = stat(right)?;
        self.count(&here);
        self.same(
            name,
            "kind",
            &kind(here.file_type()),
            &kind(there.file_type()),
        );
        self.same(name, "mode", &octal(&here), &octal(&there));
        self.same(name, "user", &here.uid(), &there.uid());
        self.same(name, "group", &here.gid(), &there.gid());
        self.same(name, "time", &time(&here), &time(&there));
        self.same(name, "attributes", &attributes(left)?, &attributes(right)?);
        if here.file_type() != there.file_type() {
            return Ok(());
        }
        if here.is_dir() {
            return self.folder(left, right, name);
        }
        let first = [&here, &there].map(|stat| (stat.dev(), stat.ino()));
        let [ours, theirs] = [0, 1].map(|side| {
            let names = &mut self.first_names[side];
            names
                .entry(first[side])
                .or_insert_with(|| name.to_owned())
                .clone()
        });
        self.same(name, "hard link to", &ours, &theirs);
        if here.is_symlink() {
            let (ours, theirs) = (fs::read_link(left)?, fs::read_link(right)?);
            self.same(name, "link target", &ours, &theirs);
        } else if here.is_file() {
            self.same(name, "length", &here.len(), &there.len());
            if here.len() == there.len() && !same_bytes(left, right)? {
                self.differs(name, "other bytes");
            }
        } else {
            self.same(name, "device", &here.rdev(), &there.rdev());
        }
        Ok(())
    }

    fn folder(&mut self, left: &Path, right: &Path, name: &Path) -> Result<()> {
        let mut ours = names(left)?;
        ours.retain(|name| {
            let path = left.join(name);
            // Programs that listen make their sockets themselves: no backup keeps them.
            let is_socket = fs::symlink_metadata(&path).is_ok_and(|it| it.file_type().is_socket());
            !is_socket && !self.left_out.contains(&path)
        });
        let theirs = names(right)?;
        for missing in ours.difference(&theirs) {
            self.differs(&name.join(missing), "is missing on the right");
        }
        for surplus in theirs.difference(&ours) {
            self.differs(&name.join(surplus), "is on the right only");
        }
        for both in ours.intersection(&theirs) {
            self.entry(&left.join(both), &right.join(both), &name.join(both))?;
        }
        Ok(())
    }

    fn count(&mut self, stat: &Metadata) {
        if stat.is_dir() {
            self.comparison.folders += 1;
        } else if stat.is_file() {
            self.comparison.files += 1;
            self.comparison.bytes += stat.len();
        } else {
            self.comparison.others += 1;
        }
    }

    fn same<T: PartialEq + std::fmt::Debug>(
        &mut self,
        name: &Path,
        what: &str,
        here: &T,
        there: &T,
    ) {
        if here != there {
            self.differs(
                name,
                &format!("{what} {here:?}, and {there:?} on the right"),
            );
        }
    }

    fn differs(&mut self, name: &Path, how: &str) {
        let line = format!("{}: {how}", name.display());
        self.comparison.differences.push(line);
    }
}

fn stat(path: &Path) -> Result<Metadata> {
    fs::symlink_metadata(path).with_context(|| path.display().to_string())
}

fn names(folder: &Path) -> Result<BTreeSet<OsString>> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let names = entries.map(|entry| Ok(entry?.file_name()));
    names.collect()
}

fn kind(of: FileType) -> &'static str {
    match of {
        _ if of.is_file() => "file",
        _ if of.is_dir() => "folder",
        _ if of.is_symlink() => "link",
        _ if of.is_fifo() => "pipe",
        _ if of.is_socket() => "socket",
        _ if of.is_block_device() => "block device",
        _ => "character device",
    }
}

fn octal(stat: &Metadata) -> String {
    format!("{:04o}", stat.mode() & 0o7777)
}

fn time(stat: &Metadata) -> String {
    format!("{}.{:09}", stat.mtime(), stat.mtime_nsec())
}

/// The extended attributes; none where the file system has none.
fn attributes(path: &Path) -> Result<BTreeMap<OsString, Vec<u8>>> {
    let mut list = vec![0; 64 << 10];
    let len = match llistxattr(path, &mut list) {
        Err(Errno::NOTSUP) => 0,
        other => other.with_context(|| path.display().to_string())?,
    };
    let mut attributes = BTreeMap::new();
    for name in list[..len].split(|byte| *byte == 0) {
        if name.is_empty() {
            continue;
        }
        let mut value = vec![0; 64 << 10];
        let len = lgetxattr(path, OsStr::from_bytes(name), &mut value)
            .with_context(|| path.display().to_string())?;
        value.truncate(len);
        attributes.insert(OsString::from_vec(name.to_owned()), value);
    }
    Ok(attributes)
}

fn same_bytes(left: &Path, right: &Path) -> Result<bool> {
    let [mut left, mut right] = [open(left)?, open(right)?];
    let (mut here, mut there) = (Vec::new(), Vec::new());
    loop {
        here.clear();
        there.clear();
        (&mut left).take(BLOCK).read_to_end(&mut here)?;
        (&mut right).take(BLOCK).read_to_end(&mut there)?;
        if here != there {
            return Ok(false);
        }
        if here.is_empty() {
            return Ok(true);
        }
    }
}

fn open(path: &Path) -> Result<File> {
    File::open(path).with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::time::{Duration, UNIX_EPOCH};

    use rustix::fs::{XattrFlags, setxattr};
    use tempfile::TempDir;

    use super::*;

    /// A tree with fixed times.
    fn tree() -> TempDir {
        let tree = tempfile::tempdir().unwrap();
        let root = tree.path();
        fs::create_dir(root.join("sub")).unwrap();
        put(root, "a", b"alpha");
        put(root, "b", b"beta");
        fs::hard_link(root.join("a"), root.join("sub/also a")).unwrap();
        symlink("a", root.join("link")).unwrap();
        settle(root);
        tree
    }

    #[expect(clippy::disallowed_methods, reason = "a test needs no durable files")]
    fn put(root: &Path, name: &str, bytes: &[u8]) {
        fs::write(root.join(name), bytes).unwrap();
    }

    /// Gives all but the links one time.
    fn settle(root: &Path) {
        for name in ["a", "b", "sub", "."] {
            let file = File::open(root.join(name)).unwrap();
            file.set_modified(UNIX_EPOCH + Duration::new(1_000_000_000, 123))
                .unwrap();
        }
        let time = rustix::fs::Timespec {
            tv_sec: 1_000_000_000,
            tv_nsec: 123,
        };
        let times = rustix::fs::Timestamps {
            last_access: time,
            last_modification: time,
        };
        let flags = rustix::fs::AtFlags::SYMLINK_NOFOLLOW;
        rustix::fs::utimensat(rustix::fs::CWD, root.join("link"), &times, flags).unwrap();
    }

    /// What differs after a change to the copy.
    fn after(change: impl FnOnce(&Path)) -> Vec<String> {
        let (left, right) = (tree(), tree());
        change(right.path());
        compare(left.path(), right.path(), &[]).unwrap().differences
    }

    #[test]
    fn the_same_tree_is_the_same() {
        let (left, right) = (tree(), tree());
        let result = compare(left.path(), right.path(), &[]).unwrap();
        assert_eq!(result.differences, Vec::<String>::new());
        assert_eq!((result.files, result.folders, result.others), (3, 2, 1));
        assert_eq!(result.bytes, 14);
    }

    #[test]
    fn a_socket_is_nothing_that_is_missing() {
        let (left, right) = (tree(), tree());
        let socket = left.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(socket).unwrap();
        settle_root(left.path());
        let result = compare(left.path(), right.path(), &[]).unwrap();
        assert_eq!(result.differences, Vec::<String>::new());
    }

    #[test]
    fn every_kind_of_difference_is_found() {
        let found = |part: &str, change: &dyn Fn(&Path)| {
            let differences = after(change);
            assert!(
                differences.iter().any(|line| line.contains(part)),
                "{part}: {differences:?}"
            );
        };
        found("./b: other bytes", &|root| {
            put(root, "b", b"bets");
            settle(root);
        });
        found("./b: length", &|root| put(root, "b", b"longer"));
        found("./b: mode \"0644\", and \"4711\"", &|root| {
            fs::set_permissions(root.join("b"), fs::Permissions::from_mode(0o4711)).unwrap();
        });
        found("./b: time", &|root| {
            let file = File::open(root.join("b")).unwrap();
            file.set_modified(UNIX_EPOCH + Duration::new(1_000_000_000, 124))
                .unwrap();
        });
        found("./link: link target", &|root| {
            fs::remove_file(root.join("link")).unwrap();
            symlink("b", root.join("link")).unwrap();
            settle(root);
        });
        found("./sub/also a: hard link to", &|root| {
            fs::remove_file(root.join("sub/also a")).unwrap();
            fs::copy(root.join("a"), root.join("sub/also a")).unwrap();
        });
        found("./b: attributes", &|root| {
            setxattr(root.join("b"), "user.x", b"1", XattrFlags::empty()).unwrap();
        });
        found("./b: is missing", &|root| {
            fs::remove_file(root.join("b")).unwrap();
        });
        found("./c: is on the right only", &|root| put(root, "c", b""));
        found("./b: kind", &|root| {
            fs::remove_file(root.join("b")).unwrap();
            fs::create_dir(root.join("b")).unwrap();
        });
    }

    #[test]
    fn what_was_left_out_must_be_missing() {
        let (left, right) = (tree(), tree());
        let out = [left.path().join("b")];
        let lines = compare(left.path(), right.path(), &out)
            .unwrap()
            .differences;
        assert_eq!(lines, ["./b: is on the right only"]);
        fs::remove_file(right.path().join("b")).unwrap();
        settle_root(right.path());
        let lines = compare(left.path(), right.path(), &out)
            .unwrap()
            .differences;
        assert_eq!(lines, Vec::<String>::new());
    }

    fn settle_root(root: &Path) {
        let file = File::open(root).unwrap();
        file.set_modified(UNIX_EPOCH + Duration::new(1_000_000_000, 123))
            .unwrap();
    }
}
