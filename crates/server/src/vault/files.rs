//! The files of keys: `shared/keys` in the home folder, which all nodes see.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use strongroom_base::random::RandomSource;
use strongroom_crypto::custody::MasterKey;
use strongroom_crypto::secret::SecretBytes;
use strongroom_crypto::stored::StoredKey;
use strongroom_custody::ring::{
    KeyFile, KeyId, KeySet, MASTER_FILE_NAME, master_from_file, master_to_file,
};

use super::VaultError;

const FOLDER: &str = "shared/keys";

/// A folder of keys.
pub(super) struct KeyFiles {
    folder: PathBuf,
}

impl KeyFiles {
    /// Makes the folder where it is not there; refuses one that is open to others.
    pub(super) fn below(home: &Path) -> Result<Self, VaultError> {
        let folder = home.join(FOLDER);
        let made = DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder);
        made.map_err(|source| io_error(&folder, source))?;
        closed(&folder)?;
        Ok(Self { folder })
    }

    pub(super) fn master_path(&self) -> PathBuf {
        self.folder.join(MASTER_FILE_NAME)
    }

    /// Reads the master key, if it is there.
    pub(super) fn master(&self) -> Result<Option<MasterKey>, VaultError> {
        let path = self.master_path();
        match content(&path)? {
            None => Ok(None),
            Some(content) => {
                let key = master_from_file(content.expose_bytes());
                key.map(Some)
                    .map_err(|source| VaultError::File { path, source })
            }
        }
    }

    /// Makes the master key. Where another node was quicker, it is that one's.
    pub(super) fn make_master(&self, random: &dyn RandomSource) -> Result<MasterKey, VaultError> {
        let key = MasterKey::random(random);
        match self.write(MASTER_FILE_NAME, &master_to_file(&key)) {
            Err(VaultError::Io { source, .. }) if source.kind() == io::ErrorKind::AlreadyExists => {
                let theirs = self.master()?;
                theirs.ok_or_else(|| VaultError::NoMaster(self.master_path()))
            }
            other => other.map(|()| key),
        }
    }

    /// Reads all keys of the ring. A file that is none stops nobody from using the others: it is named in the log.
    pub(super) fn read(&self) -> Result<KeySet, VaultError> {
        let mut keys = KeySet::new();
        let entries =
            fs::read_dir(&self.folder).map_err(|source| io_error(&self.folder, source))?;
        for entry in entries {
            let path = entry
                .map_err(|source| io_error(&self.folder, source))?
                .path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if name == MASTER_FILE_NAME || path.extension() != Some("key".as_ref()) {
                continue;
            }
            let Some(content) = content(&path)? else {
                continue;
            };
            match KeyFile::read(&name, content.expose_bytes()) {
                Ok(key) => {
                    keys.insert(key);
                }
                Err(error) => tracing::error!(file = %name, %error, "a key file cannot be used"),
            }
        }
        Ok(keys)
    }

    /// Makes the file of a key; it is durable when this returns.
    pub(super) fn add(&self, key: &StoredKey) -> Result<(), VaultError> {
        let file = KeyFile::of(key);
        self.write(&file.name, &file.content)
    }

    /// Deletes the file of a key.
    pub(super) fn remove(&self, key: KeyId) -> Result<(), VaultError> {
        let path = self.folder.join(KeyFile::name_of(&key));
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(io_error(&path, source)),
            _ => self.sync(),
        }
    }

    /// Writes beside, and links into place: nobody reads half a file, and none is replaced.
    fn write(&self, name: &str, content: &SecretBytes) -> Result<(), VaultError> {
        let path = self.folder.join(name);
        let new = self
            .folder
            .join(format!("{name}.{}.new", std::process::id()));
        let write = || {
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(true).mode(0o600);
            let mut file = options.open(&new)?;
            file.write_all(content.expose_bytes())?;
            file.sync_all()?;
            fs::hard_link(&new, &path)
        };
        let written = write();
        let _ = fs::remove_file(&new);
        written.map_err(|source| io_error(&path, source))?;
        self.sync()
    }

    fn sync(&self) -> Result<(), VaultError> {
        let synced = File::open(&self.folder).and_then(|folder| folder.sync_all());
        synced.map_err(|source| io_error(&self.folder, source))
    }
}

/// Reads a file of a key; `None` where it is not there.
fn content(path: &Path) -> Result<Option<SecretBytes>, VaultError> {
    let file = match File::open(path) {
        Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(|source| io_error(path, source))?,
    };
    closed(path)?;
    let mut bytes = Vec::with_capacity(usize::try_from(KeyFile::LEN_MAX).unwrap_or(0));
    let read = file.take(KeyFile::LEN_MAX).read_to_end(&mut bytes);
    read.map_err(|source| io_error(path, source))?;
    Ok(Some(SecretBytes::new(bytes)))
}

/// Refuses what others may look into.
fn closed(path: &Path) -> Result<(), VaultError> {
    let metadata = fs::metadata(path).map_err(|source| io_error(path, source))?;
    let is_open = metadata.permissions().mode() & 0o077 != 0;
    if is_open {
        return Err(VaultError::Exposed(path.to_owned()));
    }
    Ok(())
}

fn io_error(path: &Path, source: io::Error) -> VaultError {
    VaultError::Io {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use strongroom_crypto::random::SystemRandom;

    use super::*;

    #[test]
    fn keys_are_private_and_none_is_replaced() {
        let home = tempfile::tempdir().unwrap();
        let files = KeyFiles::below(home.path()).unwrap();
        let master = files.make_master(&SystemRandom).unwrap();
        let again = files.make_master(&SystemRandom).unwrap();
        assert_eq!(master.key_id(), again.key_id());
        let key = StoredKey::random(&SystemRandom);
        files.add(&key).unwrap();
        assert!(files.add(&key).is_err());
        let id = KeyId::of(&key);
        assert_eq!(files.read().unwrap().ids().collect::<Vec<_>>(), [id]);
        let path = files.folder.join(KeyFile::name_of(&id));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&files.folder), mode(&path)), (0o700, 0o600));
        assert_eq!(fs::read_dir(&files.folder).unwrap().count(), 2);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(files.read(), Err(VaultError::Exposed(_))));
        files.remove(id).unwrap();
        assert_eq!(files.read().unwrap().ids().count(), 0);
    }
}
