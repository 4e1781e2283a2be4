//! Taking an archive over: by another profile, or at an older record. `spec/archive-v1.md`, sections 9.1
//! and 12.

use strongroom_base::ids::DestinationId;
use strongroom_base::object::ObjectRef;
use strongroom_format::body::Deed;
use strongroom_replica::record::Changes;

use crate::deed::commit_deed;
use crate::destination::Destination;
use crate::error::EngineError;
use crate::heads::{Seen, look_at_all, newest_sound};
use crate::memory::{Head, Memory, WriterState};
use crate::writer::{Identity, Standing, Writer};

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
        let newest = seen.iter().filter_map(Seen::newest);
        let mut state = WriterState {
            head: newest.max_by_key(|head| head.id),
            given_up,
            ..WriterState::default()
        };
        // The numbers of generations that this profile announced before are taken.
        state.announced = memory.load()?.announced;
        for (destination, seen) in destinations.iter().zip(&seen) {
            state
                .heads
                .extend(seen.newest().map(|head| (destination.id, head)));
        }
        memory.save(&state)?;
        let mut writer = Self::with_state(identity, destinations, seen, memory, state)?;
        writer.begin_generation("adopted by another profile")?;
        Ok(writer)
    }

    /// Accepts what a destination holds, though it acknowledged more: it catches up from another one that
    /// has the newest record. Where none has, the archive goes on from the destination's newest record,
    /// and what was after it is a branch, should it ever come back. Either is recorded.
    ///
    /// Says whether the archive went back.
    pub fn accept(
        identity: Identity,
        destinations: Vec<Destination>,
        memory: &'a dyn Memory,
        accepted: DestinationId,
    ) -> Result<(Self, bool), EngineError> {
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
        let (name, found) = (destinations[position].name.clone(), seen[position].newest());
        let had = state.heads.remove(&accepted);
        let has_head = |seen: &Seen| seen.newest().is_some() && seen.newest() == state.head;
        if seen.iter().any(has_head) {
            let was = had.map_or_else(|| "none".to_owned(), |head| head.id.to_string());
            let is = found.map_or_else(|| "none".to_owned(), |head| head.id.to_string());
            state.given_up = taken;
            let mut writer = Self::with_state(identity, destinations, seen, memory, state)?;
            let note =
                format!("{name} had acknowledged record {was}; its record {is} was accepted");
            if taken.is_some() {
                // The name of the next record may be taken there.
                writer.begin_generation(&note)?;
            } else {
                writer.record_repair(&note, Changes::default(), writer.runs().to_vec())?;
            }
            return Ok((writer, false));
        }
        let (Some(found), Some(newest)) = (found, state.head) else {
            return Err(EngineError::NothingToAccept);
        };
        if found.id > newest.id {
            return Err(EngineError::Fenced {
                destination: name,
                found: found.id,
                known: Some(newest.id),
            });
        }
        state.head = Some(found);
        state.heads.insert(accepted, found);
        state.given_up = taken.max(Some(newest.id));
        state.catalogued.clear();
        memory.save(&state)?;
        let mut writer = Self::with_state(identity, destinations, seen, memory, state)?;
        writer.begin_generation(&format!("went back to record {} at {name}", found.id))?;
        Ok((writer, true))
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
