//! The one place that reads environment variables, the current folder and the name of the computer.

use std::env;
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// What the surroundings say.
pub(crate) struct Environment {
    profile: Option<PathBuf>,
    home: Option<PathBuf>,
    current: PathBuf,
    host: Vec<u8>,
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
            .or_else(|| settings.map(|folder| folder.join("strongroom")));
        Ok(Self {
            profile: profile.map(|profile| current.join(profile)),
            home,
            current,
            host: rustix::system::uname().nodename().to_bytes().to_vec(),
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

    /// Returns the name of the computer.
    pub(crate) fn host(&self) -> &[u8] {
        &self.host
    }
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
