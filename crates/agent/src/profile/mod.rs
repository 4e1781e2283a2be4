//! A profile: the folder with the settings, keys and memory of one user on one computer.
//!
//! ```text
//! config.toml               destinations and archives
//! lock                      held while settings or keys change
//! keys/custody.key          the custody key, file form; or which item of the keystore it is
//! keys/<archive>.writer     the seed of the key that signs records
//! keys/<destination>.storage  the key of the account at a storage service
//! state/<archive>.json      what every destination had acknowledged
//! state/<archive>.keys      the newest keys object, sealed as at the destinations
//! state/<archive>.archive   the descriptor
//! state/<archive>.lock      held while the archive is written
//! state/<archive>.turn      held by a command that lets no queue of the agent work
//! state/<archive>.working   held, shared, while queues work
//! state/<archive>.queues    what queues noted of destinations
//! state/<archive>.*.damaged  what could not be understood when the archive was adopted again
//! state/reserve             space for these on a disk that others have filled
//! catalogue/<archive>/      the engine's
//! ```
//!
//! Folders have mode 0700 and files 0600.

mod config;
mod keys;
mod keystore;
mod lock;

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use strongroom_base::ids::ArchiveId;
use strongroom_crypto::suite::Suite;
use strongroom_store::{StoreError, durable};

pub use config::{ArchiveConfig, Config, DestinationConfig, DestinationName, NotAName};
pub(crate) use keys::read_key_file as read_secret_file;
pub use keys::{KeyPlace, WantedPlace, read_exported_key};
pub use lock::{Lock, tell_of_waiting};

use crate::{AgentError, acknowledged};

/// Mode of files.
const FILE_MODE: u32 = 0o600;
/// The permissions on a profile that nobody but the owner may have.
const WRITABLE_BY_OTHERS: u32 = 0o022;
/// Longest file of settings, in bytes.
const CONFIG_LEN_MAX: u64 = 1 << 20;
/// How long a command waits for the agent: for a round, and for its queues, which bring one object each to its end.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long whoever reads or changes the settings waits for another one.
const SETTINGS_PATIENCE: Duration = Duration::from_secs(10);
/// The file that keeps space, and its size in bytes.
const RESERVE: &str = "reserve";
const RESERVE_LEN: u64 = 4 << 20;

/// A profile that is there.
#[derive(Clone, Debug)]
pub struct Profile {
    dir: PathBuf,
}

/// Tells settings from those that were stored before or after them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp(u64, i64, i64);

impl Profile {
    /// Opens a profile; `None` where there is none.
    pub fn open(dir: &Path) -> Result<Option<Self>, AgentError> {
        let profile = Self {
            dir: dir.to_owned(),
        };
        let metadata = match std::fs::metadata(profile.config_path()) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            other => other.and_then(|_| std::fs::metadata(dir)),
        };
        let metadata = metadata.map_err(|source| AgentError::Local {
            op: "open",
            path: dir.display().to_string(),
            source,
        })?;
        refuse_foreign(dir, metadata.uid())?;
        if metadata.mode() & WRITABLE_BY_OTHERS != 0 {
            return Err(AgentError::ProfileExposed {
                path: dir.display().to_string(),
            });
        }
        Ok(Some(profile))
    }

    /// Opens a profile that must be there.
    pub fn require(dir: &Path) -> Result<Self, AgentError> {
        Self::open(dir)?.ok_or_else(|| AgentError::NoProfile {
            path: dir.display().to_string(),
        })
    }

    /// Makes a profile without keys, where there is none.
    pub fn create(dir: &Path, suite: Suite) -> Result<Self, AgentError> {
        if Self::open(dir)?.is_some() {
            return Err(AgentError::ProfileExists {
                path: dir.display().to_string(),
            });
        }
        refuse_foreign_place(dir)?;
        let profile = Self {
            dir: dir.to_owned(),
        };
        for folder in [profile.keys_dir(), profile.state_dir()] {
            durable::create_private_dir(&folder)?;
        }
        profile.save_config(&Config::new(suite))?;
        Ok(profile)
    }

    /// Returns the folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Reads the settings.
    pub fn config(&self) -> Result<Config, AgentError> {
        let path = self.config_path();
        let bytes = durable::read(&path, CONFIG_LEN_MAX)?;
        let path = path.display().to_string();
        let text =
            String::from_utf8(bytes).map_err(|_| AgentError::NotText { path: path.clone() })?;
        let mut config = Config::decode(&text, &path)?;
        config.keys_dir = self.keys_dir();
        Ok(config)
    }

    /// Returns what tells whether the settings were stored anew; `None` where they cannot be looked at.
    pub(crate) fn config_stamp(&self) -> Option<Stamp> {
        let found = std::fs::metadata(self.config_path()).ok()?;
        Some(Stamp(found.ino(), found.ctime(), found.ctime_nsec()))
    }

    /// Stores the settings.
    pub fn save_config(&self, config: &Config) -> Result<(), AgentError> {
        let text = config.encode();
        durable::write_atomic(&self.config_path(), text.as_bytes(), FILE_MODE)?;
        Ok(())
    }

    /// Takes the lock that guards settings and keys, waiting for it for a short while.
    pub fn lock(&self) -> Result<Lock, AgentError> {
        let what = format!("the profile {}", self.dir.display());
        let lock = Lock::await_turn(&self.dir.join("lock"), &what, SETTINGS_PATIENCE)?;
        self.remove_leftovers();
        Ok(lock)
    }

    /// Takes the lock that a writer of an archive holds, and waits until no round and no queue of the agent works on it.
    pub fn lock_archive(&self, archive: ArchiveId) -> Result<Lock, AgentError> {
        let what = format!("the archive {archive}");
        let mut lock = Lock::await_turn(&self.state_path(archive, "lock"), &what, PATIENCE)?;
        for file in ["turn", "working"] {
            lock.take_more(&self.state_path(archive, file), &what, PATIENCE)?;
        }
        acknowledged::fold(self, archive)?;
        self.remove_leftovers();
        Ok(lock)
    }

    /// Removes halves of files that programs left which were killed while they wrote them; those of keys are among them.
    /// What cannot be removed now is so another time.
    fn remove_leftovers(&self) {
        let catalogues = std::fs::read_dir(self.dir.join("catalogue"));
        let catalogues = catalogues.into_iter().flatten().flatten();
        let own = [self.dir.clone(), self.keys_dir(), self.state_dir()];
        for folder in own
            .into_iter()
            .chain(catalogues.map(|folder| folder.path()))
        {
            let _ = durable::remove_leftovers(&folder);
        }
    }

    /// Takes the lock that a writer of an archive holds, and lets queues work beside it.
    pub(crate) fn lock_round(&self, archive: ArchiveId) -> Result<Lock, AgentError> {
        let what = format!("the archive {archive}");
        Lock::take(&self.state_path(archive, "lock"), &what)
    }

    /// Lets a queue work; `None` where a command is alone with the archive, or wants to be.
    pub(crate) fn share_archive(&self, archive: ArchiveId) -> Result<Option<Lock>, AgentError> {
        let working = Lock::share(&self.state_path(archive, "working"))?;
        Ok(working.filter(|_| !self.is_turn_taken(archive)))
    }

    /// Says whether a command waits until no queue works.
    pub(crate) fn is_turn_taken(&self, archive: ArchiveId) -> bool {
        // Where that cannot be found out, the other lock still keeps them apart.
        matches!(Lock::share(&self.state_path(archive, "turn")), Ok(None))
    }

    /// Takes the lock that the background service holds while it runs.
    pub(crate) fn lock_service(&self) -> Result<Lock, AgentError> {
        let lock = Lock::take(&self.dir.join("agent.lock"), "the background service")?;
        self.remove_leftovers();
        Ok(lock)
    }

    /// Returns the folder of the engine's catalogue of an archive, made if need be.
    pub fn catalogue_dir(&self, archive: ArchiveId) -> Result<PathBuf, AgentError> {
        let path = self.dir.join("catalogue").join(archive.to_string());
        durable::create_private_dir(&path)?;
        Ok(path)
    }

    /// Returns the folder of the spool of an archive, which need not be there.
    pub(crate) fn spool_dir(&self, archive: ArchiveId) -> PathBuf {
        self.dir.join("spool").join(archive.to_string())
    }

    /// Reads a file of the memory of an archive; `None` where there is none.
    pub(crate) fn read_state(
        &self,
        archive: ArchiveId,
        extension: &str,
        len_max: u64,
    ) -> Result<Option<Vec<u8>>, AgentError> {
        match durable::read(&self.state_path(archive, extension), len_max) {
            Err(StoreError::NotFound { .. }) => Ok(None),
            other => Ok(Some(other?)),
        }
    }

    /// Stores a file of the memory of an archive.
    pub(crate) fn write_state(
        &self,
        archive: ArchiveId,
        extension: &str,
        bytes: &[u8],
    ) -> Result<(), AgentError> {
        let path = self.state_path(archive, extension);
        match durable::write_atomic(&path, bytes, FILE_MODE) {
            Err(StoreError::Full { .. }) if self.give_up_reserve() => {
                durable::write_atomic(&path, bytes, FILE_MODE)?;
            }
            written => written?,
        }
        Ok(())
    }

    /// Keeps some space for what must be noted on a disk that others have filled. Where there is none now, that is no error.
    pub(crate) fn keep_reserve(&self) {
        let path = self.state_dir().join(RESERVE);
        if path.exists() {
            return;
        }
        let reserved = std::fs::File::create_new(&path).and_then(|file| {
            let none = rustix::fs::FallocateFlags::empty();
            rustix::fs::fallocate(&file, none, 0, RESERVE_LEN)?;
            Ok(())
        });
        if reserved.is_err() {
            let _ = std::fs::remove_file(&path);
        }
    }

    /// Frees what was kept; says whether there was something.
    fn give_up_reserve(&self) -> bool {
        std::fs::remove_file(self.state_dir().join(RESERVE)).is_ok()
    }

    /// Removes a file of the memory of an archive, if it is there.
    pub(crate) fn remove_state(
        &self,
        archive: ArchiveId,
        extension: &str,
    ) -> Result<(), AgentError> {
        let path = self.state_path(archive, extension);
        match std::fs::remove_file(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(AgentError::Local {
                    op: "remove",
                    path: path.display().to_string(),
                    source,
                })
            }
            _ => Ok(()),
        }
    }

    /// Renames a file of the memory of an archive that is damaged, so that another one can be made.
    pub(crate) fn set_state_aside(
        &self,
        archive: ArchiveId,
        extension: &str,
    ) -> Result<(), AgentError> {
        let path = self.state_path(archive, extension);
        let aside = self.state_path(archive, &format!("{extension}.damaged"));
        std::fs::rename(&path, aside).map_err(|source| AgentError::Local {
            op: "rename",
            path: path.display().to_string(),
            source,
        })
    }

    fn state_path(&self, archive: ArchiveId, extension: &str) -> PathBuf {
        self.state_dir().join(format!("{archive}.{extension}"))
    }

    fn config_path(&self) -> PathBuf {
        self.dir.join("config.toml")
    }

    fn keys_dir(&self) -> PathBuf {
        self.dir.join("keys")
    }

    fn state_dir(&self) -> PathBuf {
        self.dir.join("state")
    }
}

/// Refuses a profile of somebody else, where this user may write all the same: the files made in it would lock its owner
/// out.
fn refuse_foreign(dir: &Path, owner: u32) -> Result<(), AgentError> {
    let user = rustix::process::geteuid().as_raw();
    if owner == user {
        return Ok(());
    }
    Err(AgentError::ProfileForeign {
        path: dir.display().to_string(),
        owner,
        user,
    })
}

/// Refuses to make something of root's where somebody else would expect their own: in a folder of theirs. What is there
/// already must be this user's.
pub fn refuse_foreign_place(dir: &Path) -> Result<(), AgentError> {
    let mut there = dir.ancestors().filter_map(|folder| {
        let current = folder.as_os_str().is_empty().then_some(Path::new("."));
        let found = std::fs::metadata(current.unwrap_or(folder)).ok()?;
        Some((folder, found.uid()))
    });
    match there.next() {
        Some((folder, owner)) if folder == dir => refuse_foreign(dir, owner),
        Some((_, owner)) if owner != 0 && rustix::process::geteuid().is_root() => {
            refuse_foreign(dir, owner)
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, chown};

    use super::*;

    #[test]
    fn whoever_holds_the_profile_removes_what_killed_programs_left() {
        let folder = tempfile::tempdir().unwrap();
        let profile = Profile::create(folder.path(), Suite::Aes256).unwrap();
        let archive = ArchiveId([7; 16]);
        let catalogue = profile.catalogue_dir(archive).unwrap();
        let folders = [
            folder.path(),
            &profile.keys_dir(),
            &profile.state_dir(),
            &catalogue,
        ];
        let left = |folder: &&Path| folder.join("tmp-0123456789abcdef0123456789abcdef");
        let holds: [&dyn Fn() -> Lock; 3] = [
            &|| profile.lock().unwrap(),
            &|| profile.lock_archive(archive).unwrap(),
            &|| profile.lock_service().unwrap(),
        ];
        for hold in holds {
            for path in folders.iter().map(left) {
                std::fs::File::create(path).unwrap();
            }
            let _lock = hold();
            assert!(!folders.iter().map(left).any(|path| path.exists()));
        }
    }

    #[test]
    fn root_uses_no_profile_of_somebody_else() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("home/profile");
        std::fs::create_dir(folder.path().join("home")).unwrap();
        Profile::create(&dir, Suite::Aes256).unwrap();
        if chown(&dir, Some(65_534), None).is_err() {
            return;
        }
        let is_refused = |result| {
            matches!(
                result,
                Err(AgentError::ProfileForeign { owner: 65_534, .. })
            )
        };
        assert!(is_refused(Profile::open(&dir).map(drop)));
        chown(&dir, Some(0), None).unwrap();
        assert!(Profile::open(&dir).unwrap().is_some());
        chown(folder.path().join("home"), Some(65_534), None).unwrap();
        assert!(Profile::open(&dir).unwrap().is_some());
        let another = folder.path().join("home/.config/another");
        assert!(is_refused(
            Profile::create(&another, Suite::Aes256).map(drop)
        ));
        assert!(!another.parent().unwrap().exists());
    }

    #[test]
    fn a_profile_is_made_once_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("a/profile");
        assert!(Profile::open(&dir).unwrap().is_none());
        let profile = Profile::create(&dir, Suite::ChaCha20).unwrap();
        assert_eq!(profile.config().unwrap().suite, Suite::ChaCha20);
        for folder in ["", "keys", "state"] {
            let mode = std::fs::metadata(dir.join(folder)).unwrap().permissions();
            assert_eq!(mode.mode() & 0o777, 0o700, "{folder}");
        }
        assert!(matches!(
            Profile::create(&dir, Suite::Aes256),
            Err(AgentError::ProfileExists { .. })
        ));
        std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(0o770)).unwrap();
        assert!(matches!(
            Profile::open(&dir),
            Err(AgentError::ProfileExposed { .. })
        ));
    }
}
