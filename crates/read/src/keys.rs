//! The key ring of an archive: from the newest keys object that opens.
//!
//! The descriptor tells which keys objects the owner has signed. Where it is damaged, each of them is tried: what a custody
//! key opens names the authority, and that proves the object (`spec/keys-v1.md`, section 5).

use strongroom_crypto::custody::CustodyKey;
use strongroom_format::keys::{KeyRing, KeysObject};
use strongroom_replica::descriptor::Descriptor;
use strongroom_replica::{Replica, ReplicaError};

use crate::error::ReadError;
use crate::replicas::Replicas;

/// Keys of an archive that were opened.
pub struct OpenKeys {
    /// The keys object.
    pub keys: KeysObject,
    /// The custody key that opened it.
    pub custody: CustodyKey,
    /// The key ring.
    pub ring: KeyRing,
    /// What is wrong with the descriptor, though the keys could be opened.
    pub descriptor: Option<ReadError>,
}

impl OpenKeys {
    fn with(keys: &KeysObject, bytes: &[u8], custody: CustodyKey) -> Result<Self, ReadError> {
        let ring = keys.open(&custody)?;
        Ok(Self {
            keys: KeysObject::decode(bytes, &ring.authority().public_key())?,
            custody,
            ring,
            descriptor: None,
        })
    }
}

/// Opens the newest keys object of a replica with the custody key that `custody_of` returns for it.
///
/// Of those that the descriptor proves, only the newest is opened: an older one may open with what was revoked. Where it
/// proves none that opens, the others are tried, the newest first.
pub fn open_keys<E: From<ReadError>>(
    replica: &Replica,
    custody_of: impl Fn(&KeysObject) -> Result<CustodyKey, E>,
) -> Result<OpenKeys, E> {
    Found::at(replica)?.open(replica, custody_of)
}

/// Returns the keys object with the highest number that this authority has signed.
pub fn newest_keys(replica: &Replica, authority: &[u8; 32]) -> Result<KeysObject, ReadError> {
    let mut first_error = None;
    for (number, name) in replica.keys_objects()?.into_iter().rev() {
        let bytes = replica.get_keys(number, name).map_err(ReadError::from);
        let decoded = bytes.and_then(|bytes| Ok(KeysObject::decode(&bytes, authority)?));
        match decoded.and_then(|keys| at_its_place(replica, number, keys)) {
            Ok(keys) => return Ok(keys),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    Err(first_error.unwrap_or_else(|| no_keys(replica)))
}

/// What a replica has of descriptor and keys.
struct Found {
    descriptor: Result<Descriptor, ReplicaError>,
    /// The keys objects that may be opened, with their bytes, in the order in which they are tried.
    candidates: Vec<(KeysObject, Vec<u8>)>,
    /// Why another one is none.
    error: Option<ReadError>,
}

impl Found {
    fn at(replica: &Replica) -> Result<Self, ReadError> {
        let descriptor = replica.descriptor();
        if let Err(error @ ReplicaError::UnknownFeature { .. }) = descriptor {
            return Err(error.into());
        }
        let (mut proven, mut others, mut error) = (None, Vec::new(), None);
        for (number, name) in replica.keys_objects()?.into_iter().rev() {
            let bytes = match replica.get_keys(number, name) {
                Ok(bytes) => bytes,
                Err(unread) => {
                    error = error.or(Some(unread.into()));
                    continue;
                }
            };
            let decoded = KeysObject::decode_unproven(&bytes).map_err(ReadError::from);
            match decoded.and_then(|keys| at_its_place(replica, number, keys)) {
                Ok(keys) if is_proven(&descriptor, &bytes) => {
                    proven = Some((keys, bytes));
                    break;
                }
                Ok(keys) => others.push((keys, bytes)),
                Err(refused) => error = error.or(Some(refused)),
            }
        }
        Ok(Self {
            descriptor,
            candidates: proven.into_iter().chain(others).collect(),
            error,
        })
    }

    /// Returns the number of the keys object that should open.
    fn number(&self) -> Option<u32> {
        self.candidates.first().map(|(keys, _)| keys.number)
    }

    fn open<E: From<ReadError>>(
        self,
        replica: &Replica,
        custody_of: impl Fn(&KeysObject) -> Result<CustodyKey, E>,
    ) -> Result<OpenKeys, E> {
        let mut refused = None;
        for (keys, bytes) in &self.candidates {
            let custody = custody_of(keys);
            match custody.and_then(|custody| Ok(OpenKeys::with(keys, bytes, custody)?)) {
                Ok(mut opened) => {
                    let authority = opened.ring.authority().public_key();
                    opened.descriptor = fault_of(self.descriptor, replica, &authority);
                    return Ok(opened);
                }
                Err(error) => refused = refused.or(Some(error)),
            }
        }
        let of_descriptor = self.descriptor.err().map(ReadError::from);
        let unread = self.error.or(of_descriptor);
        Err(refused.unwrap_or_else(|| unread.unwrap_or_else(|| no_keys(replica)).into()))
    }
}

/// Returns why the descriptor is not that of the key ring, where it is not.
fn fault_of(
    descriptor: Result<Descriptor, ReplicaError>,
    replica: &Replica,
    authority: &[u8; 32],
) -> Option<ReadError> {
    let destination = replica.describe();
    match descriptor {
        Ok(descriptor) if descriptor.authority == *authority => None,
        Ok(_) => Some(ReadError::ForeignDescriptor { destination }),
        Err(source) => Some(ReadError::Descriptor {
            destination,
            source,
        }),
    }
}

fn is_proven(descriptor: &Result<Descriptor, ReplicaError>, bytes: &[u8]) -> bool {
    let authority = descriptor.as_ref().map(|descriptor| descriptor.authority);
    authority.is_ok_and(|authority| KeysObject::decode(bytes, &authority).is_ok())
}

fn at_its_place(replica: &Replica, number: u32, keys: KeysObject) -> Result<KeysObject, ReadError> {
    if keys.archive == replica.archive() && keys.number == number {
        return Ok(keys);
    }
    let what = "a keys object".to_owned();
    Err(ReplicaError::Foreign { what }.into())
}

fn no_keys(replica: &Replica) -> ReadError {
    ReadError::NoKeys {
        destination: replica.describe(),
    }
}

/// Opens the key ring of the keys object with the highest number, of those that are known and of all replicas: one that
/// was away may have an older one, which lacks epochs. A newer one that does not open is a problem.
pub(crate) fn newest_key_ring(
    replicas: &Replicas,
    custody: &CustodyKey,
    known: Option<KeysObject>,
    problems: &mut Vec<ReadError>,
) -> Result<KeyRing, ReadError> {
    let held = |_: &KeysObject| Ok(CustodyKey::from_bytes(*custody.expose_bytes()));
    let (mut newest, mut refused, mut errors) = (None, Vec::new(), Vec::new());
    if let Some(keys) = known {
        match keys.open(custody) {
            Ok(ring) => newest = Some((keys.number, ring)),
            Err(error) => refused.push((keys.number, error.into())),
        }
    }
    for replica in replicas.iter() {
        let found = match Found::at(replica) {
            Ok(found) => found,
            Err(error) => {
                errors.push(error);
                continue;
            }
        };
        let number = found.number();
        match (found.open::<ReadError>(replica, held), number) {
            (Ok(opened), _) => {
                problems.extend(opened.descriptor);
                let number = opened.keys.number;
                if newest.as_ref().is_none_or(|(known, _)| *known < number) {
                    newest = Some((number, opened.ring));
                }
            }
            (Err(error), Some(number)) => refused.push((number, error)),
            (Err(error), None) => errors.push(error),
        }
    }
    let Some((number, ring)) = newest else {
        let first = refused
            .into_iter()
            .map(|(_, error)| error)
            .chain(errors)
            .next();
        return Err(first.unwrap_or(ReadError::NoReplica));
    };
    let newer = refused.into_iter().filter(|(refused, _)| *refused > number);
    problems.extend(newer.map(|(_, error)| error));
    Ok(ring)
}
