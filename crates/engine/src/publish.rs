//! Writes records: each is announced, put to every ready destination and to the spool, and noted.

use strongroom_base::ids::Generation;
use strongroom_base::object::{ObjectKind, ObjectRef, RecordId};
use strongroom_format::body::{Body, Deed};
use strongroom_read::{ReadError, open_body};
use strongroom_replica::record::{Changes, Link, PartKind, Record, RecordKind};
use strongroom_replica::{Replica, ReplicaError};

use crate::create::seal_body;
use crate::error::EngineError;
use crate::heads::{GENERATIONS_AHEAD, next_generation};
use crate::memory::{Head, Newest};
use crate::slot::Standing;
use crate::targets::Role;
use crate::writer::{Identity, Writer, no_destination};

impl Writer<'_> {
    /// Begins a generation at the newest record, which fences every other writer, and makes a branch of
    /// what any destination has beyond it.
    pub(crate) fn begin_generation(&mut self, reason: &str) -> Result<Head, EngineError> {
        let generation = self.free_generation();
        let body = Body {
            time: self.identity.clock.now(),
            destinations: self.acknowledged(),
            runs: self.runs.clone(),
            deed: Deed::Generation {
                reason: reason.to_owned(),
            },
        };
        let Identity {
            archive,
            ring,
            random,
            ..
        } = &self.identity;
        let sealed = seal_body(*archive, generation, ring, &body, &**random);
        let id = RecordId {
            generation,
            ..self.next_id()
        };
        let record = Record::sign(
            RecordKind::Generation,
            self.link(id),
            Changes::default(),
            &[(PartKind::Body, &sealed)],
            &ring.authority(),
        );
        self.publish(&record, self.runs.clone())
    }

    /// Returns the number of a generation after all that are known, of which no target has a record, damaged or not.
    fn free_generation(&self) -> Generation {
        let next = next_generation(&self.state);
        let believed = next.0.saturating_add(GENERATIONS_AHEAD);
        let targets = self.targets();
        let places = targets.flat_map(|(_, replica)| replica.record_ids().unwrap_or_default());
        let taken = places.map(|id| id.generation.0);
        let taken = taken.filter(|taken| *taken <= believed).max();
        taken.map_or(next, |taken| next.max(Generation(taken.saturating_add(1))))
    }

    fn link(&self, id: RecordId) -> Link {
        Link {
            archive: self.identity.archive,
            id,
            previous: self.head.hash,
            writer: self.identity.signer.public_key(),
        }
    }

    /// Signs the next record and writes it to every ready destination; fails where none takes it.
    ///
    /// Everything that it adds must be durable at the ready destinations. `runs` are the index runs
    /// after it.
    pub(crate) fn commit(
        &mut self,
        kind: RecordKind,
        changes: Changes,
        parts: &[(PartKind, &[u8])],
        runs: Vec<ObjectRef>,
    ) -> Result<Head, EngineError> {
        let link = self.link(self.next_id());
        let record = Record::sign(kind, link, changes, parts, &self.identity.signer);
        self.publish(&record, runs)
    }

    /// Writes a record that continues the newest one to every ready destination.
    fn publish(&mut self, record: &Record, runs: Vec<ObjectRef>) -> Result<Head, EngineError> {
        let head = Head {
            id: record.id(),
            hash: record.hash(),
        };
        let targets: Vec<_> = self
            .targets()
            .map(|(number, replica)| (number, replica.clone()))
            .collect();
        if targets.is_empty() {
            return Err(no_destination(self.identity.archive, &self.slots));
        }
        check_readable(record, &self.identity)?;
        let is_void = |object: &ObjectRef| object.kind() != ObjectKind::Index;
        if record.header().changes.voids.iter().any(is_void) {
            // What a catalogue knows may be void from now on.
            self.state.catalogued.clear();
        }
        self.state.announced.push(head);
        self.memory.save(&self.state)?;
        let mut taken = false;
        for (number, replica) in &targets {
            let number = *number;
            let put = replica
                .put_record(record)
                .and_then(|()| self.refuse_successor(number, head));
            match put {
                Ok(successor) => {
                    if let Some(fenced) = successor {
                        return Err(fenced);
                    }
                    taken = true;
                    self.note_taken(number, head, record.bytes().len() as u64);
                }
                Err(error @ ReplicaError::Fenced { .. }) => return Err(error.into()),
                Err(error) => self.fail(number, &error.to_string()),
            }
        }
        if !taken {
            if is_nowhere(head.id, targets.iter().map(|(_, replica)| replica)) {
                // Another attempt need not begin a generation for its sake, and another one for that.
                self.state.announced.retain(|announced| *announced != head);
                self.memory.save(&self.state)?;
            }
            return Err(no_destination(self.identity.archive, &self.slots));
        }
        self.author = record.header().link.writer;
        self.runs = runs;
        self.state.head = Some(head);
        self.state.newest = Some(Newest {
            head,
            runs: self.runs.clone(),
            author: self.author,
        });
        self.state.announced.clear();
        match record.header().kind {
            RecordKind::Generation => self.state.given_up = None,
            RecordKind::Snapshot => self.state.note_snapshot(head),
            _ => {}
        }
        self.memory.save(&self.state)?;
        self.head = head;
        Ok(head)
    }

    /// Notes that a destination, or the spool, has taken a record.
    fn note_taken(&mut self, number: usize, head: Head, len: u64) {
        let slot = &mut self.slots[number];
        slot.bytes_written += len;
        match slot.role {
            Role::Destination => drop(self.state.heads.insert(slot.destination.id, head)),
            Role::Spool => {
                slot.standing = Standing::Ready;
                self.state.spool = Some(head);
            }
        }
    }
}

/// Says whether a record that all of these refused is at none of them, and will not come there later either: a call to another
/// computer may still be on its way.
fn is_nowhere<'r>(id: RecordId, mut refused: impl Iterator<Item = &'r Replica>) -> bool {
    refused.all(|replica| {
        let ids = replica.record_ids();
        !replica.store().is_far() && ids.is_ok_and(|ids| !ids.contains(&id))
    })
}

/// Refuses a record that a reader would refuse: once it is written, the archive ends with it.
fn check_readable(record: &Record, identity: &Identity) -> Result<(), EngineError> {
    let id = record.id();
    let authority = identity.ring.authority().public_key();
    let read = Record::decode(record.bytes().to_vec(), identity.archive, id, &authority)
        .map_err(ReadError::from)
        .and_then(|record| open_body(&record, &identity.ring));
    read.map(drop)
        .map_err(|source| EngineError::Unwritable { id, source })
}
