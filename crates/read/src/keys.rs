//! The key ring of an archive: from the newest keys object that opens.
//!
//! The descriptor tells which keys objects the owner has signed. Where it is damaged, each of them is tried: what a custody
//! key opens names the authority, and that proves the object (`spec/keys-v1.md`, section 5).

use strongroom_base::ids::ObjectName;
use strongroom_base::{Class, Classified as _};
use strongroom_crypto::custody::CustodyKey;
use strongroom_format::keys::{KeyRing, KeysObject, Slot};
use strongroom_replica::descriptor::Descriptor;
use strongroom_replica::{Replica, ReplicaError};

use crate::error::ReadError;
use crate::replicas::Replicas;

/// How many keys objects are tried that nothing proves, and how many slots of passwords in all of them: whoever plants them
/// must not keep a reader busy.
const UNPROVEN_MAX: usize = 8;
const UNPROVEN_SLOTS_MAX: usize = 16;

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
    /// Why a keys object with a higher number cannot be read, and that number: what was written since may not open.
    pub unread: Option<(u32, ReadError)>,
}

impl OpenKeys {
    fn with(keys: &KeysObject, bytes: &[u8], custody: CustodyKey) -> Result<Self, ReadError> {
        let ring = keys.open(&custody)?;
        Ok(Self {
            keys: KeysObject::decode(bytes, &ring.authority().public_key())?,
            custody,
            ring,
            descriptor: None,
            unread: None,
        })
    }

    /// Notes the keys object with the highest number of those that cannot be read, where it is newer.
    fn beside(mut self, unread: Option<(u32, ReadError)>) -> Self {
        self.unread = unread.filter(|(number, _)| *number > self.keys.number);
        self
    }

    /// Compares the descriptor with the key ring. That it cannot be read for now says nothing of the keys; that a newer program
    /// is needed is an error, where the owner says so.
    fn judging(
        mut self,
        descriptor: Result<Descriptor, ReplicaError>,
        replica: &Replica,
    ) -> Result<Self, ReadError> {
        let authority = self.ring.authority().public_key();
        let destination = replica.describe();
        self.descriptor = match descriptor {
            Ok(descriptor) if descriptor.authority == authority => None,
            Ok(_) => Some(ReadError::ForeignDescriptor { destination }),
            Err(error @ ReplicaError::UnknownFeature { .. }) => {
                if replica.signer_of_descriptor()? == authority {
                    return Err(error.into());
                }
                Some(ReadError::ForeignDescriptor { destination })
            }
            Err(ReplicaError::NoSuchArchive { .. }) => {
                Some(ReadError::NoDescriptor { destination })
            }
            Err(error) if error.class() == Class::Retry => None,
            Err(source) => Some(ReadError::Descriptor {
                destination,
                source: Box::new(source),
            }),
        };
        Ok(self)
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

/// Returns the keys object with the highest number that this authority has signed, and its name.
pub fn newest_keys(
    replica: &Replica,
    authority: &[u8; 32],
) -> Result<(ObjectName, KeysObject), ReadError> {
    let mut first_error = None;
    for (number, name) in replica.keys_objects()?.into_iter().rev() {
        let bytes = replica.get_keys(number, name).map_err(ReadError::from);
        let decoded = bytes.and_then(|bytes| Ok(KeysObject::decode(&bytes, authority)?));
        match decoded.and_then(|keys| at_its_place(replica, number, keys)) {
            Ok(keys) => return Ok((name, keys)),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    Err(first_error.unwrap_or_else(|| no_keys(replica)))
}

/// What a replica has of descriptor and keys.
struct Found {
    descriptor: Result<Descriptor, ReplicaError>,
    /// The newest keys object that the descriptor proves, with its bytes.
    proven: Option<(KeysObject, Vec<u8>)>,
    /// Those with a higher number, the newest first. Where none is proven, that is all of them.
    others: Vec<(u32, ObjectName)>,
    /// The one with the highest number that is none, or cannot be read, and why.
    unread: Option<(u32, ReadError)>,
}

impl Found {
    fn at(replica: &Replica) -> Result<Self, ReadError> {
        let mut found = Self {
            descriptor: replica.descriptor(),
            proven: None,
            others: Vec::new(),
            unread: None,
        };
        for (number, name) in replica.keys_objects()?.into_iter().rev() {
            match unproven(replica, number, name) {
                Ok(read) if is_proven(&found.descriptor, &read.1) => {
                    found.proven = Some(read);
                    break;
                }
                Ok(_) => found.others.push((number, name)),
                Err(error) => found.unread = found.unread.or(Some((number, error))),
            }
        }
        Ok(found)
    }

    /// Returns the number of the keys object that should open.
    fn number(&self) -> Option<u32> {
        let proven = self.proven.as_ref().map(|(keys, _)| keys.number);
        proven.or(self.others.first().map(|(number, _)| *number))
    }

    fn open<E: From<ReadError>>(
        self,
        replica: &Replica,
        custody_of: impl Fn(&KeysObject) -> Result<CustodyKey, E>,
    ) -> Result<OpenKeys, E> {
        let open = |(keys, bytes): &(KeysObject, Vec<u8>)| -> Result<OpenKeys, E> {
            Ok(OpenKeys::with(keys, bytes, custody_of(keys)?)?)
        };
        let mut refused = None;
        if let Some(proven) = &self.proven {
            match open(proven) {
                Ok(opened) => {
                    let opened = opened.beside(self.unread);
                    return Ok(opened.judging(self.descriptor, replica)?);
                }
                Err(error) => refused = Some(error),
            }
        }
        let mut unread = self.unread;
        // Refusals of what nothing proves say less than that something cannot be read now.
        let is_passing = |(_, error): &(u32, ReadError)| error.class() == Class::Retry;
        if refused.is_none() && unread.as_ref().is_some_and(is_passing) {
            refused = unread.take().map(|(_, error)| error.into());
        }
        let mut slots = UNPROVEN_SLOTS_MAX;
        for (number, name) in self.others.into_iter().take(UNPROVEN_MAX) {
            let Ok(mut read) = unproven(replica, number, name) else {
                continue;
            };
            read.0.slots.retain(Slot::is_usual);
            read.0.slots.truncate(slots);
            slots -= read.0.slots.len();
            match open(&read) {
                Ok(opened) => {
                    let opened = opened.beside(unread);
                    return Ok(opened.judging(self.descriptor, replica)?);
                }
                Err(error) => refused = refused.or(Some(error)),
            }
        }
        let unread = unread.map(|(_, error)| error);
        let nothing = || unread.or(self.descriptor.err().map(ReadError::from));
        Err(refused.unwrap_or_else(|| nothing().unwrap_or_else(|| no_keys(replica)).into()))
    }
}

/// Reads a keys object of which nobody knows yet who signed it.
fn unproven(
    replica: &Replica,
    number: u32,
    name: ObjectName,
) -> Result<(KeysObject, Vec<u8>), ReadError> {
    let bytes = replica.get_keys(number, name)?;
    let keys = at_its_place(replica, number, KeysObject::decode_unproven(&bytes)?)?;
    Ok((keys, bytes))
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
/// was away may have an older one, which lacks epochs. A newer one that does not open, or cannot be read, is a problem.
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
                refused.extend(opened.unread);
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
