//! The key ring of an archive: from the newest keys object that opens.

use strongroom_crypto::custody::CustodyKey;
use strongroom_format::keys::{KeyRing, KeysObject};
use strongroom_replica::{Replica, ReplicaError};

use crate::error::ReadError;
use crate::replicas::Replicas;

/// Opens the key ring of the keys object with the highest number, of those that are known and of all replicas: one that
/// was away may have an older one, which lacks epochs. A newer one that does not open is a problem.
pub(crate) fn newest_key_ring(
    replicas: &Replicas,
    custody: &CustodyKey,
    known: Option<KeysObject>,
    problems: &mut Vec<ReadError>,
) -> Result<KeyRing, ReadError> {
    let mut found: Vec<(KeysObject, Option<&Replica>)> = Vec::new();
    found.extend(known.map(|keys| (keys, None)));
    let mut errors = Vec::new();
    for replica in replicas.iter() {
        match newest_keys(replica) {
            Ok(keys) => found.push((keys, Some(replica))),
            Err(error) => errors.push(error),
        }
    }
    found.sort_by_key(|(keys, _)| std::cmp::Reverse(keys.number));
    let mut refused = Vec::new();
    for (keys, replica) in found {
        let ring = keys.open(custody).map_err(ReadError::from);
        let ring = ring.and_then(|ring| match replica {
            Some(replica) => check_descriptor(replica, ring),
            None => Ok(ring),
        });
        match ring {
            Ok(ring) => {
                problems.append(&mut refused);
                return Ok(ring);
            }
            Err(error) => refused.push(error),
        }
    }
    let mut all = refused.into_iter().chain(errors);
    Err(all.next().unwrap_or(ReadError::NoReplica))
}

/// Opens the key ring of a replica with its custody key, and checks the descriptor against it.
pub fn open_key_ring(replica: &Replica, custody: &CustodyKey) -> Result<KeyRing, ReadError> {
    check_descriptor(replica, newest_keys(replica)?.open(custody)?)
}

fn check_descriptor(replica: &Replica, ring: KeyRing) -> Result<KeyRing, ReadError> {
    if ring.authority().public_key() != replica.descriptor()?.authority {
        return Err(ReadError::ForeignDescriptor {
            destination: replica.describe(),
        });
    }
    Ok(ring)
}

/// Returns the keys object with the highest number.
pub fn newest_keys(replica: &Replica) -> Result<KeysObject, ReadError> {
    let descriptor = replica.descriptor()?;
    let mut first_error = None;
    for (number, name) in replica.keys_objects()?.into_iter().rev() {
        let decoded = replica
            .get_keys(number, name)
            .map_err(ReadError::from)
            .and_then(|bytes| Ok(KeysObject::decode(&bytes, &descriptor.authority)?));
        match decoded {
            Ok(keys) if keys.archive == replica.archive() && keys.number == number => {
                return Ok(keys);
            }
            Ok(_) => first_error = first_error.or(Some(foreign_keys())),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    Err(first_error.unwrap_or_else(|| ReadError::NoKeys {
        destination: replica.describe(),
    }))
}

fn foreign_keys() -> ReadError {
    ReplicaError::Foreign {
        what: "a keys object".to_owned(),
    }
    .into()
}
