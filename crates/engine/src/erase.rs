//! Erases at the destinations what was given up, as far as they may: `spec/archive-v1.md`, section 11.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::time::Duration;

use strongroom_base::clock::Timestamp;
use strongroom_base::ids::DestinationId;
use strongroom_format::keys::KeysObject;
use strongroom_replica::erase::{Decision, Held, Rules, Unnamed, decide, erase};
use strongroom_replica::expected::Owner;
use strongroom_replica::record::RecordKind;
use strongroom_replica::survey::{Survey, survey};
use strongroom_replica::{Replica, ReplicaError};

use crate::monitor::{Progress, Stop, count};
use crate::prune::Amount;
use crate::writer::Writer;
use strongroom_base::with_causes;

/// How long what was given up is kept, if nothing else is said.
pub const GRACE: Duration = Duration::from_hours(7 * 24);
/// Where the grace is as long as this, a local disk needs records of as many days as well.
const DAYS: usize = 7;

/// By which rules is erased.
#[derive(Clone, Debug)]
pub struct EraseOptions {
    /// How long what was given up is kept at each destination, by its own clock.
    pub grace: Duration,
    /// The destinations that are disks of this computer, whose clocks are its own and may jump.
    pub local: BTreeSet<DestinationId>,
    /// Nothing is erased.
    pub dry_run: bool,
}

/// What was erased at a destination, or would be.
#[derive(Clone, Debug, Default)]
pub struct Erasure {
    /// The name of the destination.
    pub destination: String,
    /// What was erased.
    pub erased: Amount,
    /// Objects that the destination does not let go yet: a lock, or an append-only store.
    pub denied: u64,
    /// What was given up and is kept for now.
    pub waiting: Amount,
    /// When the grace of the last of it is over; it may take longer where there are few backups.
    pub until: Option<Timestamp>,
    /// Why nothing, or not all, was erased.
    pub held: Option<String>,
}

/// Returns by which rules a destination erases.
pub fn rules(grace: Duration, is_local: bool, unnamed: Unnamed, now: Timestamp) -> Rules {
    Rules {
        grace,
        days: (is_local && grace >= GRACE).then_some(DAYS),
        unnamed,
        now,
    }
}

/// Erases at every ready destination what may be erased there. Also objects that no record names: no backup may
/// be under way.
///
/// What goes wrong at one destination is told of it, and the others go on.
pub fn erase_condemned(
    writer: &mut Writer<'_>,
    options: &EraseOptions,
    progress: &Progress,
    stop: &Stop,
) -> Vec<Erasure> {
    let ready: Vec<(usize, Replica)> = writer
        .ready()
        .map(|(number, replica)| (number, replica.clone()))
        .collect();
    let mut erasures = Vec::new();
    for (number, replica) in ready {
        if stop.is_requested() {
            break;
        }
        let destination = &writer.slots[number].destination;
        let mut erasure = Erasure {
            destination: destination.name.clone(),
            ..Erasure::default()
        };
        let is_local = options.local.contains(&destination.id);
        let work = Work {
            writer,
            options,
            progress,
            stop,
        };
        let result = work.erase_at(&replica, is_local, &mut erasure);
        if let Err(error) = result {
            erasure.held = Some(with_causes(&error));
        }
        erasures.push(erasure);
    }
    erasures
}

/// What erasing works with.
struct Work<'a, 'w> {
    writer: &'a Writer<'w>,
    options: &'a EraseOptions,
    progress: &'a Progress,
    stop: &'a Stop,
}

impl Work<'_, '_> {
    fn erase_at(
        &self,
        replica: &Replica,
        is_local: bool,
        erasure: &mut Erasure,
    ) -> Result<(), ReplicaError> {
        let Self {
            writer,
            options,
            progress,
            stop,
        } = self;
        let identity = &writer.identity;
        let authority = identity.ring.authority().public_key();
        let archive = identity.archive;
        let is_keys = |number: u32, bytes: &[u8]| {
            KeysObject::decode(bytes, &authority)
                .is_ok_and(|keys| keys.number == number && keys.archive == archive)
        };
        let owner = Owner {
            authority,
            is_keys: &is_keys,
        };
        let found = survey(replica, &owner, &*identity.random)?;
        let head = writer.head();
        if found.head != Some(head.id) {
            erasure.held = Some("it does not have the newest record".to_owned());
            return Ok(());
        }
        let now = identity.clock.now();
        let decision = decide(&found, &rules(options.grace, is_local, Unnamed::Erase, now));
        erasure.waiting = Amount {
            count: decision.waiting.0,
            bytes: decision.waiting.1,
        };
        erasure.until = grace_over(&found, options.grace).filter(|_| decision.waiting.0 > 0);
        erasure.held = decision.held.as_ref().map(explain);
        if options.dry_run {
            erasure.erased = planned(&decision);
            return Ok(());
        }
        let (mut objects, mut bytes) = (0, 0);
        let result = erase(replica, &decision, &mut |erased| {
            count(&progress.entries_done, erased.objects - objects);
            (objects, bytes) = (erased.objects, erased.bytes);
            if stop.is_requested() {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        });
        // What was erased before a failure is gone all the same.
        erasure.erased = Amount {
            count: objects,
            bytes,
        };
        erasure.denied = result?.denied;
        Ok(())
    }
}

fn planned(decision: &Decision) -> Amount {
    Amount {
        count: decision.erase.len() as u64,
        bytes: decision.erase.iter().map(|(_, size)| size).sum(),
    }
}

/// Returns when the grace of the last record that condemns anything is over, by the destination's clock.
fn grace_over(survey: &Survey, grace: Duration) -> Option<Timestamp> {
    let grace = i128::try_from(grace.as_nanos()).unwrap_or(i128::MAX);
    let condemns = survey.records.iter().filter(|record| {
        let header = &record.entry.header;
        header.kind == RecordKind::Checkpoint || !header.changes.condemns.is_empty()
    });
    let over = condemns.map(|record| record.at.0.saturating_add(grace));
    over.max().map(Timestamp)
}

fn explain(held: &Held) -> String {
    match held {
        Held::Log(problem) => format!("its log has a problem: {problem}"),
        Held::Clock => "its clock differs from this computer's by more than a day".to_owned(),
    }
}
