//! Looking at replicas without the operations: what a destination lists, and whether it restores.

use std::collections::BTreeMap;
use std::sync::Arc;

use strongroom_base::clock::Timestamp;
use strongroom_crypto::keys::ChunkKind;
use strongroom_engine::forget::refuse_unsettled;
use strongroom_engine::verify::{ReadData, ReadTimes, VerifyOptions, VerifyReport, verify};
use strongroom_engine::{EngineError, Head, Progress, Stop, walk_snapshot};
use strongroom_format::keys::KeyRing;
use strongroom_format::tree::Node;
use strongroom_read::{Archive, ReadError, Replicas, SnapshotInfo};
use strongroom_replica::Replica;

use crate::common::crash::restore_to;
use crate::common::trees::fast_folder;
use crate::reference::Tag;
use crate::source::{Files, content};

/// Replicas that are read as one, and what is wrong with them.
pub(crate) struct Look {
    archive: Archive,
    opening: Vec<ReadError>,
    pub(crate) snapshots: BTreeMap<Tag, SnapshotInfo>,
    pub(crate) problems: Vec<String>,
    /// Whether a person may choose among the snapshots.
    pub(crate) settled: Result<(), EngineError>,
}

impl Look {
    pub(crate) fn at(replicas: Vec<Replica>, ring: &Arc<KeyRing>) -> Result<Self, String> {
        let told = |error: ReadError| format!("cannot be opened: {error:?}");
        let replicas = Replicas::new(replicas).map_err(told)?;
        let mut opening = Vec::new();
        let archive = Archive::with_key_ring(replicas, ring.clone(), &mut opening).map_err(told)?;
        let (infos, mut log, errors) = archive.snapshots().map_err(told)?;
        let mut problems: Vec<String> = log.problems.iter().map(ToString::to_string).collect();
        problems.extend(errors.iter().map(ToString::to_string));
        let settled = refuse_unsettled(&infos, &mut log);
        let tag = |info: &SnapshotInfo| info.snapshot.tags.first()?.parse().ok();
        let mut snapshots = BTreeMap::new();
        for info in infos {
            let tag: Tag = tag(&info).ok_or("a snapshot has no tag")?;
            if snapshots.insert(tag, info).is_some() {
                return Err(format!("snapshot {tag} is listed twice"));
            }
        }
        Ok(Self {
            archive,
            opening,
            snapshots,
            problems,
            settled,
        })
    }

    /// Reads a snapshot into memory, and compares it.
    pub(crate) fn reads(&self, tag: Tag, files: &Files) -> Result<(), String> {
        let info = self
            .snapshots
            .get(&tag)
            .ok_or_else(|| format!("snapshot {tag} is not listed"))?;
        let mut found = BTreeMap::new();
        let root = info.snapshot.roots[0].path.len() + 1;
        let mut wrong = Vec::new();
        let mut visit = |path: &[u8], entry: &strongroom_format::tree::Entry| {
            let Node::File { content } = &entry.node else {
                return Ok::<(), ReadError>(());
            };
            let path = String::from_utf8_lossy(&path[root..]).into_owned();
            match self
                .archive
                .content_bytes(ChunkKind::Data, content, u64::MAX)
            {
                Ok(bytes) => drop(found.insert(path, bytes)),
                Err(error) => wrong.push(format!("{path}: {error}")),
            }
            Ok(())
        };
        let mut damaged = Vec::new();
        let walked = walk_snapshot(
            &self.archive,
            &info.snapshot,
            &mut visit,
            &mut |path, error| {
                damaged.push(format!("{}: {error}", String::from_utf8_lossy(path)));
                Ok(())
            },
        );
        wrong.extend(walked.err().map(|error| error.to_string()));
        wrong.append(&mut damaged);
        if wrong.is_empty() {
            wrong = differing(files, &found);
        }
        if wrong.is_empty() {
            return Ok(());
        }
        Err(format!("snapshot {tag} ({}): {wrong:?}", info.id))
    }

    /// Restores a snapshot to a folder, and compares it.
    pub(crate) fn restores(&self, tag: Tag, files: &Files) -> Result<(), String> {
        let info = self
            .snapshots
            .get(&tag)
            .ok_or_else(|| format!("snapshot {tag} is not listed"))?;
        let target = fast_folder();
        let summary = restore_to(&self.archive, info, target.path());
        if (summary.damaged, summary.failed) != (0, 0) {
            return Err(format!("snapshot {tag}: {} damaged", summary.damaged));
        }
        let mut found = BTreeMap::new();
        for path in files.keys() {
            let bytes = std::fs::read(target.path().join(path));
            found.extend(bytes.ok().map(|bytes| (path.clone(), bytes)));
        }
        let wrong = differing(files, &found);
        if wrong.is_empty() {
            return Ok(());
        }
        Err(format!("snapshot {tag} restores otherwise: {wrong:?}"))
    }

    /// Verifies the first replica.
    pub(crate) fn verify(&self, head: Option<Head>, all: bool) -> Result<VerifyReport, String> {
        let percent = 100;
        let read_data = if all {
            ReadData::Percent { percent, turn: 0 }
        } else {
            ReadData::No
        };
        let mut times = ReadTimes::default();
        let mut options = VerifyOptions {
            read_data,
            acknowledged: head,
            times: &mut times,
            now: Timestamp(0),
        };
        let (progress, stop) = (Progress::default(), Stop::default());
        verify(&self.archive, &self.opening, &mut options, &progress, &stop)
            .map_err(|error| format!("cannot be verified: {error:?}"))
    }
}

/// Names what is missing, too much or another content.
fn differing(files: &Files, found: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
    let names = files.keys().chain(found.keys());
    let is_same = |name: &&String| {
        let expected = files.get(*name).map(|number| content(*number));
        expected == found.get(*name).map(Vec::as_slice)
    };
    let mut wrong: Vec<String> = names.filter(|name| !is_same(name)).cloned().collect();
    wrong.dedup();
    wrong
}
