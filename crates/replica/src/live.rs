//! The live set: `spec/archive-v1.md`, section 9.3.

use std::collections::BTreeMap;

use strongroom_base::object::{ObjectKind, ObjectRef, RecordId};

use crate::record::{Header, RecordKind};

/// The packs, index runs and records that an archive needs, and their sizes in bytes.
///
/// Descriptor and keys are live too, and not in here: no record lists them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveSet {
    objects: BTreeMap<ObjectRef, u64>,
}

impl LiveSet {
    /// Applies the next record of the chain, whose object has `len` bytes.
    ///
    /// Only a checkpoint adds or condemns records, and those before it alone.
    pub fn apply(&mut self, header: &Header, len: u64) {
        let own = ObjectRef::record(header.link.id);
        let is_checkpoint = header.kind == RecordKind::Checkpoint;
        if is_checkpoint {
            self.objects.clear();
        }
        let may_name = |object: &ObjectRef| match object.kind() {
            ObjectKind::Pack | ObjectKind::Index => true,
            ObjectKind::Record => is_checkpoint && is_before(object, header.link.id),
            ObjectKind::Keys => false,
        };
        let changes = &header.changes;
        let adds = changes.adds.iter().filter(|added| may_name(&added.object));
        self.objects
            .extend(adds.map(|added| (added.object, added.size)));
        for object in changes.condemns.iter().chain(&changes.voids) {
            if may_name(object) {
                self.objects.remove(object);
            }
        }
        self.objects.insert(own, len);
    }

    /// Returns the objects and their sizes, sorted: packs, index runs, records.
    pub fn iter(&self) -> impl Iterator<Item = (&ObjectRef, u64)> {
        self.objects.iter().map(|(object, size)| (object, *size))
    }

    /// Returns the packs and index runs and their sizes, sorted.
    pub fn contents(&self) -> impl Iterator<Item = (&ObjectRef, u64)> {
        self.iter()
            .filter(|(object, _)| object.kind() != ObjectKind::Record)
    }

    /// Returns the places and sizes of the records, sorted.
    pub fn records(&self) -> impl Iterator<Item = (RecordId, u64)> {
        self.iter()
            .filter_map(|(object, size)| Some((object.record_id()?, size)))
    }

    /// Returns the size of a live object.
    pub fn size(&self, object: &ObjectRef) -> Option<u64> {
        self.objects.get(object).copied()
    }

    /// Says whether an object is live.
    pub fn contains(&self, object: &ObjectRef) -> bool {
        self.objects.contains_key(object)
    }

    /// Returns how many objects are live.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Says whether nothing is live.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }
}

fn is_before(object: &ObjectRef, id: RecordId) -> bool {
    object
        .record_id()
        .is_some_and(|listed| listed.seq < id.seq && listed.generation <= id.generation)
}
