//! Goes through the files of a folder store.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{AtFlags, Dir, FileType, Stat};
use rustix::io::Errno;
use strongroom_base::clock::Timestamp;

use crate::path::{SEGMENTS_MAX, is_segment};
use crate::{ObjectPath, files};

/// Visits every object in `dir`, whose path from the root is `folder`.
pub(super) fn list(
    dir: BorrowedFd<'_>,
    folder: &str,
    visit: &mut dyn FnMut(ObjectPath, u64),
) -> io::Result<()> {
    walk(dir, folder, &is_segment, &mut |_, path, stat| {
        if let (Ok(path), Ok(size)) = (ObjectPath::new(path), files::regular_size(stat)) {
            visit(path, size);
        }
        Ok(())
    })
}

/// Removes temporary files that were last written before `newest` and counts them.
pub(super) fn remove_temporaries(root: BorrowedFd<'_>, newest: Timestamp) -> io::Result<u64> {
    let mut removed = 0;
    walk(root, "", &files::is_temporary, &mut |dir, path, stat| {
        let nanoseconds = u32::try_from(stat.st_mtime_nsec).unwrap_or(0);
        let written = Timestamp::from_parts(stat.st_mtime, nanoseconds);
        if written < newest && files::regular_size(stat).is_ok() {
            let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
            match rustix::fs::unlinkat(dir, name, AtFlags::empty()) {
                Ok(()) => removed += 1,
                Err(Errno::NOENT) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(())
    })?;
    Ok(removed)
}

type OnFile<'a> = dyn FnMut(BorrowedFd<'_>, &str, &Stat) -> io::Result<()> + 'a;

/// Calls `on_file` for whatever is not a folder and has a wanted name, with the folder it is in and its
/// path from the root. What disappears meanwhile is left out.
fn walk(
    dir: BorrowedFd<'_>,
    folder: &str,
    wanted: &dyn Fn(&str) -> bool,
    on_file: &mut OnFile<'_>,
) -> io::Result<()> {
    for entry in Dir::read_from(dir)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().to_str() else {
            continue;
        };
        if !is_segment(name) && !wanted(name) {
            continue;
        }
        let stat = match rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => continue,
            stat => stat?,
        };
        let path = match folder {
            "" => name.to_owned(),
            folder => format!("{folder}/{name}"),
        };
        if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
            if wanted(name) {
                on_file(dir, &path, &stat)?;
            }
        } else if is_segment(name) && path.split('/').count() < SEGMENTS_MAX {
            match files::open_dir_at(dir, name) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                inner => walk(inner?.as_fd(), &path, wanted, on_file)?,
            }
        }
    }
    Ok(())
}
