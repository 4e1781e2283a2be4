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
use strongroom_engine::refuse_newer;
use strongroom_format::keys::{KeyRing, KeysObject, Slot};
use strongroom_replica::descriptor::Descriptor;
use strongroom_replica::layout::KeysCopy;
use strongroom_replica::{Replica, ReplicaError};
use strongroom_store::StoreError;

use crate::destinations::{Reached, Unreached, reach};
use crate::memory::ProfileMemory;
use crate::profile::{ArchiveConfig, Config, Profile};
use crate::{AgentError, writing};

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
    /// The public half of the key that signs them.
    authority: [u8; 32],
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
        let keys = KeysObject::decode(&bytes, &authority)
            .map_err(|error| damaged("keys", archive, error.into()))?;
        Ok(Self {
            bytes,
            keys,
            authority,
        })
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

impl Wraps {
    /// Refuses where a replica, whose keys objects are `there`, has one of the owner with this number or a higher one
    /// that is not this one.
    fn refuse_others(
        &self,
        replica: &Replica,
        there: &[(u32, ObjectName)],
    ) -> Result<(), AgentError> {
        let own = (self.keys.number, ObjectName(hash(&self.bytes)));
        let is_other = |found: &&(u32, ObjectName)| found.0 >= own.0 && **found != own;
        for (number, name) in there.iter().filter(is_other) {
            let bytes = match replica.get_keys(*number, *name) {
                Ok(bytes) => bytes,
                // Nobody's: its bytes do not have its name.
                Err(error) if error.class() == Class::Damage => continue,
                Err(error) => return Err(error.into()),
            };
            let signed = KeysObject::decode(&bytes, &self.authority);
            if signed.is_ok_and(|keys| keys.archive == self.keys.archive && keys.number == *number)
            {
                return Err(AgentError::OtherKeys {
                    destination: replica.describe(),
                    archive: self.keys.archive.to_string(),
                    found: *number,
                    known: own.0,
                });
            }
        }
        Ok(())
    }
}

fn damaged(what: &'static str, archive: ArchiveId, error: AgentError) -> AgentError {
    // Of a newer program: that is no damage.
    if error.class() != Class::Damage {
        return error;
    }
    AgentError::StateDamaged {
        what,
        archive: archive.to_string(),
        source: Box::new(error),
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
    let authority = Descriptor::decode(&bytes)
        .map_err(|error| damaged("descriptor", archive, error.into()))?
        .authority;
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
    let keys = KeysObject::new(archive, 1, &ring, custody, slots, random);
    store(profile, archive, &keys, &ring)
}

/// Stores keys locally, with the descriptor, which holds nothing that the key ring does not.
fn store(
    profile: &Profile,
    archive: ArchiveId,
    keys: &KeysObject,
    ring: &KeyRing,
) -> Result<(), AgentError> {
    let authority = ring.authority();
    let descriptor = Descriptor {
        archive,
        suite: ring.first_suite(),
        authority: authority.public_key(),
    };
    profile.write_state(archive, DESCRIPTOR, &descriptor.encode(&authority))?;
    profile.write_state(archive, KEYS, &keys.encode(&authority))
}

/// Stores the keys of an archive that was found at a replica locally. The descriptor, which may be lost there, is made
/// again from the key ring.
pub(crate) fn take(
    profile: &Profile,
    replica: &Replica,
    keys: &KeysObject,
    ring: &KeyRing,
) -> Result<(), AgentError> {
    store(profile, replica.archive(), keys, ring)
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

/// Brings the newest keys object to every destination of an archive that can be reached. Whoever changed it has asked
/// [`refuse_stale`] before.
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
        match settle(&replica, wraps, &|| Ok(())) {
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

/// Stores the keys object at a replica and then deletes those with lower numbers.
///
/// Keys that the owner has signed and that this profile does not have are left alone, and are an error: they may be all
/// that opens what others wrote. `fence` is asked before anything is changed.
pub(crate) fn settle(
    replica: &Replica,
    wraps: &Wraps,
    fence: &dyn Fn() -> Result<(), AgentError>,
) -> Result<Settled, AgentError> {
    let name = ObjectName(hash(&wraps.bytes));
    let number = wraps.keys.number;
    let there = replica.keys_objects()?;
    if there.is_empty() && replica.record_ids()?.is_empty() {
        return Ok(Settled::NotThere);
    }
    let is_sound = |copy| replica.keys_copy(number, name, copy).is_ok();
    if there == [(number, name)] && KeysCopy::BOTH.into_iter().all(is_sound) {
        return Ok(Settled::Alone);
    }
    wraps.refuse_others(replica, &there)?;
    fence()?;
    let renewed = replica.renew_keys(number, &wraps.bytes);
    if renewed.is_err() {
        // One copy is enough to let older ones go.
        let _ = replica.get_keys(number, name)?;
    }
    let mut settled = Settled::Alone;
    for (old, old_name) in there.into_iter().filter(|found| found.0 < number) {
        match replica.delete_keys(old, old_name) {
            Ok(()) => {}
            Err(ReplicaError::Store(StoreError::Denied { .. })) => {
                settled = Settled::BesideOld;
            }
            Err(error) => return Err(error.into()),
        }
    }
    renewed?;
    Ok(settled)
}

/// Refuses to change keys where a destination that can be reached has records or keys that this profile does not know:
/// it is a copy, or was restored, and what it would put in place of the newer keys opens less.
pub(crate) fn refuse_stale(
    profile: &Profile,
    config: &Config,
    archive: &ArchiveConfig,
) -> Result<(), AgentError> {
    if !archive.begun {
        return Ok(());
    }
    let wraps = Wraps::load(profile, archive.id)?;
    fence(profile, config, archive)?;
    for Reached { store, .. } in reach(config, archive).0 {
        let replica = Replica::new(store, archive.id);
        // One that cannot be listed now is met before anything is changed there.
        if let Ok(there) = replica.keys_objects() {
            wraps.refuse_others(&replica, &there)?;
        }
    }
    Ok(())
}

/// Refuses where a destination is ahead of what the profile remembers.
pub(crate) fn fence(
    profile: &Profile,
    config: &Config,
    archive: &ArchiveConfig,
) -> Result<(), AgentError> {
    let (_, authority) = descriptor(profile, archive.id)?;
    let memory = ProfileMemory::new(profile, archive.id);
    let destinations = writing::destinations(config, archive);
    Ok(refuse_newer(&destinations, &authority, &memory)?)
}

#[cfg(test)]
mod tests;
