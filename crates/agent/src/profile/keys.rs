//! The keys of a profile: the custody key, in a file or in the keystore of the operating system, and one
//! writer key per archive.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use strongroom_base::ids::{ArchiveId, DestinationId};
use strongroom_crypto::custody::CustodyKey;
use strongroom_crypto::secret::{Secret, SecretBytes};
use strongroom_crypto::sign::SigningKey;
use strongroom_custody::export;
use strongroom_store::durable;

use super::keystore::{self, ItemId};
use super::{Config, Profile};
use crate::AgentError;
use crate::storage_key::StorageKey;

/// Mode of a key file.
const KEY_MODE: u32 = 0o600;
/// The permissions that nobody but the owner may have.
const OTHERS: u32 = 0o077;
/// Bytes of a writer key file.
const SEED_LEN: usize = 32;

/// Where the custody key is.
///
/// Writer keys are always in files: whoever reads the files of a profile can write to its destinations
/// anyway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    /// A file with mode 0600 in the profile.
    File,
    /// The keystore of the operating system; the file holds a reference.
    Keystore,
}

/// Where a new custody key shall be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WantedPlace {
    /// In the keystore of the operating system where there is one that is unlocked, else in a file.
    Any,
    /// There and nowhere else.
    Only(KeyPlace),
}

impl Profile {
    /// Returns where the custody key is; one that is not there would be in a file.
    pub fn key_place(&self) -> Result<KeyPlace, AgentError> {
        let item = item(&self.custody_path())?;
        Ok(item.map_or(KeyPlace::File, |_| KeyPlace::Keystore))
    }

    /// Returns the file of the custody key, or of the reference to it.
    pub fn custody_path(&self) -> PathBuf {
        self.keys_dir().join("custody.key")
    }

    /// Reads the custody key, wherever it is; `None` where the profile has none.
    pub fn custody_key(&self) -> Result<Option<CustodyKey>, AgentError> {
        read_local_key(&self.custody_path())
    }

    /// Stores the custody key in place of the one that may be there, and where that one was.
    pub fn set_custody_key(&self, key: &CustodyKey) -> Result<(), AgentError> {
        self.place_custody_key(key, self.key_place()?)
    }

    /// Stores the first custody key of a profile, and returns where.
    pub(crate) fn set_first_custody_key(
        &self,
        key: &CustodyKey,
        wanted: WantedPlace,
    ) -> Result<KeyPlace, AgentError> {
        let place = match wanted {
            WantedPlace::Only(place) => place,
            WantedPlace::Any => match self.place_custody_key(key, KeyPlace::Keystore) {
                Ok(()) => return Ok(KeyPlace::Keystore),
                Err(error) if error.is_of_keystore() => KeyPlace::File,
                Err(error) => return Err(error),
            },
        };
        self.place_custody_key(key, place)?;
        Ok(place)
    }

    /// Moves the custody key, and says whether it was elsewhere before.
    ///
    /// It is read back at the new place before it goes at the old one.
    pub fn move_custody_key(&self, to: KeyPlace) -> Result<bool, AgentError> {
        let _lock = self.lock()?;
        let held = self.custody_key()?;
        let held = held.ok_or_else(|| AgentError::NoCustodyKey {
            path: self.dir().display().to_string(),
        })?;
        if self.key_place()? == to {
            return Ok(false);
        }
        self.place_custody_key(&held, to)?;
        Ok(true)
    }

    /// Stores a custody key at a place, reads it back, and only then takes the old one away.
    fn place_custody_key(&self, key: &CustodyKey, place: KeyPlace) -> Result<(), AgentError> {
        let current = self.custody_path();
        let before = item(&current)?;
        let new = self.keys_dir().join("custody.new");
        self.write_local_key(&new, key, place)?;
        rename(&new, &current)?;
        forget(before);
        Ok(())
    }

    /// Writes a key or the reference to it, and reads it back.
    fn write_local_key(
        &self,
        path: &Path,
        key: &CustodyKey,
        place: KeyPlace,
    ) -> Result<(), AgentError> {
        let file = export::to_file(key);
        match place {
            KeyPlace::File => durable::write_atomic(path, file.expose_bytes(), KEY_MODE)?,
            KeyPlace::Keystore => {
                let label = format!("Strongroom custody key of {}", self.dir().display());
                let item = keystore::put(&label, file.expose_bytes())?;
                durable::write_atomic(path, item.to_reference().as_bytes(), KEY_MODE)?;
            }
        }
        let again = read_local_key(path)?;
        if again.is_some_and(|again| again.expose_bytes() == key.expose_bytes()) {
            return Ok(());
        }
        Err(AgentError::BadKeyFile {
            path: path.display().to_string(),
        })
    }

    /// Returns the custody key that a rotation is about to introduce; `None` when none is under way.
    pub(crate) fn next_custody_key(&self) -> Result<Option<CustodyKey>, AgentError> {
        read_local_key(&self.next_path())
    }

    /// Notes the custody key that a rotation is about to introduce.
    pub(crate) fn set_next_custody_key(&self, key: &CustodyKey) -> Result<(), AgentError> {
        self.write_local_key(&self.next_path(), key, self.key_place()?)
    }

    /// Says whether a rotation is under way, or was interrupted.
    pub(crate) fn has_next_custody_key(&self) -> bool {
        self.next_path().exists()
    }

    /// Removes a next custody key that no archive is under.
    pub(crate) fn drop_next_custody_key(&self) -> Result<(), AgentError> {
        let path = self.next_path();
        let held = item(&path)?;
        std::fs::remove_file(&path).map_err(|source| AgentError::Local {
            op: "remove",
            path: path.display().to_string(),
            source,
        })?;
        forget(held);
        Ok(())
    }

    /// Puts the next custody key in place of the current one.
    pub(crate) fn adopt_next_custody_key(&self) -> Result<(), AgentError> {
        let current = self.custody_path();
        let before = item(&current)?;
        rename(&self.next_path(), &current)?;
        forget(before);
        Ok(())
    }

    fn next_path(&self) -> PathBuf {
        self.keys_dir().join("custody.next")
    }

    /// Reads the key that signs the records of an archive, or makes it.
    pub fn writer_key(
        &self,
        archive: ArchiveId,
        random: &dyn strongroom_base::random::RandomSource,
    ) -> Result<SigningKey, AgentError> {
        let path = self.keys_dir().join(format!("{archive}.writer"));
        if let Some(bytes) = read_key_file(&path)? {
            let seed: [u8; SEED_LEN] =
                bytes
                    .expose_bytes()
                    .try_into()
                    .map_err(|_| AgentError::BadKeyFile {
                        path: path.display().to_string(),
                    })?;
            return Ok(SigningKey::from_seed(&Secret::new(seed)));
        }
        self.renew_writer_key(archive, random)
    }

    /// Makes a new key that signs the records of an archive, in place of the one that may be there.
    pub(crate) fn renew_writer_key(
        &self,
        archive: ArchiveId,
        random: &dyn strongroom_base::random::RandomSource,
    ) -> Result<SigningKey, AgentError> {
        let path = self.keys_dir().join(format!("{archive}.writer"));
        let seed = Secret::<SEED_LEN>::random(random);
        durable::write_atomic(&path, seed.expose_bytes(), KEY_MODE)?;
        Ok(SigningKey::from_seed(&seed))
    }
}

/// The keys of storage accounts, which every deed on a destination needs and not only those on a profile.
impl Config {
    /// Reads the key of the account at a destination; `None` where the profile has none.
    pub(crate) fn storage_key(&self, id: DestinationId) -> Result<Option<StorageKey>, AgentError> {
        let path = self.storage_key_path(id);
        let Some(bytes) = read_key_file(&path)? else {
            return Ok(None);
        };
        let key = StorageKey::from_text(&bytes).ok_or_else(|| AgentError::BadStorageKey {
            path: path.display().to_string(),
        })?;
        Ok(Some(key))
    }

    /// Stores the key of the account at a destination.
    pub(crate) fn set_storage_key(
        &self,
        id: DestinationId,
        key: &StorageKey,
    ) -> Result<(), AgentError> {
        let text = key.to_text();
        durable::write_atomic(&self.storage_key_path(id), text.expose_bytes(), KEY_MODE)?;
        Ok(())
    }

    /// Removes the key of the account at a destination, if there is one.
    pub(crate) fn remove_storage_key(&self, id: DestinationId) -> Result<(), AgentError> {
        let path = self.storage_key_path(id);
        match std::fs::remove_file(&path) {
            Err(source) if source.kind() != ErrorKind::NotFound => Err(AgentError::Local {
                op: "remove",
                path: path.display().to_string(),
                source,
            }),
            _ => Ok(()),
        }
    }

    fn storage_key_path(&self, id: DestinationId) -> PathBuf {
        self.keys_dir.join(format!("{id}.storage"))
    }
}

/// Puts a file in place of another one, durably.
fn rename(from: &Path, to: &Path) -> Result<(), AgentError> {
    let failed = |source| AgentError::Local {
        op: "rename",
        path: from.display().to_string(),
        source,
    };
    std::fs::rename(from, to).map_err(failed)?;
    let folder = to.parent().unwrap_or(Path::new("/"));
    let folder = File::open(folder).map_err(failed)?;
    folder.sync_all().map_err(failed)
}

/// Returns the item of the keystore that a file refers to.
fn item(path: &Path) -> Result<Option<ItemId>, AgentError> {
    let bytes = read_key_file(path)?;
    Ok(bytes.and_then(|bytes| ItemId::from_reference(bytes.expose_bytes())))
}

/// Removes an item that nothing refers to any more. One that stays, because the keystore is away, is in
/// nobody's way.
fn forget(item: Option<ItemId>) {
    if let Some(item) = item {
        let _ = keystore::delete(&item);
    }
}

/// Reads the key in a file of the profile, or the one in the keystore that the file refers to.
fn read_local_key(path: &Path) -> Result<Option<CustodyKey>, AgentError> {
    let Some(bytes) = read_key_file(path)? else {
        return Ok(None);
    };
    let secret = match ItemId::from_reference(bytes.expose_bytes()) {
        Some(item) => keystore::get(&item)?,
        None => bytes,
    };
    understood(path, &secret).map(Some)
}

fn understood(path: &Path, text: &SecretBytes) -> Result<CustodyKey, AgentError> {
    export::from_text(text.expose_bytes()).map_err(|source| AgentError::KeyFile {
        path: path.display().to_string(),
        source,
    })
}

/// Reads an exported custody key that the user named.
pub fn read_exported_key(path: &Path) -> Result<CustodyKey, AgentError> {
    read_custody_key(path)?.ok_or_else(|| AgentError::Local {
        op: "open",
        path: path.display().to_string(),
        source: rustix::io::Errno::NOENT.into(),
    })
}

fn read_custody_key(path: &Path) -> Result<Option<CustodyKey>, AgentError> {
    let Some(bytes) = read_key_file(path)? else {
        return Ok(None);
    };
    understood(path, &bytes).map(Some)
}

/// Reads a file that holds a key, and refuses one that others may read.
pub(crate) fn read_key_file(path: &Path) -> Result<Option<SecretBytes>, AgentError> {
    let failed = |source: std::io::Error| AgentError::Local {
        op: "read",
        path: path.display().to_string(),
        source,
    };
    let mut file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        other => other.map_err(failed)?,
    };
    let metadata = file.metadata().map_err(failed)?;
    if metadata.is_file() && metadata.mode() & OTHERS != 0 {
        return Err(AgentError::KeyExposed {
            path: path.display().to_string(),
        });
    }
    // With one byte more than is taken, the buffer never grows and leaves no copy behind.
    let mut bytes = Vec::with_capacity(4_097);
    let mut limited = (&mut file).take(export::FILE_LEN_MAX);
    limited.read_to_end(&mut bytes).map_err(failed)?;
    Ok(Some(SecretBytes::new(bytes)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use strongroom_crypto::random::SystemRandom;
    use strongroom_crypto::suite::Suite;

    use super::*;

    #[test]
    fn keys_come_back_and_are_for_their_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let profile = Profile::create(&folder.path().join("p"), Suite::Aes256).unwrap();
        assert!(profile.custody_key().unwrap().is_none());
        let key = CustodyKey::random(&SystemRandom);
        profile.set_custody_key(&key).unwrap();
        assert_eq!(profile.key_place().unwrap(), KeyPlace::File);
        let found = profile.custody_key().unwrap().unwrap();
        assert_eq!(found.expose_bytes(), key.expose_bytes());

        let path = profile.custody_path();
        let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(), 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(
            profile.custody_key(),
            Err(AgentError::KeyExposed { .. })
        ));
    }

    #[test]
    fn a_writer_key_is_made_once() {
        let folder = tempfile::tempdir().unwrap();
        let profile = Profile::create(&folder.path().join("p"), Suite::Aes256).unwrap();
        let public = |archive| {
            let key = profile.writer_key(ArchiveId([archive; 16]), &SystemRandom);
            key.unwrap().public_key()
        };
        assert_eq!(public(1), public(1));
        assert_ne!(public(1), public(2));
    }
}
