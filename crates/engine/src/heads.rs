//! What a writer remembers of destinations, compared with what is there: `spec/archive-v1.md`, section 12.

use strongroom_base::ids::{DestinationId, Generation};
use strongroom_base::object::RecordId;
use strongroom_base::{Class, Classified};
use strongroom_replica::log::{chain, read_head, read_log};
use strongroom_replica::record::Record;
use strongroom_replica::{Replica, ReplicaError};
use strongroom_store::StoreError;

use crate::destination::Destination;
use crate::error::EngineError;
use crate::memory::{Head, Memory, WriterState};
use crate::slot::Standing;
use crate::targets::Role;
use crate::writer::Writer;

/// What was seen at a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Nothing: it cannot be reached.
    Unreachable(String),
    /// Its newest record is damaged, or not of the writer of its generation.
    Damaged(String),
    /// It holds no record.
    Empty,
    /// It holds nothing at all, though it acknowledged records: a disk that is not mounted leaves an empty folder.
    Absent,
    /// Its newest record.
    Newest(Head),
}

impl Seen {
    /// Returns the newest record.
    pub(crate) fn newest(&self) -> Option<Head> {
        match self {
            Self::Newest(head) => Some(*head),
            Self::Unreachable(_) | Self::Damaged(_) | Self::Empty | Self::Absent => None,
        }
    }
}

/// What is said of a folder that holds nothing any more.
const ABSENT: &str = "it is empty, though it had acknowledged records: is its disk mounted? Where they are gone for good, \
                      remove the destination and add it anew";

/// How far above the newest proven generation the number of another one is believed.
pub(crate) const GENERATIONS_AHEAD: u32 = 1_000;

/// Looks at the newest record of a destination, which the writer of its generation must have written.
///
/// One that the writer knows is proven already: it costs a listing and a reading.
pub(crate) fn look(destination: &Destination, authority: &[u8; 32], state: &WriterState) -> Seen {
    let replica = match &destination.replica {
        Ok(replica) => replica,
        Err(reason) => return Seen::Unreachable(reason.clone()),
    };
    let ids = match replica.record_ids() {
        Ok(ids) => ids,
        Err(error) => return Seen::Unreachable(error.to_string()),
    };
    let Some(newest) = chain(&ids).0.last().copied() else {
        if !state.heads.contains_key(&destination.id) {
            return Seen::Empty;
        }
        return match is_bare(replica) {
            Ok(true) => Seen::Absent,
            Ok(false) => Seen::Empty,
            Err(error) => Seen::Unreachable(error.to_string()),
        };
    };
    let head_of = |record: &Record| Head {
        id: record.id(),
        hash: record.hash(),
    };
    let found = replica.record(newest, authority);
    if let Some(head) = found.ok().as_ref().map(head_of)
        && state.knows(head)
    {
        return Seen::Newest(head);
    }
    match read_head(replica, authority) {
        Ok(record) => Seen::Newest(head_of(&record)),
        Err(error) if error.class() == Class::Retry => Seen::Unreachable(error.to_string()),
        Err(error) => Seen::Damaged(error.to_string()),
    }
}

/// Says whether nothing whatever is in a folder of this computer. A bucket, or a folder of another computer, is there or
/// not: nobody unmounts it here.
fn is_bare(replica: &Replica) -> Result<bool, StoreError> {
    let store = replica.store();
    let mut is_bare = !store.is_far();
    if is_bare {
        store.list("", &mut |_, _| is_bare = false)?;
    }
    Ok(is_bare)
}

/// Looks at the newest record of every destination.
pub(crate) fn look_at_all(
    destinations: &[Destination],
    authority: &[u8; 32],
    state: &WriterState,
) -> Vec<Seen> {
    let look = |destination| look(destination, authority, state);
    destinations.iter().map(look).collect()
}

/// Looks for the newest sound record of a destination whose newest record is damaged, or nobody's. Returns it with the
/// place above which no record has a name there: what is damaged may have begun a generation.
pub(crate) fn newest_sound(
    destination: &Destination,
    authority: &[u8; 32],
) -> Option<(Head, RecordId)> {
    let replica = destination.replica.as_ref().ok()?;
    let newest = read_log(replica, authority, &mut |_| ()).ok()?.newest()?;
    let (id, hash) = (newest.id, newest.hash);
    let believed = id.generation.0.saturating_add(GENERATIONS_AHEAD);
    let ids = replica.record_ids().ok()?;
    let taken = ids.iter().filter(|id| id.generation.0 <= believed).max();
    Some((Head { id, hash }, taken.copied().unwrap_or(id).max(id)))
}

/// Refuses where a destination is ahead of what the writer remembers. Writes nothing.
pub fn refuse_newer(
    destinations: &[Destination],
    authority: &[u8; 32],
    memory: &dyn Memory,
) -> Result<(), EngineError> {
    let state = &memory.load()?;
    let seen = look_at_all(destinations, authority, state);
    for (destination, seen) in destinations.iter().zip(seen) {
        match seen.newest() {
            Some(found) if !state.announced.contains(&found) => {
                refuse_ahead(destination, found, state)?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn refuse_ahead(
    destination: &Destination,
    found: Head,
    state: &WriterState,
) -> Result<(), EngineError> {
    // Where an older record was accepted and no generation begun yet, what was acknowledged is newer.
    let acknowledged = state.heads.values().chain(&state.head).map(|head| head.id);
    let newest = acknowledged.chain(state.given_up).max();
    if state.head.is_some() && Some(found.id) <= newest {
        return Ok(());
    }
    Err(EngineError::Fenced {
        destination: destination.name.clone(),
        found: found.id,
        known: state.head.map(|head| head.id),
    })
}

impl WriterState {
    /// Refuses what is newer than the newest record: somebody else has written it, or it was given up for an older one, and no
    /// generation has begun there yet.
    pub fn refuse_beyond(&self, destination: &str, found: Head) -> Result<(), EngineError> {
        let Some(known) = self.head else {
            return Ok(());
        };
        if found.id <= known.id || self.announced.contains(&found) {
            return Ok(());
        }
        let (destination, found, kept) = (destination.to_owned(), found.id, known.id);
        let given_up = self.heads.values().map(|head| head.id).chain(self.given_up);
        if given_up.max() >= Some(found) {
            return Err(EngineError::GoingBack {
                destination,
                found,
                kept,
            });
        }
        Err(EngineError::Fenced {
            destination,
            found,
            known: Some(kept),
        })
    }
}

/// Settles what became of the records that were announced and of which no answer is noted.
///
/// The last one is the newest record where a destination has it. Otherwise, where any may still lie at a
/// destination that nobody can look at now, or lies at one under another that may, a generation must begin:
/// its number is returned. Its first record takes the place after the newest record that is known, in a
/// name of its own, so that what the other destination has is a branch of no consequence.
pub(crate) fn settle_announced(
    state: &mut WriterState,
    destinations: &[Destination],
    seen: &[Seen],
    spool: Option<&Seen>,
) -> Option<Generation> {
    let went_back = went_back(state);
    let Some(last) = state.announced.last().copied() else {
        // An older record was accepted, and the writer died before it began a generation there.
        return went_back.then(|| next_generation(state));
    };
    let mut found = false;
    for (destination, seen) in destinations.iter().zip(seen) {
        if *seen == Seen::Newest(last) {
            // The writer died between this destination's answer and its own note of it.
            state.heads.insert(destination.id, last);
            state.head = Some(last);
            found = true;
        }
    }
    if spool == Some(&Seen::Newest(last)) {
        (state.spool, state.head) = (Some(last), Some(last));
        found = true;
    }
    let has_announced =
        |seen: &Seen| matches!(seen, Seen::Newest(head) if state.announced.contains(head));
    let may_have_it = |(id, head): (&DestinationId, &Head)| {
        let was_looked_at = |(there, seen): (&Destination, &Seen)| {
            there.id == *id && matches!(seen, Seen::Newest(_) | Seen::Empty)
        };
        state.head == Some(*head) && !destinations.iter().zip(seen).any(was_looked_at)
    };
    let is_open = went_back
        || seen.iter().chain(spool).any(has_announced)
        || state.heads.iter().any(may_have_it);
    if found || !is_open {
        // It is the newest record, or it is nowhere.
        state.announced.clear();
        let is_open = |given_up: &RecordId| given_up.generation >= last.id.generation;
        state.given_up = state.given_up.filter(is_open);
        return state.given_up.map(|_| next_generation(state));
    }
    Some(next_generation(state))
}

/// Says whether an older record was accepted, and no generation has begun there yet.
pub(crate) fn went_back(state: &WriterState) -> bool {
    let newest = state.head.map(|head| head.id);
    state.given_up.is_some() || state.heads.values().any(|head| Some(head.id) > newest)
}

/// Returns the number of a generation after all that were ever announced.
pub(crate) fn next_generation(state: &WriterState) -> Generation {
    let known = state.announced.iter().chain(&state.head);
    let known = known.chain(state.heads.values()).map(|head| head.id);
    let newest = known.chain(state.given_up).map(|id| id.generation.0).max();
    Generation(newest.unwrap_or(0).saturating_add(1))
}

/// Says what to think of a destination.
pub(crate) fn stand(
    destination: &Destination,
    seen: Seen,
    state: &mut WriterState,
) -> Result<Standing, EngineError> {
    let known = state.heads.get(&destination.id).copied();
    let found = match seen {
        Seen::Unreachable(reason) => return Ok(Standing::Unreachable(reason)),
        Seen::Absent => return Ok(Standing::Unreachable(ABSENT.to_owned())),
        Seen::Damaged(reason) => return Ok(Standing::SetAside(reason)),
        Seen::Empty if known.is_some() => {
            let reason = "the log that it acknowledged is gone".to_owned();
            return Ok(Standing::SetAside(reason));
        }
        Seen::Empty => return Ok(Standing::Behind),
        // What was announced after the newest record continues it, so that one is there as well.
        Seen::Newest(found) => match state.head {
            Some(head) if head.id < found.id && state.announced.contains(&found) => head,
            _ => found,
        },
    };
    refuse_ahead(destination, found, state)?;
    let is_head = state.head == Some(found);
    Ok(match known {
        // It is where the archive went back to. What it acknowledged stays noted until a generation begins.
        Some(known) if is_head && state.head.is_some_and(|head| known.id > head.id) => {
            Standing::Ready
        }
        // What it has beyond its last acknowledgement was written, and the answer was lost; or a generation
        // that is over wrote it. Catching up compares it.
        Some(known) if found != known && found.id <= known.id => Standing::SetAside(format!(
            "it went back: it acknowledged record {}, and its newest is {}",
            known.id, found.id
        )),
        // It lacks something below: who has that may be there now.
        _ if is_head && state.incomplete.contains(&destination.id) => Standing::Behind,
        _ if is_head => {
            state.heads.insert(destination.id, found);
            Standing::Ready
        }
        _ if state.head.is_some_and(|head| head.id == found.id) => Standing::SetAside(format!(
            "its record {} is not the one of this profile",
            found.id
        )),
        _ => Standing::Behind,
    })
}

impl Writer<'_> {
    /// Says whether somebody has begun a later generation at a destination, above or below a record that was just put
    /// there. Whoever begins one after this look finds the record.
    pub(crate) fn refuse_successor(
        &self,
        number: usize,
        head: Head,
    ) -> Result<Option<EngineError>, ReplicaError> {
        let destination = &self.slots[number].destination;
        let Ok(replica) = &destination.replica else {
            return Ok(None);
        };
        if self.slots[number].role == Role::Spool {
            // Nobody else writes there.
            return Ok(None);
        }
        let is_later = |id: &RecordId| id.generation > head.id.generation;
        if !replica.record_ids()?.iter().any(is_later) {
            return Ok(None);
        }
        // Anybody may have planted one: it counts when the authority has signed it.
        let authority = self.identity.ring.authority().public_key();
        let found = read_head(replica, &authority)?.id();
        Ok(is_later(&found).then(|| EngineError::Fenced {
            destination: destination.name.clone(),
            found,
            known: Some(head.id),
        }))
    }

    /// Says whether all that a catalogue saw for the snapshot of a record is in the archive.
    pub(crate) fn vouches_for(&self, record: Option<&[u8]>) -> bool {
        let known = self.state.catalogued.iter();
        record.is_some_and(|record| known.map(|head| head.to_bytes()).any(|head| head == record))
    }
}
