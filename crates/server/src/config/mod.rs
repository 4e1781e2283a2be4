//! The configuration: one file of TOML, one struct a section, each of which says what is wrong by the path of the key.
//!
//! A variable of the environment named `STRONGROOM_SERVER_SECTION_KEY` stands above the file.

mod acme;
mod audit;
mod backup;
mod database;
mod limits;
mod listen;
mod log;
mod sessions;
mod tls;

use std::path::Path;

use serde::{Deserialize, Serialize};
use strongroom_base::{Class, Classified};
use strongroom_domain::policy::ServerGroups;
use toml::{Table, Value};
use utoipa::{PartialSchema, ToSchema};

use crate::app::Settings;

pub use acme::Acme;
pub use audit::{Audit, AuditSink, SinkForm, SinkKind};
pub use backup::Backup;
pub use database::Database;
pub use limits::Limits;
pub use listen::Listen;
pub use log::{Log, LogForm};
pub use sessions::Sessions;
pub use tls::{OldestTls, Tls};

/// What variables of the environment begin with.
pub const PREFIX: &str = "STRONGROOM_SERVER_";

/// The configuration.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the server is reached.
    pub listen: Listen,
    /// How connections are secured.
    pub tls: Tls,
    /// What is kept where.
    pub database: Database,
    /// How long sign-ins last.
    pub sessions: Sessions,
    /// How much one caller may ask for.
    pub limits: Limits,
    /// The backups that the server makes of its own database.
    pub backup: Backup,
    /// Places besides the database that the audit log is delivered to.
    pub audit: Audit,
    /// What is logged.
    pub log: Log,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file is no TOML.
    #[error("the configuration is no TOML")]
    NotToml(#[source] toml::de::Error),
    /// A value is wrong, or there is no such key.
    #[error("{path}: {detail}")]
    Wrong {
        /// The path of the key.
        path: String,
        /// What is wrong.
        detail: String,
    },
}

impl Classified for ConfigError {
    fn class(&self) -> Class {
        Class::Caller
    }
}

/// Makes the error for a key.
fn wrong(path: &str, detail: impl std::fmt::Display) -> ConfigError {
    ConfigError::Wrong {
        path: path.to_owned(),
        detail: detail.to_string(),
    }
}

impl Config {
    /// Reads a configuration, with what the environment says above it, and checks it.
    pub fn read(
        text: &str,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut table: Table = text.parse().map_err(ConfigError::NotToml)?;
        for (name, value) in environment {
            override_by(&mut table, &name, value)?;
        }
        let config: Self =
            serde_path_to_error::deserialize(Value::Table(table)).map_err(|error| {
                let path = error.path().to_string();
                // The last line says what; those before it repeat the file.
                let detail = error.into_inner().message().to_owned();
                wrong(&path, detail)
            })?;
        config.check()?;
        Ok(config)
    }

    /// Returns what use cases need of it.
    pub fn settings(&self, fingerprint: Option<String>) -> Settings {
        Settings {
            public_address: self.listen.public_address(),
            fingerprint,
            groups: ServerGroups {
                sessions: self.sessions.settings(),
                ..ServerGroups::default()
            },
            requests_at_once: self.limits.requests_at_once,
            requests_a_second: self.limits.requests_a_second,
            sinks: Vec::new(),
            backups: None,
            acme: None,
        }
    }

    /// Returns the form of the file, as a JSON schema.
    pub fn schema() -> serde_json::Value {
        let mut parts = Vec::new();
        Self::schemas(&mut parts);
        let parts: std::collections::BTreeMap<_, _> = parts.into_iter().collect();
        let mut schema =
            serde_json::to_value(<Self as PartialSchema>::schema()).unwrap_or_default();
        let parts = serde_json::to_value(parts).unwrap_or_default();
        schema["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
        schema["$defs"] = parts;
        let text = schema.to_string();
        let text = text.replace("#/components/schemas/", "#/$defs/");
        serde_json::from_str(&text).unwrap_or_default()
    }

    fn check(&self) -> Result<(), ConfigError> {
        self.listen.check()?;
        let listen = &self.listen;
        let public_host = listen.public_address.is_some();
        let public_host = public_host.then(|| listen.public_host());
        self.tls.check(public_host.as_deref())?;
        self.database.check()?;
        self.sessions.check()?;
        self.limits.check()?;
        self.backup.check()?;
        self.audit.check()?;
        self.log.check()
    }
}

/// Puts the value of a variable in its place.
fn override_by(table: &mut Table, name: &str, value: String) -> Result<(), ConfigError> {
    let Some(rest) = name.strip_prefix(PREFIX) else {
        return Ok(());
    };
    let Some((section, key)) = rest.split_once('_') else {
        return Ok(());
    };
    let (section, key) = (section.to_lowercase(), key.to_lowercase());
    // A number or a list is one; everything else is text.
    let parsed = format!("value = {value}").parse::<Table>().ok();
    let parsed = parsed.and_then(|mut table| table.remove("value"));
    let parsed = parsed.unwrap_or(Value::String(value));
    let at = table
        .entry(section.clone())
        .or_insert_with(|| Value::Table(Table::new()));
    match at {
        Value::Table(section) => {
            section.insert(key, parsed);
            Ok(())
        }
        _ => Err(wrong(&section, "this is a section")),
    }
}

/// Returns a path of the configuration below the home folder, unless it is one from the root.
pub fn below(home: &Path, path: &Path) -> std::path::PathBuf {
    home.join(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, environment: &[(&str, &str)]) -> Result<Config, String> {
        let environment = environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::read(text, environment).map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_is_needed() {
        let config = read("", &[]).unwrap();
        assert_eq!(config.listen.address.to_string(), "0.0.0.0:7443");
        assert_eq!(config.database.url, None);
    }

    #[track_caller]
    fn check_path(text: &str, path: &str) {
        let error = read(text, &[]).unwrap_err();
        assert!(error.starts_with(path), "{text}: {error}");
    }

    #[test]
    fn what_is_wrong_is_named_by_its_path() {
        for (text, path) in [
            ("[database]\nurl = 5", "database.url: "),
            ("[database]\nurrl = 'x'", "database.urrl: "),
            ("[database]\nurl = 'mysql://x'", "database.url: "),
            ("[listen]\naddress = 'here'", "listen.address: "),
            ("[listen]\nconnections_max = 0", "listen.connections_max: "),
            (
                "[listen]\ntrusted_proxies = ['x']",
                "listen.trusted_proxies[0]: ",
            ),
            (
                "[listen]\npublic_address = 'http://x'",
                "listen.public_address: ",
            ),
            ("[tls]\ncertificate = 'x'", "tls.key: "),
            ("[tls]\noldest = '1.1'", "tls.oldest: "),
            ("[sessions]\nidle_minutes = 0", "sessions.idle_minutes: "),
            (
                "[sessions]\nabsolute_hours = 1",
                "sessions.absolute_hours: ",
            ),
            (
                "[[audit.sinks]]\nname = 'a'\nkind = 'file'",
                "audit.sinks[0].path: ",
            ),
            (
                "[[audit.sinks]]\nname = 'a'\nkind = 'syslog-tls'\naddress = 'host:6514'",
                "audit.sinks[0].ca: ",
            ),
            (
                "[[audit.sinks]]\nname = 'a'\nkind = 'file'\npath = 'x'\nends_silently = true",
                "audit.sinks[0].ends_silently: ",
            ),
            (
                "[[audit.sinks]]\nname = 'a'\nkind = 'syslog-udp'\naddress = 'host'",
                "audit.sinks[0].address: ",
            ),
            (
                "[[audit.sinks]]\nname = 'A'\nkind = 'file'\npath = 'x'",
                "audit.sinks[0].name: ",
            ),
            (
                "[limits]\nrequests_a_second = 0",
                "limits.requests_a_second: ",
            ),
            ("[log]\nlevel = 'all,'", "log.level: "),
            ("[logs]", "logs: "),
        ] {
            check_path(text, path);
        }
        assert_eq!(read("[x", &[]).unwrap_err(), "the configuration is no TOML");
    }

    #[test]
    fn what_is_wrong_of_an_authority_is_named_by_its_path() {
        for (text, path) in [
            ("[tls.acme]\nterms_agreed = true", "tls.acme.domains: "),
            ("[tls.acme]\ndomains = ['a', 'B']", "tls.acme.domains[1]: "),
            ("[tls.acme]\ndomains = ['a', 'a']", "tls.acme.domains[1]: "),
            ("[tls.acme]\ndomains = ['a']", "tls.acme.terms_agreed: "),
            (
                "[tls.acme]\ndomains = ['a']\ndirectory = 'http://x'",
                "tls.acme.directory: ",
            ),
            (
                "[tls.acme]\ndomains = ['a']\ncontact = ['mailto:me@x']",
                "tls.acme.contact: ",
            ),
            (
                "[tls.acme]\ndomains = ['a']\nchallenge = 'dns-01'",
                "tls.acme.challenge: ",
            ),
            (
                "[listen]\npublic_address = 'https://b'\n[tls.acme]\ndomains = ['a']",
                "tls.acme.domains: ",
            ),
            (
                "[tls]\ncertificate = 'x'\nkey = 'y'\n[tls.acme]\ndomains = ['a']",
                "tls.acme: ",
            ),
        ] {
            check_path(text, path);
        }
    }

    #[test]
    fn an_authority_is_configured_in_a_section() {
        let text = "[listen]\npublic_address = 'https://a.example:443'\n[tls.acme]\ndomains = ['a.example']\n\
                    contact = ['me@a.example']\nterms_agreed = true\nca = 'ca.pem'";
        let acme = read(text, &[]).unwrap().tls.acme.unwrap();
        let settings = acme.settings(Path::new("/home"));
        assert!(settings.directory.contains("letsencrypt.org"));
        assert_eq!(settings.contact, ["mailto:me@a.example"]);
        assert_eq!(settings.ca.unwrap(), Path::new("/home/ca.pem"));
    }

    #[test]
    fn the_environment_stands_above_the_file() {
        let environment = [
            ("STRONGROOM_SERVER_DATABASE_URL", "postgres://x/y"),
            ("STRONGROOM_SERVER_LIMITS_REQUESTS_A_SECOND", "7"),
            ("STRONGROOM_SERVER_LISTEN_TRUSTED_PROXIES", "['10.0.0.0/8']"),
            ("STRONGROOM_SERVER_HOME", "/x"),
            ("HOME", "/root"),
        ];
        let config = read("[database]\nurl = 'sqlite:a'", &environment).unwrap();
        assert_eq!(config.database.url.as_deref(), Some("postgres://x/y"));
        assert_eq!(config.limits.requests_a_second, 7);
        assert_eq!(config.listen.trusted_proxies.len(), 1);
        let error = read("", &[("STRONGROOM_SERVER_DATABASE_URRL", "x")]).unwrap_err();
        assert!(error.starts_with("database.urrl: "), "{error}");
    }

    #[test]
    fn an_error_never_repeats_a_password() {
        let error = read("[database]\nurl = 'mysql://root:hunter2@x'", &[]).unwrap_err();
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn the_schema_has_every_section() {
        let schema = Config::schema();
        let properties = schema["properties"].as_object().unwrap();
        let names: Vec<&str> = properties.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "audit", "backup", "database", "limits", "listen", "log", "sessions", "tls"
            ]
        );
        let database = &schema["$defs"]["Database"]["properties"];
        assert!(database["url"].is_object(), "{schema}");
        let acme = &schema["$defs"]["Acme"]["properties"];
        assert!(acme["domains"].is_object(), "{schema}");
    }
}
