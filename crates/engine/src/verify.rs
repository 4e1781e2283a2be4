//! Verifies an archive: the log, the objects of the live set, the index, every tree, and on request every
//! byte.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use strongroom_base::object::{ObjectKind, ObjectRef};
use strongroom_base::{Class, Classified};
use strongroom_crypto::keys::{ChunkKind, SealedKind};
use strongroom_format::content::{ChunkId, Content};
use strongroom_format::pack::{Method, Trailer};
use strongroom_format::sealed::open_object;
use strongroom_format::tree::Node;
use strongroom_read::{Archive, ReadError, Replicas, SnapshotInfo, decompress_segment};
use strongroom_replica::Replica;
use strongroom_replica::record::PartKind;

use crate::error::EngineError;
use crate::monitor::{Progress, Stop, count};
use crate::restore::with_cause;

/// How much of the stored bytes is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadData {
    /// Only what trees, indexes and records need.
    No,
    /// This many of every hundred packs, chosen by name and by `turn`, so that turns 0 to 99 cover all.
    Percent {
        /// From 1 to 100.
        percent: u8,
        /// Which ones.
        turn: u8,
    },
}

/// What verification found at one replica.
#[derive(Clone, Debug, Default)]
pub struct VerifyReport {
    /// Records of the chain.
    pub records: u64,
    /// Snapshots.
    pub snapshots: u64,
    /// Objects of the live set.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Packs that were read whole.
    pub packs_read: u64,
    /// Chunks that were checked against their ids.
    pub chunks_checked: u64,
    /// Objects that no record names, left by writers that died, and their bytes.
    pub unrecorded: (u64, u64),
    /// What is damaged: the object or path, and what is wrong.
    pub damage: Vec<(String, String)>,
}

impl VerifyReport {
    /// Says whether nothing is damaged.
    pub fn is_clean(&self) -> bool {
        self.damage.is_empty()
    }
}

/// Verifies the replica that `archive` reads first.
pub fn verify(
    archive: &Archive,
    opening: &[ReadError],
    read_data: ReadData,
    progress: &Progress,
    stop: &Stop,
) -> Result<VerifyReport, EngineError> {
    let mut report = VerifyReport::default();
    let replica = archive.replicas().first();
    for problem in opening {
        report
            .damage
            .push(("index".to_owned(), with_cause(problem)));
    }
    let (snapshots, log, problems) = archive.snapshots_at(replica)?;
    for problem in &log.problems {
        report.damage.push(("log".to_owned(), with_cause(problem)));
    }
    for problem in &problems {
        report.damage.push(("log".to_owned(), with_cause(problem)));
    }
    report.records = log.entries.len() as u64;
    report.snapshots = snapshots.len() as u64;
    let live: Vec<(ObjectRef, u64)> = log
        .live()
        .iter()
        .map(|(object, size)| (*object, size))
        .collect();
    let sound = check_presence(replica, &live, &mut report)?;
    check_keys(replica, archive, &mut report);
    check_trees(archive, &snapshots, &mut report, stop)?;
    let chosen: Vec<(ObjectRef, u64)> = sound
        .into_iter()
        .filter(|(object, _)| object.kind() == ObjectKind::Index || is_chosen(object, read_data))
        .collect();
    count(&progress.entries_total, chosen.len() as u64);
    count(
        &progress.bytes_total,
        chosen.iter().map(|(_, size)| size).sum(),
    );
    read_objects(archive, &chosen, &mut report, progress, stop)?;
    if read_data != ReadData::No {
        for entry in &log.entries {
            check_record_packs(archive, replica, entry.id(), &mut report);
        }
    }
    report.damage.sort();
    report.damage.dedup();
    Ok(report)
}

fn is_chosen(object: &ObjectRef, read_data: ReadData) -> bool {
    let ReadData::Percent { percent, turn } = read_data else {
        return false;
    };
    let name = object.list_name();
    let number = (u16::from(name[30]) << 8 | u16::from(name[31])) % 100;
    (number + 100 - u16::from(turn) % 100) % 100 < u16::from(percent)
}

/// Checks that the live objects are there with their sizes; returns those that are.
fn check_presence(
    replica: &Replica,
    live: &[(ObjectRef, u64)],
    report: &mut VerifyReport,
) -> Result<Vec<(ObjectRef, u64)>, EngineError> {
    let there: std::collections::HashMap<ObjectRef, u64> =
        replica.content_objects()?.into_iter().collect();
    let mut sound = Vec::with_capacity(live.len());
    for (object, size) in live {
        report.objects += 1;
        report.bytes += size;
        match there.get(object) {
            Some(found) if found == size => sound.push((*object, *size)),
            Some(found) => {
                let what = format!("has {found} bytes instead of {size}");
                report.damage.push((object.to_string(), what));
            }
            None => report
                .damage
                .push((object.to_string(), "is missing".to_owned())),
        }
    }
    let live: HashSet<&ObjectRef> = live.iter().map(|(object, _)| object).collect();
    let unrecorded = there.iter().filter(|(object, _)| !live.contains(object));
    for (_, size) in unrecorded {
        report.unrecorded.0 += 1;
        report.unrecorded.1 += size;
    }
    Ok(sound)
}

fn check_keys(replica: &Replica, archive: &Archive, report: &mut VerifyReport) {
    let authority = archive.key_ring().authority().public_key();
    match replica.descriptor() {
        Ok(descriptor) if descriptor.authority == authority => {}
        Ok(_) => {
            let what = "was not written by this archive's owner".to_owned();
            report.damage.push(("descriptor".to_owned(), what));
        }
        Err(error) => report
            .damage
            .push(("descriptor".to_owned(), with_cause(&error))),
    }
    if let Err(error) = strongroom_read::newest_keys(replica) {
        report.damage.push(("keys".to_owned(), with_cause(&error)));
    }
}

/// Checks that every tree can be read and that the index knows every chunk; each tree once.
fn check_trees(
    archive: &Archive,
    snapshots: &[SnapshotInfo],
    report: &mut VerifyReport,
    stop: &Stop,
) -> Result<(), EngineError> {
    let mut seen: HashSet<ChunkId> = HashSet::new();
    for info in snapshots {
        for root in &info.snapshot.roots {
            let mut path = root.path.clone();
            check_content(archive, &root.entry, &path, &mut seen, report)?;
            if let Node::Directory { tree } = &root.entry.node {
                check_tree(archive, tree, &mut path, &mut seen, report, stop)?;
            }
        }
    }
    Ok(())
}

fn check_tree(
    archive: &Archive,
    tree: &Content,
    path: &mut Vec<u8>,
    seen: &mut HashSet<ChunkId>,
    report: &mut VerifyReport,
    stop: &Stop,
) -> Result<(), EngineError> {
    if stop.is_requested() {
        return Err(EngineError::Interrupted);
    }
    match tree {
        Content::Chunk { id, .. } | Content::List { id, .. } if !seen.insert(*id) => return Ok(()),
        _ => {}
    }
    let mut entries = Vec::new();
    let read = archive.read_tree(tree, &mut |entry| -> Result<(), ReadError> {
        entries.push(entry);
        Ok(())
    });
    report.chunks_checked += 1;
    if let Err(error) = read {
        note(path, error, report)?;
    }
    let len = path.len();
    for entry in entries {
        if path.last() != Some(&b'/') {
            path.push(b'/');
        }
        path.extend_from_slice(&entry.name);
        check_content(archive, &entry, path, seen, report)?;
        if let Node::Directory { tree } = &entry.node {
            check_tree(archive, tree, path, seen, report, stop)?;
        }
        path.truncate(len);
    }
    Ok(())
}

fn check_content(
    archive: &Archive,
    entry: &strongroom_format::tree::Entry,
    path: &[u8],
    seen: &mut HashSet<ChunkId>,
    report: &mut VerifyReport,
) -> Result<(), EngineError> {
    let xattrs = entry.meta.xattrs.iter().map(|(_, value)| value);
    let file = match &entry.node {
        Node::File { content } => Some(content),
        _ => None,
    };
    for content in xattrs.chain(file) {
        let known = archive.visit_chunks(ChunkKind::Data, content, &mut |_, id, _| {
            if seen.insert(*id) && archive.index().find(&id.prefix())?.is_none() {
                return Err(ReadError::ChunkMissing { id: *id });
            }
            Ok(())
        });
        if let Err(error) = known {
            note(path, error, report)?;
        }
    }
    Ok(())
}

/// Notes damage; any other error ends verification.
fn note(path: &[u8], error: ReadError, report: &mut VerifyReport) -> Result<(), EngineError> {
    let damage = matches!(error.class(), Class::Damage)
        || matches!(&error, ReadError::Replica(source) if source.class() == Class::Damage);
    if !damage {
        return Err(error.into());
    }
    report.damage.push((
        String::from_utf8_lossy(path).into_owned(),
        with_cause(&error),
    ));
    Ok(())
}

/// Reads objects whole, on all cores, and checks every chunk in them.
fn read_objects(
    archive: &Archive,
    objects: &[(ObjectRef, u64)],
    report: &mut VerifyReport,
    progress: &Progress,
    stop: &Stop,
) -> Result<(), EngineError> {
    let (next, found) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let (packs, chunks) = (
        std::sync::atomic::AtomicU64::new(0),
        std::sync::atomic::AtomicU64::new(0),
    );
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, std::num::NonZero::get) {
            scope.spawn(|| {
                while let Some((object, size)) = objects.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if stop.is_requested() {
                        return;
                    }
                    match check_object(archive, object) {
                        Ok(checked) => {
                            chunks.fetch_add(checked, Ordering::Relaxed);
                            let pack = object.kind() == ObjectKind::Pack;
                            packs.fetch_add(u64::from(pack), Ordering::Relaxed);
                        }
                        Err(error) => {
                            let mut found = found
                                .lock()
                                .unwrap_or_else(std::sync::PoisonError::into_inner);
                            found.push((object.to_string(), with_cause(&error)));
                        }
                    }
                    count(&progress.entries_done, 1);
                    count(&progress.bytes_done, *size);
                }
            });
        }
    });
    if stop.is_requested() {
        return Err(EngineError::Interrupted);
    }
    report.packs_read += packs.into_inner();
    report.chunks_checked += chunks.into_inner();
    report.damage.extend(
        found
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner),
    );
    Ok(())
}

/// Reads an object, and returns how many chunks it has.
fn check_object(archive: &Archive, object: &ObjectRef) -> Result<u64, ReadError> {
    let only = Replicas::new(vec![archive.replicas().first().clone()])?;
    let bytes = only.get(object)?;
    if object.kind() == ObjectKind::Index {
        let damaged = |source| ReadError::Object {
            object: *object,
            source,
        };
        let (_, plaintext) = open_object(
            &bytes,
            SealedKind::Index,
            archive.id(),
            &**archive.key_ring(),
        )
        .map_err(damaged)?;
        strongroom_format::index::Run::decode(&plaintext).map_err(damaged)?;
        return Ok(0);
    }
    check_pack(archive, object, &bytes)
}

/// Opens a pack, and checks every chunk in it against its id.
fn check_pack(archive: &Archive, object: &ObjectRef, sealed: &[u8]) -> Result<u64, ReadError> {
    let damaged = |source| ReadError::Object {
        object: *object,
        source,
    };
    let (_, plaintext) = open_object(
        sealed,
        SealedKind::Pack,
        archive.id(),
        &**archive.key_ring(),
    )
    .map_err(damaged)?;
    let trailer = Trailer::of_plaintext(&plaintext).map_err(damaged)?;
    let (mut at, mut checked) = (0, 0);
    for segment in &trailer.segments {
        let stored = &plaintext[at..at + segment.stored_len as usize];
        at += segment.stored_len as usize;
        let raw = match segment.method {
            Method::Stored => stored.to_vec(),
            Method::Zstd => decompress_segment(stored, segment.raw_len as usize)
                .ok_or(ReadError::SegmentDamaged { object: *object })?,
        };
        let mut rest = raw.as_slice();
        for chunk in &segment.chunks {
            let (bytes, after) = rest
                .split_at_checked(chunk.len as usize)
                .ok_or(ReadError::SegmentDamaged { object: *object })?;
            rest = after;
            let id = ChunkId(archive.key_ring().dedup.chunk_id(chunk.kind, bytes));
            if id.prefix() != chunk.prefix {
                return Err(ReadError::ChunkDamaged {
                    id,
                    object: *object,
                });
            }
            checked += 1;
        }
    }
    Ok(checked)
}

fn check_record_packs(
    archive: &Archive,
    replica: &Replica,
    id: strongroom_base::object::RecordId,
    report: &mut VerifyReport,
) {
    let object = ObjectRef::record(id);
    // A record that cannot be read is in the report already.
    let Ok(record) = replica.record(id, &archive.key_ring().authority().public_key()) else {
        return;
    };
    for (_, _, bytes) in record.parts().filter(|(kind, ..)| *kind == PartKind::Pack) {
        match check_pack(archive, &object, bytes) {
            Ok(checked) => report.chunks_checked += checked,
            Err(error) => report.damage.push((object.to_string(), with_cause(&error))),
        }
    }
}
