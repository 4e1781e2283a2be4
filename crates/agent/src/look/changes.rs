//! What differs between two snapshots.

use strongroom_format::body::Snapshot;
use strongroom_format::tree::{Entry, Node};
use strongroom_read::Archive;

use crate::AgentError;
use crate::look::names::Names;
use crate::look::tree::{Listed, Lost, below, join};

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

/// Visits what differs between two snapshots; directories that are the same are not opened. Of a directory that cannot be
/// read in one of them, which is told to `lost`, nobody can say what differs.
pub fn diff(
    archive: &Archive,
    first: &Snapshot,
    second: &Snapshot,
    visit: Visit<'_>,
    lost: Lost<'_>,
) -> Result<(), AgentError> {
    let mut comparison = Comparison {
        archive,
        pending: Vec::new(),
        visit,
        lost,
    };
    comparison.compare(None, Names::of_roots(first), Names::of_roots(second))?;
    while let Some((path, before, after)) = comparison.pending.pop() {
        let mut pair = (Names::default(), Names::default());
        for (names, entry) in [(&mut pair.0, &before), (&mut pair.1, &after)] {
            if let Node::Directory { tree } = &entry.node {
                *names = Names::of_tree(archive, (&path, tree), comparison.lost)?;
            }
        }
        comparison.compare(Some(&path), pair.0, pair.1)?;
    }
    Ok(())
}

/// A comparison of two snapshots.
struct Comparison<'a> {
    archive: &'a Archive,
    /// Directories that differ and are still to be compared.
    pending: Vec<(Vec<u8>, Entry, Entry)>,
    visit: Visit<'a>,
    lost: Lost<'a>,
}

impl Comparison<'_> {
    /// Compares the entries of one directory, which come in the order of their names, and notes the directories to compare
    /// next.
    fn compare(
        &mut self,
        parent: Option<&[u8]>,
        mut first: Names,
        mut second: Names,
    ) -> Result<(), AgentError> {
        let path_of = |name: &[u8]| parent.map_or_else(|| name.to_vec(), |path| join(path, name));
        let shown = parent.unwrap_or_default();
        let mut directories = Vec::new();
        loop {
            first.skip_same(&mut second);
            first.fill(self.archive, shown, self.lost)?;
            second.fill(self.archive, shown, self.lost)?;
            let (before, after) = match (first.peek(), second.peek()) {
                (None, None) => break,
                // Whether the other one has it, nobody knows.
                (Some(_), None) if second.is_broken() => break,
                (None, Some(_)) if first.is_broken() => break,
                (Some(before), Some(after)) if before == after => (first.take(), second.take()),
                (Some(before), after) if after.is_none_or(|after| before < after) => {
                    (first.take(), None)
                }
                _ => (None, second.take()),
            };
            match (before, after) {
                (Some((name, before)), Some((_, after))) => {
                    self.compare_entries(path_of(&name), before, after, &mut directories)?;
                }
                (Some((name, before)), None) => {
                    self.whole(Change::Removed, path_of(&name), before)?;
                }
                (None, Some((name, after))) => self.whole(Change::Added, path_of(&name), after)?,
                (None, None) => break,
            }
        }
        directories.reverse();
        self.pending.append(&mut directories);
        Ok(())
    }

    /// Compares two entries of one path.
    fn compare_entries(
        &mut self,
        path: Vec<u8>,
        before: Entry,
        after: Entry,
        directories: &mut Vec<(Vec<u8>, Entry, Entry)>,
    ) -> Result<(), AgentError> {
        let both_directories = matches!(before.node, Node::Directory { .. })
            && matches!(after.node, Node::Directory { .. });
        let same_kind = std::mem::discriminant(&before.node) == std::mem::discriminant(&after.node);
        if before.node != after.node && !both_directories && !same_kind {
            self.whole(Change::Removed, path.clone(), before)?;
            return self.whole(Change::Added, path, after);
        }
        let change = match () {
            () if before.node != after.node && !both_directories => Some(Change::Modified),
            () if before.meta != after.meta => Some(Change::Metadata),
            () => None,
        };
        if let Some(change) = change {
            (self.visit)(Changed {
                change,
                path: path.clone(),
                before: Some(before.clone()),
                after: Some(after.clone()),
            })?;
        }
        if both_directories && before.node != after.node {
            directories.push((path, before, after));
        }
        Ok(())
    }

    /// Visits an entry and everything below it as added or removed.
    fn whole(&mut self, change: Change, path: Vec<u8>, entry: Entry) -> Result<(), AgentError> {
        let mut emit = |Listed { path, entry }: Listed| {
            let (before, after) = match change {
                Change::Removed => (Some(entry), None),
                _ => (None, Some(entry)),
            };
            (self.visit)(Changed {
                change,
                path,
                before,
                after,
            })
        };
        let top = Listed { path, entry };
        emit(top.clone())?;
        below(self.archive, &top, true, &mut emit, self.lost)
    }
}
