//! One replica of an archive at one destination.

use std::collections::BTreeMap;
use std::sync::Arc;

use strongroom_base::ids::{ArchiveId, ObjectName, from_hex};
use strongroom_base::object::{ObjectKind, ObjectRef, RecordId};
use strongroom_base::{Class, Classified as _};
use strongroom_crypto::hash::hash;
use strongroom_store::{ObjectPath, PutOutcome, Store, StoreError};

use crate::descriptor::{DESCRIPTOR_LEN_MAX, Descriptor};
use crate::error::ReplicaError;
use crate::layout::{self, KeysCopy, Place};
use crate::record::{RECORD_LEN_MAX, Record};

/// Longest pack in bytes: the longest plaintext and what sealing adds to it, with room.
const PACK_LEN_MAX: u64 = 17 << 20;
/// Longest index object in bytes, sealed.
const INDEX_LEN_MAX: u64 = 1 << 30;
/// Longest keys object in bytes.
const KEYS_LEN_MAX: u64 = 1 << 20;

/// What a listing shows of a replica.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    /// The objects and their sizes.
    pub places: BTreeMap<Place, u64>,
    /// What has no place in a replica.
    pub others: Vec<ObjectPath>,
}

impl Inventory {
    /// Returns the size of an object, if it is there.
    pub fn size(&self, object: &ObjectRef) -> Option<u64> {
        self.places.get(&Place::Object(*object)).copied()
    }
}

/// The objects of one archive at one destination.
#[derive(Clone)]
pub struct Replica {
    store: Arc<dyn Store>,
    archive: ArchiveId,
}

impl Replica {
    /// Addresses the replica of `archive` at a destination, whether it is there or not.
    pub fn new(store: Arc<dyn Store>, archive: ArchiveId) -> Self {
        Self { store, archive }
    }

    /// Returns the archives that are at a destination, sorted: those that have a descriptor, and those that lost it and
    /// have keys.
    pub fn discover(store: &dyn Store) -> Result<Vec<ArchiveId>, ReplicaError> {
        let mut archives = Vec::new();
        store.folders(&mut |name| archives.extend(from_hex(name).map(ArchiveId)))?;
        let mut there = Vec::new();
        for archive in archives {
            let found = store.get(&layout::descriptor_path(archive), DESCRIPTOR_LEN_MAX);
            let has_descriptor = !matches!(found, Err(StoreError::NotFound { .. }));
            if has_descriptor || !keys_places(store, archive)?.is_empty() {
                there.push(archive);
            }
        }
        there.sort_unstable();
        Ok(there)
    }

    /// Returns the archive.
    pub fn archive(&self) -> ArchiveId {
        self.archive
    }

    /// Returns the destination.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Returns a description of the destination for people.
    pub fn describe(&self) -> String {
        self.store.describe()
    }

    /// Reads the descriptor.
    pub fn descriptor(&self) -> Result<Descriptor, ReplicaError> {
        let path = layout::descriptor_path(self.archive);
        let bytes = match self.store.get(&path, DESCRIPTOR_LEN_MAX) {
            Err(StoreError::NotFound { .. }) => {
                let destination = self.store.describe();
                return Err(ReplicaError::NoSuchArchive {
                    destination,
                    archive: self.archive,
                });
            }
            other => other?,
        };
        let descriptor = Descriptor::decode(&bytes)?;
        if descriptor.archive != self.archive {
            return Err(ReplicaError::Foreign {
                what: "the archive descriptor".to_owned(),
            });
        }
        Ok(descriptor)
    }

    /// Returns the public half of the key that has signed the descriptor, whatever features it requires.
    pub fn signer_of_descriptor(&self) -> Result<[u8; 32], ReplicaError> {
        Descriptor::signer(&self.descriptor_bytes()?)
    }

    /// Returns the bytes of the descriptor.
    pub fn descriptor_bytes(&self) -> Result<Vec<u8>, ReplicaError> {
        Ok(self
            .store
            .get(&layout::descriptor_path(self.archive), DESCRIPTOR_LEN_MAX)?)
    }

    /// Stores the descriptor, unless one is there.
    pub fn put_descriptor(&self, bytes: &[u8]) -> Result<PutOutcome, ReplicaError> {
        Ok(self
            .store
            .put_new(&layout::descriptor_path(self.archive), bytes)?)
    }

    /// Stores a pack or an index run; one that is there already is the same.
    pub fn put(&self, object: &ObjectRef, bytes: &[u8]) -> Result<PutOutcome, ReplicaError> {
        Ok(self
            .store
            .put_new(&layout::object_path(self.archive, object), bytes)?)
    }

    /// Stores a record; fails where another one is there.
    pub fn put_record(&self, record: &Record) -> Result<(), ReplicaError> {
        let object = ObjectRef::record(record.id());
        let path = layout::object_path(self.archive, &object);
        if self.store.put_new(&path, record.bytes())? == PutOutcome::AlreadyThere {
            let there = self.store.get(&path, RECORD_LEN_MAX)?;
            if there != record.bytes() {
                return Err(ReplicaError::Fenced { id: record.id() });
            }
        }
        Ok(())
    }

    /// Reads a pack or an index run, and checks that its bytes have its name. No more is read than an object of its
    /// kind may have.
    pub fn get(&self, object: &ObjectRef) -> Result<Vec<u8>, ReplicaError> {
        let len_max = match object.kind() {
            ObjectKind::Index => INDEX_LEN_MAX,
            _ => PACK_LEN_MAX,
        };
        self.get_at_most(object, len_max)
    }

    /// As [`get`](Self::get), where the log says how many bytes it has: no more are read.
    pub fn get_sized(&self, object: &ObjectRef, size: u64) -> Result<Vec<u8>, ReplicaError> {
        let bytes = self.get_at_most(object, size)?;
        if bytes.len() as u64 != size {
            return Err(ReplicaError::NameMismatch { object: *object });
        }
        Ok(bytes)
    }

    fn get_at_most(&self, object: &ObjectRef, len_max: u64) -> Result<Vec<u8>, ReplicaError> {
        let path = layout::object_path(self.archive, object);
        match self.store.get(&path, len_max) {
            Ok(bytes) if hash(&bytes) == object.list_name() => Ok(bytes),
            Ok(_) | Err(StoreError::TooLarge { .. }) => {
                Err(ReplicaError::NameMismatch { object: *object })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Reads a part of an object; its bytes are not checked.
    pub fn get_range(
        &self,
        object: &ObjectRef,
        offset: u64,
        len: usize,
    ) -> Result<Vec<u8>, ReplicaError> {
        let path = layout::object_path(self.archive, object);
        Ok(self.store.get_range(&path, offset, len)?)
    }

    /// Returns the size of an object in bytes.
    pub fn size(&self, object: &ObjectRef) -> Result<u64, ReplicaError> {
        Ok(self
            .store
            .size(&layout::object_path(self.archive, object))?)
    }

    /// Says whether an object is there with this size.
    pub fn has(&self, object: &ObjectRef, size: u64) -> Result<bool, ReplicaError> {
        match self.size(object) {
            Ok(found) => Ok(found == size),
            Err(ReplicaError::Store(StoreError::NotFound { .. })) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Reads a record and checks everything but its place in the chain.
    pub fn record(&self, id: RecordId, authority: &[u8; 32]) -> Result<Record, ReplicaError> {
        let path = layout::object_path(self.archive, &ObjectRef::record(id));
        let bytes = self.store.get(&path, RECORD_LEN_MAX)?;
        Record::decode(bytes, self.archive, id, authority)
    }

    /// Returns the places of all records that are there, sorted.
    pub fn record_ids(&self) -> Result<Vec<RecordId>, ReplicaError> {
        let mut ids = Vec::new();
        self.store
            .list(&format!("{}/log/", self.archive), &mut |path, _| {
                let segment = path.as_str().rsplit('/').next().unwrap_or_default();
                ids.extend(layout::parse_record(segment));
            })?;
        ids.sort_unstable();
        Ok(ids)
    }

    /// Returns everything that is there, by one listing.
    pub fn inventory(&self) -> Result<Inventory, ReplicaError> {
        let prefix = format!("{}/", self.archive);
        let mut inventory = Inventory::default();
        self.store.list(&prefix, &mut |path, size| {
            let below = path.as_str().strip_prefix(&prefix).unwrap_or_default();
            match Place::parse(below) {
                Some(place) => {
                    inventory.places.insert(place, size);
                }
                None => inventory.others.push(path),
            }
        })?;
        Ok(inventory)
    }

    /// Returns the packs and index runs that are there, and their sizes.
    pub fn content_objects(&self) -> Result<Vec<(ObjectRef, u64)>, ReplicaError> {
        let prefix = format!("{}/", self.archive);
        let mut objects = Vec::new();
        for folder in ["packs/", "indexes/"] {
            self.store
                .list(&format!("{prefix}{folder}"), &mut |path, size| {
                    let below = path.as_str().strip_prefix(&prefix).unwrap_or_default();
                    objects
                        .extend(layout::parse_content_object(below).map(|object| (object, size)));
                })?;
        }
        objects.sort_unstable();
        Ok(objects)
    }

    /// Returns the numbers and names of the keys objects of which a copy is there, sorted.
    pub fn keys_objects(&self) -> Result<Vec<(u32, ObjectName)>, ReplicaError> {
        let mut keys: Vec<_> = self.keys_places()?.iter().filter_map(Place::keys).collect();
        keys.dedup();
        Ok(keys)
    }

    /// Returns the places of the keys objects that are there, sorted.
    pub fn keys_places(&self) -> Result<Vec<Place>, ReplicaError> {
        keys_places(&*self.store, self.archive)
    }

    /// Reads a keys object from the first of its copies whose bytes have its name.
    pub fn get_keys(&self, number: u32, name: ObjectName) -> Result<Vec<u8>, ReplicaError> {
        let first = match self.keys_copy(number, name, KeysCopy::First) {
            Ok(bytes) => return Ok(bytes),
            Err(error) => error,
        };
        let second = match self.keys_copy(number, name, KeysCopy::Second) {
            Ok(bytes) => return Ok(bytes),
            Err(error) => error,
        };
        // That one could not be read says more than that one is damaged, and that more than that one is missing.
        let is_missing = matches!(first, ReplicaError::Store(StoreError::NotFound { .. }));
        let is_unread = |error: &ReplicaError| error.class() != Class::Damage;
        if is_missing || (is_unread(&second) && !is_unread(&first)) {
            return Err(second);
        }
        Err(first)
    }

    /// Reads one copy of a keys object, and checks that its bytes have its name.
    pub fn keys_copy(
        &self,
        number: u32,
        name: ObjectName,
        copy: KeysCopy,
    ) -> Result<Vec<u8>, ReplicaError> {
        let path = layout::keys_path(self.archive, number, name, copy);
        let bytes = self.store.get(&path, KEYS_LEN_MAX)?;
        if hash(&bytes) != name.0 {
            return Err(ReplicaError::NameMismatch {
                object: ObjectRef::keys(name),
            });
        }
        Ok(bytes)
    }

    /// Stores those copies of a keys object that are missing. Where one cannot be stored, the other is nevertheless.
    pub fn put_keys(&self, number: u32, bytes: &[u8]) -> Result<(), ReplicaError> {
        let name = ObjectName(hash(bytes));
        let put = |place: Place| self.store.put_new(&place.path(self.archive), bytes);
        let put = Place::of_keys(number, name).map(|place| put(place).map(|_| ()));
        let put: Result<(), StoreError> = put.into_iter().collect();
        Ok(put?)
    }

    /// As [`put_keys`](Self::put_keys), and stores damaged copies anew. The bytes are known, so nothing is lost with
    /// what is there.
    pub fn renew_keys(&self, number: u32, bytes: &[u8]) -> Result<(), ReplicaError> {
        // What is missing comes first: until then, the damaged one may be the only one.
        let put = self.put_keys(number, bytes);
        let renewed = KeysCopy::BOTH.map(|copy| self.renew_copy(number, bytes, copy));
        [put].into_iter().chain(renewed).collect()
    }

    fn renew_copy(&self, number: u32, bytes: &[u8], copy: KeysCopy) -> Result<(), ReplicaError> {
        let name = ObjectName(hash(bytes));
        match self.keys_copy(number, name, copy) {
            Ok(_) => Ok(()),
            Err(error) if error.class() == Class::Damage => {
                let path = layout::keys_path(self.archive, number, name, copy);
                self.store.delete(&path)?;
                Ok(self.store.put_new(&path, bytes).map(|_| ())?)
            }
            Err(error) => Err(error),
        }
    }

    /// Deletes both copies of a keys object, so that an old password opens nothing here.
    pub fn delete_keys(&self, number: u32, name: ObjectName) -> Result<(), ReplicaError> {
        let [object, copy] = Place::of_keys(number, name);
        // The other one goes, too, where one does not.
        let deleted = [copy, object].map(|place| self.store.delete(&place.path(self.archive)));
        let deleted: Result<(), StoreError> = deleted.into_iter().collect();
        Ok(deleted?)
    }

    /// Deletes a pack or an index run that no record names.
    pub fn delete_unrecorded(&self, object: &ObjectRef) -> Result<(), ReplicaError> {
        debug_assert!(
            object.kind() != ObjectKind::Record,
            "records are never deleted"
        );
        Ok(self
            .store
            .delete(&layout::object_path(self.archive, object))?)
    }
}

fn keys_places(store: &dyn Store, archive: ArchiveId) -> Result<Vec<Place>, ReplicaError> {
    let mut places = Vec::new();
    store.list(&format!("{archive}/keys/"), &mut |path, _| {
        let segment = path.as_str().rsplit('/').next().unwrap_or_default();
        places.extend(layout::parse_keys(segment));
    })?;
    places.sort_unstable();
    Ok(places)
}
