//! The way to a folder by its path, on which others may have planted symbolic links.

use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};

use rustix::fs::Mode;
use rustix::io::Errno;

use crate::dir::Dir;
use crate::error::{Action, Error, Result};
use crate::linux;
use crate::restore::{Target, create};
use crate::stat::Kind;

/// Most symbolic links on one way, as the kernel has it.
const LINKS_MAX: usize = 40;

/// A step of the way.
enum Step {
    Root,
    Up,
    Down(Vec<u8>),
}

/// What is done about a folder that is missing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Missing {
    Made,
    Error,
}

/// Opens the folder at a path, and makes what is missing of it; says whether the folder itself was made. Links are
/// followed where root or this user made them.
pub(crate) fn make(path: &Path) -> Result<(Target, bool)> {
    let (dir, is_new) = walk(path, Missing::Made)?;
    let target = if is_new {
        Target::made(dir)
    } else {
        Target::new(dir)
    };
    Ok((target, is_new))
}

/// Opens the folder at a path as [`make`] does, and makes nothing.
pub(crate) fn open(path: &Path) -> Result<Dir> {
    walk(path, Missing::Error).map(|(dir, _)| dir)
}

fn walk(path: &Path, missing: Missing) -> Result<(Dir, bool)> {
    let hold = |at: &Path| {
        linux::hold_root(at).map_err(|errno| {
            let name = at.as_os_str().as_encoded_bytes();
            Error::new(Action::Open, name, errno)
        })
    };
    let hold_child = |here: &OwnedFd, name: &[u8]| {
        linux::hold_child_dir(here.as_fd(), name)
            .map_err(|errno| Error::new(Action::Open, name, errno))
    };
    // A folder on the way need not be one that may be listed.
    let mut here = hold(Path::new("."))?;
    let mut steps: Vec<Step> = steps(path).collect();
    steps.reverse();
    let (mut links, mut is_new) = (0, false);
    while let Some(step) = steps.pop() {
        is_new = false;
        here = match step {
            Step::Root => hold(Path::new("/"))?,
            Step::Up => hold_child(&here, b"..")?,
            Step::Down(name) => match hold_child(&here, &name) {
                Ok(below) => below,
                Err(error) if error.is_gone() && missing == Missing::Made => {
                    is_new = make_missing(&here, &name)?;
                    hold_child(&here, &name)?
                }
                Err(error) => {
                    links += 1;
                    let text = link(&here, &name, links, error)?;
                    let further: Vec<Step> = steps_of(&text).collect();
                    steps.extend(further.into_iter().rev());
                    here
                }
            },
        };
    }
    let dir = linux::open_child_dir(here.as_fd(), b".")
        .map_err(|errno| Error::new(Action::Open, path.as_os_str().as_encoded_bytes(), errno))?;
    Ok((Dir::new(dir), is_new))
}

/// Makes a folder; says whether it was not there.
fn make_missing(here: &OwnedFd, name: &[u8]) -> Result<bool> {
    match create(name, || rustix::fs::mkdirat(here, name, Mode::RWXU)) {
        Ok(()) => Ok(true),
        Err(error) if error.is_taken() => Ok(false),
        Err(error) => Err(error),
    }
}

/// Returns where the symbolic link `name` leads, which could not be opened as a folder, if it may be followed.
fn link(here: &OwnedFd, name: &[u8], links: usize, error: Error) -> Result<Vec<u8>> {
    // Held, so that what is read is the link that was looked at.
    let failed = |errno| Error::new(Action::Open, name, errno);
    let held = linux::hold_entry(here.as_fd(), name).map_err(failed)?;
    let found = linux::stat(held.as_fd()).map_err(failed)?;
    if found.kind != Kind::Symlink {
        return Err(error);
    }
    if links > LINKS_MAX {
        return Err(Error::new(Action::Open, name, Errno::LOOP));
    }
    if found.uid != 0 && found.uid != rustix::process::geteuid().as_raw() {
        let uid = found.uid;
        return Err(Error::ForeignLink {
            name: name.into(),
            uid,
        });
    }
    rustix::fs::readlinkat(&held, "", Vec::new())
        .map(std::ffi::CString::into_bytes)
        .map_err(failed)
}

fn steps_of(text: &[u8]) -> impl Iterator<Item = Step> {
    steps(Path::new(std::ffi::OsStr::from_bytes(text)))
}

fn steps(path: &Path) -> impl Iterator<Item = Step> {
    path.components().filter_map(|component| match component {
        Component::RootDir => Some(Step::Root),
        Component::ParentDir => Some(Step::Up),
        Component::Normal(name) => Some(Step::Down(name.as_bytes().to_vec())),
        Component::CurDir | Component::Prefix(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, lchown, symlink};

    use super::*;

    #[test]
    fn what_is_missing_is_made_and_own_links_are_followed() {
        let folder = tempfile::tempdir().unwrap();
        let at = |way: &str| folder.path().canonicalize().unwrap().join(way);
        std::fs::create_dir(at("real")).unwrap();
        symlink("real", at("link")).unwrap();
        symlink(at("link/../real"), at("absolute")).unwrap();
        symlink("loop", at("loop")).unwrap();
        assert!(make(&at("link/a/b")).unwrap().1);
        assert!(!make(&at("absolute/a/../a/b")).unwrap().1);
        assert!(at("real/a/b").is_dir());
        assert!(make(&at("loop/a")).is_err());
        std::fs::File::create(at("file")).unwrap();
        assert!(make(&at("file/a")).is_err());
        assert!(open(&at("link/a/b")).is_ok());
        assert!(open(&at("link/a/none")).unwrap_err().is_gone());
        assert!(!at("real/a/none").exists());
    }

    #[test]
    fn a_folder_on_the_way_need_not_be_one_that_may_be_listed() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let passage = folder.path().join("passage");
        std::fs::create_dir_all(passage.join("below")).unwrap();
        let mode = |mode| {
            std::fs::set_permissions(&passage, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        mode(0o111);
        let opened = make(&passage.join("below"));
        mode(0o755);
        assert!(!opened.unwrap().1);
    }

    #[test]
    fn a_link_that_somebody_else_planted_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (real, planted) = (folder.path().join("real"), folder.path().join("planted"));
        std::fs::create_dir(&real).unwrap();
        symlink(&real, &planted).unwrap();
        if lchown(&planted, Some(65_534), None).is_err() {
            // Only root can give a link away.
            return;
        }
        assert_eq!(planted.symlink_metadata().unwrap().uid(), 65_534);
        let refused = make(&planted.join("a"));
        assert!(matches!(
            refused,
            Err(Error::ForeignLink { uid: 65_534, .. })
        ));
        assert!(!real.join("a").exists());
        assert!(matches!(open(&planted), Err(Error::ForeignLink { .. })));
    }
}
