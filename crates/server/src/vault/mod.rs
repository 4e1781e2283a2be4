//! The keys that seal secrets in the database: their files, and what is sealed with them (`spec/secrets-v1.md`).

mod error;
mod files;
pub mod sign_in;

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use strongroom_base::ids::UserId;
use strongroom_base::random::RandomSource;
use strongroom_crypto::custody::MasterKey;
use strongroom_crypto::secret::SecretBytes;
use strongroom_crypto::stored::StoredKey;
use strongroom_custody::ring::{
    KeyId, KeySet, OpenError, Place, Ring, open_under_master, seal_under_master,
};
use strongroom_db::{Reading, Writing, key_ring, under_master};

pub use error::VaultError;
use files::KeyFiles;

/// The keys of a server.
pub struct Vault {
    files: KeyFiles,
    master: MasterKey,
    keys: RwLock<Arc<KeySet>>,
}

impl Vault {
    /// Reads the keys below the home folder. The master key is made where there is none and `may_make` says that nothing
    /// was sealed under one.
    pub fn open(
        home: &Path,
        random: &dyn RandomSource,
        may_make: bool,
    ) -> Result<Self, VaultError> {
        let files = KeyFiles::below(home)?;
        let master = match files.master()? {
            Some(master) => master,
            None if may_make => files.make_master(random)?,
            None => return Err(VaultError::NoMaster(files.master_path())),
        };
        let keys = RwLock::new(Arc::new(files.read()?));
        Ok(Self {
            files,
            master,
            keys,
        })
    }

    /// Returns the keys that were read last.
    pub fn keys(&self) -> Arc<KeySet> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the key files again.
    pub fn reload(&self) -> Result<Arc<KeySet>, VaultError> {
        let keys = Arc::new(self.files.read()?);
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&keys);
        Ok(keys)
    }

    /// Draws a key of the ring, and makes its file durable.
    pub(crate) fn make_key(&self, random: &dyn RandomSource) -> Result<KeyId, VaultError> {
        let key = StoredKey::random(random);
        self.files.add(&key)?;
        self.reload()?;
        Ok(KeyId::of(&key))
    }

    /// Deletes the file of a key that the ring let go.
    pub(crate) fn remove_key(&self, key: KeyId) -> Result<(), VaultError> {
        self.files.remove(key)?;
        self.reload().map(drop)
    }

    /// Seals a secret for its place, by the ring of the transaction that stores the value.
    pub async fn seal(
        &self,
        writing: &Writing,
        place: &Place,
        random: &dyn RandomSource,
        secret: &[u8],
    ) -> Result<Vec<u8>, VaultError> {
        let ring = ring(writing).await?;
        let keys = self.keys_for(&ring)?;
        Ok(ring.seal(&keys, place, random, secret)?)
    }

    /// Opens the value of a place.
    pub async fn open_value(
        &self,
        reading: &Reading,
        place: &Place,
        value: &[u8],
    ) -> Result<SecretBytes, VaultError> {
        let ring = ring(reading).await?;
        let keys = self.keys_for(&ring)?;
        let opened = ring.open(&keys, place, value);
        opened.map_err(|source| VaultError::closed(place, source))
    }

    /// Returns the keys; read again where the ring has one that is not among them: another node made it.
    pub(crate) fn keys_for(&self, ring: &Ring) -> Result<Arc<KeySet>, VaultError> {
        let keys = self.keys();
        if ring.missing(&keys).next().is_some() {
            return self.reload();
        }
        Ok(keys)
    }

    /// Seals a secret for its place under the master key.
    pub(crate) fn seal_under_master(
        &self,
        place: &Place,
        random: &dyn RandomSource,
        secret: &[u8],
    ) -> Result<Vec<u8>, VaultError> {
        Ok(seal_under_master(&self.master, place, random, secret)?)
    }

    /// Returns what the servers keep under the master key by this name; it is made where it is not there.
    pub(crate) async fn under_master(
        &self,
        writing: &Writing,
        name: &str,
        random: &dyn RandomSource,
        make: impl FnOnce() -> SecretBytes,
    ) -> Result<SecretBytes, VaultError> {
        let place = under_master::place(name);
        if let Some(value) = under_master::find(writing, name).await? {
            let opened = open_under_master(&self.master, &place, &value);
            return opened.map_err(|source| match source {
                OpenError::MissingKey { .. } => VaultError::OtherMaster(self.files.master_path()),
                source => VaultError::closed(&place, source),
            });
        }
        let fresh = make();
        let value = self.seal_under_master(&place, random, fresh.expose_bytes())?;
        under_master::add(writing, name, &value).await?;
        Ok(fresh)
    }

    /// Returns the id of the master key.
    pub fn master_id(&self) -> KeyId {
        KeyId(self.master.key_id())
    }

    /// Returns a key for one purpose, derived from the master key.
    pub(crate) fn derived(&self, purpose: &str) -> strongroom_crypto::secret::Secret<32> {
        let mut key = [0; 32];
        let info: &[&[u8]] = &[b"strongroom server ", purpose.as_bytes()];
        strongroom_crypto::kdf::hkdf_expand_sha512(self.master.expose_bytes(), info, &mut key);
        strongroom_crypto::secret::Secret::new(key)
    }
}

/// Returns the place of an authenticator app's secret.
pub(crate) fn totp_place(user: UserId) -> Place {
    Place::new("totp", "secret", user.to_string().as_bytes())
}

async fn ring(reading: &Reading) -> Result<Ring, VaultError> {
    let found = key_ring::find(reading).await?;
    found.ok_or(VaultError::Database(strongroom_db::DbError::NotSetUp))
}
