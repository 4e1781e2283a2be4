//! The keys objects of a profile's archives: one local copy, and those at the destinations.
//!
//! The local copy is sealed as the others are. It lets keys change while a destination is away: whoever
//! meets the destination next brings it up to date ([`settle`]).

use strongroom_base::ids::{ArchiveId, ObjectName, to_hex};
use strongroom_base::random::RandomSource;
use strongroom_base::{Class, Classified as _};
use strongroom_crypto::custody::CustodyKey;
use strongroom_crypto::hash::hash;
use strongroom_crypto::suite::Suite;
use strongroom_format::keys::{KeyRing, KeysObject, Slot};
use strongroom_replica::Replica;
use strongroom_replica::descriptor::Descriptor;
use strongroom_store::StoreError;

use crate::AgentError;
use crate::destinations::{Reached, Unreached, reach};
use crate::profile::{ArchiveConfig, Config, Profile};

/// Extension of the local keys object.
const KEYS: &str = "keys";
/// Extension of the local descriptor.
const DESCRIPTOR: &str = "archive";
/// Longest local file of either kind, in bytes.
const LEN_MAX: u64 = 1 << 20;

/// The local copies of what opens an archive.
pub(crate) struct Wraps {
    /// The keys object, as stored.
    pub(crate) bytes: Vec<u8>,
    /// The same, understood.
    pub(crate) keys: KeysObject,
}

/// What became of a new keys object.
#[derive(Debug)]
pub struct Published {
    /// The archive.
    pub archive: ArchiveId,
    /// The destinations that hold it and no older one.
    pub settled: Vec<String>,
    /// The destinations that hold it, but keep older ones too: what opened them opens them still.
    pub kept_old: Vec<String>,
    /// The destinations that will get it later.
    pub unreached: Vec<Unreached>,
}

impl Wraps {
    /// Reads the local copies.
    pub(crate) fn load(profile: &Profile, archive: ArchiveId) -> Result<Self, AgentError> {
        let (_, authority) = descriptor(profile, archive)?;
        let bytes = profile.read_state(archive, KEYS, LEN_MAX)?;
        let bytes = bytes.ok_or_else(|| lost("keys", archive))?;
        let keys = KeysObject::decode(&bytes, &authority)?;
        Ok(Self { bytes, keys })
    }

    /// Opens the key ring with the custody key of the profile.
    pub(crate) fn open(&self, profile: &Profile) -> Result<(KeyRing, CustodyKey), AgentError> {
        let custody = custody_key_for(profile, &self.keys)?;
        Ok((self.keys.open(&custody)?, custody))
    }

    /// Makes the next keys object, and stores it locally.
    ///
    /// That of an archive that has not begun stays number 1, the one that an archive begins with.
    pub(crate) fn replace(
        &mut self,
        profile: &Profile,
        archive: &ArchiveConfig,
        held: (&KeyRing, &CustodyKey),
        slots: Vec<Slot>,
        random: &dyn RandomSource,
    ) -> Result<(), AgentError> {
        let (ring, custody) = held;
        let number = if archive.begun {
            self.keys.number + 1
        } else {
            self.keys.number
        };
        let archive = archive.id;
        self.keys = KeysObject::new(archive, number, ring, custody, slots, random);
        self.bytes = self.keys.encode(&ring.authority());
        profile.write_state(archive, KEYS, &self.bytes)
    }
}

fn lost(what: &'static str, archive: ArchiveId) -> AgentError {
    let archive = archive.to_string();
    AgentError::StateLost { what, archive }
}

/// Reads the local descriptor: its bytes, and the public half of the authority key.
pub(crate) fn descriptor(
    profile: &Profile,
    archive: ArchiveId,
) -> Result<(Vec<u8>, [u8; 32]), AgentError> {
    let bytes = profile.read_state(archive, DESCRIPTOR, LEN_MAX)?;
    let bytes = bytes.ok_or_else(|| lost("descriptor", archive))?;
    let authority = Descriptor::decode(&bytes)?.authority;
    Ok((bytes, authority))
}

/// Makes the keys of a new archive, and stores them locally.
pub(crate) fn make(
    profile: &Profile,
    archive: ArchiveId,
    suite: Suite,
    custody: &CustodyKey,
    slots: Vec<Slot>,
    random: &dyn RandomSource,
) -> Result<(), AgentError> {
    let ring = KeyRing::random(suite, random);
    let authority = ring.authority();
    let descriptor = Descriptor {
        archive,
        suite,
        authority: authority.public_key(),
    };
    let keys = KeysObject::new(archive, 1, &ring, custody, slots, random);
    profile.write_state(archive, DESCRIPTOR, &descriptor.encode(&authority))?;
    profile.write_state(archive, KEYS, &keys.encode(&authority))
}

/// Stores the keys of an archive that was found at a replica locally.
pub(crate) fn take(
    profile: &Profile,
    replica: &Replica,
    keys: &KeysObject,
    ring: &KeyRing,
) -> Result<(), AgentError> {
    let archive = replica.archive();
    profile.write_state(archive, DESCRIPTOR, &replica.descriptor_bytes()?)?;
    profile.write_state(archive, KEYS, &keys.encode(&ring.authority()))
}

/// Returns the custody key that a keys object names, also in the middle of a rotation.
pub(crate) fn custody_key_for(
    profile: &Profile,
    keys: &KeysObject,
) -> Result<CustodyKey, AgentError> {
    let held = profile.custody_key()?;
    let held = held.ok_or_else(|| AgentError::NoCustodyKey {
        path: profile.dir().display().to_string(),
    })?;
    if held.key_id() == keys.custody_key_id {
        return Ok(held);
    }
    match profile.next_custody_key()? {
        Some(next) if next.key_id() == keys.custody_key_id => Ok(next),
        _ => Err(AgentError::OtherKey {
            archive: keys.archive.to_string(),
            held: to_hex(&held.key_id()),
            needed: to_hex(&keys.custody_key_id),
        }),
    }
}

/// Brings the newest keys object to every destination of an archive that can be reached.
///
/// A destination that does not hold the archive yet gets it when the archive is written there.
pub(crate) fn publish(config: &Config, archive: &ArchiveConfig, wraps: &Wraps) -> Published {
    let (reached, unreached) = reach(config, archive);
    let mut published = Published {
        archive: archive.id,
        settled: Vec::new(),
        kept_old: Vec::new(),
        unreached,
    };
    for Reached { name, store, .. } in reached {
        let replica = Replica::new(store, archive.id);
        match settle(&replica, wraps) {
            Ok(Settled::Alone) => published.settled.push(name),
            Ok(Settled::BesideOld) => published.kept_old.push(name),
            Ok(Settled::NotThere) => {}
            Err(reason) => published.unreached.push(Unreached { name, reason }),
        }
    }
    published
}

/// What a replica holds after [`settle`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settled {
    /// The keys object and no older one.
    Alone,
    /// The keys object and older ones, which the destination does not delete.
    BesideOld,
    /// Nothing of the archive.
    NotThere,
}

/// Stores the keys object at a replica and then deletes the older ones.
pub(crate) fn settle(replica: &Replica, wraps: &Wraps) -> Result<Settled, AgentError> {
    if replica.record_ids()?.is_empty() {
        return Ok(Settled::NotThere);
    }
    let name = ObjectName(hash(&wraps.bytes));
    let number = wraps.keys.number;
    let there = replica.keys_objects()?;
    let is_damaged = || {
        let read = replica.get_keys(number, name);
        read.is_err_and(|error| error.class() == Class::Damage)
    };
    if !there.contains(&(number, name)) {
        let _ = replica.put_keys(number, &wraps.bytes)?;
    } else if is_damaged() {
        // Its bytes are known, so nothing is lost with what is there.
        replica.delete_keys(number, name)?;
        let _ = replica.put_keys(number, &wraps.bytes)?;
    }
    let mut settled = Settled::Alone;
    let is_old = |found: &(u32, ObjectName)| found.0 <= number && *found != (number, name);
    for (old, old_name) in there.into_iter().filter(is_old) {
        match replica.delete_keys(old, old_name) {
            Ok(()) => {}
            Err(strongroom_replica::ReplicaError::Store(StoreError::Denied { .. })) => {
                settled = Settled::BesideOld;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(settled)
}
