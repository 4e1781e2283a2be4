//! The newest record of an archive that can be read, and whether there is a newer one.

use strongroom_base::object::{ObjectRef, RecordId};
use strongroom_base::{Class, Classified as _};
use strongroom_format::keys::KeyRing;
use strongroom_replica::log::{chain, read_head, read_log};
use strongroom_replica::record::Record;
use strongroom_replica::{Replica, ReplicaError};

use crate::archive::open_body;
use crate::error::ReadError;
use crate::replicas::Replicas;

/// What is done where the newest record of a replica cannot be read for now.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Newest {
    /// An older one of that replica will do; that it is older is told.
    OrOlder,
    /// The replica is passed over.
    OrFail,
}

/// Looks for the newest sound record.
pub(crate) struct Heads<'a> {
    pub(crate) replicas: &'a Replicas,
    pub(crate) authority: &'a [u8; 32],
    pub(crate) ring: &'a KeyRing,
    pub(crate) wanted: Newest,
}

impl Heads<'_> {
    /// Returns the newest sound record of all replicas, the index runs that it names, and the newest record above it of which
    /// there is only the name. Every one that is damaged, and every replica that is passed over, is a problem.
    pub(crate) fn newest(
        &self,
        problems: &mut Vec<ReadError>,
    ) -> Result<(RecordId, Vec<ObjectRef>, Option<RecordId>), ReadError> {
        let mut newest: Option<(RecordId, Vec<ObjectRef>)> = None;
        let (mut named, mut errors) = (None, Vec::new());
        for replica in self.replicas.iter() {
            let before = problems.len();
            match self.sound_head(replica, problems) {
                Ok(head) if newest.as_ref().is_none_or(|newest| newest.0 < head.0) => {
                    newest = Some(head);
                }
                Ok(_) => {}
                Err(error) => errors.push(error),
            }
            if problems.len() > before || !errors.is_empty() {
                named = named.max(newest_named(replica));
            }
        }
        let Some((head, runs)) = newest else {
            return Err(errors.into_iter().next().unwrap_or(ReadError::NoReplica));
        };
        problems.append(&mut errors);
        Ok((head, runs, named.filter(|named| *named > head)))
    }

    /// Returns the newest sound record of a replica, and the index runs that it names.
    fn sound_head(
        &self,
        replica: &Replica,
        problems: &mut Vec<ReadError>,
    ) -> Result<(RecordId, Vec<ObjectRef>), ReadError> {
        let newest = read_head(replica, self.authority).map_err(ReadError::from);
        let read = |record: &Record| Ok((record.id(), open_body(record, self.ring)?.runs));
        let error = match newest.and_then(|head| read(&head)) {
            Ok(head) => return Ok(head),
            Err(error) => error,
        };
        let is_passing = error.class() != Class::Damage;
        // Where not even the names can be read, the replica is away.
        if is_passing && (self.wanted == Newest::OrFail || newest_named(replica).is_none()) {
            return Err(error);
        }
        let mut sound = None;
        let visit = &mut |record: &Record| {
            if let Ok(found) = read(record) {
                sound = Some(found);
            }
        };
        let log = read_log(replica, self.authority, visit);
        match sound {
            None if is_passing => Err(error),
            found => {
                problems.push(error);
                log?;
                found.ok_or_else(|| {
                    ReplicaError::EmptyLog {
                        destination: replica.describe(),
                    }
                    .into()
                })
            }
        }
    }
}

/// Returns the newest record of the chain that a replica has a name of.
fn newest_named(replica: &Replica) -> Option<RecordId> {
    chain(&replica.record_ids().ok()?).0.last().copied()
}
