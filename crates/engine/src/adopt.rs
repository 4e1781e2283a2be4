//! Taking an archive over: by another profile, or at an older record. `spec/archive-v1.md`, sections 9.1
//! and 12.

use strongroom_base::ids::DestinationId;
use strongroom_base::object::{ObjectRef, RecordId};
use strongroom_format::body::Deed;
use strongroom_replica::record::Changes;

use crate::deed::commit_deed;
use crate::destination::Destination;
use crate::error::EngineError;
use crate::heads::{Seen, look_at_all, newest_sound, next_generation, settle_announced, went_back};
use crate::memory::{Head, Memory, WriterState};
use crate::slot::Standing;
use crate::writer::{Identity, Writer};

impl<'a> Writer<'a> {
    /// Begins a generation at the newest record that any destination has, or the newest sound one, where all of the
    /// newest are damaged. Whoever wrote before meets it
    /// and stops; what it writes elsewhere is a branch.
    ///
    /// After a crash it is called again, or [`open`](Self::open) finishes it.
    pub fn adopt(
        identity: Identity,
        destinations: Vec<Destination>,
        memory: &'a dyn Memory,
    ) -> Result<Self, EngineError> {
        let authority = identity.ring.authority().public_key();
        let mut seen = look_at_all(&destinations, &authority, &WriterState::default());
        let mut given_up = None;
        if !seen.iter().any(|seen| seen.newest().is_some()) {
            // Nothing is there but what lies below something that is damaged.
            let damaged = |(_, seen): &(_, &mut Seen)| matches!(seen, Seen::Damaged(_));
            for (destination, seen) in destinations.iter().zip(&mut seen).filter(damaged) {
                if let Some((sound, taken)) = newest_sound(destination, &authority) {
                    *seen = Seen::Newest(sound);
                    given_up = given_up.max(Some(taken));
                }
            }
        }
        let newest = seen
            .iter()
            .filter_map(Seen::newest)
            .max_by_key(|head| head.id);
        let before = memory.load()?;
        let known = before.heads.values().chain(&before.head).copied();
        let known = known.max_by_key(|head| head.id);
        let mut state = WriterState {
            head: newest,
            // The numbers of generations that this profile knows or announced before are taken.
            announced: before.announced,
            heads: before.heads,
            given_up: given_up.max(before.given_up),
            catalogued: Vec::new(),
            spool: None,
            newest: None,
            incomplete: before.incomplete,
        };
        for (destination, seen) in destinations.iter().zip(&seen) {
            match seen {
                Seen::Unreachable(_) | Seen::Absent => {}
                Seen::Newest(head) => drop(state.heads.insert(destination.id, *head)),
                Seen::Damaged(_) | Seen::Empty => drop(state.heads.remove(&destination.id)),
            }
        }
        // So is that of what was lost: it stands for a destination until the generation has begun.
        let lost = DestinationId::random(&*identity.random);
        let is_free = |known: &Head| next_generation(&state) <= known.id.generation;
        if let Some(known) = known.filter(is_free) {
            state.heads.insert(lost, known);
        }
        if newest.is_some() {
            memory.save(&state)?;
        }
        let mut writer = Self::with_state(identity, destinations, seen, memory, state)?;
        writer.begin_generation("adopted by another profile")?;
        if writer.state.heads.remove(&lost).is_some() {
            memory.save(&writer.state)?;
        }
        Ok(writer)
    }

    /// Accepts what a destination holds, though it acknowledged more: it catches up from another one that
    /// has the newest record. Where none has, the archive goes on from the destination's newest record,
    /// and what was after it is a branch, should it ever come back. Either is recorded. No destination that can
    /// be reached may have a newer one then.
    ///
    /// Before it goes back, and before anything is noted, `going_back` is called: what a catalogue says may speak of
    /// chunks that are gone then. Returns the record that the archive went back to, if it did.
    pub fn accept(
        identity: Identity,
        destinations: Vec<Destination>,
        memory: &'a dyn Memory,
        accepted: DestinationId,
        going_back: &mut dyn FnMut() -> Result<(), EngineError>,
    ) -> Result<(Self, Option<RecordId>), EngineError> {
        let authority = identity.ring.authority().public_key();
        let mut state = memory.load()?;
        let mut seen = look_at_all(&destinations, &authority, &state);
        let position = destinations.iter().position(|there| there.id == accepted);
        let position = position.ok_or(EngineError::NothingToAccept)?;
        let mut taken = None;
        if matches!(seen[position], Seen::Damaged(_))
            && let Some((sound, above)) = newest_sound(&destinations[position], &authority)
        {
            seen[position] = Seen::Newest(sound);
            taken = Some(above);
        }
        if seen[position] == Seen::Absent {
            // Whoever accepts it knows that this is all of it.
            seen[position] = Seen::Empty;
        }
        let (name, found) = (destinations[position].name.clone(), seen[position].newest());
        let open_ended = settle_announced(&mut state, &destinations, &seen, None).is_some();
        let had = state.heads.get(&accepted).copied();
        let has_head = |seen: &Seen| seen.newest().is_some() && seen.newest() == state.head;
        if seen.iter().any(has_head) {
            // Whoever died while the archive went back has not begun a generation, and does it now.
            let back_to = state.head.filter(|_| went_back(&state)).map(|head| head.id);
            if back_to.is_some() {
                going_back()?;
                state.catalogued.clear();
            } else {
                state.heads.remove(&accepted);
            }
            state.given_up = state.given_up.max(taken);
            let word =
                |head: Option<Head>| head.map_or_else(|| "none".to_owned(), |h| h.id.to_string());
            let (was, is) = (word(had), word(found));
            let mut writer = Self::with_state(identity, destinations, seen, memory, state)?;
            if open_ended {
                writer.begin_generation("a record was cut short")?;
            }
            let note =
                format!("{name} had acknowledged record {was}; its record {is} was accepted");
            if taken.is_some() && !open_ended {
                // The name of the next record may be taken there.
                writer.begin_generation(&note)?;
            } else {
                writer.record_repair(&note, Changes::default(), writer.runs().to_vec())?;
            }
            return Ok((writer, back_to));
        }
        let found = state.to_go_back_to(&name, found, &destinations, &seen)?;
        going_back()?;
        // What it had acknowledged stays noted until the generation is acknowledged, whose number is higher.
        let newest = state.head.map(|head| head.id);
        state.given_up = state.given_up.max(taken).max(newest);
        state.catalogued.clear();
        state.head = Some(found);
        state.heads.entry(accepted).or_insert(found);
        memory.save(&state)?;
        let mut writer = Self::with_state(identity, destinations, seen, memory, state)?;
        writer.begin_generation(&format!("went back to record {} at {name}", found.id))?;
        Ok((writer, Some(found.id)))
    }

    /// Writes a repair record.
    pub(crate) fn record_repair(
        &mut self,
        note: &str,
        changes: Changes,
        runs: Vec<ObjectRef>,
    ) -> Result<Head, EngineError> {
        let note = note.to_owned();
        commit_deed(self, Deed::Repair { note }, changes, runs)
    }

    /// Says whether a destination could not be looked at, or lacks what the others have.
    pub(crate) fn lacks_destination(&self) -> bool {
        let complete =
            |standing: &Standing| matches!(standing, Standing::Ready | Standing::CaughtUp);
        self.slots.iter().any(|slot| !complete(&slot.standing))
    }
}

impl WriterState {
    /// Returns the record that the archive may go back to, where no destination that can be looked at has the newest
    /// one: that of the accepted destination.
    fn to_go_back_to(
        &self,
        name: &str,
        found: Option<Head>,
        destinations: &[Destination],
        seen: &[Seen],
    ) -> Result<Head, EngineError> {
        let (Some(found), Some(newest)) = (found, self.head) else {
            return Err(EngineError::NothingToAccept);
        };
        // What was given up for an older record may be taken again, until a generation has begun there.
        if Some(found.id) > Some(newest.id).max(self.given_up) {
            return Err(EngineError::Fenced {
                destination: name.to_owned(),
                found: found.id,
                known: Some(newest.id),
            });
        }
        let newer =
            |(_, seen): &(&Destination, &Seen)| seen.newest().is_some_and(|n| n.id > found.id);
        match destinations.iter().zip(seen).find(newer) {
            Some((there, seen)) => Err(EngineError::NewerElsewhere {
                accepted: name.to_owned(),
                destination: there.name.clone(),
                newest: seen.newest().map_or(found.id, |head| head.id),
            }),
            None => Ok(found),
        }
    }
}
