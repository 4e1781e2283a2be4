//! Makes entries and folders in the target, and finds names for them.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use strongroom_files::{Special, Target};
use strongroom_format::tree::Node;

/// Makes an entry that has no content.
pub(super) fn create_special(
    target: &Target,
    name: &[u8],
    node: &Node,
) -> Result<(), strongroom_files::Error> {
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

/// A folder that something is restored to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Folder {
    /// One that a user has named, whatever links lead there, and a way below it through real folders.
    Named {
        /// What the user named.
        path: PathBuf,
        /// The way below it.
        below: PathBuf,
    },
    /// Where something was: links that others made do not lead there.
    Original(PathBuf),
}

impl Folder {
    /// Returns the path.
    pub(super) fn path(&self) -> PathBuf {
        match self {
            Self::Named { path, below } => path.join(below),
            Self::Original(path) => path.clone(),
        }
    }

    /// Opens the folder, and makes what is missing of it; says whether the folder itself was made.
    pub(super) fn make(&self) -> Result<(Target, bool), strongroom_files::Error> {
        match self {
            Self::Original(path) => Target::make_way(path),
            Self::Named { path, below } => {
                let mut made = make_named(path)?;
                for name in below {
                    made = made.0.make_dir(name.as_bytes())?;
                }
                Ok(made)
            }
        }
    }
}

/// Makes a folder that a user has named, and those above it; says whether it was made.
fn make_named(path: &Path) -> Result<(Target, bool), strongroom_files::Error> {
    if let Ok(there) = Target::open_root(path) {
        return Ok((there, false));
    }
    match (path.parent(), path.file_name()) {
        (Some(above), Some(name)) => {
            let is_here = above.as_os_str().is_empty();
            let above = if is_here { Path::new(".") } else { above };
            make_named(above)?.0.make_dir(name.as_bytes())
        }
        _ => Target::open_root(path).map(|there| (there, false)),
    }
}
