//! The entries of one directory in the order of their names, of which a chunk is in memory at a time.

use std::collections::VecDeque;

use strongroom_crypto::keys::ChunkKind;
use strongroom_format::body::Snapshot;
use strongroom_format::content::Content;
use strongroom_format::tree::Entry;
use strongroom_read::{Archive, ReadError};

use crate::AgentError;
use crate::look::tree::{Lost, is_lost};

/// The entries of one directory, each with its name; of the roots of a snapshot, with its path.
#[derive(Default)]
pub(crate) struct Names {
    /// What was read and not taken yet.
    ready: VecDeque<(Vec<u8>, Entry)>,
    /// What is still to be read.
    chunks: VecDeque<Content>,
    /// Whether something cannot be read; what comes after it is left out.
    broken: bool,
}

impl Names {
    /// Returns the roots of a snapshot.
    pub(crate) fn of_roots(snapshot: &Snapshot) -> Self {
        let roots = snapshot.roots.iter();
        let mut roots: Vec<_> = roots
            .map(|root| (root.path.clone(), root.entry.clone()))
            .collect();
        roots.sort_by(|(one, _), (other, _)| one.cmp(other));
        Self {
            ready: roots.into(),
            ..Self::default()
        }
    }

    /// Returns the entries of a directory; which chunks it has is read now, and they are later.
    pub(crate) fn of_tree(
        archive: &Archive,
        (path, tree): (&[u8], &Content),
        lost: Lost<'_>,
    ) -> Result<Self, AgentError> {
        let mut names = Self::default();
        let Content::List { .. } = tree else {
            names.chunks.push_back(tree.clone());
            return Ok(names);
        };
        let chunks = &mut names.chunks;
        let read =
            archive.visit_chunks::<ReadError>(ChunkKind::Tree, tree, &mut |kind, id, len| {
                if let (ChunkKind::Tree, Some(len)) = (kind, len) {
                    chunks.push_back(Content::Chunk { len, id: *id });
                }
                Ok(())
            });
        // What the list has before a part that is lost can be read.
        names.settle(path, read, lost)?;
        Ok(names)
    }

    /// Drops the chunks that come next in both, where they are the same: no entry in them differs.
    pub(crate) fn skip_same(&mut self, other: &mut Self) {
        while self.ready.is_empty()
            && other.ready.is_empty()
            && self.chunks.front().is_some()
            && self.chunks.front() == other.chunks.front()
        {
            self.chunks.pop_front();
            other.chunks.pop_front();
        }
    }

    /// Reads until there is an entry, or no more.
    pub(crate) fn fill(
        &mut self,
        archive: &Archive,
        path: &[u8],
        lost: Lost<'_>,
    ) -> Result<(), AgentError> {
        while self.ready.is_empty()
            && let Some(chunk) = self.chunks.pop_front()
        {
            let ready = &mut self.ready;
            let read = archive.read_tree::<ReadError>(&chunk, &mut |entry| {
                ready.push_back((entry.name.clone(), entry));
                Ok(())
            });
            if read.is_err() {
                self.chunks.clear();
            }
            self.settle(path, read, lost)?;
        }
        Ok(())
    }

    /// Goes on where something is lost, with what came before it.
    fn settle(
        &mut self,
        path: &[u8],
        read: Result<(), ReadError>,
        lost: Lost<'_>,
    ) -> Result<(), AgentError> {
        match read {
            Err(error) if is_lost(&error) => {
                lost(path, &error);
                self.broken = true;
                Ok(())
            }
            read => Ok(read?),
        }
    }

    /// Returns the name of the next entry, after [`fill`](Self::fill).
    pub(crate) fn peek(&self) -> Option<&[u8]> {
        self.ready.front().map(|(name, _)| &name[..])
    }

    /// Takes the next entry.
    pub(crate) fn take(&mut self) -> Option<(Vec<u8>, Entry)> {
        self.ready.pop_front()
    }

    /// Says whether some of the entries cannot be read.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }
}
