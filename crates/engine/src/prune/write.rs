//! Writes new packs and index runs to every destination that works.

use std::collections::BTreeSet;

use strongroom_base::ids::{Generation, ObjectName};
use strongroom_base::object::ObjectRef;
use strongroom_crypto::hash::hash;
use strongroom_crypto::keys::SealedKind;
use strongroom_format::index::{Run, SegmentPlace};
use strongroom_format::pack::{Fill, PackClass};
use strongroom_format::padding::Carrier;
use strongroom_replica::record::Added;

use super::marks::{Marks, PackKey, key_of};
use crate::backup::Segment;
use crate::create::seal;
use crate::error::EngineError;
use crate::fanout::Fanout;
use crate::monitor::{Progress, count};
use crate::packs::{OpenPack, append_run, index_pack};
use crate::writer::{Identity, Writer};

/// A new run has at most about so many entries.
const RUN_ENTRIES: usize = 400_000;

/// Puts segments into packs, and rows into runs.
pub(crate) struct Output<'a> {
    identity: Identity,
    generation: Generation,
    fanout: Fanout,
    data: OpenPack,
    meta: OpenPack,
    run: Run,
    progress: &'a Progress,
    /// What was written.
    pub(crate) adds: Vec<Added>,
    /// The new runs among it.
    pub(crate) runs: Vec<ObjectRef>,
}

impl<'a> Output<'a> {
    pub(crate) fn new(writer: &Writer<'_>, progress: &'a Progress) -> Self {
        let targets = writer.targets();
        let (identity, generation) = (&writer.identity, writer.next_id().generation);
        Self {
            identity: identity.clone(),
            generation,
            fanout: Fanout::new(targets.map(|(at, replica)| (at, replica.clone())).collect()),
            data: OpenPack::new(PackClass::Data, identity, generation),
            meta: OpenPack::new(PackClass::Meta, identity, generation),
            run: Run::default(),
            progress,
            adds: Vec::new(),
            runs: Vec::new(),
        }
    }

    /// Takes a segment for a pack of its class.
    pub(crate) fn take(&mut self, segment: Segment) {
        let class = segment.class;
        self.open_pack(class).push(segment);
        while self.open_pack(class).has_many_waiting() {
            if !self.open_pack(class).place_one() {
                self.finish_pack(class, Fill::Full);
            }
        }
    }

    /// Writes the packs that are not full.
    pub(crate) fn finish_packs(&mut self) {
        for class in [PackClass::Data, PackClass::Meta] {
            while self.open_pack(class).has_waiting() {
                if !self.open_pack(class).place_one() {
                    self.finish_pack(class, Fill::Full);
                }
            }
            self.finish_pack(class, Fill::Least(Carrier::Object));
        }
    }

    fn open_pack(&mut self, class: PackClass) -> &mut OpenPack {
        match class {
            PackClass::Data => &mut self.data,
            PackClass::Meta => &mut self.meta,
        }
    }

    fn finish_pack(&mut self, class: PackClass, fill: Fill) {
        let Some(pack) = self.open_pack(class).finish(fill) else {
            return;
        };
        let object = ObjectRef::pack(ObjectName(hash(&pack.bytes)));
        index_pack(&mut self.run, &pack, object, 0);
        self.put(object, pack.bytes);
    }

    fn put(&mut self, object: ObjectRef, bytes: Vec<u8>) {
        let size = bytes.len() as u64;
        self.adds.push(Added { object, size });
        count(&self.progress.bytes_stored, size);
        self.fanout.put(object, bytes);
    }

    /// Writes the new packs' rows as far as they fill a run.
    pub(crate) fn flush_full(&mut self, marks: &mut Marks) -> Result<(), EngineError> {
        if self.run.entries.len() >= RUN_ENTRIES {
            self.flush(marks)?;
        }
        Ok(())
    }

    /// Takes over the rows of an old run, without those of packs that are gone.
    pub(crate) fn take_run(
        &mut self,
        mut old: Run,
        gone: &BTreeSet<PackKey>,
        marks: &mut Marks,
    ) -> Result<(), EngineError> {
        let goes: Vec<bool> = old
            .objects
            .iter()
            .map(|place| gone.contains(&key_of(place)))
            .collect();
        let segments: &[SegmentPlace] = &old.segments;
        old.entries
            .retain(|entry| !goes[segments[entry.segment as usize].object as usize]);
        if old.entries.is_empty() {
            return Ok(());
        }
        // Rows that nothing names any more go before the run is added.
        old.sort();
        if self.run.entries.len() + old.entries.len() > RUN_ENTRIES {
            self.flush(marks)?;
        }
        append_run(&mut self.run, old);
        Ok(())
    }

    /// Writes what was collected as a run.
    pub(crate) fn flush(&mut self, marks: &mut Marks) -> Result<(), EngineError> {
        let mut run = std::mem::take(&mut self.run);
        if run.entries.is_empty() {
            return Ok(());
        }
        run.sort();
        let plaintext = run.encode(Carrier::Object);
        drop(run);
        let mut bytes = Vec::new();
        seal(
            self.identity.archive,
            self.generation,
            &self.identity.ring,
            SealedKind::Index,
            &plaintext,
            &*self.identity.random,
            &mut bytes,
        );
        let object = ObjectRef::index(ObjectName(hash(&bytes)));
        self.put(object, bytes);
        self.runs.push(object);
        marks.keep(&object, &plaintext)
    }

    /// Waits until every destination that works has everything, and notes which do not work.
    pub(crate) fn wait(&self, writer: &mut Writer<'_>) {
        for (number, reason) in self.fanout.wait() {
            writer.fail(number, &reason);
        }
        for (number, bytes) in self.fanout.bytes() {
            writer.slots[number].bytes_written += bytes;
        }
    }
}
