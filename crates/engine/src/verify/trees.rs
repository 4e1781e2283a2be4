//! Trees: each can be read, and the index knows every chunk.

use std::collections::HashSet;

use strongroom_base::{Class, Classified};
use strongroom_crypto::keys::ChunkKind;
use strongroom_format::content::{ChunkId, Content};
use strongroom_format::tree::{Entry, Node};
use strongroom_read::{Archive, ReadError, SnapshotInfo};

use super::VerifyReport;
use crate::error::EngineError;
use crate::find::{Walker, walk};
use crate::monitor::Stop;
use strongroom_base::with_causes;

/// Checks that every tree can be read and that the index knows every chunk; each tree once.
///
/// Where `loss_known`, a chunk that no index run knows is one whose loss was acknowledged.
pub(super) fn check_trees(
    archive: &Archive,
    snapshots: &[SnapshotInfo],
    loss_known: bool,
    report: &mut VerifyReport,
    stop: &Stop,
) -> Result<(), EngineError> {
    let mut checker = Checker {
        archive,
        seen: HashSet::new(),
        loss_known,
        report,
        stop,
    };
    for info in snapshots {
        for root in &info.snapshot.roots {
            let mut path = root.path.clone();
            checker.entry(&path, &root.entry)?;
            if let Node::Directory { tree } = &root.entry.node {
                walk(archive, tree, &mut path, &mut checker)?;
            }
        }
    }
    Ok(())
}

struct Checker<'a> {
    archive: &'a Archive,
    seen: HashSet<ChunkId>,
    loss_known: bool,
    report: &'a mut VerifyReport,
    stop: &'a Stop,
}

impl Walker<EngineError> for Checker<'_> {
    fn enters(&mut self, _: &[u8], tree: &Content) -> Result<bool, EngineError> {
        if self.stop.is_requested() {
            return Err(EngineError::Interrupted);
        }
        match tree {
            Content::Chunk { id, .. } | Content::List { id, .. } if !self.seen.insert(*id) => {
                return Ok(false);
            }
            _ => {}
        }
        self.report.chunks_checked += 1;
        Ok(true)
    }

    fn entry(&mut self, path: &[u8], entry: &Entry) -> Result<(), EngineError> {
        let xattrs = entry.meta.xattrs.iter().map(|(_, value)| value);
        let file = match &entry.node {
            Node::File { content } => Some(content),
            _ => None,
        };
        let (archive, seen) = (self.archive, &mut self.seen);
        let mut damaged = Vec::new();
        for content in xattrs.chain(file) {
            let known = archive.visit_chunks(ChunkKind::Data, content, &mut |_, id, _| {
                if seen.insert(*id) && archive.index().find(&id.prefix())?.is_none() {
                    return Err(ReadError::ChunkMissing { id: *id });
                }
                Ok(())
            });
            damaged.extend(known.err());
        }
        damaged
            .into_iter()
            .try_for_each(|error| self.damaged(path, error))
    }

    /// Notes damage; any other error ends verification.
    fn damaged(&mut self, path: &[u8], error: ReadError) -> Result<(), EngineError> {
        if self.loss_known && matches!(error, ReadError::ChunkMissing { .. }) {
            self.report.acknowledged += 1;
            return Ok(());
        }
        let damage = matches!(error.class(), Class::Damage)
            || matches!(&error, ReadError::Replica(source) if source.class() == Class::Damage);
        if !damage {
            return Err(error.into());
        }
        self.report.damage.push((
            String::from_utf8_lossy(path).into_owned(),
            with_causes(&error),
        ));
        Ok(())
    }
}
