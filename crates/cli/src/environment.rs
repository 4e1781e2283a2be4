//! The one place that reads environment variables, the current folder and the name of the computer.

use std::env;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use strongroom_agent::SecretBytes;
use strongroom_agent::storage_key::StorageKey;

use crate::failure::Failure;

/// What the surroundings say.
pub(crate) struct Environment {
    storage_key: Option<StorageKey>,
    profile: Option<PathBuf>,
    home: Option<PathBuf>,
    settings: Option<PathBuf>,
    current: PathBuf,
    host: Vec<u8>,
    operating_system: String,
}

impl Environment {
    /// Reads the surroundings; `profile` is the folder that the command line names.
    pub(crate) fn read(profile: Option<&Path>) -> Result<Self, Failure> {
        let current = env::current_dir().map_err(|source| Failure::Input {
            path: ".".into(),
            source,
        })?;
        let home = variable("HOME").filter(|home| home.is_absolute());
        let settings = variable("XDG_CONFIG_HOME").filter(|folder| folder.is_absolute());
        let settings = settings.or_else(|| home.as_ref().map(|home| home.join(".config")));
        let profile = profile
            .map(Path::to_owned)
            .or_else(|| variable("STRONGROOM_PROFILE"))
            .or_else(|| settings.as_ref().map(|folder| folder.join("strongroom")));
        Ok(Self {
            profile: profile.map(|profile| current.join(profile)),
            home,
            settings,
            current,
            storage_key: storage_key(),
            host: rustix::system::uname().nodename().to_bytes().to_vec(),
            operating_system: operating_system(),
        })
    }

    /// Returns the folder of the profile.
    pub(crate) fn profile(&self) -> Result<&Path, Failure> {
        let missing =
            || Failure::Usage("there is no home folder; name a profile with --profile".into());
        self.profile.as_deref().ok_or_else(missing)
    }

    /// Returns the home folder.
    pub(crate) fn home(&self) -> Result<&Path, Failure> {
        let missing = || Failure::Usage("there is no home folder; name what to back up".into());
        self.home.as_deref().ok_or_else(missing)
    }

    /// Returns the folder of the user's settings, by default `~/.config`.
    pub(crate) fn settings(&self) -> Result<&Path, Failure> {
        let missing = || Failure::Usage("there is no home folder for settings".into());
        self.settings.as_deref().ok_or_else(missing)
    }

    /// Returns the current folder.
    pub(crate) fn current(&self) -> &Path {
        &self.current
    }

    /// Makes a path absolute, with `.` and `..` resolved by name: it need not be there.
    pub(crate) fn absolute(&self, path: &Path) -> PathBuf {
        let mut absolute = PathBuf::new();
        for component in self.current.join(path).components() {
            match component {
                std::path::Component::CurDir => {}
                std::path::Component::ParentDir => {
                    absolute.pop();
                }
                other => absolute.push(other),
            }
        }
        absolute
    }

    /// Takes the key of an account at a storage service.
    pub(crate) fn take_storage_key(&mut self) -> Option<StorageKey> {
        self.storage_key.take()
    }

    /// Returns what runs on this computer.
    pub(crate) fn operating_system(&self) -> &str {
        &self.operating_system
    }

    /// Returns the name of the computer.
    pub(crate) fn host(&self) -> &[u8] {
        &self.host
    }
}

/// Returns the name and version of the system.
fn operating_system() -> String {
    let names = rustix::system::uname();
    let (system, release) = (names.sysname(), names.release());
    format!("{} {}", system.to_string_lossy(), release.to_string_lossy())
}

/// Reads the key of an account under the names that Amazon's own programs use.
fn storage_key() -> Option<StorageKey> {
    let secret =
        |name| variable(name).map(|value| SecretBytes::new(value.into_os_string().into_vec()));
    let id = variable("AWS_ACCESS_KEY_ID")?;
    let key = secret("AWS_SECRET_ACCESS_KEY")?;
    StorageKey::new(id.to_str()?, key, secret("AWS_SESSION_TOKEN"))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads environment variables"
)]
fn variable(name: &str) -> Option<PathBuf> {
    env::var_os(name)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}
