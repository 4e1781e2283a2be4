//! How much of each pack is needed.

use std::collections::BTreeMap;

use strongroom_base::object::ObjectRef;
use strongroom_format::index::PackPlace;
use strongroom_format::pack::PackClass;

use super::marks::{Marks, PackKey, key_of};
use crate::error::EngineError;

/// What is needed of a pack, as far as the index tells.
#[derive(Clone, Debug)]
pub(crate) struct PackUse {
    pub(crate) place: PackPlace,
    /// What the pack holds, where something in it is needed.
    pub(crate) class: Option<PackClass>,
    /// How many of its chunks are needed.
    pub(crate) chunks: u64,
    /// Stored bytes that are needed; where a part of a segment is, that part of its length.
    pub(crate) used: u64,
    /// Stored bytes that are not.
    pub(crate) unused: u64,
}

impl PackUse {
    /// Returns the pack's place.
    pub(crate) fn key(&self) -> PackKey {
        key_of(&self.place)
    }

    /// Returns the record that carries the pack.
    pub(crate) fn record(&self) -> Option<ObjectRef> {
        let object = self.place.object;
        object.record_id().map(|_| object)
    }
}

/// Returns what is needed of every pack.
pub(crate) fn usage(marks: &Marks) -> Result<BTreeMap<PackKey, PackUse>, EngineError> {
    let mut packs = BTreeMap::new();
    for run in marks.runs() {
        let mut order: Vec<(u32, u32, bool)> = marks
            .run(&run.object)?
            .entries
            .iter()
            .zip(0..)
            .map(|(entry, row)| (entry.segment, entry.offset, run.is_set(row)))
            .collect();
        order.sort_unstable();
        for (number, place) in run.objects.iter().enumerate() {
            let pack = packs.entry(key_of(place)).or_insert_with(|| PackUse {
                place: place.clone(),
                class: None,
                chunks: 0,
                used: 0,
                unused: 0,
            });
            pack.class = pack.class.or(run.classes[number]);
        }
        for of_segment in order.chunk_by(|a, b| a.0 == b.0) {
            let segment = &run.segments[of_segment[0].0 as usize];
            // A chunk ends where the next one begins.
            let ends = of_segment[1..].iter().map(|(_, offset, _)| *offset);
            let ends = ends.chain([segment.raw_len]);
            let (mut chunks, mut raw) = (0, 0);
            for ((_, offset, set), end) in of_segment.iter().zip(ends) {
                chunks += u64::from(*set);
                raw += u64::from(*set) * u64::from(end.saturating_sub(*offset));
            }
            let stored = u64::from(segment.stored_len);
            let used = stored * raw / u64::from(segment.raw_len).max(1);
            let place = &run.objects[segment.object as usize];
            if let Some(pack) = packs.get_mut(&key_of(place)) {
                pack.chunks += chunks;
                pack.used += used;
                pack.unused += stored.saturating_sub(used);
            }
        }
    }
    Ok(packs)
}
