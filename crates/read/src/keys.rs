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
    /// The keys objects with a higher number that cannot be read, as [`ReadError::NewerKeys`], the newest first.
    pub unread: Vec<ReadError>,
}

impl OpenKeys {
    fn with(keys: &KeysObject, bytes: &[u8], custody: CustodyKey) -> Result<Self, ReadError> {
        let ring = keys.open(&custody)?;
        Ok(Self {
            keys: KeysObject::decode(bytes, &ring.authority().public_key())?,
            custody,
            ring,
            descriptor: None,
            unread: Vec::new(),
        })
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
    let (found, unread) = Found::at(replica)?;
    let is_proven = found.proven.is_some();
    match found.open(replica, custody_of) {
        Ok(mut opened) => {
            let newer = unread.into_iter().filter(|(n, _)| *n > opened.keys.number);
            opened.unread = newer.map(|(_, error)| error).collect();
            Ok(opened)
        }
        Err(unopened) => Err(unopened.weighed_with(is_proven, unread)),
    }
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
}

/// A keys object that cannot be read: its number, and [`ReadError::NewerKeys`].
type Unread = (u32, ReadError);

/// Why nothing was opened.
enum Unopened<E> {
    /// What is there does not open.
    Refused(E),
    /// Nothing is there.
    Nothing(ReadError),
}

impl<E: From<ReadError>> Unopened<E> {
    /// Returns the reason that says most, beside what cannot be read. A refusal of what nothing proves says less than that something cannot
    /// be read now.
    fn weighed_with(self, is_proven: bool, unread: Vec<Unread>) -> E {
        let mut unread = unread.into_iter().map(|(_, error)| error);
        match self {
            Self::Refused(error) if is_proven => error,
            Self::Refused(error) => unread
                .find(|error| error.class() == Class::Retry)
                .map_or(error, E::from),
            Self::Nothing(error) => unread.next().unwrap_or(error).into(),
        }
    }
}

impl Found {
    /// Looks at the keys objects, the newest first, until the descriptor proves one. Returns beside it those that cannot be
    /// read, the newest first. Bytes that are no keys object of this archive are somebody else's, and count as nothing.
    fn at(replica: &Replica) -> Result<(Self, Vec<Unread>), ReadError> {
        let mut found = Self {
            descriptor: replica.descriptor(),
            proven: None,
            others: Vec::new(),
        };
        let mut unread = Vec::new();
        for (number, name) in replica.keys_objects()?.into_iter().rev() {
            match unproven(replica, number, name) {
                Ok(Some(read)) if is_proven(&found.descriptor, &read.1) => {
                    found.proven = Some(read);
                    break;
                }
                Ok(Some(_)) => found.others.push((number, name)),
                Ok(None) => {}
                Err(source) => {
                    let (destination, source) = (replica.describe(), Box::new(source));
                    let error = ReadError::NewerKeys {
                        destination,
                        number,
                        source,
                    };
                    unread.push((number, error));
                }
            }
        }
        Ok((found, unread))
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
    ) -> Result<OpenKeys, Unopened<E>> {
        let open = |(keys, bytes): &(KeysObject, Vec<u8>)| -> Result<OpenKeys, E> {
            Ok(OpenKeys::with(keys, bytes, custody_of(keys)?)?)
        };
        let refused_by = |error: ReadError| Unopened::Refused(error.into());
        let mut refused = None;
        if let Some(proven) = &self.proven {
            match open(proven) {
                Ok(opened) => return opened.judging(self.descriptor, replica).map_err(refused_by),
                Err(error) => refused = Some(error),
            }
        }
        let mut slots = UNPROVEN_SLOTS_MAX;
        for (number, name) in self.others.into_iter().take(UNPROVEN_MAX) {
            let Ok(Some(mut read)) = unproven(replica, number, name) else {
                continue;
            };
            read.0.slots.retain(Slot::is_usual);
            read.0.slots.truncate(slots);
            slots -= read.0.slots.len();
            match open(&read) {
                Ok(opened) => return opened.judging(self.descriptor, replica).map_err(refused_by),
                Err(error) => refused = refused.or(Some(error)),
            }
        }
        let nothing = || self.descriptor.err().map(ReadError::from);
        Err(match refused {
            Some(error) => Unopened::Refused(error),
            None => Unopened::Nothing(nothing().unwrap_or_else(|| no_keys(replica))),
        })
    }
}

/// Reads a keys object of which nobody knows yet who signed it; `None` where the bytes with that name are none of this archive and
/// number.
fn unproven(
    replica: &Replica,
    number: u32,
    name: ObjectName,
) -> Result<Option<(KeysObject, Vec<u8>)>, ReadError> {
    let bytes = replica.get_keys(number, name)?;
    match KeysObject::decode_unproven(&bytes) {
        Ok(keys) => {
            let keys = at_its_place(replica, number, keys).ok();
            Ok(keys.map(|keys| (keys, bytes)))
        }
        Err(error) if error.class() == Class::Damage => Ok(None),
        Err(error) => Err(error.into()),
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
        let (found, unread) = match Found::at(replica) {
            Ok(found) => found,
            Err(error) => {
                errors.push(error);
                continue;
            }
        };
        let (number, is_proven) = (found.number(), found.proven.is_some());
        match found.open::<ReadError>(replica, held) {
            Ok(opened) => {
                problems.extend(opened.descriptor);
                let number = opened.keys.number;
                if newest.as_ref().is_none_or(|(known, _)| *known < number) {
                    newest = Some((number, opened.ring));
                }
                refused.extend(unread);
            }
            Err(unopened) => {
                // What cannot be read may be the newest one, whatever else is refused here.
                let highest = unread.first().map(|(number, _)| *number).max(number);
                let error = unopened.weighed_with(is_proven, unread);
                match highest {
                    Some(number) => refused.push((number, error)),
                    None => errors.push(error),
                }
            }
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
