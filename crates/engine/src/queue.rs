//! The queue of one destination, beside the writer: looks at it, and copies what it lacks from the spool and from sisters.
//! `docs/adr/0010-queues.md`.
//!
//! It needs no key, and writes nothing of the writer's memory: what a destination acknowledged is handed on.

use std::ops::ControlFlow;
use std::time::Duration;

use strongroom_base::ids::ArchiveId;
use strongroom_replica::expected::{Expected, Owner};
use strongroom_replica::follow::Piece;
use strongroom_replica::sync::Copied;
use strongroom_replica::{Replica, ReplicaError};

use crate::catch_up::{Outcome, Sources, is_keys_of};
use crate::destination::Destination;
use crate::error::EngineError;
use crate::heads::{look, stand};
use crate::memory::{Head, Memory, MemoryError, WriterState};
use crate::slot::{LEFT_OUT, Standing};

/// What a queue works with.
pub struct Queue<'a> {
    /// The archive.
    pub archive: ArchiveId,
    /// The public half of its authority key.
    pub authority: [u8; 32],
    /// The destination.
    pub destination: Destination,
    /// Others that have the newest record as far as is known, the nearest first.
    pub sisters: Vec<Replica>,
    /// The spool, where there is one.
    pub spool: Option<Replica>,
    /// What the writer remembers; read before and after what takes time.
    pub memory: &'a dyn Memory,
    /// Whether what was left out before is looked for once more.
    pub fills_gaps: bool,
    /// Waits while the writer notes a record that it has just written.
    pub wait: &'a dyn Fn(Duration),
}

/// What a queue tells while it works, and is told.
pub trait Desk {
    /// Notes that the destination has a record, and all before it; durable when it returns.
    fn acknowledge(&mut self, head: Head) -> Result<(), MemoryError>;

    /// Notes whether the destination lacks what nobody who can be reached has; durable when it returns.
    fn lacks(&mut self, is_so: bool) -> Result<(), MemoryError>;

    /// Is told how far copying is; where it breaks, the queue stops.
    fn copied(&mut self, copied: Copied) -> ControlFlow<()>;
}

/// How a destination is after its queue has worked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Served {
    /// It has the newest record.
    UpToDate(Head),
    /// It was given what it lacked: it is to be looked at again.
    CaughtUp(Head),
    /// It cannot catch up yet: what it lacks is at no source that can be reached.
    Waiting(String),
    /// It cannot be reached, or stopped working.
    Unreachable(String),
    /// It has everything but what no source has.
    Incomplete(String),
    /// It lacks history that it had acknowledged, or has another one: nothing is written to it.
    SetAside(String),
    /// Somebody asked to stop.
    Stopped,
}

/// How often the memory is looked at while a record is being noted, and how long to wait between.
const NOTING: (u32, Duration) = (100, Duration::from_millis(20));

impl Queue<'_> {
    /// Looks at the destination, and copies what it lacks. Fails where it is ahead of what the writer remembers, or where
    /// the memory fails.
    pub fn serve(&self, desk: &mut dyn Desk) -> Result<Served, EngineError> {
        match self.serve_once(desk) {
            // The writer may have written there after its memory was read: it has noted that by now.
            Err(EngineError::Fenced { .. }) => self.serve_once(desk),
            served => served,
        }
    }

    fn serve_once(&self, desk: &mut dyn Desk) -> Result<Served, EngineError> {
        let mut state = self.memory.load()?;
        let Some(newest) = state.head else {
            return Ok(Served::Waiting("the archive has not begun".to_owned()));
        };
        let known = state.heads.get(&self.destination.id).copied();
        let seen = look(&self.destination, &self.authority, &state);
        let found = seen.newest();
        Ok(match stand(&self.destination, seen, &mut state)? {
            Standing::Ready => {
                if known != Some(newest) {
                    desk.acknowledge(newest)?;
                }
                Served::UpToDate(newest)
            }
            Standing::Behind if found == Some(newest) && !self.fills_gaps => {
                Served::Incomplete(LEFT_OUT.to_owned())
            }
            Standing::Behind => self.copy(&state, found, desk)?,
            Standing::SetAside(reason) => Served::SetAside(reason),
            Standing::Unreachable(reason) => Served::Unreachable(reason),
            _ => Served::Waiting("it is not known how it is".to_owned()),
        })
    }

    fn copy(
        &self,
        state: &WriterState,
        from: Option<Head>,
        desk: &mut dyn Desk,
    ) -> Result<Served, EngineError> {
        let (Ok(target), Some(newest)) = (&self.destination.replica, state.head) else {
            return Ok(Served::Waiting("it is not open".to_owned()));
        };
        if let Some(from) = from.filter(|from| *from != newest)
            && let Some(served) = self.follow(target, (from, newest), desk)?
        {
            return Ok(served);
        }
        let is_incomplete = state.incomplete.contains(&self.destination.id);
        self.synchronize(target, (newest, is_incomplete), desk)
    }

    /// Goes on from the newest record that is there; `None` where that is not possible.
    fn follow(
        &self,
        target: &Replica,
        (from, to): (Head, Head),
        desk: &mut dyn Desk,
    ) -> Result<Option<Served>, EngineError> {
        let sources: Vec<&Replica> = self.spool.iter().chain(&self.sisters).collect();
        let piece = Piece::between(&sources, from.to_log(), to.to_log(), &self.authority);
        let piece = match piece {
            Ok(Some(piece)) => piece,
            Ok(None) => return Ok(None),
            Err(error) => return Ok(Some(Served::Unreachable(error.to_string()))),
        };
        let (mut noted, mut failed) = (from, None);
        let copied = piece.copy_to(target, &sources, &self.authority, &mut |followed| {
            let newest = Head::from_log(followed.newest);
            // A record is put when its batch is durable; each is noted, since the spool waits for it.
            if newest != noted {
                if let Err(error) = desk.acknowledge(newest) {
                    failed = Some(error);
                    return ControlFlow::Break(());
                }
                noted = newest;
            }
            desk.copied(followed.copied)
        });
        if let Some(error) = failed {
            return Err(error.into());
        }
        Ok(match copied {
            Ok(true) => Some(Served::CaughtUp(to)),
            Ok(false) => None,
            Err(ReplicaError::Interrupted) => Some(Served::Stopped),
            Err(error) => Some(refused(&error)),
        })
    }

    /// Copies all that is live and lacking, as the whole log says.
    fn synchronize(
        &self,
        target: &Replica,
        (newest, was_incomplete): (Head, bool),
        desk: &mut dyn Desk,
    ) -> Result<Served, EngineError> {
        let mut sources = Sources {
            ready: self.sisters.clone(),
            spool: self.spool.clone(),
            newest,
        };
        let far = || {
            Ok(Served::Waiting(
                "nothing that can be reached has what it lacks".to_owned(),
            ))
        };
        if sources.is_empty() {
            return far();
        }
        if sources.ready.is_empty() && !sources.begins_within(target).unwrap_or(true) {
            return far();
        }
        let is_keys = is_keys_of(self.archive, self.authority);
        let owner = Owner {
            authority: self.authority,
            is_keys: &is_keys,
        };
        let expected = match sources.expected(Some(target), &owner) {
            Ok(expected) => expected,
            Err(error) => return Ok(Served::Unreachable(error.to_string())),
        };
        let Some(end) = self.noted_end(&expected, newest)? else {
            return Ok(Served::Waiting(
                "its sources do not have the newest record".to_owned(),
            ));
        };
        sources.newest = end;
        let (mut is_incomplete, mut failed) = (was_incomplete, None);
        let progress = &mut |copied: Copied| {
            if copied.left_out > 0 && !is_incomplete {
                // Before a record is there that names it.
                is_incomplete = true;
                if let Err(error) = desk.lacks(true) {
                    failed = Some(error);
                    return ControlFlow::Break(());
                }
            }
            desk.copied(copied)
        };
        let copied = sources.copy_to(target, &expected, &owner, progress);
        if let Some(error) = failed {
            return Err(error.into());
        }
        Ok(match copied {
            Ok(Outcome::Complete(_)) => {
                if is_incomplete {
                    desk.lacks(false)?;
                }
                desk.acknowledge(end)?;
                Served::CaughtUp(end)
            }
            Ok(Outcome::Incomplete(reason, _)) => Served::Incomplete(reason),
            Ok(Outcome::TooFarBehind) => return far(),
            Ok(Outcome::NotNow(reason)) => Served::Unreachable(reason),
            Err(ReplicaError::Interrupted) => Served::Stopped,
            Err(error) => refused(&error),
        })
    }

    /// Returns the end of what is expected, where the writer has noted that it was written, and it goes on from `newest`,
    /// which was noted before.
    fn noted_end(&self, expected: &Expected, newest: Head) -> Result<Option<Head>, EngineError> {
        let end = expected.log.newest().map(Head::from_log);
        let Some(end) = end.filter(|end| end.id >= newest.id) else {
            return Ok(None);
        };
        if !expected.log.holds(newest.to_log()) {
            return Ok(None);
        }
        for _ in 0..NOTING.0 {
            let noted = self.memory.load()?.head;
            if noted.is_some_and(|noted| noted.id >= end.id) {
                return Ok(Some(end));
            }
            (self.wait)(NOTING.1);
        }
        Ok(None)
    }
}

/// Says what an error of copying means for the destination.
fn refused(error: &ReplicaError) -> Served {
    match error {
        ReplicaError::BrokenChain { .. } | ReplicaError::Fenced { .. } => {
            Served::SetAside(error.to_string())
        }
        error => Served::Unreachable(error.to_string()),
    }
}
