//! Makes entries and folders in the target, and finds names for them.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

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

/// Finds a name like `name` that nothing has.
pub(super) fn free_name(target: &Target, name: &[u8]) -> Result<Vec<u8>, strongroom_files::Error> {
    for number in 1.. {
        let mut free = name[..name.len().min(230)].to_vec();
        free.extend_from_slice(format!(".restored-{number}").as_bytes());
        match target.dir().stat_child(&free) {
            Ok(_) => {}
            Err(error) if error.is_gone() => return Ok(free),
            Err(error) => return Err(error),
        }
    }
    Ok(name.to_vec())
}

/// Makes a folder that a user has named, and those above it.
pub(super) fn make_folder(path: &Path) -> Result<(), strongroom_files::Error> {
    if Target::open_root(path).is_ok() {
        return Ok(());
    }
    match (path.parent(), path.file_name()) {
        (Some(above), Some(name)) => {
            let above = if above.as_os_str().is_empty() {
                Path::new(".")
            } else {
                above
            };
            make_folder(above)?;
            Target::open_root(above)?
                .create_dir(name.as_bytes())
                .map(drop)
        }
        _ => Target::open_root(path).map(drop),
    }
}
