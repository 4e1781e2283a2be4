//! How entries look, as lines and as objects.

use indicatif::HumanBytes;
use serde_json::{Value, json};
use strongroom_agent::{Entry, Node};
use strongroom_base::ids::to_hex;

use crate::time;

/// Returns the word for what an entry is.
pub(crate) fn kind(entry: &Entry) -> &'static str {
    match entry.node {
        Node::File { .. } => "file",
        Node::Directory { .. } => "directory",
        Node::Symlink { .. } => "symlink",
        Node::Fifo => "fifo",
        Node::CharDevice { .. } => "char-device",
        Node::BlockDevice { .. } => "block-device",
    }
}

/// Returns the size of a file's content; of everything else, nothing.
pub(crate) fn size(entry: &Entry) -> Option<u64> {
    match &entry.node {
        Node::File { content } => Some(content.len()),
        _ => None,
    }
}

/// Returns what a long listing says before the path.
pub(crate) fn long(entry: &Entry) -> String {
    let owner = &entry.meta.owner;
    let size = size(entry).map_or_else(|| "-".to_owned(), |size| size.to_string());
    format!(
        "{} {:>8} {:>8} {size:>12} {} ",
        mode(entry),
        name_or_number(&owner.user, owner.uid),
        name_or_number(&owner.group, owner.gid),
        time::local(entry.meta.mtime),
    )
}

fn name_or_number(name: &[u8], number: u32) -> String {
    if name.is_empty() {
        return number.to_string();
    }
    String::from_utf8_lossy(name).into_owned()
}

fn mode(entry: &Entry) -> String {
    let kind = match entry.node {
        Node::File { .. } => '-',
        Node::Directory { .. } => 'd',
        Node::Symlink { .. } => 'l',
        Node::Fifo => 'p',
        Node::CharDevice { .. } => 'c',
        Node::BlockDevice { .. } => 'b',
    };
    let mode = entry.meta.mode;
    let mut text = String::from(kind);
    for (shift, special, with, without) in [
        (6, 0o4000, 's', 'S'),
        (3, 0o2000, 's', 'S'),
        (0, 0o1000, 't', 'T'),
    ] {
        let bits = mode >> shift;
        text.push(if bits & 4 != 0 { 'r' } else { '-' });
        text.push(if bits & 2 != 0 { 'w' } else { '-' });
        text.push(match (bits & 1 != 0, mode & special != 0) {
            (true, true) => with,
            (false, true) => without,
            (true, false) => 'x',
            (false, false) => '-',
        });
    }
    text
}

/// Returns where a symbolic link points.
pub(crate) fn target(entry: &Entry) -> Option<&[u8]> {
    match &entry.node {
        Node::Symlink { target } => Some(target),
        _ => None,
    }
}

/// Returns an entry as an object.
pub(crate) fn entry(path: &[u8], entry: &Entry) -> Value {
    let mut object = json!({
        "path": String::from_utf8_lossy(path),
        "kind": kind(entry),
        "mode": format!("{:04o}", entry.meta.mode),
        "uid": entry.meta.owner.uid,
        "gid": entry.meta.owner.gid,
        "user": String::from_utf8_lossy(&entry.meta.owner.user),
        "group": String::from_utf8_lossy(&entry.meta.owner.group),
        "mtime": time::rfc3339(entry.meta.mtime),
    });
    if std::str::from_utf8(path).is_err() {
        object["path_hex"] = json!(to_hex(path));
    }
    if let Some(size) = size(entry) {
        object["size"] = json!(size);
    }
    if let Some(target) = target(entry) {
        object["target"] = json!(String::from_utf8_lossy(target));
    }
    if entry.meta.unsettled {
        object["unsettled"] = json!(true);
    }
    object
}

/// Writes how many there are of something: one of it, or several.
pub(crate) fn count(number: impl Into<u64>, one: &str, several: &str) -> String {
    match number.into() {
        1 => format!("1 {one}"),
        number => format!("{number} {several}"),
    }
}

/// Writes a number of bytes for people.
pub(crate) fn bytes(bytes: u64) -> String {
    HumanBytes(bytes).to_string()
}
