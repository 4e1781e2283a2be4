//! What may be erased at a destination, judged anew from `spec/archive-v1.md`, section 11, and from nothing that
//! erases: whatever is gone after a prune must have been given up, and its conditions must have held there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use strongroom_base::clock::{Clock as _, Timestamp};
use strongroom_base::ids::Seq;
use strongroom_base::object::{ObjectKind, ObjectRef};
use strongroom_replica::Replica;
use strongroom_replica::layout::object_path;
use strongroom_replica::log::{Log, read_log};
use strongroom_replica::record::{Record, RecordKind};
use strongroom_store::{Memory, ObjectPath, Store as _};

use crate::machine::{DAY, Machine};
use crate::site::Site;

/// A local disk needs records of so many days, where the grace is as long.
const DAYS: usize = 7;

/// What a destination held while it erased: what it had before, and what was written since.
struct Scene {
    replica: Replica,
    store: Arc<Memory>,
    after: BTreeMap<ObjectPath, u64>,
    log: Log,
    /// Records of the chain, live or not, by seq.
    chain: Vec<Record>,
    /// What records of branches are and add.
    elsewhere: BTreeSet<ObjectRef>,
    /// Records that cannot be read, or that nobody proves.
    unread: usize,
    now: Timestamp,
    grace: Duration,
    days: Option<usize>,
}

impl Machine {
    /// Checks what is gone from a destination after a prune, of what it had before.
    pub(crate) fn check_erased(&self, site: &Site, before: &Memory) -> Result<(), String> {
        let told = |what: String| format!("{}: {what}", site.name);
        let scene = Scene::new(self, site, before).map_err(told)?;
        let gone = scene.gone();
        if gone.is_empty() {
            return Ok(());
        }
        let apart = (scene.now.0 - self.clock.now().0).abs();
        if apart > DAY {
            return Err(told(format!("its clock is off, and {gone:?} is erased")));
        }
        if let Some(problem) = scene.log.problems.first() {
            return Err(told(format!("{problem}, and {gone:?} is erased")));
        }
        for object in &gone {
            scene
                .may_go(object)
                .map_err(|why| told(format!("{object:?} is erased, and {why}")))?;
        }
        scene.check_witnesses(&gone).map_err(told)
    }
}

impl Scene {
    fn new(machine: &Machine, site: &Site, before: &Memory) -> Result<Self, String> {
        let store = before.fork();
        let after = site.listed();
        for path in after.keys() {
            // What is new arrived at the same time: no clock moves within an operation.
            let bytes = site.bytes(path).unwrap_or_default();
            let _ = store.put_new(path, &bytes);
        }
        let store = Arc::new(store);
        let replica = Replica::new(store.clone(), machine.archive);
        let authority = machine.ring.authority().public_key();
        let log = read_log(&replica, &authority, &mut |_| ()).map_err(|e| e.to_string())?;
        let (mut chain, mut elsewhere, mut unread) = (Vec::new(), BTreeSet::new(), 0);
        for id in replica.record_ids().map_err(|e| e.to_string())? {
            match replica.record(id, &authority) {
                Ok(record) if log.proves(record.header()) => {
                    if log.branches.contains(&id) {
                        elsewhere.insert(ObjectRef::record(id));
                        let adds = record.header().changes.adds.iter();
                        elsewhere.extend(adds.map(|added| added.object));
                    } else {
                        chain.push(record);
                    }
                }
                _ => unread += 1,
            }
        }
        chain.sort_by_key(|record| (record.id().seq, record.id().generation));
        let grace = machine.grace.get();
        let week = Duration::from_hours(24 * DAYS as u64);
        Ok(Self {
            replica,
            store,
            after,
            log,
            chain,
            elsewhere,
            unread,
            now: site.clock.now(),
            grace,
            days: (site.local && grace >= week).then_some(DAYS),
        })
    }

    fn path(&self, object: &ObjectRef) -> ObjectPath {
        object_path(self.replica.archive(), object)
    }

    /// Returns the packs, index runs and records that were there, and are not.
    fn gone(&self) -> Vec<ObjectRef> {
        let contents = self.replica.content_objects().unwrap_or_default();
        let records = self.replica.record_ids().unwrap_or_default();
        let records = records.into_iter().map(ObjectRef::record);
        let all = contents.into_iter().map(|(object, _)| object);
        let all = all.chain(records);
        all.filter(|object| !self.after.contains_key(&self.path(object)))
            .collect()
    }

    fn arrived(&self, object: &ObjectRef) -> Timestamp {
        let arrived = self.store.modified(&self.path(object));
        arrived.expect("it is in memory")
    }

    fn is_over(&self, since: Timestamp) -> bool {
        self.now.0 - since.0 >= i128::try_from(self.grace.as_nanos()).unwrap_or(i128::MAX)
    }

    fn may_go(&self, object: &ObjectRef) -> Result<(), String> {
        let live = self.log.live();
        if live.contains(object) {
            return Err("it is live".to_owned());
        }
        if self.elsewhere.contains(object) {
            return Err("a branch has it".to_owned());
        }
        let condemning = if object.kind() == ObjectKind::Record {
            self.dropping(object)
        } else {
            self.condemning(object)
        };
        match condemning {
            Some(record) => self.has_waited(record),
            None if object.kind() == ObjectKind::Record => Err("no checkpoint drops it".to_owned()),
            None => self.unnamed_may_go(object),
        }
    }

    /// Returns the first record that is there and condemns an object.
    fn condemning(&self, object: &ObjectRef) -> Option<&Record> {
        let condemns = |record: &&Record| record.header().changes.condemns.contains(object);
        self.chain.iter().find(condemns)
    }

    /// Returns the first checkpoint that is there after a record and does not list it.
    fn dropping(&self, object: &ObjectRef) -> Option<&Record> {
        let id = object.record_id()?;
        self.chain.iter().find(|record| {
            let header = record.header();
            let lists = header.changes.adds.iter().any(|add| add.object == *object);
            header.kind == RecordKind::Checkpoint && record.id().seq > id.seq && !lists
        })
    }

    fn unnamed_may_go(&self, object: &ObjectRef) -> Result<(), String> {
        let names = |record: &Record| {
            let changes = &record.header().changes;
            let adds = changes.adds.iter().any(|add| add.object == *object);
            adds || changes.voids.contains(object) || changes.acks.contains(object)
        };
        if self.chain.iter().any(names) {
            return Err("a record names it and none condemns it".to_owned());
        }
        if self.unread > 0 {
            return Err("nobody knows what unread records name".to_owned());
        }
        if !self.is_over(self.arrived(object)) {
            return Err("nobody names it, but it is new".to_owned());
        }
        let mut checkpoints = self.chain.iter();
        let is_old = |record: &Record| {
            record.header().kind == RecordKind::Checkpoint
                && self.is_over(self.arrived(&ObjectRef::record(record.id())))
        };
        let begins = self.log.checkpoint.is_none();
        (begins || checkpoints.any(is_old))
            .then_some(())
            .ok_or_else(|| "no checkpoint is old enough to say that nobody named it".to_owned())
    }

    /// The three conditions, for what a record gives up.
    fn has_waited(&self, record: &Record) -> Result<(), String> {
        let id = record.id();
        for (object, size) in self.log.live().iter() {
            let is_content = object.kind() != ObjectKind::Record;
            if is_content && self.added(object) <= id.seq {
                let there = self.after.get(&self.path(object));
                if there != Some(&size) {
                    return Err(format!("{object:?}, live before {id}, is not there"));
                }
            }
        }
        let newest = self.log.newest().map(|head| head.id.generation);
        let is_later = |other: &&Record| other.id().seq > id.seq;
        let mut later = self.chain.iter().filter(is_later);
        if !later.any(|other| Some(other.id().generation) == newest) {
            return Err(format!("the writer has written nothing after {id}"));
        }
        let at = self.arrived(&ObjectRef::record(id));
        if !self.is_over(at) {
            return Err(format!("the grace after {id} is not over"));
        }
        let later = self.chain.iter().filter(is_later);
        let arrivals = later.map(|other| self.arrived(&ObjectRef::record(other.id())));
        let days = arrivals.filter(|other| *other > at);
        let days: BTreeSet<i128> = days.map(|at| at.0.div_euclid(DAY)).collect();
        match self.days {
            Some(needed) if days.len() < needed => {
                Err(format!("records of {} days came after {id}", days.len()))
            }
            _ => Ok(()),
        }
    }

    /// Returns where an object was added first; 0 where nobody knows.
    fn added(&self, object: &ObjectRef) -> Seq {
        let seqs = self.chain.iter().filter_map(|record| {
            let header = record.header();
            let adds = header.changes.adds.iter().any(|add| add.object == *object);
            let is_checkpoint = header.kind == RecordKind::Checkpoint;
            adds.then_some(if is_checkpoint {
                Seq(0)
            } else {
                record.id().seq
            })
        });
        seqs.min().unwrap_or(Seq(0))
    }

    /// What condemns an object goes after it.
    fn check_witnesses(&self, gone: &[ObjectRef]) -> Result<(), String> {
        let is_gone = |record: &&Record| gone.contains(&ObjectRef::record(record.id()));
        let live = self.log.live();
        for record in self.chain.iter().filter(is_gone) {
            for object in &record.header().changes.condemns {
                let is_there = self.after.contains_key(&self.path(object));
                let is_needed = live.contains(object) || self.elsewhere.contains(object);
                let stays = self.chain.iter().filter(|other| !is_gone(other));
                let known = stays
                    .filter(|other| other.header().changes.condemns.contains(object))
                    .count();
                let is_content = object.kind() != ObjectKind::Record;
                if is_content && is_there && !is_needed && known == 0 {
                    let id = record.id();
                    return Err(format!("{id} is erased before {object:?}"));
                }
            }
        }
        Ok(())
    }
}
