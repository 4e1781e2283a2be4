//! What differs between two snapshots.

use std::collections::BTreeMap;

use strongroom_format::body::Snapshot;
use strongroom_format::tree::{Entry, Node};
use strongroom_read::Archive;

use crate::AgentError;
use crate::look::tree::{Listed, below, join};

/// How an entry differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is in the second snapshot only.
    Added,
    /// It is in the first snapshot only.
    Removed,
    /// Its content, kind or target differs.
    Modified,
    /// Its owner, permissions, times or attributes differ, and nothing else.
    Metadata,
}

/// An entry that differs.
#[derive(Debug)]
pub struct Changed {
    /// How.
    pub change: Change,
    /// The absolute path.
    pub path: Vec<u8>,
    /// The entry in the first snapshot.
    pub before: Option<Entry>,
    /// The entry in the second snapshot.
    pub after: Option<Entry>,
}

type Visit<'a> = &'a mut dyn FnMut(Changed) -> Result<(), AgentError>;
type Names = BTreeMap<Vec<u8>, Entry>;

/// Visits what differs between two snapshots; directories that are the same are not opened.
pub fn diff(
    archive: &Archive,
    first: &Snapshot,
    second: &Snapshot,
    visit: Visit<'_>,
) -> Result<(), AgentError> {
    let roots = |snapshot: &Snapshot| -> Names {
        let roots = snapshot.roots.iter();
        roots
            .map(|root| (root.path.clone(), root.entry.clone()))
            .collect()
    };
    let mut pending = Vec::new();
    compare(
        archive,
        None,
        [roots(first), roots(second)],
        &mut pending,
        visit,
    )?;
    while let Some((path, before, after)) = pending.pop() {
        let names = [names(archive, &before)?, names(archive, &after)?];
        compare(archive, Some(&path), names, &mut pending, visit)?;
    }
    Ok(())
}

/// Compares the entries of one directory, and notes the directories to compare next.
fn compare(
    archive: &Archive,
    parent: Option<&[u8]>,
    [first, mut second]: [Names; 2],
    pending: &mut Vec<(Vec<u8>, Entry, Entry)>,
    visit: Visit<'_>,
) -> Result<(), AgentError> {
    let path_of = |name: &[u8]| parent.map_or_else(|| name.to_vec(), |path| join(path, name));
    let mut directories = Vec::new();
    for (name, before) in first {
        let path = path_of(&name);
        let Some(after) = second.remove(&name) else {
            whole(archive, Change::Removed, path, before, visit)?;
            continue;
        };
        let both_directories = matches!(before.node, Node::Directory { .. })
            && matches!(after.node, Node::Directory { .. });
        let same_kind = std::mem::discriminant(&before.node) == std::mem::discriminant(&after.node);
        if before.node != after.node && !both_directories && !same_kind {
            whole(archive, Change::Removed, path.clone(), before, visit)?;
            whole(archive, Change::Added, path, after, visit)?;
            continue;
        }
        let change = match () {
            () if before.node != after.node && !both_directories => Some(Change::Modified),
            () if before.meta != after.meta => Some(Change::Metadata),
            () => None,
        };
        if let Some(change) = change {
            visit(Changed {
                change,
                path: path.clone(),
                before: Some(before.clone()),
                after: Some(after.clone()),
            })?;
        }
        if both_directories && before.node != after.node {
            directories.push((path, before, after));
        }
    }
    for (name, after) in second {
        whole(archive, Change::Added, path_of(&name), after, visit)?;
    }
    directories.reverse();
    pending.append(&mut directories);
    Ok(())
}

/// Visits an entry and everything below it as added or removed.
fn whole(
    archive: &Archive,
    change: Change,
    path: Vec<u8>,
    entry: Entry,
    visit: Visit<'_>,
) -> Result<(), AgentError> {
    let mut emit = |Listed { path, entry }: Listed| {
        let (before, after) = match change {
            Change::Removed => (Some(entry), None),
            _ => (None, Some(entry)),
        };
        visit(Changed {
            change,
            path,
            before,
            after,
        })
    };
    let top = Listed { path, entry };
    emit(top.clone())?;
    below(archive, &top, true, &mut emit)
}

fn names(archive: &Archive, directory: &Entry) -> Result<Names, AgentError> {
    let mut names = Names::new();
    if let Node::Directory { tree } = &directory.node {
        archive.read_tree(tree, &mut |entry| -> Result<(), AgentError> {
            names.insert(entry.name.clone(), entry);
            Ok(())
        })?;
    }
    Ok(names)
}
