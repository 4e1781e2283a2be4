//! Files with several names: whoever watches is told of a change at one of them.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use strongroom_catalogue::{LinkRow, Lookup};
use strongroom_files::Dir;

use super::hints::Hints;
use super::worker::local;
use crate::error::EngineError;

/// Where more names than this belong to such files, the others are found when everything is looked at.
const LINKS_MAX: usize = 10_000;

/// Adds the directories in which a name is of a file that is named by its number, or that has several names and is not as the
/// last snapshot saw it.
pub(super) fn with_links(mut hints: Hints, lookup: &Lookup) -> Result<Hints, EngineError> {
    if hints.has_files() {
        for path in lookup.directories_with(hints.files())? {
            hints.directory(path);
        }
    }
    let Some(links) = lookup.links(LINKS_MAX)? else {
        return Ok(hints);
    };
    let mut by_directory: BTreeMap<Vec<u8>, Vec<LinkRow>> = BTreeMap::new();
    for link in links {
        by_directory
            .entry(link.path.clone())
            .or_default()
            .push(link);
    }
    for (path, links) in by_directory {
        if let Some(row) = lookup.directory(&path)? {
            // Another file system may have the same numbers.
            for link in &links {
                hints.note_linked(row.dev, link.local.ino);
            }
        }
        let dir = Dir::open_root(Path::new(OsStr::from_bytes(&path)));
        let is_same = |link: &LinkRow| {
            let stat = dir
                .as_ref()
                .ok()
                .and_then(|dir| dir.stat_child(&link.name).ok());
            stat.is_some_and(|stat| local(&stat) == link.local)
        };
        if !links.iter().all(is_same) {
            hints.directory(path);
        }
    }
    Ok(hints)
}
