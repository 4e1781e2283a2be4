//! Reads records from the first of several replicas that has each of them undamaged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use strongroom_base::object::RecordId;
use strongroom_store::StoreError;

use crate::error::ReplicaError;
use crate::record::Record;
use crate::replica::Replica;

/// Most bytes of records that are kept until they are needed again.
const KEPT_LEN_MAX: usize = 32 << 20;

/// Reads records, and keeps some that will be needed again.
pub(crate) struct RecordReader<'a> {
    replicas: &'a [&'a Replica],
    /// A replica of which only the records before a place count.
    stranger: Option<(&'a Replica, RecordId)>,
    authority: &'a [u8; 32],
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    records: BTreeMap<RecordId, Record>,
    len: usize,
}

impl<'a> RecordReader<'a> {
    /// Reads from these replicas.
    pub(crate) fn new(replicas: &'a [&'a Replica], authority: &'a [u8; 32]) -> Self {
        Self {
            replicas,
            stranger: None,
            authority,
            kept: Mutex::default(),
        }
    }

    /// Reads from another replica, too, what it has before a place and none of the others has undamaged.
    pub(crate) fn with_stranger(self, stranger: &'a Replica, before: RecordId) -> Self {
        Self {
            stranger: Some((stranger, before)),
            ..self
        }
    }

    /// Returns the places of the records at all replicas that can be listed, sorted.
    pub(crate) fn ids(&self) -> Result<Vec<RecordId>, ReplicaError> {
        let (mut ids, mut listed, mut first_error) = (BTreeSet::new(), false, None);
        for replica in self.replicas {
            match replica.record_ids() {
                Ok(found) => {
                    listed = true;
                    ids.extend(found);
                }
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        if let Some((stranger, before)) = self.stranger {
            let found = stranger.record_ids().unwrap_or_default();
            ids.extend(found.into_iter().filter(|id| *id < before));
        }
        match first_error {
            Some(error) if !listed => Err(error),
            _ => Ok(ids.into_iter().collect()),
        }
    }

    /// Reads a record, or takes the one that was kept.
    pub(crate) fn read(&self, id: RecordId) -> Result<Record, ReplicaError> {
        let kept = {
            let mut kept = self.kept();
            let found = kept.records.remove(&id);
            kept.len -= found.as_ref().map_or(0, |record| record.bytes().len());
            found
        };
        kept.map_or_else(|| self.read_anew(id), Ok)
    }

    fn read_anew(&self, id: RecordId) -> Result<Record, ReplicaError> {
        let read = read_record(self.replicas, id, self.authority);
        match (read, self.stranger) {
            (Err(error), Some((stranger, before))) if id < before => {
                let read = stranger.record(id, self.authority);
                read.map_err(|_| error)
            }
            (read, _) => read,
        }
    }

    /// Says whether all of these records are kept.
    pub(crate) fn has_all(&self, ids: &[RecordId]) -> bool {
        let kept = self.kept();
        ids.iter().all(|id| kept.records.contains_key(id))
    }

    /// Keeps a record for the next time, if there is room.
    pub(crate) fn keep(&self, record: Record) {
        let mut kept = self.kept();
        let len = record.bytes().len();
        if kept.len + len <= KEPT_LEN_MAX && !kept.records.contains_key(&record.id()) {
            kept.len += len;
            kept.records.insert(record.id(), record);
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads a record from the first replica that has it undamaged; that it is missing is the error only where
/// none has anything in its place.
pub(crate) fn read_record(
    replicas: &[&Replica],
    id: RecordId,
    authority: &[u8; 32],
) -> Result<Record, ReplicaError> {
    let mut error = ReplicaError::Gap { id };
    for replica in replicas {
        match replica.record(id, authority) {
            Ok(record) => return Ok(record),
            Err(ReplicaError::Store(StoreError::NotFound { .. })) => {}
            Err(found) if matches!(error, ReplicaError::Gap { .. }) => error = found,
            Err(_) => {}
        }
    }
    Err(error)
}
