//! Makes entries and folders in the target, and finds names for them.

use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use strongroom_files::{Dir, Error, Special, Target};
use strongroom_format::tree::Node;

/// Makes an entry that has no content.
pub(super) fn create_special(target: &Target, name: &[u8], node: &Node) -> Result<(), Error> {
    match node {
        Node::Symlink { target: text } => target.create_symlink(name, text),
        Node::Fifo => target.create_special(name, Special::Fifo),
        Node::CharDevice { major, minor } => target.create_special(
            name,
            Special::CharDevice {
                major: *major,
                minor: *minor,
            },
        ),
        Node::BlockDevice { major, minor } => target.create_special(
            name,
            Special::BlockDevice {
                major: *major,
                minor: *minor,
            },
        ),
        Node::File { .. } | Node::Directory { .. } => Ok(()),
    }
}

/// A folder that something is restored to: one that a user has named, or one where something was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Folder {
    /// The way to it, on which links of root and of this user are followed.
    pub(super) path: PathBuf,
    /// The way below it, through real folders.
    pub(super) below: PathBuf,
}

impl Folder {
    /// Returns the path.
    pub(super) fn path(&self) -> PathBuf {
        let mut path = self.path.clone();
        path.extend(&self.below);
        path
    }

    /// Opens the folder, and makes what is missing of it; says whether the folder itself was made.
    pub(super) fn make(&self) -> Result<(Target, bool), Error> {
        let mut made = Target::make_way(&self.path)?;
        for name in &self.below {
            made = made.0.make_dir(name.as_bytes())?;
        }
        Ok(made)
    }

    /// Opens the folder if it is there.
    pub(super) fn open(&self) -> Result<Option<Dir>, Error> {
        let open = || {
            let mut dir = Dir::open_way(&self.path)?;
            for name in &self.below {
                dir = dir.open_child(name.as_bytes())?;
            }
            Ok(dir)
        };
        match open() {
            Ok(dir) => Ok(Some(dir)),
            Err(error) if Error::is_gone(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// A folder that something is restored to, and stays open: whoever may write to those above it cannot lead a part
/// elsewhere.
pub(super) struct Base {
    pub(super) folder: Folder,
    pub(super) target: Target,
}
