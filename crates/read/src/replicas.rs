//! Several replicas of one archive, read as one: what one cannot give, the next one does.

use strongroom_base::ids::ArchiveId;
use strongroom_base::object::ObjectRef;
use strongroom_replica::{Replica, ReplicaError};

use crate::error::ReadError;

/// Replicas of one archive, in the order in which they are asked.
#[derive(Clone)]
pub struct Replicas {
    replicas: Vec<Replica>,
}

impl Replicas {
    /// Reads from these replicas of one archive; at least one is needed.
    pub fn new(replicas: Vec<Replica>) -> Result<Self, ReadError> {
        if replicas.is_empty() {
            Err(ReadError::NoReplica)
        } else {
            Ok(Self { replicas })
        }
    }

    /// Returns the replica that is asked first.
    pub fn first(&self) -> &Replica {
        &self.replicas[0]
    }

    /// Returns the archive.
    pub fn archive(&self) -> ArchiveId {
        self.first().archive()
    }

    /// Returns all of them.
    pub fn iter(&self) -> impl Iterator<Item = &Replica> {
        self.replicas.iter()
    }

    /// Asks one replica after the other, and returns the first answer, else the first error.
    pub fn ask<T>(
        &self,
        question: impl FnMut(&Replica) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        let mut first_error = None;
        for answer in self.replicas.iter().map(question) {
            match answer {
                Ok(answer) => return Ok(answer),
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        Err(first_error.unwrap_or(ReadError::NoReplica))
    }

    /// Reads a whole pack or index run that has the bytes of its name.
    pub fn get(&self, object: &ObjectRef) -> Result<Vec<u8>, ReadError> {
        self.ask(|replica| Ok(replica.get(object)?))
    }

    /// Reads a part of an object; its bytes are not checked.
    pub fn get_range(
        replica: &Replica,
        object: &ObjectRef,
        offset: u64,
        len: usize,
    ) -> Result<Vec<u8>, ReplicaError> {
        replica.get_range(object, offset, len)
    }
}
