//! `config.toml` of a profile: destinations and archives. Read strictly, so that a spelling mistake is an
//! error and not a setting that does nothing.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use strongroom_base::ids::{ArchiveId, DestinationId};
use strongroom_crypto::suite::Suite;

use crate::AgentError;
use crate::guest::GuestSettings;
use crate::service::HookSettings;

/// The version of the file that this program writes.
const VERSION: u32 = 1;
/// Longest name of a destination.
const NAME_LEN_MAX: usize = 32;

/// The settings of a profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the keys of storage accounts are; no part of the file.
    #[serde(skip)]
    pub(super) keys_dir: PathBuf,
    version: u32,
    /// The suite of new archives.
    #[serde(with = "text")]
    pub suite: Suite,
    /// How many bytes the spool of each archive may take; without it there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spool_bytes: Option<u64>,
    /// How the background service is a guest on this computer.
    #[serde(default, skip_serializing_if = "GuestSettings::is_default")]
    pub guest: GuestSettings,
    /// The commands that it runs.
    #[serde(default, skip_serializing_if = "HookSettings::is_default")]
    pub hooks: HookSettings,
    /// The destinations, in the order in which they were added.
    #[serde(default, rename = "destination", skip_serializing_if = "Vec::is_empty")]
    pub destinations: Vec<DestinationConfig>,
    /// The archives, in the order in which they were made.
    #[serde(default, rename = "archive", skip_serializing_if = "Vec::is_empty")]
    pub archives: Vec<ArchiveConfig>,
}

/// A destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DestinationConfig {
    /// Its name for people.
    #[serde(with = "text")]
    pub name: DestinationName,
    /// Its id.
    #[serde(with = "text")]
    pub id: DestinationId,
    /// Where it is.
    pub url: String,
    /// Whether the default archive goes there.
    pub default: bool,
}

/// An archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchiveConfig {
    /// Its id.
    #[serde(with = "text")]
    pub id: ArchiveId,
    /// Whether it is the archive of all default destinations.
    pub default: bool,
    /// Whether its generation record has been written.
    pub begun: bool,
    /// How long what was given up is kept at its destinations, such as `7d`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace: Option<String>,
    /// Where its replicas are.
    #[serde(with = "texts")]
    pub destinations: Vec<DestinationId>,
}

impl Config {
    /// Returns the settings of a new profile.
    pub fn new(suite: Suite) -> Self {
        Self {
            keys_dir: PathBuf::new(),
            version: VERSION,
            suite,
            spool_bytes: None,
            guest: GuestSettings::default(),
            hooks: HookSettings::default(),
            destinations: Vec::new(),
            archives: Vec::new(),
        }
    }

    /// Returns the folder of the profile that these are the settings of; `None` where they were not read from one.
    pub(crate) fn profile_dir(&self) -> Option<&std::path::Path> {
        self.keys_dir.parent()
    }

    /// Returns the destination with this name.
    pub fn destination(&self, name: &str) -> Option<&DestinationConfig> {
        let mut destinations = self.destinations.iter();
        destinations.find(|destination| destination.name.0 == name)
    }

    /// Returns the destination with this id.
    pub fn destination_by_id(&self, id: DestinationId) -> Option<&DestinationConfig> {
        self.destinations.iter().find(|found| found.id == id)
    }

    /// Returns the archive with this id.
    pub fn archive(&self, id: ArchiveId) -> Option<&ArchiveConfig> {
        self.archives.iter().find(|archive| archive.id == id)
    }

    /// Returns the archive with this id, to change it.
    pub fn archive_mut(&mut self, id: ArchiveId) -> Option<&mut ArchiveConfig> {
        self.archives.iter_mut().find(|archive| archive.id == id)
    }

    /// Returns the ids of the default destinations.
    pub fn default_destinations(&self) -> Vec<DestinationId> {
        let defaults = self.destinations.iter().filter(|found| found.default);
        defaults.map(|destination| destination.id).collect()
    }

    pub(crate) fn decode(text: &str, path: &str) -> Result<Self, AgentError> {
        let config: Self = toml::from_str(text).map_err(|source| AgentError::Config {
            path: path.to_owned(),
            source: Box::new(source),
        })?;
        if config.version > VERSION {
            return Err(AgentError::ProfileTooNew {
                path: path.to_owned(),
                found: config.version,
            });
        }
        Ok(config)
    }

    pub(crate) fn encode(&self) -> String {
        toml::to_string(self).expect("settings are tables of text, numbers and switches")
    }
}

/// The name of a destination: 1 to 32 characters of `a-z`, `0-9` and `-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DestinationName(String);

/// The text is not a name of a destination.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a name; a name has 1 to {NAME_LEN_MAX} characters of a-z, 0-9 and -, and begins with none of the last"
)]
pub struct NotAName {
    text: String,
}

impl DestinationName {
    /// Makes a name of the last component of a path that none of `taken` has.
    pub fn from_path(path: &str, taken: &[DestinationConfig]) -> Self {
        let last = path.trim_end_matches('/').rsplit('/').next();
        let name: String = last
            .unwrap_or_default()
            .chars()
            .flat_map(char::to_lowercase)
            .map(|c| if is_name_char(c) { c } else { '-' })
            .take(NAME_LEN_MAX - 4)
            .collect();
        let name = match name.trim_matches('-') {
            "" => "destination",
            name => name,
        };
        let is_free = |name: &str| taken.iter().all(|other| other.name.0 != name);
        let mut numbered = (2..1_000).map(|number| format!("{name}-{number}"));
        let free = is_free(name).then(|| name.to_owned());
        let free = free.or_else(|| numbered.find(|name| is_free(name)));
        Self(free.unwrap_or_else(|| name.to_owned()))
    }

    /// Understands the name of a new destination, which no option of a command can be taken for.
    pub fn for_new(text: &str) -> Result<Self, NotAName> {
        let name: Self = text.parse()?;
        if name.0.starts_with('-') {
            return Err(NotAName { text: name.0 });
        }
        Ok(name)
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_name_char(c: char) -> bool {
    matches!(c, 'a'..='z' | '0'..='9' | '-')
}

impl fmt::Display for DestinationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for DestinationName {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, NotAName> {
        if (1..=NAME_LEN_MAX).contains(&text.len()) && text.chars().all(is_name_char) {
            return Ok(Self(text.to_owned()));
        }
        Err(NotAName {
            text: text.to_owned(),
        })
    }
}

/// Values that are written as text.
mod text {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<T: Display, S: Serializer>(
        value: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// Lists of values that are written as text.
mod texts {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<T: Display, S: Serializer>(
        values: &[T],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(values.iter().map(ToString::to_string))
    }

    pub(super) fn deserialize<'de, T, D>(deserializer: D) -> Result<Vec<T>, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        let texts = Vec::<String>::deserialize(deserializer)?;
        let values = texts.iter().map(|text| text.parse());
        values.collect::<Result<_, _>>().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Config {
        let id = DestinationId([1; 16]);
        Config {
            destinations: vec![DestinationConfig {
                name: "disk".parse().unwrap(),
                id,
                url: "/mnt/disk".to_owned(),
                default: true,
            }],
            archives: vec![ArchiveConfig {
                id: ArchiveId([2; 16]),
                default: true,
                begun: false,
                grace: None,
                destinations: vec![id],
            }],
            ..Config::new(Suite::Aes256)
        }
    }

    #[test]
    fn the_file_is_for_people_too() {
        insta::assert_snapshot!(example().encode(), @r#"
        version = 1
        suite = "aes-256"

        [[destination]]
        name = "disk"
        id = "01010101010101010101010101010101"
        url = "/mnt/disk"
        default = true

        [[archive]]
        id = "02020202020202020202020202020202"
        default = true
        begun = false
        destinations = ["01010101010101010101010101010101"]
        "#);
        assert_eq!(Config::decode(&example().encode(), "x").unwrap(), example());
    }

    #[test]
    fn a_mistake_is_an_error() {
        let text = example().encode();
        for (from, to) in [
            ("url =", "ulr ="),
            ("\"disk\"", "\"Disk\""),
            ("aes-256", "aes-512"),
            ("version = 1", "version = 2"),
        ] {
            assert!(
                Config::decode(&text.replace(from, to), "x").is_err(),
                "{to}"
            );
        }
    }

    #[test]
    fn a_new_name_is_no_option() {
        assert!(DestinationName::for_new("x-1").is_ok());
        assert!(DestinationName::for_new("-x").is_err());
        assert!(DestinationName::for_new("X").is_err());
        // Settings that have one are understood.
        assert!("-x".parse::<DestinationName>().is_ok());
    }

    #[test]
    fn a_path_gives_a_name_that_is_free() {
        let name = |path: &str| DestinationName::from_path(path, &example().destinations).0;
        assert_eq!(name("/mnt/My Disk (1)/"), "my-disk--1");
        assert_eq!(name("/mnt/disk"), "disk-2");
        assert_eq!(name("/"), "destination");
        assert_eq!(name("/mnt/é"), "destination");
        let long = name(&"x".repeat(200));
        assert_eq!(long.parse::<DestinationName>().map(|name| name.0), Ok(long));
    }
}
