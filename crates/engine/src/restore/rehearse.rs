//! What a restore would do, without doing it.

use std::path::Path;

use strongroom_files::Dir;
use strongroom_format::limits::DEPTH_MAX;
use strongroom_format::tree::{Entry, Node};
use strongroom_read::ReadError;

use super::delete::{Deletion, Hand};
use super::select::{Selected, to_path};
use super::task::Context;
use crate::error::EngineError;
use crate::monitor::count;

/// Counts what would be restored, and names what would be deleted.
pub(super) fn rehearse(
    context: &Context<'_>,
    selected: &[Selected],
    deletion: Option<&Deletion<'_>>,
) -> Result<(), EngineError> {
    let rehearsal = Rehearsal { context, deletion };
    for selected in selected {
        let path = selected.folder.path();
        // What is not there has nothing that could be deleted.
        let there = Dir::open_root(&path).ok();
        let is_contents = selected.name.is_none();
        match &selected.entry.node {
            Node::Directory { .. } if is_contents => {
                rehearsal.entry(&selected.entry, there.as_ref(), &path, 0)?;
            }
            _ => {
                let name = selected.name.as_ref().unwrap_or(&selected.entry.name);
                let below = there.and_then(|there| there.open_child(name).ok());
                let path = path.join(to_path(name));
                rehearsal.entry(&selected.entry, below.as_ref(), &path, 0)?;
            }
        }
    }
    Ok(())
}

struct Rehearsal<'a> {
    context: &'a Context<'a>,
    deletion: Option<&'a Deletion<'a>>,
}

impl Rehearsal<'_> {
    /// Goes through an entry; `there` is the directory that is in its place.
    fn entry(
        &self,
        entry: &Entry,
        there: Option<&Dir>,
        path: &Path,
        depth: usize,
    ) -> Result<(), EngineError> {
        let totals = &self.context.totals;
        let tree = match &entry.node {
            Node::Directory { tree } if depth < DEPTH_MAX => tree,
            Node::Directory { .. } => {
                self.context.damaged(path, &ReadError::TooDeep);
                return Ok(());
            }
            Node::File { content } => {
                count(&totals.files, 1);
                count(&totals.bytes, content.len());
                return Ok(());
            }
            _ => {
                count(&totals.others, 1);
                return Ok(());
            }
        };
        count(&totals.directories, 1);
        let entries = self.context.entries(tree, path)?;
        if let (Some(deletion), Some(there)) = (self.deletion, there) {
            self.deletions(deletion, there, path, &entries);
        }
        for entry in &entries {
            let below = there.and_then(|there| match entry.node {
                Node::Directory { .. } => there.open_child(&entry.name).ok(),
                _ => None,
            });
            let path = path.join(to_path(&entry.name));
            self.entry(entry, below.as_ref(), &path, depth + 1)?;
        }
        Ok(())
    }

    fn deletions(&self, deletion: &Deletion<'_>, there: &Dir, path: &Path, entries: &[Entry]) {
        let hand = Hand {
            take: &|_, _, at| {
                count(&self.context.totals.deleted, 1);
                let bytes = at.as_os_str().as_encoded_bytes();
                self.context.monitor.would_delete(bytes);
                Ok(())
            },
            failed: &|at, error| self.context.failed(at, error),
        };
        if let Err(error) = deletion.clear(there, path, entries, &hand) {
            self.context.failed(path, &error);
        }
    }
}
