//! What an undamaged, up-to-date replica holds, as several replicas know it together.

use std::collections::BTreeSet;

use strongroom_base::ids::ObjectName;
use strongroom_base::object::ObjectRef;
use strongroom_base::{Class, Classified};

use crate::descriptor::Descriptor;
use crate::error::ReplicaError;
use crate::layout::Place;
use crate::live::LiveSet;
use crate::log::{Log, read_log_of};
use crate::replica::Replica;

/// Says whether the bytes under this number are a keys object that the owner of the archive signed.
pub type IsKeys<'a> = &'a (dyn Fn(u32, &[u8]) -> bool + Sync);

/// Tells what the owner of the archive made from what others planted.
#[derive(Clone, Copy)]
pub struct Owner<'a> {
    /// The public half of the authority key.
    pub authority: [u8; 32],
    /// Tells keys objects.
    pub is_keys: IsKeys<'a>,
}

/// A keys object with its bytes.
#[derive(Clone, Debug)]
pub struct Keys {
    /// Its number.
    pub number: u32,
    /// Its name.
    pub name: ObjectName,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl Keys {
    /// Returns the places.
    pub fn places(&self) -> [Place; 2] {
        Place::of_keys(self.number, self.name)
    }
}

/// What an undamaged, up-to-date replica holds.
#[derive(Debug)]
pub struct Expected {
    /// The log.
    pub log: Log,
    /// Packs, index runs and records.
    pub live: LiveSet,
    /// The bytes of the descriptor; `None` where no replica has it.
    pub descriptor: Option<Vec<u8>>,
    /// The keys object with the highest number; `None` where no replica has one.
    pub keys: Option<Keys>,
}

impl Expected {
    /// Reads the log, descriptor and keys, each from the first of `replicas` that has it undamaged.
    pub fn of(replicas: &[&Replica], owner: &Owner<'_>) -> Result<Self, ReplicaError> {
        let log = read_log_of(replicas, &owner.authority, &mut |_| ())?;
        Ok(Self::with_log(log, replicas, owner))
    }

    /// As [`of`](Self::of), where the log is known.
    pub(crate) fn with_log(log: Log, replicas: &[&Replica], owner: &Owner<'_>) -> Self {
        Self {
            live: log.live(),
            log,
            descriptor: owner.descriptor(replicas),
            keys: owner.newest_keys(replicas),
        }
    }
}

impl Expected {
    /// Fails where a part of the log cannot be read for now: what it adds would be left out of a copy, and nobody would
    /// miss it.
    pub fn settled(mut self) -> Result<Self, ReplicaError> {
        let problems = &mut self.log.problems;
        let passing = problems.iter().position(|p| p.class() == Class::Retry);
        match passing {
            Some(position) => Err(problems.swap_remove(position)),
            None => Ok(self),
        }
    }
}

impl Owner<'_> {
    /// Returns the bytes of the descriptor.
    pub fn descriptor(&self, replicas: &[&Replica]) -> Option<Vec<u8>> {
        let sound = |replica: &&Replica| {
            let bytes = replica.descriptor_bytes().ok()?;
            self.is_descriptor(replica, &bytes).then_some(bytes)
        };
        replicas.iter().find_map(sound)
    }

    /// Says whether bytes are the descriptor of a replica's archive.
    pub fn is_descriptor(&self, replica: &Replica, bytes: &[u8]) -> bool {
        Descriptor::decode(bytes).is_ok_and(|descriptor| {
            descriptor.archive == replica.archive() && descriptor.authority == self.authority
        })
    }

    /// Returns the keys object with the highest number that the owner signed.
    pub fn newest_keys(&self, replicas: &[&Replica]) -> Option<Keys> {
        let listed = replicas
            .iter()
            .filter_map(|replica| replica.keys_objects().ok());
        let listed: BTreeSet<_> = listed.flatten().collect();
        listed.into_iter().rev().find_map(|(number, name)| {
            let bytes = replicas.iter().find_map(|replica| {
                let bytes = replica.get_keys(number, name).ok()?;
                (self.is_keys)(number, &bytes).then_some(bytes)
            })?;
            Some(Keys {
                number,
                name,
                bytes,
            })
        })
    }
}

/// Returns the bytes of a live object from the first of `sources` that has it undamaged.
///
/// That a source cannot be read now is the error before [`Nowhere`](ReplicaError::Nowhere).
pub(crate) fn fetch(
    sources: &[&Replica],
    expected: &Expected,
    owner: &Owner<'_>,
    object: &ObjectRef,
) -> Result<Vec<u8>, ReplicaError> {
    let mut later = None;
    for source in sources {
        match sound_copy(source, expected, owner, object) {
            Ok(bytes) => return Ok(bytes),
            Err(error) if error.class() == Class::Retry => later = later.or(Some(error)),
            Err(_) => {}
        }
    }
    let place = Place::Object(*object);
    Err(later.unwrap_or(ReplicaError::Nowhere { place }))
}

/// Reads a live object, and checks that it is what it should be.
pub(crate) fn sound_copy(
    replica: &Replica,
    expected: &Expected,
    owner: &Owner<'_>,
    object: &ObjectRef,
) -> Result<Vec<u8>, ReplicaError> {
    let Some(id) = object.record_id() else {
        return match expected.live.size(object) {
            Some(size) => replica.get_sized(object, size),
            None => replica.get(object),
        };
    };
    let record = replica.record(id, &owner.authority)?;
    if !expected.log.proves(record.header()) {
        return Err(ReplicaError::BadSignature {
            what: format!("record {id}"),
        });
    }
    let known = expected.log.entry_of(id);
    if known.is_some_and(|known| known.hash != record.hash()) {
        return Err(ReplicaError::Fenced { id });
    }
    Ok(record.bytes().to_vec())
}
