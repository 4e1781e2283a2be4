//! Removing an entry with all that is below it.

use std::os::fd::AsFd;

use rustix::fs::AtFlags;
use rustix::io::Errno;

use crate::dir::{Dir, check_name};
use crate::error::{Action, Error, Result};
use crate::linux;
use crate::list::NameList;
use crate::stat::{Kind, Stat};

/// Removes the entry `name` of `dir`. No symbolic link is followed and no other file system entered.
pub(crate) fn remove(dir: &Dir, name: &[u8]) -> Result<()> {
    check_name(name)?;
    match remove_one(dir, name, None)? {
        Removed::Done => Ok(()),
        Removed::IsDirectory => remove_tree(dir, name),
    }
}

/// Removes the entry `name` of `dir` if it is no directory, or an empty one. No symbolic link is followed.
pub fn remove_single(dir: &Dir, name: &[u8]) -> Result<()> {
    check_name(name)?;
    match remove_one(dir, name, None)? {
        Removed::Done => Ok(()),
        Removed::IsDirectory => remove_empty(dir, name),
    }
}

/// A directory that is being emptied.
struct Level {
    name: Vec<u8>,
    stat: Stat,
    list: NameList,
    next: usize,
}

enum Removed {
    Done,
    IsDirectory,
}

/// Empties and removes a directory. Only one directory below `dir` is open at a time, so that depth costs
/// no open files; on the way up, the directory above is checked to be the one we came from.
fn remove_tree(dir: &Dir, name: &[u8]) -> Result<()> {
    let dev = dir.stat()?.dev;
    let (mut here, level) = enter(dir, name, dev)?;
    let mut levels = vec![level];
    while let Some(mut level) = levels.pop() {
        if let Some(entry) = level.list.get(level.next) {
            let child = entry.name.to_vec();
            let removed = gone_is_fine(remove_one(&here, &child, entry.kind))?;
            level.next += 1;
            levels.push(level);
            if let Removed::IsDirectory = removed {
                let (below, level) = enter(&here, &child, dev)?;
                levels.push(level);
                here = below;
            }
        } else if let Some(above) = levels.last() {
            here = leave(&here, above)?;
            remove_empty(&here, &level.name)?;
        } else {
            remove_empty(dir, &level.name)?;
        }
    }
    Ok(())
}

fn enter(dir: &Dir, name: &[u8], dev: u64) -> Result<(Dir, Level)> {
    let below = dir.open_child(name)?;
    let stat = below.stat()?;
    if stat.dev != dev {
        return Err(Error::MountPoint { name: name.into() });
    }
    let level = Level {
        name: name.to_vec(),
        stat,
        list: below.names()?,
        next: 0,
    };
    Ok((below, level))
}

fn leave(here: &Dir, above: &Level) -> Result<Dir> {
    let parent = linux::open_child_dir(here.as_fd(), b"..")
        .map(Dir::new)
        .map_err(|errno| Error::new(Action::Open, &above.name, errno))?;
    if parent.stat()?.is_same_entry(&above.stat) {
        Ok(parent)
    } else {
        Err(Error::Replaced {
            name: above.name.as_slice().into(),
        })
    }
}

fn remove_one(dir: &Dir, name: &[u8], kind: Option<Kind>) -> Result<Removed> {
    if kind == Some(Kind::Directory) {
        return Ok(Removed::IsDirectory);
    }
    match rustix::fs::unlinkat(dir, name, AtFlags::empty()) {
        Ok(()) => Ok(Removed::Done),
        Err(Errno::ISDIR) => Ok(Removed::IsDirectory),
        Err(errno) => {
            // Some systems answer "not permitted" for a directory.
            if errno == Errno::PERM && dir.stat_child(name)?.kind == Kind::Directory {
                return Ok(Removed::IsDirectory);
            }
            Err(Error::new(Action::Remove, name, errno))
        }
    }
}

fn remove_empty(dir: &Dir, name: &[u8]) -> Result<()> {
    rustix::fs::unlinkat(dir, name, AtFlags::REMOVEDIR)
        .map_err(|errno| Error::new(Action::Remove, name, errno))
}

fn gone_is_fine(removed: Result<Removed>) -> Result<Removed> {
    match removed {
        Err(error) if error.is_gone() => Ok(Removed::Done),
        removed => removed,
    }
}
