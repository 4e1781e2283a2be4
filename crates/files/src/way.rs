//! The way to a folder by its path, on which others may have planted symbolic links.

use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};

use rustix::io::Errno;

use crate::dir::Dir;
use crate::error::{Action, Error, Result};
use crate::restore::Target;
use crate::stat::Kind;

/// Most symbolic links on one way, as the kernel has it.
const LINKS_MAX: usize = 40;

/// A step of the way.
enum Step {
    Root,
    Up,
    Down(Vec<u8>),
}

/// Opens the folder at an absolute path, and makes what is missing of it; says whether the folder itself was
/// made. Links are followed where root or this user made them.
pub(crate) fn make(path: &Path) -> Result<(Target, bool)> {
    let mut here = open(Path::new("/"))?;
    let mut steps: Vec<Step> = steps(path).collect();
    steps.reverse();
    let (mut links, mut is_new) = (0, false);
    while let Some(step) = steps.pop() {
        is_new = false;
        here = match step {
            Step::Root => open(Path::new("/"))?,
            Step::Up => here.open_above()?,
            Step::Down(name) => match here.open_child(&name) {
                Ok(below) => below,
                Err(error) if error.is_gone() => {
                    let below;
                    (below, is_new) = here.make_dir(&name)?;
                    below
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
    Ok((here, is_new))
}

/// Returns where the symbolic link `name` leads, which could not be opened as a folder, if it may be followed.
fn link(here: &Target, name: &[u8], links: usize, error: Error) -> Result<Vec<u8>> {
    let found = here.dir().stat_child(name)?;
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
    here.dir().read_link(name)
}

fn open(path: &Path) -> Result<Target> {
    Dir::open_root(path).map(Target::new)
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
    }
}
