//! Keeping locked what is needed: `spec/archive-v1.md`, section 11.1.
//!
//! An object is locked for so many days when it is put. What is live for longer is locked anew, in rounds; what was
//! given up is left alone, so that it can be erased when its time is over.

use std::ops::ControlFlow;

use strongroom_base::clock::Timestamp;
use strongroom_store::{LockRule, ObjectPath, Store, StoreError};

use crate::error::ReplicaError;
use crate::expected::{Expected, Owner};
use crate::layout::Place;
use crate::parallel::{THREADS_MAX, in_order};
use crate::replica::Replica;

/// Nanoseconds of a day.
const DAY: i128 = 86_400 * 1_000_000_000;
/// Objects that are looked at in one run at least, if there are as many, and the share of all that is.
const OBJECTS_MIN: usize = 1_000;
const SHARE: usize = 4;

/// A round over all live objects of a replica, which may take several runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Round {
    /// When it began.
    pub begun: Timestamp,
    /// The path up to which the objects were looked at; none where all were.
    pub after: Option<String>,
}

/// What one run did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extended {
    /// Objects that were looked at.
    pub looked_at: u64,
    /// Objects that were locked for longer.
    pub extended: u64,
    /// Objects for the next runs.
    pub left: u64,
}

/// Returns how long a lock is, in nanoseconds.
fn period(rule: LockRule) -> i128 {
    i128::from(rule.days) * DAY
}

/// Says whether there is something to do: a round that is under way, or one that began a quarter of the locks' time
/// ago. So no lock of a live object has less than a quarter left.
pub fn is_due(last: Option<&Round>, rule: LockRule, now: Timestamp) -> bool {
    last.is_none_or(|round| {
        let age = now.0.saturating_sub(round.begun.0);
        // A clock that was put back is no reason to wait.
        round.after.is_some() || age >= period(rule) / 4 || age < 0
    })
}

/// Returns the paths of everything that is live, sorted.
pub fn live_paths(replica: &Replica, owner: &Owner<'_>) -> Result<Vec<ObjectPath>, ReplicaError> {
    let expected = Expected::of(&[replica], owner)?;
    let objects = expected.live.iter();
    let mut places: Vec<Place> = objects.map(|(object, _)| Place::Object(*object)).collect();
    places.push(Place::Descriptor);
    places.extend(expected.keys.iter().flat_map(crate::expected::Keys::places));
    let paths = places.iter().map(|place| place.path(replica.archive()));
    let mut paths: Vec<ObjectPath> = paths.collect();
    paths.sort_unstable();
    Ok(paths)
}

/// Looks at the next of the `live` objects, which are sorted, and locks those for the whole time again of whose lock
/// less than half is left. Returns how far the round is.
///
/// What is missing is passed over; healing is for it. What a server refuses ends the run.
pub fn extend(
    store: &dyn Store,
    live: &[ObjectPath],
    rule: LockRule,
    now: Timestamp,
    last: Option<Round>,
    go_on: &mut dyn FnMut() -> ControlFlow<()>,
) -> Result<(Round, Extended), ReplicaError> {
    let mut round = last
        .filter(|round| round.after.is_some() && round.begun <= now)
        .unwrap_or(Round {
            begun: now,
            after: Some(String::new()),
        });
    let after = round.after.take().unwrap_or_default();
    let from = live.partition_point(|path| path.as_str() <= after.as_str());
    let most = OBJECTS_MIN.max(live.len().div_ceil(SHARE));
    let turn = &live[from..live.len().min(from.saturating_add(most))];
    let soon = Timestamp(now.0.saturating_add(period(rule) / 2));
    let until = Timestamp(now.0.saturating_add(period(rule)));
    let work = |path: &ObjectPath| -> Result<bool, StoreError> {
        match store.locked_until(path) {
            Ok(Some(locked)) if locked >= soon => Ok(false),
            Ok(_) => store.extend_lock(path, until),
            Err(error) => Err(error),
        }
    };
    let mut extended = Extended::default();
    let (mut failed, mut reached) = (None, None);
    in_order(THREADS_MAX, turn, &work, &mut |path, result| {
        match result {
            Ok(was_short) => extended.extended += u64::from(was_short),
            Err(StoreError::NotFound { .. }) => {}
            Err(error) => {
                failed = Some(error);
                return ControlFlow::Break(());
            }
        }
        extended.looked_at += 1;
        reached = Some(path.as_str().to_owned());
        go_on()
    });
    if let Some(error) = failed {
        return Err(error.into());
    }
    let done = usize::try_from(extended.looked_at).unwrap_or(usize::MAX);
    extended.left = live.len().saturating_sub(from.saturating_add(done)) as u64;
    if extended.left > 0 {
        round.after = Some(reached.unwrap_or(after));
    }
    Ok((round, extended))
}
