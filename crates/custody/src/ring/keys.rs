//! The keys of a ring, as they are in memory.

use std::collections::BTreeMap;

use strongroom_crypto::stored::StoredKey;

use super::KeyId;

/// Keys by their ids. It has no `Debug`.
#[derive(Default)]
pub struct KeySet(BTreeMap<KeyId, StoredKey>);

impl KeySet {
    /// Starts without keys.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a key, under the id that it has.
    pub fn insert(&mut self, key: StoredKey) -> KeyId {
        let id = KeyId::of(&key);
        self.0.insert(id, key);
        id
    }

    /// Returns a key.
    pub fn get(&self, id: &KeyId) -> Option<&StoredKey> {
        self.0.get(id)
    }

    /// Takes a key out.
    pub fn remove(&mut self, id: &KeyId) -> Option<StoredKey> {
        self.0.remove(id)
    }

    /// Returns the ids, sorted.
    pub fn ids(&self) -> impl Iterator<Item = KeyId> + '_ {
        self.0.keys().copied()
    }
}
