//! What a writer remembers of destinations, compared with what is there: `spec/archive-v1.md`, section 12.

use strongroom_base::ids::{DestinationId, Generation};
use strongroom_base::{Class, Classified};
use strongroom_replica::log::chain;

use crate::destination::Destination;
use crate::error::EngineError;
use crate::memory::{Head, WriterState};
use crate::writer::Standing;

/// What was seen at a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Nothing: it cannot be reached.
    Unreachable(String),
    /// Its newest record is damaged.
    Damaged(String),
    /// It holds no record.
    Empty,
    /// Its newest record.
    Newest(Head),
}

impl Seen {
    /// Returns the newest record.
    pub(crate) fn newest(&self) -> Option<Head> {
        match self {
            Self::Newest(head) => Some(*head),
            Self::Unreachable(_) | Self::Damaged(_) | Self::Empty => None,
        }
    }
}

/// Looks at the newest record of a destination.
pub(crate) fn look(destination: &Destination, authority: &[u8; 32]) -> Seen {
    let replica = match &destination.replica {
        Ok(replica) => replica,
        Err(reason) => return Seen::Unreachable(reason.clone()),
    };
    let ids = match replica.record_ids() {
        Ok(ids) => ids,
        Err(error) => return Seen::Unreachable(error.to_string()),
    };
    let Some(newest) = chain(&ids).0.last().copied() else {
        return Seen::Empty;
    };
    match replica.record(newest, authority) {
        Ok(record) => Seen::Newest(Head {
            id: newest,
            hash: record.hash(),
        }),
        Err(error) if error.class() == Class::Retry => Seen::Unreachable(error.to_string()),
        Err(error) => Seen::Damaged(error.to_string()),
    }
}

/// Looks at the newest record of every destination.
pub(crate) fn look_at_all(destinations: &[Destination], authority: &[u8; 32]) -> Vec<Seen> {
    let look = |destination| look(destination, authority);
    destinations.iter().map(look).collect()
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
    let has_announced =
        |seen: &Seen| matches!(seen, Seen::Newest(head) if state.announced.contains(head));
    let may_have_it = |(id, head): (&DestinationId, &Head)| {
        let was_looked_at = |(there, seen): (&Destination, &Seen)| {
            there.id == *id && matches!(seen, Seen::Newest(_) | Seen::Empty)
        };
        state.head == Some(*head) && !destinations.iter().zip(seen).any(was_looked_at)
    };
    let is_open =
        went_back || seen.iter().any(has_announced) || state.heads.iter().any(may_have_it);
    if found || !is_open {
        // It is the newest record, or it is nowhere.
        state.announced.clear();
        return None;
    }
    Some(next_generation(state))
}

/// Says whether an older record was accepted, and no generation has begun there yet.
pub(crate) fn went_back(state: &WriterState) -> bool {
    let newest = state.head.map(|head| head.id);
    state.heads.values().any(|head| Some(head.id) > newest)
}

/// Returns the number of a generation after all that were ever announced.
pub(crate) fn next_generation(state: &WriterState) -> Generation {
    let known = state.announced.iter().chain(&state.head);
    let newest = known
        .chain(state.heads.values())
        .map(|head| head.id.generation.0)
        .max();
    Generation(newest.unwrap_or(0) + 1)
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
        Seen::Damaged(reason) => return Ok(Standing::SetAside(reason)),
        Seen::Empty if known.is_some() => {
            let reason = "the log that it acknowledged is gone".to_owned();
            return Ok(Standing::SetAside(reason));
        }
        Seen::Empty => return Ok(Standing::Behind),
        // What was announced continues the newest record, so that one is there as well.
        Seen::Newest(found) => match state.head {
            Some(head) if state.announced.contains(&found) => head,
            _ => found,
        },
    };
    // Where an older record was accepted and no generation begun yet, what was acknowledged is newer.
    let acknowledged = state.heads.values().chain(&state.head);
    let newest = acknowledged.map(|head| head.id).max();
    if state.head.is_none() || Some(found.id) > newest {
        return Err(EngineError::Fenced {
            destination: destination.name.clone(),
            found: found.id,
            known: state.head.map(|head| head.id),
        });
    }
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
