//! What a destination may erase, and erasing it: `spec/archive-v1.md`, section 11.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::time::Duration;

use strongroom_base::clock::Timestamp;
use strongroom_base::ids::{Generation, Seq};
use strongroom_base::object::{ObjectKind, ObjectRef, RecordId};

use strongroom_store::StoreError;

use crate::error::ReplicaError;
use crate::layout::Place;
use crate::log::LogEntry;
use crate::record::RecordKind;
use crate::replica::Replica;
use crate::survey::{Arrived, Survey};

/// Largest difference between the clocks of destination and writer.
const SKEW_MAX: Duration = Duration::from_hours(24);
const DAY: i128 = 86_400 * 1_000_000_000;

/// What becomes of objects that no record names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unnamed {
    /// They stay.
    Leave,
    /// They go when the grace has passed. Only for the writer, when no backup is under way and the replica has
    /// the newest record.
    Erase,
}

/// By which rules a destination erases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// How long what was given up is kept.
    pub grace: Duration,
    /// On how many days records must have arrived since: the rule of local disks, whose clocks may jump.
    pub days: Option<usize>,
    /// What becomes of objects that no record names.
    pub unnamed: Unnamed,
    /// The time of whoever decides.
    pub now: Timestamp,
}

/// Why nothing is erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// The log has a problem.
    Log(String),
    /// The clock of the destination differs from that of whoever decides by more than a day.
    Clock,
}

/// What may be erased now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// The objects and their sizes, in the order in which they go.
    pub erase: Vec<(Place, u64)>,
    /// Objects that were given up and have to wait, and their bytes.
    pub waiting: (u64, u64),
    /// Why nothing is erased.
    pub held: Option<Held>,
}

/// What was erased.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// Objects.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Objects that the destination does not let go yet.
    pub denied: u64,
}

/// Decides what may be erased from a replica; does nothing.
pub fn decide(survey: &Survey, rules: &Rules) -> Decision {
    let mut decision = Decision {
        held: held(survey, rules),
        ..Decision::default()
    };
    if decision.held.is_some() {
        return decision;
    }
    let court = Court::new(survey, rules);
    for keys in &survey.old_keys {
        decision.erase.push((keys.place, keys.size));
    }
    // Packs before index runs, as they are sorted.
    for (object, size) in &survey.contents {
        if let Some(may_go) = court.content(object) {
            decision.add(*object, *size, may_go);
        }
    }
    for (object, size, may_go) in court.records() {
        decision.add(object, size, may_go);
    }
    decision
}

fn held(survey: &Survey, rules: &Rules) -> Option<Held> {
    if let Some(problem) = &survey.problem {
        return Some(Held::Log(problem.clone()));
    }
    let skew = survey.now.0.abs_diff(rules.now.0);
    (skew > SKEW_MAX.as_nanos()).then_some(Held::Clock)
}

/// Objects that were given up and may be missing at a replica.
pub(crate) struct Waiting {
    /// Records; those that the survey has are passed over.
    pub(crate) records: Vec<LogEntry>,
    /// Packs and index runs.
    pub(crate) contents: BTreeSet<ObjectRef>,
}

impl Waiting {
    /// Returns those that could not be erased now if they were there. A record would have arrived just now.
    pub(crate) fn judge(
        self,
        mut survey: Survey,
        rules: &Rules,
    ) -> Result<BTreeSet<ObjectRef>, Held> {
        if let Some(held) = held(&survey, rules) {
            return Err(held);
        }
        let place = |entry: &LogEntry| ObjectRef::record(entry.id());
        let there = survey.records.iter().map(|record| place(&record.entry));
        let there: BTreeSet<ObjectRef> = there.collect();
        let records = self.records.into_iter();
        let records = records.filter(|entry| !there.contains(&place(entry)));
        let records: Vec<LogEntry> = records.collect();
        let missing: BTreeSet<ObjectRef> = records.iter().map(place).collect();
        let at = survey.now;
        let arrived = records.into_iter().map(|entry| Arrived { entry, at });
        survey.records.extend(arrived);
        let key = |record: &Arrived| (record.entry.id().seq, record.entry.id().generation);
        survey.records.sort_by_key(key);
        let judged = Court::new(&survey, rules).records().into_iter();
        let gone = judged.filter_map(|(object, _, may_go)| may_go.then_some(object));
        let gone: BTreeSet<ObjectRef> = gone.filter(|object| missing.contains(object)).collect();
        survey
            .records
            .retain(|record| !gone.contains(&place(&record.entry)));
        let court = Court::new(&survey, rules);
        let waits = |object: &ObjectRef| court.content(object) == Some(false);
        let contents = self.contents.into_iter().filter(waits);
        Ok(contents.chain(missing.difference(&gone).copied()).collect())
    }
}

impl Decision {
    fn add(&mut self, object: ObjectRef, size: u64, may_go: bool) {
        if may_go {
            self.erase.push((Place::Object(object), size));
        } else {
            self.waiting.0 += 1;
            self.waiting.1 += size;
        }
    }
}

/// Erases what was decided, in its order, and stops at the first failure: what condemns an object goes after it.
/// Of what the destination does not let go (a lock, an append-only store) the records stay too.
pub fn erase(
    replica: &Replica,
    decision: &Decision,
    progress: &mut dyn FnMut(Erased) -> ControlFlow<()>,
) -> Result<Erased, ReplicaError> {
    let (mut erased, mut denied) = (Erased::default(), false);
    for (place, size) in &decision.erase {
        let is_record =
            matches!(place, Place::Object(object) if object.kind() == ObjectKind::Record);
        if is_record && denied {
            break;
        }
        match replica.store().delete(&place.path(replica.archive())) {
            Ok(()) => {}
            Err(StoreError::Denied { .. } | StoreError::Refused { .. }) => {
                denied |= !matches!(place, Place::Keys { .. });
                erased.denied += 1;
                continue;
            }
            Err(error) => return Err(error.into()),
        }
        erased.objects += 1;
        erased.bytes += size;
        if progress(erased).is_break() {
            return Err(ReplicaError::Interrupted);
        }
    }
    Ok(erased)
}

/// What judging an object needs.
struct Court<'a> {
    survey: &'a Survey,
    rules: &'a Rules,
    /// The first record that is there and condemns an object, by position.
    condemned: BTreeMap<ObjectRef, usize>,
    named: BTreeSet<ObjectRef>,
    /// For which records the three conditions hold, of those that condemn.
    waited: BTreeSet<Seq>,
    /// The first record up to which a live object is not there.
    whole_before: Seq,
    newest: Option<Generation>,
}

impl<'a> Court<'a> {
    fn new(survey: &'a Survey, rules: &'a Rules) -> Self {
        let mut condemned = BTreeMap::new();
        for (position, record) in survey.records.iter().enumerate() {
            for object in &record.entry.header.changes.condemns {
                condemned.entry(*object).or_insert(position);
            }
        }
        let mut court = Self {
            survey,
            rules,
            condemned,
            named: survey.named(),
            waited: BTreeSet::new(),
            whole_before: whole_before(survey),
            newest: survey.head.map(|head| head.generation),
        };
        let condemns = |record: &&Arrived| {
            let header = &record.entry.header;
            header.kind == RecordKind::Checkpoint || !header.changes.condemns.is_empty()
        };
        let records = survey.records.iter().filter(condemns);
        let waited = records.filter(|record| court.conditions_hold(record));
        court.waited = waited.map(|record| record.entry.id().seq).collect();
        court
    }

    /// Says of a pack or index run that was given up whether it may go; `None` where it was not.
    fn content(&self, object: &ObjectRef) -> Option<bool> {
        if self.survey.live.contains(object) || self.survey.elsewhere.contains(object) {
            return None;
        }
        if let Some(position) = self.condemned.get(object) {
            return Some(self.has_waited(&self.survey.records[*position]));
        }
        if self.named.contains(object) || self.rules.unnamed == Unnamed::Leave {
            return None;
        }
        let arrived = self.survey.arrived.get(object)?;
        Some(self.is_over(*arrived) && self.knew_all_names())
    }

    /// Says whether the records that are there tell what was live when the grace began: with none left
    /// unread, and from the first record on, or from a checkpoint that is as old as the grace.
    fn knew_all_names(&self) -> bool {
        let is_old = |record: &&Arrived| {
            record.entry.header.kind == RecordKind::Checkpoint && self.is_over(record.at)
        };
        let begins = self.survey.checkpoint.is_none();
        let evidence = begins || self.survey.records.iter().any(|record| is_old(&record));
        self.survey.unread == 0 && evidence
    }

    /// Returns the records of which something that they condemn is there and has to wait, and that no live record
    /// condemns too.
    fn witnesses(&self) -> BTreeSet<RecordId> {
        let place = |record: &Arrived| ObjectRef::record(record.entry.id());
        let records = self.survey.records.iter();
        let live = records.filter(|record| self.survey.live.contains(&place(record)));
        let known = live.flat_map(|record| &record.entry.header.changes.condemns);
        let known: BTreeSet<&ObjectRef> = known.collect();
        let there = self.survey.contents.keys();
        let waiting = there.filter(|object| self.content(object) == Some(false));
        let waiting = waiting.filter(|object| !known.contains(object));
        let condemning = waiting.filter_map(|object| self.condemned.get(object));
        let records = condemning.map(|position| self.survey.records[*position].entry.id());
        records.collect()
    }

    /// Judges the records that are not live, in the order in which they may go: the record that begins a
    /// generation goes last of it, and only with it. What condemns an object goes after it: clocks that went back may
    /// let a record go before what it condemns.
    fn records(&self) -> Vec<(ObjectRef, u64, bool)> {
        let mut judged = Vec::new();
        let witnesses = self.witnesses();
        let mut stays = BTreeSet::new();
        let newest_first = self.survey.records.iter().rev();
        let mut records: Vec<&Arrived> = newest_first.collect();
        records.sort_by_key(|record| std::cmp::Reverse(record.entry.id()));
        for record in records {
            let id = record.entry.id();
            let object = ObjectRef::record(id);
            let begins = record.entry.header.kind == RecordKind::Generation;
            // A checkpoint of a branch adds records, too.
            if self.survey.live.contains(&object) || self.survey.elsewhere.contains(&object) {
                stays.insert(id.generation);
                continue;
            }
            let may_go = self
                .condemning_checkpoint(&object)
                .is_some_and(|checkpoint| self.has_waited(checkpoint))
                && !witnesses.contains(&id)
                && !(begins && stays.contains(&id.generation));
            if !may_go {
                stays.insert(id.generation);
            }
            judged.push((object, record.entry.len, may_go));
        }
        judged
    }

    /// Returns the first checkpoint that is there and does not keep an earlier record.
    fn condemning_checkpoint(&self, object: &ObjectRef) -> Option<&Arrived> {
        let seq = object.record_id()?.seq;
        self.survey.records.iter().find(|record| {
            let header = &record.entry.header;
            let is_later = header.kind == RecordKind::Checkpoint && record.entry.id().seq > seq;
            let adds = &header.changes.adds;
            is_later
                && adds
                    .binary_search_by_key(object, |added| added.object)
                    .is_err()
        })
    }

    fn has_waited(&self, record: &Arrived) -> bool {
        self.waited.contains(&record.entry.id().seq)
    }

    /// Says whether the three conditions hold for what a record condemns.
    fn conditions_hold(&self, record: &Arrived) -> bool {
        let seq = record.entry.id().seq;
        let later = self.survey.records.iter().filter(|other| {
            let id = other.entry.id();
            id.seq > seq && Some(id.generation) == self.newest
        });
        seq < self.whole_before && later.count() > 0 && self.is_over(record.at) && {
            let Some(days) = self.rules.days else {
                return true;
            };
            self.days_since(record) >= days
        }
    }

    /// Says whether the grace has passed since a time, by the destination's clock.
    fn is_over(&self, since: Timestamp) -> bool {
        let grace = i128::try_from(self.rules.grace.as_nanos()).unwrap_or(i128::MAX);
        self.survey.now.0.saturating_sub(since.0) >= grace
    }

    /// Returns on how many days records have arrived after this one.
    fn days_since(&self, record: &Arrived) -> usize {
        let seq = record.entry.id().seq;
        let later = self
            .survey
            .records
            .iter()
            .filter(|other| other.entry.id().seq > seq && other.at > record.at);
        let days: BTreeSet<i128> = later.map(|other| other.at.0.div_euclid(DAY)).collect();
        days.len()
    }
}

/// Returns the lowest seq at which a live object was added that is not there with its size.
///
/// What a checkpoint lists was added before it, nobody knows where.
fn whole_before(survey: &Survey) -> Seq {
    let mut added: BTreeMap<ObjectRef, Seq> = BTreeMap::new();
    for Arrived { entry, .. } in &survey.records {
        let seq = match entry.header.kind {
            RecordKind::Checkpoint => Seq(0),
            _ => entry.id().seq,
        };
        for add in &entry.header.changes.adds {
            let first = added.entry(add.object).or_insert(seq);
            *first = (*first).min(seq);
        }
    }
    let is_missing = |(object, size): &(&ObjectRef, u64)| {
        object.kind() != ObjectKind::Record && survey.contents.get(object) != Some(size)
    };
    let missing = survey.live.iter().filter(is_missing);
    let seqs = missing.map(|(object, _)| added.get(object).copied().unwrap_or(Seq(0)));
    seqs.min().unwrap_or(Seq(u64::MAX))
}
