//! An archive that is made without sealing anything: records whose parts stand for sealed ones.

#![allow(dead_code, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::BTreeMap;
use std::sync::Arc;

use strongroom_base::ids::{ArchiveId, Generation, ObjectName, Seq};
use strongroom_base::object::{ObjectRef, RecordId};
use strongroom_crypto::hash::hash;
use strongroom_crypto::secret::Secret;
use strongroom_crypto::sign::SigningKey;
use strongroom_crypto::suite::Suite;
use strongroom_replica::Replica;
use strongroom_replica::descriptor::Descriptor;
use strongroom_replica::layout::{Place, descriptor_path, object_path};
use strongroom_replica::log::Log;
use strongroom_replica::record::{Added, Changes, Link, PartKind, Record, RecordKind};
use strongroom_store::{Memory, ObjectPath, PutOutcome, Store};

pub(crate) const ARCHIVE: ArchiveId = ArchiveId([0xa1; 16]);

/// Returns a signing key that is the same every time.
pub(crate) fn key(number: u8) -> SigningKey {
    struct Constant(u8);
    impl strongroom_base::random::RandomSource for Constant {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }
    SigningKey::from_seed(&Secret::random(&Constant(number)))
}

pub(crate) fn authority() -> [u8; 32] {
    key(0).public_key()
}

pub(crate) fn id(generation: u32, seq: u64) -> RecordId {
    RecordId {
        generation: Generation(generation),
        seq: Seq(seq),
    }
}

pub(crate) fn record_ref(generation: u32, seq: u64) -> ObjectRef {
    ObjectRef::record(id(generation, seq))
}

/// Returns bytes that no other number has.
pub(crate) fn noise(number: u64, len: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(len + 32);
    let mut block = hash(&number.to_be_bytes());
    while bytes.len() < len {
        bytes.extend_from_slice(&block);
        block = hash(&block);
    }
    bytes.truncate(len);
    bytes
}

/// Says whether bytes are the keys object of the archive with this number.
pub(crate) fn is_keys(number: u32, bytes: &[u8]) -> bool {
    bytes == keys_bytes(number)
}

pub(crate) fn keys_bytes(number: u32) -> Vec<u8> {
    format!("keys {number}").into_bytes()
}

/// The archive and everything that was ever stored in it.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) archive: ArchiveId,
    pub(crate) generation: u32,
    pub(crate) previous: [u8; 32],
    pub(crate) records: Vec<Record>,
    pub(crate) objects: BTreeMap<ObjectPath, Vec<u8>>,
    pub(crate) made: u64,
}

impl World {
    /// Makes an archive with its descriptor, keys, and first record.
    pub(crate) fn new() -> Self {
        Self::of(ARCHIVE)
    }

    pub(crate) fn of(archive: ArchiveId) -> Self {
        let mut world = Self {
            archive,
            generation: 0,
            previous: [0; 32],
            records: Vec::new(),
            objects: BTreeMap::new(),
            made: u64::from(archive.0[0]) << 32,
        };
        let descriptor = Descriptor {
            archive,
            suite: Suite::Aes256,
            authority: authority(),
        };
        let bytes = descriptor.encode(&key(0));
        world.objects.insert(descriptor_path(archive), bytes);
        world.keys(1);
        world.begin_generation();
        world
    }

    /// Puts a keys object with this number in the place of those before.
    pub(crate) fn keys(&mut self, number: u32) {
        let prefix = format!("{}/keys/", self.archive);
        self.objects
            .retain(|path, _| !path.as_str().starts_with(&prefix));
        let bytes = keys_bytes(number);
        for place in Place::of_keys(number, ObjectName(hash(&bytes))) {
            self.objects.insert(place.path(self.archive), bytes.clone());
        }
    }

    pub(crate) fn next_seq(&self) -> u64 {
        self.records
            .last()
            .map_or(1, |record| record.id().seq.0 + 1)
    }

    pub(crate) fn begin_generation(&mut self) -> RecordId {
        self.generation += 1;
        self.commit(RecordKind::Generation, Changes::default())
    }

    /// Makes a pack of `len` bytes.
    pub(crate) fn pack(&mut self, len: usize) -> Added {
        self.content(len, ObjectRef::pack)
    }

    /// Makes an index run of `len` bytes.
    pub(crate) fn index(&mut self, len: usize) -> Added {
        self.content(len, ObjectRef::index)
    }

    fn content(&mut self, len: usize, name: impl Fn(ObjectName) -> ObjectRef) -> Added {
        self.made += 1;
        let bytes = noise(self.made, len);
        let object = name(ObjectName(hash(&bytes)));
        self.objects
            .insert(object_path(self.archive, &object), bytes);
        let size = len as u64;
        Added { object, size }
    }

    /// Adds the next record to the log.
    pub(crate) fn commit(&mut self, kind: RecordKind, changes: Changes) -> RecordId {
        let record = self.sign(kind, changes, self.next_seq(), None);
        self.take(record)
    }

    /// Adds a record that was signed.
    pub(crate) fn take(&mut self, record: Record) -> RecordId {
        self.previous = record.hash();
        let id = record.id();
        let path = object_path(self.archive, &ObjectRef::record(id));
        self.objects.insert(path, record.bytes().to_vec());
        self.records.push(record);
        id
    }

    /// Signs a record that follows the newest one; another writer than the generation's may sign.
    pub(crate) fn sign(
        &self,
        kind: RecordKind,
        mut changes: Changes,
        seq: u64,
        writer: Option<u8>,
    ) -> Record {
        changes.adds.sort_unstable();
        changes.condemns.sort_unstable();
        let generation = self.generation;
        let own = u8::try_from(generation).unwrap();
        let writer = key(writer.unwrap_or(own));
        let link = Link {
            archive: self.archive,
            id: id(generation, seq),
            previous: self.previous,
            writer: writer.public_key(),
        };
        let body = noise(seq + 1_000_000 * u64::from(generation), 300);
        let parts = [(PartKind::Body, &body[..])];
        let signer = if kind == RecordKind::Generation {
            key(0)
        } else {
            writer
        };
        Record::sign(kind, link, changes, &parts, &signer)
    }

    /// Adds a snapshot with new packs and an index run.
    pub(crate) fn snapshot(&mut self, packs: usize, len: usize) -> (RecordId, Vec<Added>) {
        let mut adds: Vec<Added> = (0..packs).map(|_| self.pack(len)).collect();
        adds.push(self.index(200));
        let changes = Changes {
            adds: adds.clone(),
            ..Changes::default()
        };
        (self.commit(RecordKind::Snapshot, changes), adds)
    }

    /// Adds a record that condemns objects.
    pub(crate) fn prune(&mut self, condemns: &[ObjectRef]) -> RecordId {
        let changes = Changes {
            condemns: condemns.to_vec(),
            ..Changes::default()
        };
        self.commit(RecordKind::Prune, changes)
    }

    /// Returns the path of a record.
    pub(crate) fn path(&self, id: RecordId) -> ObjectPath {
        object_path(self.archive, &ObjectRef::record(id))
    }

    /// Returns what a checkpoint changes that keeps these records.
    pub(crate) fn checkpoint_changes(&self, keep: &[RecordId]) -> Changes {
        let log = self.log();
        let (live, mut changes) = (log.live(), Changes::default());
        for (object, size) in live.iter() {
            let object = *object;
            match object.record_id() {
                Some(id) if !keep.contains(&id) => changes.condemns.push(object),
                _ => changes.adds.push(Added { object, size }),
            }
        }
        let begin = log.checkpoint.map_or(0, |id| id.seq.0);
        let since = log.entries.iter().filter(|entry| entry.id().seq.0 > begin);
        for entry in since {
            changes
                .condemns
                .extend(entry.header.changes.condemns.clone());
        }
        changes
    }

    /// Adds a checkpoint that keeps these records.
    pub(crate) fn checkpoint(&mut self, keep: &[RecordId]) -> RecordId {
        let changes = self.checkpoint_changes(keep);
        self.commit(RecordKind::Checkpoint, changes)
    }

    /// Returns the log of a store that has everything.
    pub(crate) fn log(&self) -> Log {
        let store = self.store();
        let replica = Replica::new(store, self.archive);
        strongroom_replica::log::read_log(&replica, &authority(), &mut |_| ()).unwrap()
    }

    /// Returns a store that has everything.
    pub(crate) fn store(&self) -> Arc<Memory> {
        let store = Memory::new();
        self.fill(&store);
        Arc::new(store)
    }

    /// Puts everything.
    pub(crate) fn fill(&self, store: &dyn Store) {
        for (path, bytes) in &self.objects {
            let _: PutOutcome = store.put_new(path, bytes).unwrap();
        }
    }

    /// Returns what a store holds once it is up to date and nothing that is not live is left: the live set,
    /// descriptor, keys.
    pub(crate) fn live_objects(&self) -> BTreeMap<ObjectPath, Vec<u8>> {
        let live = self.log().live();
        let mut paths: Vec<ObjectPath> = live
            .iter()
            .map(|(object, _)| object_path(self.archive, object))
            .collect();
        paths.push(descriptor_path(self.archive));
        let keys = format!("{}/keys/", self.archive);
        let is_keys = |path: &&ObjectPath| path.as_str().starts_with(&keys);
        paths.extend(self.objects.keys().filter(is_keys).cloned());
        paths
            .into_iter()
            .map(|path| (path.clone(), self.objects[&path].clone()))
            .collect()
    }
}

/// Returns everything that a store holds.
pub(crate) fn contents(store: &dyn Store) -> BTreeMap<ObjectPath, Vec<u8>> {
    let mut paths = Vec::new();
    store.list("", &mut |path, _| paths.push(path)).unwrap();
    paths
        .into_iter()
        .map(|path| (path.clone(), store.get(&path, u64::MAX).unwrap()))
        .collect()
}

/// Puts bytes in the place of an object, as somebody does who has access to the destination.
pub(crate) fn plant(store: &dyn Store, path: &ObjectPath, bytes: &[u8]) {
    store.delete(path).unwrap();
    let _: PutOutcome = store.put_new(path, bytes).unwrap();
}

pub(crate) fn replica(store: &Arc<Memory>) -> Replica {
    Replica::new(store.clone(), ARCHIVE)
}

/// Returns messages of problems.
pub(crate) fn words(problems: &[strongroom_replica::ReplicaError]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}
