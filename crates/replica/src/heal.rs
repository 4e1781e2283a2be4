//! Heals a replica from its sisters: what scrubbing found is fetched anew, and needs no key.

use std::ops::ControlFlow;

use strongroom_base::object::{ObjectKind, ObjectRef};
use strongroom_store::{PutOutcome, StoreError};

use crate::budget::Budget;
use crate::error::ReplicaError;
use crate::expected::{Expected, Owner, fetch};
use crate::layout::Place;
use crate::parallel::{THREADS_MAX, in_order};
use crate::replica::Replica;
use crate::scrub::{Fault, Finding};

/// What an object that is not live is taken to have, for the memory: what a full pack has.
const SIZE_UNKNOWN: u64 = 17 << 20;

/// What became of what scrubbing found.
#[derive(Debug, Default)]
pub struct Healed {
    /// Objects that are sound now.
    pub healed: Vec<Place>,
    /// Bytes that were put.
    pub bytes: u64,
    /// Objects that no sister has undamaged.
    pub lost: Vec<Place>,
    /// Objects that a sister may have, and why they were not healed.
    pub failed: Vec<(Place, ReplicaError)>,
}

impl Healed {
    /// Says whether nothing stays damaged.
    pub fn is_whole(&self) -> bool {
        self.lost.is_empty() && self.failed.is_empty()
    }

    fn note(&mut self, place: Place, result: Result<u64, ReplicaError>) {
        match result {
            Ok(bytes) => {
                self.healed.push(place);
                self.bytes += bytes;
            }
            Err(ReplicaError::Nowhere { .. }) => self.lost.push(place),
            Err(error) => self.failed.push((place, error)),
        }
    }
}

/// Puts the objects of `findings` anew, each from the first of `sisters` that has it undamaged; descriptor and keys as they are
/// expected.
///
/// A damaged object is deleted only when its bytes are in hand. What is killed in between lacks the object, and
/// the next call puts it. Packs come first and records last, as always. Calls `progress` after each object,
/// and stops where it breaks. Fails only where the destination itself is gone.
pub fn heal(
    replica: &Replica,
    sisters: &[&Replica],
    expected: &Expected,
    owner: &Owner<'_>,
    findings: &[Finding],
    progress: &mut dyn FnMut(&Healed) -> ControlFlow<()>,
) -> Result<Healed, ReplicaError> {
    let sources = (sisters, &[][..]);
    heal_from(replica, sources, expected, owner, findings, progress)
}

/// As [`heal`], where replicas of another history are asked for what no sister has undamaged and is known by its hash:
/// contents, and records that are read elsewhere.
pub fn heal_from(
    replica: &Replica,
    (sisters, strangers): (&[&Replica], &[&Replica]),
    expected: &Expected,
    owner: &Owner<'_>,
    findings: &[Finding],
    progress: &mut dyn FnMut(&Healed) -> ControlFlow<()>,
) -> Result<Healed, ReplicaError> {
    let mut findings: Vec<&Finding> = findings.iter().collect();
    findings.sort_by_key(|finding| finding.place);
    let job = Job {
        replica,
        sisters,
        strangers,
        expected,
        owner,
        budget: Budget::new(),
    };
    let mut healed = Healed::default();
    for findings in findings.chunk_by(|one, other| rank(one.place) == rank(other.place)) {
        // Records one by one and in order; the others in any.
        let threads = match findings[0].place {
            Place::Object(object) if object.kind() != ObjectKind::Record => THREADS_MAX,
            _ => 1,
        };
        let mut gone = None;
        let work = |finding: &&Finding| job.mend(finding);
        in_order(threads, findings, &work, &mut |finding, result| {
            match result {
                Err(error @ ReplicaError::Store(StoreError::Gone { .. } | StoreError::Stopped)) => {
                    gone = Some(error);
                    return ControlFlow::Break(());
                }
                result => healed.note(finding.place, result),
            }
            let go_on = progress(&healed);
            if go_on.is_break() {
                gone = Some(ReplicaError::Interrupted);
            }
            go_on
        });
        if let Some(error) = gone {
            return Err(error);
        }
    }
    Ok(healed)
}

fn rank(place: Place) -> u8 {
    match place {
        Place::Descriptor => 0,
        Place::Keys { .. } => 1,
        Place::Object(object) => 1 + object.kind().code(),
    }
}

/// What healing needs.
struct Job<'a> {
    replica: &'a Replica,
    sisters: &'a [&'a Replica],
    strangers: &'a [&'a Replica],
    expected: &'a Expected,
    owner: &'a Owner<'a>,
    budget: Budget,
}

impl Job<'_> {
    /// Mends one object, and returns its size.
    fn mend(&self, finding: &Finding) -> Result<u64, ReplicaError> {
        let place = finding.place;
        if let (Fault::Forked, Place::Object(object)) = (&finding.fault, place)
            && let Some(id) = object.record_id()
        {
            // Which of the two is right is not for a copier to say.
            return Err(ReplicaError::Fenced { id });
        }
        let _share = self.budget.take(self.size(place));
        let good = self.good(place)?;
        let path = place.path(self.replica.archive());
        let store = self.replica.store();
        if !matches!(finding.fault, Fault::Missing) {
            let len = good.len() as u64;
            if store.get(&path, len).is_ok_and(|there| there == good) {
                return Ok(0);
            }
            store.delete(&path)?;
        }
        match store.put_new(&path, &good)? {
            PutOutcome::Stored => Ok(good.len() as u64),
            PutOutcome::AlreadyThere if store.get(&path, good.len() as u64)? == good => Ok(0),
            // The destination has told that it is gone, and still has it.
            PutOutcome::AlreadyThere => Err(StoreError::NotAnObject {
                path: path.to_string(),
            }
            .into()),
        }
    }

    fn size(&self, place: Place) -> u64 {
        match place {
            Place::Object(object) => self.expected.live.size(&object).unwrap_or(SIZE_UNKNOWN),
            _ => 0,
        }
    }

    /// Returns the bytes that belong in a place; those of an object never from the replica itself.
    fn good(&self, place: Place) -> Result<Vec<u8>, ReplicaError> {
        let nowhere = || ReplicaError::Nowhere { place };
        match place {
            Place::Descriptor => self.expected.descriptor.clone().ok_or_else(nowhere),
            Place::Keys { .. } => {
                let keys = self.expected.keys.as_ref();
                let keys = keys.filter(|keys| keys.places().contains(&place));
                keys.map(|keys| keys.bytes.clone()).ok_or_else(nowhere)
            }
            Place::Object(object) => self.good_object(&object),
        }
    }

    /// Returns an object that is live, or was.
    fn good_object(&self, object: &ObjectRef) -> Result<Vec<u8>, ReplicaError> {
        let id = object.record_id();
        let is_known = id.is_none_or(|id| self.expected.log.entry_of(id).is_some());
        let fetch = |sources| fetch(sources, self.expected, self.owner, object);
        let fetched = match fetch(self.sisters) {
            Err(ReplicaError::Nowhere { .. }) if is_known => fetch(self.strangers),
            fetched => fetched,
        };
        // That a sister cannot be reached is not that this destination is gone.
        fetched.map_err(|error| match error {
            ReplicaError::Nowhere { place } => ReplicaError::Nowhere { place },
            error => ReplicaError::Unreached {
                what: object.to_string(),
                source: Box::new(error),
            },
        })
    }
}
