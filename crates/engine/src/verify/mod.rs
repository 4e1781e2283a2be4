//! Verifies an archive: the log, the objects of the live set, the index, every tree, and on request every
//! byte.

mod keys;
mod objects;
mod rows;
mod times;
mod trees;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use strongroom_base::clock::Timestamp;
use strongroom_base::object::{ObjectKind, ObjectRef};
use strongroom_read::{Archive, ReadError};
use strongroom_replica::Replica;
use strongroom_replica::log::Log;

pub use times::ReadTimes;

use crate::error::EngineError;
use crate::memory::Head;
use crate::monitor::{Progress, Stop, count};
use keys::check_keys;
pub(crate) use objects::check_object_at;
use objects::{Item, check_record_packs, read_objects};
use rows::check_rows;
use strongroom_base::with_causes;
use trees::check_trees;

/// How much of the stored bytes is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadData {
    /// Only what trees, indexes and records need.
    No,
    /// This many of every hundred packs, chosen by name and by `turn`, so that turns 0 to 99 cover all; one
    /// at least.
    Percent {
        /// From 1 to 100.
        percent: u8,
        /// Which ones.
        turn: u8,
    },
    /// The packs that were not read within this time.
    OlderThan {
        /// How long a reading counts.
        age: Duration,
        /// What time it is.
        now: Timestamp,
    },
}

/// What verification goes by.
#[derive(Debug)]
pub struct VerifyOptions<'a> {
    /// How much is read.
    pub read_data: ReadData,
    /// The newest record that the destination acknowledged, where a profile remembers one.
    pub acknowledged: Option<Head>,
    /// When each pack was read: is used, and brought up to date.
    pub times: &'a mut ReadTimes,
    /// What time it is.
    pub now: Timestamp,
}

/// What verification found at one replica.
#[derive(Clone, Debug, Default)]
pub struct VerifyReport {
    /// Records of the chain.
    pub records: u64,
    /// The newest of them.
    pub newest: Option<Head>,
    /// Snapshots.
    pub snapshots: u64,
    /// Objects of the live set.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Packs that were read whole.
    pub packs_read: u64,
    /// Packs in records that were read whole.
    pub record_packs_read: u64,
    /// Chunks that were checked against their ids.
    pub chunks_checked: u64,
    /// Objects that no record names, left by writers that died, and their bytes.
    pub unrecorded: (u64, u64),
    /// What is damaged: the object or path, and what is wrong.
    pub damage: Vec<(String, String)>,
    /// The objects that are damaged.
    pub damaged_objects: Vec<ObjectRef>,
    /// How many files and directories miss something whose loss was acknowledged.
    pub acknowledged: u64,
}

impl VerifyReport {
    /// Says whether nothing is damaged.
    pub fn is_clean(&self) -> bool {
        self.damage.is_empty()
    }

    fn bad_object(&mut self, object: ObjectRef, what: String) {
        self.damage.push((object.to_string(), what));
        self.damaged_objects.push(object);
    }
}

/// Verifies the replica that `archive` reads first.
pub fn verify(
    archive: &Archive,
    opening: &[ReadError],
    options: &mut VerifyOptions<'_>,
    progress: &Progress,
    stop: &Stop,
) -> Result<VerifyReport, EngineError> {
    let mut report = VerifyReport::default();
    let replica = archive.replicas().first();
    for problem in opening {
        let what = with_causes(problem);
        report.damage.push(("index".to_owned(), what));
    }
    let (snapshots, log, problems) = archive.snapshots_at(replica)?;
    report.acknowledged += log.accepted.len() as u64;
    for problem in &log.problems {
        report.damage.push(("log".to_owned(), with_causes(problem)));
    }
    for problem in &problems {
        report.damage.push(("log".to_owned(), with_causes(problem)));
    }
    check_head(&log, options.acknowledged, &mut report);
    report.records = log.entries.len() as u64;
    report.newest = log.newest().map(Head::from_log);
    report.snapshots = snapshots.len() as u64;
    let live = log.live();
    let live: Vec<(ObjectRef, u64)> = live
        .contents()
        .map(|(object, size)| (*object, size))
        .collect();
    let sound = check_presence(replica, &live, &mut report)?;
    check_keys(replica, archive, &mut report)?;
    check_trees(archive, &snapshots, is_loss_known(&log), &mut report, stop)?;
    let chosen = choose(sound, options);
    let bytes = chosen.iter().map(|(_, size)| size).sum();
    count(&progress.entries_total, chosen.len() as u64);
    count(&progress.bytes_total, bytes);
    let mut read = Vec::new();
    let outcome = read_chosen(
        archive,
        &log,
        chosen,
        options,
        (&mut report, &mut read),
        (progress, stop),
    );
    note_times(options, &live, &read, &report);
    outcome?;
    report.damage.sort();
    report.damage.dedup();
    Ok(report)
}

/// Reads what was chosen, and compares the index with it.
fn read_chosen(
    archive: &Archive,
    log: &Log,
    chosen: Vec<(ObjectRef, u64)>,
    options: &VerifyOptions<'_>,
    (report, read): (&mut VerifyReport, &mut Vec<ObjectRef>),
    watch: (&Progress, &Stop),
) -> Result<(), EngineError> {
    let live = log.live();
    let live: BTreeMap<ObjectRef, u64> = live.contents().map(|(o, size)| (*o, size)).collect();
    let reads = options.read_data != ReadData::No;
    let mut left: BTreeMap<ObjectRef, u64> = chosen.into_iter().collect();
    let found = (&mut *report, &mut *read);
    let records = check_rows(archive, &live, &mut left, reads, found, watch)?;
    let rest: Vec<Item> = left.into_iter().map(Item::alone).collect();
    read_objects(archive, &rest, None, report, read, watch)?;
    for entry in log.entries.iter().filter(|_| reads) {
        let record = ObjectRef::record(entry.id());
        if !records.contains(&record) {
            check_record_packs(archive, record, report, &mut |_, _| true);
        }
    }
    Ok(())
}

/// Returns the paths in all snapshots that miss something, and what.
pub fn missing(archive: &Archive, stop: &Stop) -> Result<Vec<(String, String)>, EngineError> {
    let mut report = VerifyReport::default();
    let (snapshots, ..) = archive.snapshots()?;
    check_trees(archive, &snapshots, false, &mut report, stop)?;
    report.damage.sort();
    report.damage.dedup();
    Ok(report.damage)
}

/// Returns the packs and records that were found damaged everywhere. Index runs lose nothing: they are made
/// anew.
pub(crate) fn voids(log: &Log) -> BTreeSet<ObjectRef> {
    let entries = log.entries.iter();
    let voids = entries.flat_map(|entry| entry.header.changes.voids.iter().copied());
    voids
        .filter(|object| object.kind() != ObjectKind::Index)
        .collect()
}

/// Says whether chunks that no run names are losses that were acknowledged: there are some, and none that was not.
pub(crate) fn is_loss_known(log: &Log) -> bool {
    let acknowledged = log.acknowledged();
    !acknowledged.is_empty() && voids(log).is_subset(&acknowledged)
}

/// Checks that the newest record that a destination acknowledged is there: nothing else tells when the
/// newest ones are missing.
fn check_head(log: &Log, acknowledged: Option<Head>, report: &mut VerifyReport) {
    let Some(head) = acknowledged else { return };
    if log.branches.contains(&head.id) {
        // Another profile has adopted the archive at an older record.
        return;
    }
    let what = match log.entry(head.id.seq) {
        Some(entry) if entry.hash == head.hash => return,
        Some(_) => format!("record {} is not the one that was acknowledged", head.id),
        None if log.head().is_none_or(|newest| newest.id() < head.id) => format!(
            "went back: record {} was acknowledged, and the newest is {}",
            head.id,
            log.head()
                .map_or_else(|| "none".to_owned(), |newest| newest.id().to_string())
        ),
        // A gap, which is named already.
        None => return,
    };
    report.damage.push(("log".to_owned(), what));
}

/// Chooses what is read whole: index runs, and packs as was asked.
fn choose(sound: Vec<(ObjectRef, u64)>, options: &VerifyOptions<'_>) -> Vec<(ObjectRef, u64)> {
    let is_pack = |object: &ObjectRef| object.kind() == ObjectKind::Pack;
    let (packs, mut chosen): (Vec<_>, Vec<_>) =
        sound.into_iter().partition(|(object, _)| is_pack(object));
    match options.read_data {
        ReadData::No => {}
        ReadData::Percent { percent, turn } => {
            let mut packs: Vec<_> = packs
                .into_iter()
                .map(|pack| (distance(&pack.0, turn), pack))
                .collect();
            packs.sort_unstable();
            let wanted = packs
                .iter()
                .take_while(|(distance, _)| *distance < u16::from(percent))
                .count();
            chosen.extend(packs.into_iter().take(wanted.max(1)).map(|(_, pack)| pack));
        }
        ReadData::OlderThan { age, now } => {
            let age = i128::try_from(age.as_nanos()).unwrap_or(i128::MAX);
            let is_due = |object: &ObjectRef| {
                let read = options.times.of(object);
                // A time in the future is none: the clock was wrong.
                read.is_none_or(|read| read > now || now.0 - read.0 > age)
            };
            chosen.extend(packs.into_iter().filter(|(object, _)| is_due(object)));
        }
    }
    chosen
}

/// Returns how far a pack is from its turn, from 0 to 99.
fn distance(object: &ObjectRef, turn: u8) -> u16 {
    let name = object.list_name();
    let number = (u16::from(name[30]) << 8 | u16::from(name[31])) % 100;
    (number + 100 - u16::from(turn) % 100) % 100
}

fn note_times(
    options: &mut VerifyOptions<'_>,
    live: &[(ObjectRef, u64)],
    read: &[ObjectRef],
    report: &VerifyReport,
) {
    let live: HashSet<[u8; 32]> = live.iter().map(|(object, _)| object.list_name()).collect();
    options.times.keep(|name| live.contains(name));
    let packs = read
        .iter()
        .filter(|object| object.kind() == ObjectKind::Pack);
    packs.for_each(|object| options.times.note(object, options.now));
    let damaged = report.damaged_objects.iter();
    damaged.for_each(|object| options.times.forget(object));
}

/// Checks that the live objects are there with their sizes; returns those that are.
fn check_presence(
    replica: &Replica,
    live: &[(ObjectRef, u64)],
    report: &mut VerifyReport,
) -> Result<Vec<(ObjectRef, u64)>, EngineError> {
    let there: HashMap<ObjectRef, u64> = replica.content_objects()?.into_iter().collect();
    let mut sound = Vec::with_capacity(live.len());
    for (object, size) in live {
        report.objects += 1;
        report.bytes += size;
        match there.get(object) {
            Some(found) if found == size => sound.push((*object, *size)),
            Some(found) => {
                report.bad_object(*object, format!("has {found} bytes instead of {size}"));
            }
            None => report.bad_object(*object, "is missing".to_owned()),
        }
    }
    let live: HashSet<&ObjectRef> = live.iter().map(|(object, _)| object).collect();
    let unrecorded = there.iter().filter(|(object, _)| !live.contains(object));
    for (_, size) in unrecorded {
        report.unrecorded.0 += 1;
        report.unrecorded.1 += size;
    }
    Ok(sound)
}
