//! The live set: `spec/archive-v1.md`, section 9.3.

use std::collections::BTreeMap;

use strongroom_base::object::ObjectRef;

use crate::record::{Header, RecordKind};

/// The objects that an archive needs, and their sizes in bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveSet {
    objects: BTreeMap<ObjectRef, u64>,
}

impl LiveSet {
    /// Applies the next record of the chain.
    pub fn apply(&mut self, header: &Header) {
        if header.kind == RecordKind::Checkpoint {
            self.objects.clear();
        }
        let changes = &header.changes;
        self.objects
            .extend(changes.adds.iter().map(|added| (added.object, added.size)));
        for object in changes.condemns.iter().chain(&changes.voids) {
            self.objects.remove(object);
        }
    }

    /// Returns the objects and their sizes, sorted.
    pub fn iter(&self) -> impl Iterator<Item = (&ObjectRef, u64)> {
        self.objects.iter().map(|(object, size)| (object, *size))
    }

    /// Returns the size of a live object.
    pub fn size(&self, object: &ObjectRef) -> Option<u64> {
        self.objects.get(object).copied()
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
