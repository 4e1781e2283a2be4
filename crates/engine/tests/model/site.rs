//! A destination as the model knows it: what is there, what it is known to hold, and what was done to it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use strongroom_base::clock::Timestamp;
use strongroom_base::ids::{ArchiveId, DestinationId};
use strongroom_engine::Destination;
use strongroom_replica::Replica;
use strongroom_store::fault::{FaultPlan, FaultStore};
use strongroom_store::{Memory, ObjectPath, Store};

use crate::common::MovedClock;
use crate::reference::Tag;

/// A destination.
pub(crate) struct Site {
    pub(crate) id: DestinationId,
    pub(crate) name: String,
    pub(crate) store: Arc<Memory>,
    pub(crate) clock: Arc<MovedClock>,
    /// Whether it can be reached.
    pub(crate) present: bool,
    /// Whether it is a disk of this computer, by the rules of erasing.
    pub(crate) local: bool,
    /// The snapshots that it was once said to hold, and has not lost since.
    pub(crate) held: BTreeSet<Tag>,
    /// Objects that were damaged behind its back, and the bytes that they had.
    pub(crate) broken: BTreeMap<ObjectPath, Vec<u8>>,
    /// Those of them that nobody needed when it was looked at last. Where the archive goes back, they are needed again.
    pub(crate) unneeded: BTreeMap<ObjectPath, Vec<u8>>,
    /// Whether it had everything when it was looked at last.
    pub(crate) complete: bool,
    copy: Option<Copy>,
}

/// A copy of a disk, which may come back in its place.
struct Copy {
    store: Memory,
    held: BTreeSet<Tag>,
    broken: BTreeMap<ObjectPath, Vec<u8>>,
    unneeded: BTreeMap<ObjectPath, Vec<u8>>,
}

impl Site {
    pub(crate) fn new(number: u8, now: Timestamp) -> Self {
        let clock = Arc::new(MovedClock(Mutex::new(now)));
        Self {
            id: DestinationId([number; 16]),
            name: format!("d{number}"),
            store: Arc::new(Memory::with_clock(clock.clone())),
            clock,
            present: true,
            local: number == 2,
            held: BTreeSet::new(),
            broken: BTreeMap::new(),
            unneeded: BTreeMap::new(),
            complete: false,
            copy: None,
        }
    }

    /// Returns the destination as an operation sees it.
    pub(crate) fn destination(
        &self,
        archive: ArchiveId,
        plan: Option<&Arc<FaultPlan>>,
    ) -> Destination {
        let replica = if self.present {
            Ok(self.replica(archive, plan))
        } else {
            Err("it is away".to_owned())
        };
        Destination {
            id: self.id,
            name: self.name.clone(),
            replica,
        }
    }

    /// Returns the replica, present or not.
    pub(crate) fn replica(&self, archive: ArchiveId, plan: Option<&Arc<FaultPlan>>) -> Replica {
        let store: Arc<dyn Store> = match plan {
            Some(plan) => Arc::new(FaultStore::new(self.store.clone(), plan.clone())),
            None => self.store.clone(),
        };
        Replica::new(store, archive)
    }

    /// Returns what is there, by size.
    pub(crate) fn listed(&self) -> BTreeMap<ObjectPath, u64> {
        let mut listed = BTreeMap::new();
        self.store
            .list("", &mut |path, size| {
                listed.insert(path, size);
            })
            .expect("a store in memory lists");
        listed.retain(|path, _| !path.as_str().starts_with("probe/"));
        listed
    }

    /// Returns the path of the newest record, whether it is of the chain or not.
    pub(crate) fn newest_record(&self) -> Option<String> {
        let listed = self.listed().into_keys();
        let logs = listed.filter(|path| path.as_str().contains("/log/"));
        logs.map(|path| path.to_string()).max()
    }

    /// Returns the bytes of an object; `None` where it is not there.
    pub(crate) fn bytes(&self, path: &ObjectPath) -> Option<Vec<u8>> {
        self.store.get(path, u64::MAX).ok()
    }

    /// Returns what is there, as it is now.
    pub(crate) fn disk(&self) -> Memory {
        self.store.fork()
    }

    /// Copies the disk.
    pub(crate) fn keep_copy(&mut self) {
        self.copy = Some(Copy {
            store: self.store.fork(),
            held: self.held.clone(),
            broken: self.broken.clone(),
            unneeded: self.unneeded.clone(),
        });
    }

    /// Puts the copy in place of the disk; says whether there was one.
    pub(crate) fn go_back(&mut self) -> bool {
        // What is damaged there may be whole nowhere by now: only `repair` makes such a disk whole.
        let is_whole = |copy: &Copy| copy.broken.is_empty() && copy.unneeded.is_empty();
        let Some(copy) = self.copy.take().filter(is_whole) else {
            return false;
        };
        self.store = Arc::new(copy.store);
        self.held = copy.held;
        self.broken = copy.broken;
        self.unneeded = copy.unneeded;
        self.complete = false;
        true
    }

    /// Loses everything that is there.
    pub(crate) fn lose(&mut self) {
        self.store = Arc::new(Memory::with_clock(self.clock.clone()));
        self.held.clear();
        self.broken.clear();
        self.unneeded.clear();
        self.complete = false;
    }

    /// Notes which damage is mended.
    pub(crate) fn look_at_damage(&mut self) {
        let store = self.store.clone();
        let is_damaged = |path: &ObjectPath, good: &mut Vec<u8>| {
            let there = store.get(path, u64::MAX).ok();
            there.as_ref() != Some(good)
        };
        self.broken.retain(is_damaged);
        self.unneeded.retain(is_damaged);
    }

    /// Notes which damage matters, as of what is needed there.
    pub(crate) fn sort_damage(&mut self, is_needed: impl Fn(&ObjectPath) -> bool) {
        let damage = std::mem::take(&mut self.broken).into_iter();
        let damage = damage.chain(std::mem::take(&mut self.unneeded));
        (self.broken, self.unneeded) = damage.partition(|(path, _)| is_needed(path));
    }
}
