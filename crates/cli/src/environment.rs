//! The one place that reads environment variables, the current folder and the name of the computer.

use std::env;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Component, Path, PathBuf};

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

    /// Makes a path absolute, and takes `.` and `..` out of it. It need not be there. Where `..` follows a symbolic link, it
    /// means the folder above the one that the link leads to, as it does to the system; other links stay.
    pub(crate) fn absolute(&self, path: &Path) -> PathBuf {
        absolute_from(&self.current, path)
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

fn absolute_from(current: &Path, path: &Path) -> PathBuf {
    let mut absolute = PathBuf::new();
    for component in current.join(path).components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => up(&mut absolute),
            other => absolute.push(other),
        }
    }
    absolute
}

/// Goes to the folder above.
fn up(path: &mut PathBuf) {
    let is_link = path
        .symlink_metadata()
        .is_ok_and(|found| found.is_symlink());
    let is_unresolved = path.components().next_back() == Some(Component::ParentDir);
    if is_link || is_unresolved {
        match path.canonicalize() {
            Ok(real) => *path = real,
            // The link leads nowhere. Whoever opens the path hears so from the system.
            Err(_) => return path.push(".."),
        }
    }
    path.pop();
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn above_a_link_is_above_what_it_leads_to() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let at = |way: &str| root.join(way);
        std::fs::create_dir_all(at("here/out")).unwrap();
        std::fs::create_dir_all(at("other/deep/deeper")).unwrap();
        symlink("../other/deep", at("here/link")).unwrap();
        symlink("nowhere", at("here/dangling")).unwrap();
        for (path, expected) in [
            ("link/../out", at("other/out")),
            ("link/deeper/../x", at("here/link/x")),
            ("link/deeper/../../x", at("other/x")),
            ("./link/.././../x", at("x")),
            ("link", at("here/link")),
            ("link/x", at("here/link/x")),
            ("out/../link/./x", at("here/link/x")),
            ("missing/../x", at("here/x")),
            ("dangling/../x", at("here/dangling/../x")),
            ("dangling/../../x", at("here/dangling/../../x")),
            ("/../..", PathBuf::from("/")),
        ] {
            let found = absolute_from(&at("here"), Path::new(path));
            assert_eq!(found, expected, "{path}");
        }
    }
}
