//! The key files of a profile: the custody key and one writer key per archive.

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

use super::{Config, Profile};
use crate::AgentError;
use crate::storage_key::StorageKey;

/// Mode of a key file.
const KEY_MODE: u32 = 0o600;
/// The permissions that nobody but the owner may have.
const OTHERS: u32 = 0o077;
/// Bytes of a writer key file.
const SEED_LEN: usize = 32;

/// Where the local keys are.
///
/// This version keeps them in files only, because a keystore of the operating system is not reachable from
/// everywhere a backup runs (a system service, a session without a desktop). The files are as safe as the
/// files beside them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    /// Files with mode 0600 in the profile.
    File,
}

impl Profile {
    /// Returns where the local keys are.
    pub fn key_place(&self) -> KeyPlace {
        KeyPlace::File
    }

    /// Returns the file of the custody key.
    pub fn custody_path(&self) -> PathBuf {
        self.keys_dir().join("custody.key")
    }

    /// Reads the custody key; `None` where the profile has none.
    pub fn custody_key(&self) -> Result<Option<CustodyKey>, AgentError> {
        read_custody_key(&self.custody_path())
    }

    /// Stores the custody key in place of the one that may be there.
    pub fn set_custody_key(&self, key: &CustodyKey) -> Result<(), AgentError> {
        let file = export::to_file(key);
        durable::write_atomic(&self.custody_path(), file.expose_bytes(), KEY_MODE)?;
        Ok(())
    }

    /// Returns the custody key that a rotation is about to introduce; `None` when none is under way.
    pub(crate) fn next_custody_key(&self) -> Result<Option<CustodyKey>, AgentError> {
        read_custody_key(&self.next_path())
    }

    /// Notes the custody key that a rotation is about to introduce.
    pub(crate) fn set_next_custody_key(&self, key: &CustodyKey) -> Result<(), AgentError> {
        let file = export::to_file(key);
        durable::write_atomic(&self.next_path(), file.expose_bytes(), KEY_MODE)?;
        Ok(())
    }

    /// Puts the next custody key in place of the current one.
    pub(crate) fn adopt_next_custody_key(&self) -> Result<(), AgentError> {
        let (next, current) = (self.next_path(), self.custody_path());
        std::fs::rename(&next, &current).map_err(|source| AgentError::Local {
            op: "rename",
            path: next.display().to_string(),
            source,
        })?;
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

/// Reads an exported custody key that the user named.
pub fn read_exported_key(path: &Path) -> Result<CustodyKey, AgentError> {
    read_custody_key(path)?.ok_or_else(|| AgentError::Local {
        op: "open",
        path: path.display().to_string(),
        source: ErrorKind::NotFound.into(),
    })
}

fn read_custody_key(path: &Path) -> Result<Option<CustodyKey>, AgentError> {
    let Some(bytes) = read_key_file(path)? else {
        return Ok(None);
    };
    let key = export::from_text(bytes.expose_bytes());
    key.map(Some).map_err(|source| AgentError::KeyFile {
        path: path.display().to_string(),
        source,
    })
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
