//! Searching all snapshots: entries by pattern, and the versions of one path.

use std::collections::HashSet;

use globset::{GlobBuilder, GlobMatcher};
use strongroom_crypto::hash::Hasher;
use strongroom_format::content::Content;
use strongroom_format::tree::{Entry, Node};
use strongroom_read::{Archive, ReadError, SnapshotInfo};

use crate::AgentError;
use crate::look::tree::{Listed, Lost, Trail, entries, is_lost, join, listed_root};

/// A version of an entry that a pattern matches.
#[derive(Debug)]
pub struct Match {
    /// The hash of the newest snapshot that holds this version.
    pub snapshot: [u8; 32],
    /// The entry.
    pub found: Listed,
}

/// A version of the entry at one path.
#[derive(Debug)]
pub struct Version<'a> {
    /// The oldest snapshot that holds it.
    pub first: &'a SnapshotInfo,
    /// The newest snapshot that holds it without a break.
    pub last: &'a SnapshotInfo,
    /// The entry; `None` where it was gone.
    pub entry: Option<Entry>,
}

/// Visits every version of every entry that a pattern matches, newest snapshot first.
///
/// A pattern with a slash is matched against the whole path (from any folder on where it does not begin
/// with one), any other against the name; one with a slash at its end is for directories. Directories that cannot be read
/// are told to `lost`.
pub fn find(
    archive: &Archive,
    snapshots: &[SnapshotInfo],
    pattern: &str,
    visit: &mut dyn FnMut(Match) -> Result<(), AgentError>,
    lost: Lost<'_>,
) -> Result<(), AgentError> {
    let pattern = Pattern::new(pattern)?;
    let (mut seen_trees, mut seen_entries) = (HashSet::new(), HashSet::new());
    for info in snapshots.iter().rev() {
        let mut check = |listed: &Listed| {
            if pattern.matches(listed) && seen_entries.insert(entry_key(listed)) {
                return visit(Match {
                    snapshot: info.hash,
                    found: listed.clone(),
                });
            }
            Ok(())
        };
        let mut pending = Vec::new();
        for root in info.snapshot.roots.iter().rev() {
            let root = listed_root(root);
            check(&root)?;
            pending.push(root);
        }
        while let Some(Listed { path, entry }) = pending.pop() {
            let Node::Directory { tree } = &entry.node else {
                continue;
            };
            if !seen_trees.insert(tree_key(&path, tree)) {
                continue;
            }
            let mut each = |entry: Entry| {
                let path = join(&path, &entry.name);
                let listed = Listed { path, entry };
                check(&listed)?;
                if matches!(listed.entry.node, Node::Directory { .. }) {
                    pending.push(listed);
                }
                Ok(())
            };
            entries(archive, (&path, tree), &mut each, lost)?;
        }
    }
    Ok(())
}

/// Returns the versions of the entry at a path, oldest first. A snapshot of which nobody can say any more whether it has
/// one is told to `lost`, and left out.
pub fn versions<'a>(
    archive: &Archive,
    snapshots: &'a [SnapshotInfo],
    path: &[u8],
    lost: &mut dyn FnMut(&SnapshotInfo, &ReadError),
) -> Result<Vec<Version<'a>>, AgentError> {
    let mut versions: Vec<Version<'a>> = Vec::new();
    let mut trail = Trail::default();
    for info in snapshots {
        let entry = match trail.lookup(archive, &info.snapshot, path) {
            Err(AgentError::Read(error)) if is_lost(&error) => {
                lost(info, &error);
                continue;
            }
            found => found?,
        };
        match versions.last_mut() {
            Some(version) if version.entry == entry => version.last = info,
            None if entry.is_none() => {}
            _ => versions.push(Version {
                first: info,
                last: info,
                entry,
            }),
        }
    }
    Ok(versions)
}

/// What entries are matched against.
struct Pattern {
    glob: GlobMatcher,
    whole_path: bool,
    directories_only: bool,
}

impl Pattern {
    fn new(given: &str) -> Result<Self, AgentError> {
        // What a shell completes: `./NAME` and `NAME/`.
        let mut pattern = given;
        while let Some(rest) = pattern.strip_prefix("./") {
            pattern = rest.trim_start_matches('/');
        }
        let trimmed = pattern.trim_end_matches('/');
        let directories_only = trimmed.len() < pattern.len() && !trimmed.is_empty();
        let pattern = if directories_only { trimmed } else { pattern };
        let whole_path = pattern.contains('/');
        let anchored = if whole_path && !pattern.starts_with('/') {
            format!("**/{pattern}")
        } else {
            pattern.to_owned()
        };
        let glob = GlobBuilder::new(&anchored)
            .literal_separator(true)
            .build()
            .map_err(|source| AgentError::Pattern {
                pattern: given.to_owned(),
                source,
            })?;
        Ok(Self {
            glob: glob.compile_matcher(),
            whole_path,
            directories_only,
        })
    }

    fn matches(&self, listed: &Listed) -> bool {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt as _;
        let bytes = if self.whole_path {
            &listed.path
        } else {
            &listed.entry.name
        };
        let is_directory = matches!(listed.entry.node, Node::Directory { .. });
        (is_directory || !self.directories_only) && self.glob.is_match(OsStr::from_bytes(bytes))
    }
}

fn tree_key(path: &[u8], tree: &Content) -> [u8; 32] {
    let mut encoded = Vec::new();
    tree.put(&mut encoded);
    key(path, &encoded)
}

/// Stands for a version of an entry: its path, content, time and permissions.
fn entry_key(listed: &Listed) -> [u8; 32] {
    let meta = &listed.entry.meta;
    let mut encoded = meta.mtime.0.to_be_bytes().to_vec();
    encoded.extend_from_slice(&meta.mode.to_be_bytes());
    match &listed.entry.node {
        Node::File { content } => content.put(&mut encoded),
        // A directory changes with everything below it; its own time is enough.
        Node::Directory { .. } => encoded.push(b'd'),
        Node::Symlink { target } => encoded.extend_from_slice(target),
        Node::Fifo => encoded.push(b'p'),
        Node::CharDevice { major, minor } | Node::BlockDevice { major, minor } => {
            encoded.extend_from_slice(&major.to_be_bytes());
            encoded.extend_from_slice(&minor.to_be_bytes());
        }
    }
    key(&listed.path, &encoded)
}

fn key(path: &[u8], bytes: &[u8]) -> [u8; 32] {
    let mut hasher = Hasher::new();
    hasher.update(&(path.len() as u64).to_be_bytes());
    hasher.update(path).update(bytes);
    hasher.finalize()
}
