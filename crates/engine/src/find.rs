//! Finds entries of a snapshot by their paths, and walks them.

use strongroom_format::body::Snapshot;
use strongroom_format::content::Content;
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
    let mut entries = Vec::new();
    let read = archive.read_tree(tree, &mut |entry| -> Result<(), ReadError> {
        entries.push(entry);
        Ok(())
    });
    if let Err(error) = read {
        damaged(path, error)?;
    }
    let len = path.len();
    for entry in entries {
        if path.last() != Some(&b'/') {
            path.push(b'/');
        }
        path.extend_from_slice(&entry.name);
        visit(path, &entry)?;
        if let Node::Directory { tree } = &entry.node {
            walk_tree(archive, tree, path, visit, damaged)?;
        }
        path.truncate(len);
    }
    Ok(())
}
