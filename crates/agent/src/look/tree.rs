//! The entries of a snapshot by path.
//!
//! A path is absolute and of raw bytes. Above the roots of a snapshot there are no entries: what is listed
//! there are the roots.

use strongroom_base::{Class, Classified as _};
use strongroom_format::body::{Root, Snapshot};
use strongroom_format::content::Content;
use strongroom_format::tree::{Entry, Node};
use strongroom_read::{Archive, ReadError};

use crate::AgentError;

/// An entry and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The absolute path.
    pub path: Vec<u8>,
    /// The entry.
    pub entry: Entry,
}

/// A visitor of entries.
pub(crate) type Visit<'a> = &'a mut dyn FnMut(Listed) -> Result<(), AgentError>;

/// Is told the path of a directory of which not everything can be read, and why.
pub type Lost<'a> = &'a mut dyn FnMut(&[u8], &ReadError);

/// Says whether an error is of one directory alone, and everything else can be looked at.
pub(crate) fn is_lost(error: &ReadError) -> bool {
    error.is_loss() || error.class() == Class::Damage
}

/// Calls `visit` with the entries of a directory; where some are lost, that is told, and is no error.
pub(crate) fn entries(
    archive: &Archive,
    (path, tree): (&[u8], &Content),
    visit: &mut dyn FnMut(Entry) -> Result<(), AgentError>,
    lost: Lost<'_>,
) -> Result<(), AgentError> {
    let mut refused = None;
    let read = archive.read_tree(tree, &mut |entry| {
        visit(entry).map_err(|error| {
            refused = Some(error);
            Halt::Visitor
        })
    });
    match read {
        Err(Halt::Visitor) => Err(refused.unwrap_or(AgentError::Interrupted)),
        Err(Halt::Read(error)) if is_lost(&error) => {
            lost(path, &error);
            Ok(())
        }
        Err(Halt::Read(error)) => Err(error.into()),
        Ok(()) => Ok(()),
    }
}

/// What ended the reading of a directory.
enum Halt {
    Read(ReadError),
    Visitor,
}

impl From<ReadError> for Halt {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

/// Lists what is at a path: the entries of a directory, the roots below it where there is none, the entry
/// itself where it is something else. With `recursive`, everything below it. What of it cannot be read is told to
/// `lost`.
pub fn list(
    archive: &Archive,
    snapshot: &Snapshot,
    path: &[u8],
    recursive: bool,
    visit: Visit<'_>,
    lost: Lost<'_>,
) -> Result<bool, AgentError> {
    let path = trim(path);
    let found = match lookup(archive, snapshot, path) {
        Err(AgentError::Read(error)) if is_lost(&error) => {
            lost(path, &error);
            return Ok(true);
        }
        found => found?,
    };
    let Some(found) = found else {
        let mut any = false;
        for root in roots_below(snapshot, path) {
            any = true;
            let root = listed_root(root);
            visit(root.clone())?;
            if recursive {
                below(archive, &root, true, visit, lost)?;
            }
        }
        return Ok(any);
    };
    if matches!(found.entry.node, Node::Directory { .. }) {
        below(archive, &found, recursive, visit, lost)?;
    } else {
        visit(found)?;
    }
    Ok(true)
}

/// Returns the entry at a path.
pub(crate) fn lookup(
    archive: &Archive,
    snapshot: &Snapshot,
    path: &[u8],
) -> Result<Option<Listed>, AgentError> {
    let path = trim(path);
    let found = Trail::default().lookup(archive, snapshot, path)?;
    Ok(found.map(|entry| Listed {
        path: path.to_vec(),
        entry,
    }))
}

/// Looks for one path in one snapshot after the other. A directory that is the same as in the snapshot
/// before is not looked into again.
#[derive(Default)]
pub(crate) struct Trail {
    /// Where the search began last.
    root: Vec<u8>,
    /// The directories on the way, and what was found in each.
    steps: Vec<(Content, Option<Entry>)>,
}

impl Trail {
    /// Returns the entry at the path in this snapshot.
    pub(crate) fn lookup(
        &mut self,
        archive: &Archive,
        snapshot: &Snapshot,
        path: &[u8],
    ) -> Result<Option<Entry>, AgentError> {
        let path = trim(path);
        let Some((root, rest)) = snapshot.roots.iter().find_map(|root| {
            let rest = path.strip_prefix(trim(&root.path))?;
            (rest.is_empty() || rest[0] == b'/').then_some((root, rest))
        }) else {
            return Ok(None);
        };
        if self.root != root.path {
            self.root.clone_from(&root.path);
            self.steps.clear();
        }
        let mut entry = root.entry.clone();
        let names = rest.split(|byte| *byte == b'/');
        for (depth, name) in names.filter(|name| !name.is_empty()).enumerate() {
            let Node::Directory { tree } = &entry.node else {
                return Ok(None);
            };
            match self.step(archive, depth, tree, name)? {
                Some(found) => entry = found,
                None => return Ok(None),
            }
        }
        Ok(Some(entry))
    }

    fn step(
        &mut self,
        archive: &Archive,
        depth: usize,
        tree: &Content,
        name: &[u8],
    ) -> Result<Option<Entry>, AgentError> {
        if let Some((last, found)) = self.steps.get(depth)
            && last == tree
        {
            return Ok(found.clone());
        }
        self.steps.truncate(depth);
        let found = archive.find_entry(tree, name)?;
        self.steps.push((tree.clone(), found.clone()));
        Ok(found)
    }
}

/// Visits what is below a directory, one directory after the other; others have nothing below.
pub(crate) fn below(
    archive: &Archive,
    top: &Listed,
    recursive: bool,
    visit: Visit<'_>,
    lost: Lost<'_>,
) -> Result<(), AgentError> {
    let mut pending = vec![top.clone()];
    while let Some(Listed { path, entry }) = pending.pop() {
        let Node::Directory { tree } = &entry.node else {
            continue;
        };
        let mut directories = Vec::new();
        let mut each = |entry: Entry| {
            let path = join(&path, &entry.name);
            let listed = Listed { path, entry };
            if recursive && matches!(listed.entry.node, Node::Directory { .. }) {
                directories.push(listed.clone());
            }
            visit(listed)
        };
        entries(archive, (&path, tree), &mut each, lost)?;
        directories.reverse();
        pending.append(&mut directories);
    }
    Ok(())
}

/// Returns the roots at or below a path that is no entry itself.
pub(crate) fn roots_below<'a>(
    snapshot: &'a Snapshot,
    path: &'a [u8],
) -> impl Iterator<Item = &'a Root> {
    snapshot.roots.iter().filter(move |root| {
        let rest = root.path.strip_prefix(path);
        rest.is_some_and(|rest| rest.first() == Some(&b'/') || path.is_empty())
    })
}

pub(crate) fn listed_root(root: &Root) -> Listed {
    Listed {
        path: root.path.clone(),
        entry: root.entry.clone(),
    }
}

pub(crate) fn join(path: &[u8], name: &[u8]) -> Vec<u8> {
    let mut joined = trim(path).to_vec();
    joined.push(b'/');
    joined.extend_from_slice(name);
    joined
}

/// Drops slashes at the end; that of the path `/` too.
pub(crate) fn trim(path: &[u8]) -> &[u8] {
    let end = path.iter().rposition(|byte| *byte != b'/');
    &path[..end.map_or(0, |end| end + 1)]
}
