//! Gathers segments into packs, seals them, and records what was written.

use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use strongroom_base::ids::ObjectName;
use strongroom_base::object::ObjectRef;
use strongroom_crypto::hash::hash;
use strongroom_crypto::keys::SealedKind;
use strongroom_format::body::{Body, Deed, Snapshot};
use strongroom_format::index::{LEVEL_FINAL, Run, level};
use strongroom_format::pack::{Fill, PackClass};
use strongroom_format::padding::Carrier;
use strongroom_replica::record::{
    Added, Changes, PartKind, RecordKind, SMALL_PAYLOAD_LEN_MAX, payload_offset,
};

use super::chunks::{ChunkSet, Segment};
use super::known::RunFetcher;
use crate::create::{seal, seal_body};
use crate::error::EngineError;
use crate::fanout::Fanout;
use crate::memory::Head;
use crate::monitor::count;
use crate::packs::{OpenPack, SealedPack, append_run, index_pack};
use crate::writer::Writer;

/// A progress record is written after this many new chunks, stored bytes or this time, whatever is first.
const PROGRESS_CHUNKS: usize = 400_000;
const PROGRESS_BYTES: u64 = 4 << 30;
const PROGRESS_TIME: Duration = Duration::from_mins(5);
/// Room in a record for its body beside the packs.
const BODY_ROOM: usize = 64 << 10;
/// The last pack of a class before a record.
const LAST: Fill = Fill::Least(Carrier::Object);
/// Longest share of a chunk in an index run, with its segment's row.
const INDEX_ROW_LEN_MAX: usize = 48;
/// How many runs of one level are merged.
const MERGE: usize = 8;

/// Gathers segments into packs.
pub(crate) struct Packer<'a, 'w> {
    writer: &'w mut Writer<'a>,
    set: &'w ChunkSet<'w>,
    fanout: Fanout,
    data: OpenPack,
    meta: OpenPack,
    run: Run,
    adds: Vec<Added>,
    stored: u64,
    since: Instant,
}

impl<'a, 'w> Packer<'a, 'w> {
    pub(crate) fn new(writer: &'w mut Writer<'a>, set: &'w ChunkSet<'w>) -> Self {
        let targets = writer
            .targets()
            .map(|(number, replica)| (number, replica.clone()))
            .collect();
        let (identity, generation) = (&writer.identity, writer.next_id().generation);
        let open = |class| OpenPack::new(class, identity, generation);
        let (data, meta) = (open(PackClass::Data), open(PackClass::Meta));
        Self {
            writer,
            set,
            fanout: Fanout::new(targets),
            data,
            meta,
            run: Run::default(),
            adds: Vec::new(),
            stored: 0,
            since: Instant::now(),
        }
    }

    /// Takes segments until there are no more.
    pub(crate) fn run(mut self, segments: &Receiver<Segment>) -> Result<Self, EngineError> {
        for segment in segments {
            self.take(segment);
            let due = self.run.entries.len() >= PROGRESS_CHUNKS
                || self.stored >= PROGRESS_BYTES
                || self.since.elapsed() >= PROGRESS_TIME;
            if due && !self.run.entries.is_empty() {
                self.record_progress()?;
            }
        }
        Ok(self)
    }

    fn take(&mut self, segment: Segment) {
        let class = segment.class;
        self.open_pack(class).push(segment);
        while self.open_pack(class).has_many_waiting() {
            if !self.open_pack(class).place_one() {
                self.finish_pack(class, Fill::Full);
            }
        }
    }

    fn open_pack(&mut self, class: PackClass) -> &mut OpenPack {
        match class {
            PackClass::Data => &mut self.data,
            PackClass::Meta => &mut self.meta,
        }
    }

    /// Places every segment that waits; packs that become full on the way are written.
    fn place_all(&mut self, class: PackClass) {
        while self.open_pack(class).has_waiting() {
            if !self.open_pack(class).place_one() {
                self.finish_pack(class, Fill::Full);
            }
        }
    }

    /// Seals the open pack, and hands it to the destinations.
    fn finish_pack(&mut self, class: PackClass, fill: Fill) {
        let Some(pack) = self.open_pack(class).finish(fill) else {
            return;
        };
        let object = ObjectRef::pack(ObjectName(hash(&pack.bytes)));
        self.adds.push(Added {
            object,
            size: pack.bytes.len() as u64,
        });
        self.index(&pack, object, 0);
        self.put(object, pack.bytes);
    }

    fn put(&mut self, object: ObjectRef, bytes: Vec<u8>) {
        self.stored += bytes.len() as u64;
        count(&self.set.progress.bytes_stored, bytes.len() as u64);
        self.fanout.put(object, bytes);
    }

    fn seal(&self, kind: SealedKind, plaintext: &[u8], out: &mut Vec<u8>) {
        let identity = &self.writer.identity;
        let generation = self.writer.next_id().generation;
        let (archive, ring, random) = (identity.archive, &identity.ring, &*identity.random);
        seal(archive, generation, ring, kind, plaintext, random, out);
    }

    /// Notes where the chunks of a pack lie.
    fn index(&mut self, pack: &SealedPack, object: ObjectRef, offset: usize) {
        index_pack(&mut self.run, pack, object, offset);
    }

    /// Waits until every destination that works has everything.
    fn wait(&mut self) {
        for (number, reason) in self.fanout.wait() {
            self.writer.fail(number, &reason);
        }
    }

    /// Writes what there is, and a record that adds it: what comes after a crash begins from there.
    pub(crate) fn record_progress(&mut self) -> Result<(), EngineError> {
        for class in [PackClass::Data, PackClass::Meta] {
            self.place_all(class);
            self.finish_pack(class, LAST);
        }
        if self.run.entries.is_empty() {
            return Ok(());
        }
        let (run, plaintext) = self.put_run();
        self.wait();
        let mut runs = self.writer.runs().to_vec();
        runs.push(run);
        self.commit(Deed::Progress, Vec::new(), runs)?;
        self.know(run, &plaintext)?;
        (self.stored, self.since) = (0, Instant::now());
        Ok(())
    }

    /// Writes the index run of everything since the last record as an object.
    fn put_run(&mut self) -> (ObjectRef, Vec<u8>) {
        let mut run = std::mem::take(&mut self.run);
        run.sort();
        let plaintext = run.encode(Carrier::Object);
        let object = self.put_index(&plaintext);
        (object, plaintext)
    }

    fn put_index(&mut self, plaintext: &[u8]) -> ObjectRef {
        let mut bytes = Vec::new();
        self.seal(SealedKind::Index, plaintext, &mut bytes);
        let object = ObjectRef::index(ObjectName(hash(&bytes)));
        self.adds.push(Added {
            object,
            size: bytes.len() as u64,
        });
        self.put(object, bytes);
        object
    }

    /// Notes that the chunks of a recorded run are known.
    fn know(&mut self, run: ObjectRef, plaintext: &[u8]) -> Result<(), EngineError> {
        self.set.change_known(|known| known.add(&run, plaintext))?;
        let entries = Run::decode(plaintext, Carrier::of(&run))
            .map_err(strongroom_catalogue::CatalogueError::from)?
            .entries;
        self.set.settle(entries.iter().map(|entry| entry.prefix));
        Ok(())
    }

    /// Writes a record of what was added, without parts other than its body.
    fn commit(
        &mut self,
        deed: Deed,
        condemns: Vec<ObjectRef>,
        mut runs: Vec<ObjectRef>,
    ) -> Result<Head, EngineError> {
        runs.sort_unstable();
        let kind = RecordKind::from_code(deed.code()).expect("every deed is a kind of record");
        let changes = self.take_changes(condemns);
        let body = self.sealed_body(deed, &runs);
        self.writer
            .commit(kind, changes, &[(PartKind::Body, &body)], runs)
    }

    fn take_changes(&mut self, condemns: Vec<ObjectRef>) -> Changes {
        let mut adds = std::mem::take(&mut self.adds);
        adds.sort_unstable();
        Changes {
            adds,
            condemns,
            ..Changes::default()
        }
    }

    fn sealed_body(&self, deed: Deed, runs: &[ObjectRef]) -> Vec<u8> {
        let identity = &self.writer.identity;
        let body = Body {
            time: identity.clock.now(),
            destinations: self.writer.acknowledged(),
            runs: runs.to_vec(),
            deed,
        };
        let generation = self.writer.next_id().generation;
        seal_body(
            identity.archive,
            generation,
            &identity.ring,
            &body,
            &*identity.random,
        )
    }

    /// Writes the record of the snapshot; a small one carries its packs.
    pub(crate) fn record_snapshot(mut self, snapshot: Snapshot) -> Result<Head, EngineError> {
        self.place_all(PackClass::Data);
        self.place_all(PackClass::Meta);
        let (merged, condemns) = self.merge_runs()?;
        let mut runs: Vec<ObjectRef> = self.writer.runs().to_vec();
        runs.retain(|run| !condemns.contains(run));
        runs.extend(merged);
        let deed = Deed::Snapshot(snapshot);
        let nothing_written = self.run.entries.is_empty();
        let open = self.data.len() + self.meta.len();
        let head = if nothing_written && open == 0 {
            self.wait();
            self.commit(deed, objects_only(&condemns), runs)?
        } else if nothing_written && self.is_small(&deed, &runs) {
            self.commit_small(deed, objects_only(&condemns), runs)?
        } else {
            self.finish_pack(PackClass::Data, LAST);
            self.finish_pack(PackClass::Meta, LAST);
            let (run, plaintext) = self.put_run();
            runs.push(run);
            self.wait();
            let head = self.commit(deed, objects_only(&condemns), runs)?;
            self.know(run, &plaintext)?;
            head
        };
        self.set
            .change_known(|known| condemns.iter().for_each(|run| known.remove(run)));
        for (number, bytes) in self.fanout.bytes() {
            self.writer.slots[number].bytes_written += bytes;
        }
        Ok(head)
    }

    /// Says whether packs, index run and body fit into one record: half of the room is for padding and seals.
    fn is_small(&self, deed: &Deed, runs: &[ObjectRef]) -> bool {
        let (data, data_chunks) = self.data.extent();
        let (meta, meta_chunks) = self.meta.extent();
        let index = (data_chunks + meta_chunks) * INDEX_ROW_LEN_MAX;
        let body = self.sealed_body(deed.clone(), runs).len();
        body <= BODY_ROOM && data + meta + index + body < SMALL_PAYLOAD_LEN_MAX / 2
    }

    /// Writes a snapshot whose packs and index run travel in its record.
    fn commit_small(
        &mut self,
        deed: Deed,
        condemns: Vec<ObjectRef>,
        mut runs: Vec<ObjectRef>,
    ) -> Result<Head, EngineError> {
        let kind = RecordKind::from_code(deed.code()).expect("every deed is a kind of record");
        let record = ObjectRef::record(self.writer.next_id());
        runs.push(record);
        runs.sort_unstable();
        let packs: Vec<SealedPack> = [PackClass::Data, PackClass::Meta]
            .into_iter()
            .filter_map(|class| self.open_pack(class).finish(Fill::Least(Carrier::Record)))
            .collect();
        self.wait();
        let changes = self.take_changes(condemns);
        let body = self.sealed_body(deed, &runs);
        let mut offset = payload_offset(&changes, packs.len() + 2) + body.len();
        for pack in &packs {
            self.index(pack, record, offset);
            offset += pack.bytes.len();
        }
        let mut run = std::mem::take(&mut self.run);
        run.sort();
        let plaintext = run.encode(Carrier::Record);
        let mut index = Vec::new();
        self.seal(SealedKind::Index, &plaintext, &mut index);
        let mut parts: Vec<(PartKind, &[u8])> = vec![(PartKind::Body, &body)];
        parts.extend(
            packs
                .iter()
                .map(|pack| (PartKind::Pack, pack.bytes.as_slice())),
        );
        parts.push((PartKind::Index, &index));
        let payload: usize = parts.iter().map(|(_, bytes)| bytes.len()).sum();
        count(&self.set.progress.bytes_stored, payload as u64);
        let head = self.writer.commit(kind, changes, &parts, runs)?;
        self.know(record, &plaintext)?;
        Ok(head)
    }

    /// Merges runs where there are eight of one level: returns the new ones and those they replace.
    fn merge_runs(&mut self) -> Result<(Vec<ObjectRef>, Vec<ObjectRef>), EngineError> {
        let runs: Vec<(ObjectRef, u32)> = self.set.change_known(|known| known.runs().collect());
        let (mut merged, mut replaced) = (Vec::new(), Vec::new());
        for wanted in 0..LEVEL_FINAL {
            let of_level: Vec<ObjectRef> = runs
                .iter()
                .filter(|(_, entries)| level(*entries) == wanted)
                .map(|(object, _)| *object)
                .collect();
            if of_level.len() < MERGE {
                continue;
            }
            // One that cannot be had now is merged another time.
            let Some(mut all) = self.read_all(&of_level)? else {
                continue;
            };
            all.sort();
            let plaintext = all.encode(Carrier::Object);
            let object = self.put_index(&plaintext);
            self.set
                .change_known(|known| known.add(&object, &plaintext))?;
            merged.push(object);
            replaced.extend(of_level);
        }
        replaced.sort_unstable();
        Ok((merged, replaced))
    }

    /// Returns the rows of several runs. A local copy that is not what was stored is not taken: what comes of this will
    /// stand in the place of the runs.
    fn read_all(&self, runs: &[ObjectRef]) -> Result<Option<Run>, EngineError> {
        let (mut all, mut fetcher) = (Run::default(), RunFetcher::default());
        for object in runs {
            let local = self.set.change_known(|known| known.sound_plaintext(object));
            let sound = match local.ok().flatten() {
                Some(plaintext) => Ok(plaintext),
                None => fetcher.fetch(self.writer, object),
            };
            let Ok(plaintext) = sound else {
                return Ok(None);
            };
            let run = Run::decode(&plaintext, Carrier::of(object))
                .map_err(strongroom_catalogue::CatalogueError::from)?;
            append_run(&mut all, run);
        }
        Ok(Some(all))
    }
}

/// Records are not condemned when their index run is merged: they hold more than that.
fn objects_only(runs: &[ObjectRef]) -> Vec<ObjectRef> {
    runs.iter()
        .filter(|run| run.record_id().is_none())
        .copied()
        .collect()
}
