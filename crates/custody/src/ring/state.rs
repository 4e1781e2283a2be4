//! The ring as a value: which keys there are, which one seals, and what change is under way.

use std::fmt;
use std::str::FromStr;

use strongroom_base::ids::{from_hex, to_hex};
use strongroom_base::random::RandomSource;
use strongroom_crypto::secret::SecretBytes;
use strongroom_crypto::stored::{StoredAlgorithm, StoredKey};

use super::change::Journal;
use super::{KeySet, OpenError, Place, RingError, RingRefusal, value};

/// The most keys that a ring names.
pub(super) const KEYS_MAX: usize = 1_024;

/// After how many seconds a key is due for a change: 365 days.
const DUE_SECONDS: u64 = 365 * 24 * 60 * 60;

/// Names a key of the ring; it is computed from the key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub [u8; 16]);

impl KeyId {
    /// Returns the name of a key.
    pub fn of(key: &StoredKey) -> Self {
        Self(key.key_id())
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_hex(&self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// The text is not the id of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key id has 32 hexadecimal digits")]
pub struct NoKeyId;

impl FromStr for KeyId {
    type Err = NoKeyId;

    fn from_str(text: &str) -> Result<Self, NoKeyId> {
        from_hex(text).map(Self).ok_or(NoKeyId)
    }
}

/// What new values are sealed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protection {
    /// Nothing: encryption was ended by an administrator.
    Plain,
    /// An algorithm and a key.
    Sealed {
        /// The algorithm.
        algorithm: StoredAlgorithm,
        /// The key.
        key: KeyId,
    },
}

impl Protection {
    /// Returns its key.
    pub fn key(&self) -> Option<KeyId> {
        match self {
            Self::Plain => None,
            Self::Sealed { key, .. } => Some(*key),
        }
    }

    /// Returns its algorithm.
    pub fn algorithm(&self) -> Option<StoredAlgorithm> {
        match self {
            Self::Plain => None,
            Self::Sealed { algorithm, .. } => Some(*algorithm),
        }
    }
}

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyState {
    /// It is durable and seals nothing yet.
    New = 1,
    /// It seals what is new.
    Active = 2,
    /// It opens what was sealed before.
    Inactive = 3,
}

/// A key as the ring knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyEntry {
    /// Which one.
    pub id: KeyId,
    /// What it is for.
    pub state: KeyState,
    /// When it came into the ring, in seconds since 1970.
    pub made: u64,
}

/// The ring: an immutable value. All nodes share one, in the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ring {
    pub(super) number: u64,
    pub(super) protection: Protection,
    /// Sorted by id.
    pub(super) keys: Vec<KeyEntry>,
    pub(super) journal: Option<Journal>,
}

impl Ring {
    /// Returns the ring of a server that seals nothing yet.
    pub fn plain() -> Self {
        Self {
            number: 1,
            protection: Protection::Plain,
            keys: Vec::new(),
            journal: None,
        }
    }

    /// Returns a number that grows with each change: a transaction that changes the ring compares it.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Returns what new values are sealed with.
    pub fn protection(&self) -> Protection {
        self.protection
    }

    /// Returns the keys, sorted by id.
    pub fn keys(&self) -> &[KeyEntry] {
        &self.keys
    }

    /// Returns what the change that is under way leads to.
    pub fn changing_to(&self) -> Option<Protection> {
        self.journal.as_ref().map(|journal| journal.to)
    }

    /// Returns the keys that the ring names and `keys` lacks: what they sealed does not open.
    pub fn missing<'a>(&'a self, keys: &'a KeySet) -> impl Iterator<Item = KeyId> + 'a {
        let ids = self.keys.iter().map(|entry| entry.id);
        ids.filter(|id| keys.get(id).is_none())
    }

    /// Tells whether the active key is so old that it should be changed.
    pub fn is_due(&self, now_seconds: u64) -> bool {
        let mut active = self.keys.iter().filter(|e| e.state == KeyState::Active);
        active.any(|entry| now_seconds.saturating_sub(entry.made) >= DUE_SECONDS)
    }

    /// Seals a secret for its place.
    pub fn seal(
        &self,
        keys: &KeySet,
        place: &Place,
        random: &dyn RandomSource,
        secret: &[u8],
    ) -> Result<Vec<u8>, RingError> {
        value::seal(self.protection, keys, place, random, secret)
    }

    /// Opens the value of a place.
    pub fn open(
        &self,
        keys: &KeySet,
        place: &Place,
        bytes: &[u8],
    ) -> Result<SecretBytes, OpenError> {
        value::open(self.takes_plain(), keys, place, bytes)
    }

    /// Values that are not sealed count only while there is a reason for them.
    fn takes_plain(&self) -> bool {
        let was_plain = |journal: &Journal| journal.from == Protection::Plain;
        self.protection == Protection::Plain || self.journal.as_ref().is_some_and(was_plain)
    }

    /// Takes in keys whose files are there and which the ring does not know, as inactive. `None` where there
    /// are none.
    pub fn adopting(&self, found: &KeySet, now_seconds: u64) -> Option<Self> {
        let room = KEYS_MAX.saturating_sub(self.keys.len());
        let unknown = found.ids().filter(|id| self.entry(id).is_none());
        let unknown: Vec<_> = unknown.take(room).collect();
        if unknown.is_empty() {
            return None;
        }
        let mut next = self.next();
        next.keys.extend(unknown.into_iter().map(|id| KeyEntry {
            id,
            state: KeyState::Inactive,
            made: now_seconds,
        }));
        next.keys.sort_unstable_by_key(|entry| entry.id);
        Some(next)
    }

    /// Lets a key go. When that is stored, its file may be deleted.
    ///
    /// `values` is how many stored values name it, counted in the transaction that stores the ring.
    pub fn without(
        &self,
        key: KeyId,
        values: u64,
        is_in_backup: bool,
    ) -> Result<Self, RingRefusal> {
        let entry = self.entry(&key).ok_or(RingRefusal::UnknownKey { key })?;
        let ends = self
            .journal
            .as_ref()
            .map(|journal| [journal.from, journal.to]);
        let is_in_journal = ends.is_some_and(|ends| ends.iter().any(|end| end.key() == Some(key)));
        if entry.state != KeyState::Inactive || is_in_journal {
            return Err(RingRefusal::InUse { key });
        }
        if values > 0 {
            return Err(RingRefusal::Needed { key, values });
        }
        if is_in_backup {
            return Err(RingRefusal::InBackup { key });
        }
        let mut next = self.next();
        next.keys.retain(|entry| entry.id != key);
        Ok(next)
    }

    pub(super) fn entry(&self, key: &KeyId) -> Option<&KeyEntry> {
        self.keys.iter().find(|entry| entry.id == *key)
    }

    /// Returns a copy with the next number.
    pub(super) fn next(&self) -> Self {
        Self {
            number: self.number.saturating_add(1),
            ..self.clone()
        }
    }
}
