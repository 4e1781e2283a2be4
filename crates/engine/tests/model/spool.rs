//! The spool of a profile, and what must hold of it whatever happened: `docs/adr/0009-a-spool.md`.

use std::collections::BTreeSet;
use std::sync::Arc;

use strongroom_base::ids::{ArchiveId, Seq};
use strongroom_engine::{EngineError, Memory as _, Writer};
use strongroom_replica::Replica;
use strongroom_replica::record::{Record, RecordKind};
use strongroom_store::fault::{FaultPlan, FaultStore};
use strongroom_store::{Memory, Quota, Store};

use crate::dice::Dice;
use crate::machine::Machine;
use crate::profile::Disturbance;
use crate::reference::Fate;

/// What a spool may take, in bytes; 0 is none at all.
const LIMITS: [u64; 5] = [120_000, 700_000, 2_500_000, u64::MAX, 0];

/// A folder of the computer for what destinations lack.
pub(crate) struct Spool {
    store: Arc<Memory>,
    limit: u64,
}

impl Spool {
    pub(crate) fn new() -> Self {
        Self {
            store: Arc::new(Memory::new()),
            limit: u64::MAX,
        }
    }

    /// Returns a copy of it, as it is in a copy of the profile.
    pub(crate) fn copy(&self) -> Self {
        Self {
            store: Arc::new(self.store.fork()),
            limit: self.limit,
        }
    }

    /// Returns the replica in it, as an operation sees it; `None` where it is turned off.
    pub(crate) fn replica(
        &self,
        archive: ArchiveId,
        plan: Option<&Arc<FaultPlan>>,
    ) -> Option<Replica> {
        if self.limit == 0 {
            return None;
        }
        let limited = Quota::new(self.store.clone(), self.limit).expect("it can be listed");
        let store: Arc<dyn Store> = match plan {
            Some(plan) => Arc::new(FaultStore::new(limited, plan.clone())),
            None => Arc::new(limited),
        };
        Some(Replica::new(store, archive))
    }

    /// Returns the numbers of the records in it.
    pub(crate) fn seqs(&self, archive: ArchiveId) -> Vec<Seq> {
        let ids = Replica::new(self.store.clone(), archive).record_ids();
        let mut seqs: Vec<Seq> = ids.unwrap_or_default().iter().map(|id| id.seq).collect();
        seqs.sort_unstable();
        seqs
    }

    /// Says whether it may take everything.
    pub(crate) fn is_unlimited(&self) -> bool {
        self.limit == u64::MAX
    }

    fn bytes(&self) -> u64 {
        let mut bytes = 0;
        let listed = self.store.list("", &mut |_, size| bytes += size);
        listed.expect("a store in memory lists");
        bytes
    }
}

impl Machine {
    /// Says whether snapshots are in the spool alone.
    pub(crate) fn has_spooled(&self) -> bool {
        let mut attempts = self.reference.attempts.values();
        attempts.any(|attempt| attempt.fate == Fate::Spooled)
    }

    /// Nobody answers for what is in the spool alone.
    pub(crate) fn doubt_spooled(&mut self) {
        for attempt in self.reference.attempts.values_mut() {
            if attempt.fate == Fate::Spooled {
                attempt.fate = Fate::Open;
            }
        }
    }

    /// Gives up what is in the spool, as a person does who accepts an older state.
    pub(crate) fn give_up_spool(&mut self) {
        self.doubt_spooled();
        if let Some(spool) = &mut self.profile.spool {
            let mut state = self.profile.memory.load().expect("it is in memory");
            state.spool = None;
            self.profile.memory.save(&state).expect("it is in memory");
            spool.store = Arc::new(Memory::new());
        }
    }

    /// Lets something happen to the spool: it is lost, or gets another limit.
    pub(crate) fn change_spool(&mut self, dice: &mut Dice) -> String {
        let is_lost = dice.one_in(4);
        let limit = dice.pick(&LIMITS).unwrap_or(0);
        if is_lost {
            self.doubt_spooled();
            self.tally.count("spools lost");
        } else if limit == 0 {
            // Turned off only where nothing is given up.
            if self.has_spooled() {
                return "it is needed".to_owned();
            }
            self.give_up_spool();
        }
        let Some(spool) = &mut self.profile.spool else {
            return "there is none".to_owned();
        };
        if is_lost {
            spool.store = Arc::new(Memory::new());
            return "it is lost".to_owned();
        }
        spool.limit = limit;
        format!("its limit is {limit}")
    }

    /// Brings what is in the spool to the destinations, as a sync does.
    pub(crate) fn deliver(&self, disturbance: &Disturbance) -> Result<(), EngineError> {
        let memory = disturbance.memory(&self.profile.memory);
        let targets = self
            .profile
            .targets(self.destinations(disturbance), disturbance);
        let mut writer = Writer::look(self.profile.identity.clone(), targets, &memory)?;
        writer.catch_up(&mut |_| ())
    }

    /// Counts what an operation did to the spool.
    pub(crate) fn count_spool(&mut self, before: &[Seq]) {
        let Some(spool) = &self.profile.spool else {
            return;
        };
        let after = spool.seqs(self.archive);
        let what = match (before.first(), after.first()) {
            (None, Some(_)) => "spool: engaged",
            (Some(_), None) => "spool: emptied",
            (Some(was), Some(is)) if was < is => "spool: evicted",
            (Some(was), Some(is)) if was > is => "spool: begun anew",
            _ => return,
        };
        self.tally.count(what);
    }

    /// What is noted to be in the spool is there without a gap, with all that it adds, down to what a destination has.
    pub(crate) fn check_spool(&self) -> Result<(), String> {
        let Some(spool) = &self.profile.spool else {
            return Ok(());
        };
        let state = self.profile.memory.load().expect("it is in memory");
        let Some(noted) = state.spool.filter(|_| spool.limit > 0) else {
            return Ok(());
        };
        let replica = Replica::new(spool.store.clone(), self.archive);
        let authority = self.ring.authority().public_key();
        let ids = replica.record_ids().map_err(|e| e.to_string())?;
        if ids.is_empty() && !self.has_spooled() {
            // It was lost.
            return Ok(());
        }
        let (mut adds, mut gone) = (Vec::new(), BTreeSet::new());
        let mut last: Option<Record> = None;
        for id in ids.iter().filter(|id| **id <= noted.id) {
            let told = |what: &str| Err(format!("the spool {ids:?}: record {id} {what}"));
            let Ok(record) = replica.record(*id, &authority) else {
                return told("cannot be read");
            };
            let follows = last.as_ref().is_none_or(|last| {
                last.id().seq.0 + 1 == id.seq.0 && record.header().link.previous == last.hash()
            });
            if !follows {
                return told("does not follow the one before it");
            }
            let changes = &record.header().changes;
            // A checkpoint repeats what was added long ago.
            let repeats = record.header().kind == RecordKind::Checkpoint;
            let added = changes.adds.iter().filter(|_| !repeats);
            adds.extend(added.map(|added| (added.object, added.size)));
            gone.extend(changes.condemns.iter().chain(&changes.voids).copied());
            last = Some(record);
        }
        let ends = last.map(|last| (last.id(), last.hash()));
        if ends != Some((noted.id, noted.hash)) {
            return Err(format!("the spool ends with {ends:?} instead of {noted:?}"));
        }
        for (object, size) in adds {
            let is_record = object.record_id().is_some();
            let is_there = replica.has(&object, size).unwrap_or(false);
            if !is_record && !gone.contains(&object) && !is_there {
                return Err(format!("the spool lacks {object:?}"));
            }
        }
        self.check_spool_begins(ids[0].seq)
    }

    fn check_spool_begins(&self, first: Seq) -> Result<(), String> {
        if !self.has_spooled() {
            return Ok(());
        }
        let state = self.profile.memory.load().expect("it is in memory");
        let sites = self.sites.iter();
        let heads = sites.filter_map(|site| state.heads.get(&site.id));
        let reached = heads.map(|head| head.id.seq.0).max().unwrap_or(0);
        if first.0 > reached + 1 {
            return Err(format!(
                "the spool begins with {first:?}, and destinations end with {reached}"
            ));
        }
        Ok(())
    }

    /// Says whether nothing is in the spool.
    pub(crate) fn spool_is_empty(&self) -> bool {
        let spool = self.profile.spool.as_ref();
        spool.is_none_or(|spool| spool.limit == 0 || spool.bytes() == 0)
    }
}
