//! Finds entries of a snapshot by their paths, and walks them.

use strongroom_format::body::Snapshot;
use strongroom_format::content::Content;
use strongroom_format::limits::DEPTH_MAX;
use strongroom_format::tree::{Entry, Node};
use strongroom_read::{Archive, ReadError};

/// Returns the entry at an absolute path of a snapshot; `None` where there is none.
pub fn find_path(
    archive: &Archive,
    snapshot: &Snapshot,
    path: &[u8],
) -> Result<Option<Entry>, ReadError> {
    let Some((root, rest)) = snapshot
        .roots
        .iter()
        .find_map(|root| Some((root, below(&root.path, path)?)))
    else {
        return Ok(None);
    };
    let mut entry = root.entry.clone();
    for name in rest
        .split(|byte| *byte == b'/')
        .filter(|name| !name.is_empty())
    {
        let Node::Directory { tree } = &entry.node else {
            return Ok(None);
        };
        match archive.find_entry(tree, name)? {
            Some(found) => entry = found,
            None => return Ok(None),
        }
    }
    Ok(Some(entry))
}

/// Returns what of `path` lies below `root`.
fn below<'p>(root: &[u8], path: &'p [u8]) -> Option<&'p [u8]> {
    let root = root.strip_suffix(b"/").unwrap_or(root);
    let rest = path.strip_prefix(root)?;
    (rest.is_empty() || rest[0] == b'/').then_some(rest)
}

/// Is told an entry and its path.
pub type Visit<'a, E> = dyn FnMut(&[u8], &Entry) -> Result<(), E> + 'a;
/// Is told a directory that cannot be read, and why.
pub type Damaged<'a, E> = dyn FnMut(&[u8], ReadError) -> Result<(), E> + 'a;

/// Calls `visit` with the path of every entry of a snapshot and the entry, directories before what is in
/// them, in the order of names. A directory that cannot be read is told to `damaged`, and the walk goes on.
pub fn walk_snapshot<E: From<ReadError>>(
    archive: &Archive,
    snapshot: &Snapshot,
    visit: &mut Visit<'_, E>,
    damaged: &mut Damaged<'_, E>,
) -> Result<(), E> {
    for root in &snapshot.roots {
        let mut path = root.path.clone();
        visit(&path, &root.entry)?;
        if let Node::Directory { tree } = &root.entry.node {
            walk_tree(archive, tree, &mut path, visit, damaged)?;
        }
    }
    Ok(())
}

/// Calls `visit` with everything below a directory; `path` is the directory's, and is restored.
pub fn walk_tree<E: From<ReadError>>(
    archive: &Archive,
    tree: &Content,
    path: &mut Vec<u8>,
    visit: &mut Visit<'_, E>,
    damaged: &mut Damaged<'_, E>,
) -> Result<(), E> {
    walk(archive, tree, path, &mut Everything { visit, damaged })
}

/// Is told what a walk meets.
pub(crate) trait Walker<E> {
    /// Says whether a directory is walked; its path and its tree.
    fn enters(&mut self, path: &[u8], tree: &Content) -> Result<bool, E>;
    /// Takes an entry.
    fn entry(&mut self, path: &[u8], entry: &Entry) -> Result<(), E>;
    /// Takes a directory that cannot be read.
    fn damaged(&mut self, path: &[u8], error: ReadError) -> Result<(), E>;
}

struct Everything<'a, 'b, E> {
    visit: &'a mut Visit<'b, E>,
    damaged: &'a mut Damaged<'b, E>,
}

impl<E> Walker<E> for Everything<'_, '_, E> {
    fn enters(&mut self, _: &[u8], _: &Content) -> Result<bool, E> {
        Ok(true)
    }

    fn entry(&mut self, path: &[u8], entry: &Entry) -> Result<(), E> {
        (self.visit)(path, entry)
    }

    fn damaged(&mut self, path: &[u8], error: ReadError) -> Result<(), E> {
        (self.damaged)(path, error)
    }
}

/// Walks everything below a directory; `path` is the directory's, and is restored.
///
/// The directories on the way are kept in a list and not on the stack, and there are at most so many as an
/// archive may have: trees come from outside.
pub(crate) fn walk<E: From<ReadError>>(
    archive: &Archive,
    tree: &Content,
    path: &mut Vec<u8>,
    walker: &mut dyn Walker<E>,
) -> Result<(), E> {
    let start = path.len();
    let mut open = Vec::new();
    if walker.enters(path, tree)? {
        open.push((start, entries_of(archive, tree, path, walker)?.into_iter()));
    }
    while let Some((len, entries)) = open.last_mut() {
        path.truncate(*len);
        let Some(entry) = entries.next() else {
            open.pop();
            continue;
        };
        if path.last() != Some(&b'/') {
            path.push(b'/');
        }
        path.extend_from_slice(&entry.name);
        walker.entry(path, &entry)?;
        let Node::Directory { tree } = &entry.node else {
            continue;
        };
        if open.len() >= DEPTH_MAX {
            walker.damaged(path, ReadError::TooDeep)?;
        } else if walker.enters(path, tree)? {
            let entries = entries_of(archive, tree, path, walker)?;
            open.push((path.len(), entries.into_iter()));
        }
    }
    path.truncate(start);
    Ok(())
}

fn entries_of<E: From<ReadError>>(
    archive: &Archive,
    tree: &Content,
    path: &[u8],
    walker: &mut dyn Walker<E>,
) -> Result<Vec<Entry>, E> {
    let mut entries = Vec::new();
    let read = archive.read_tree(tree, &mut |entry| -> Result<(), ReadError> {
        entries.push(entry);
        Ok(())
    });
    if let Err(error) = read {
        walker.damaged(path, error)?;
    }
    Ok(entries)
}
