//! What use cases need of the configuration.

use std::path::PathBuf;
use std::time::Duration;

use strongroom_domain::policy::ServerGroups;

use super::audit::sinks::SinkSettings;
use super::certificate::AcmeSettings;

/// What use cases need of the configuration.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The address under which users reach the server, without a path.
    pub public_address: String,
    /// What clients pin: the SHA-256 hash of the certificate, in hexadecimal; `None` where one of a public authority
    /// is used.
    pub fingerprint: Option<String>,
    /// What holds where no organisation says otherwise.
    pub groups: ServerGroups,
    /// How many requests a caller may send at once, and how many a second after that.
    pub requests_at_once: u32,
    /// See there.
    pub requests_a_second: u32,
    /// Places besides the database that the audit log is delivered to.
    pub sinks: Vec<SinkSettings>,
    /// The backups that the server makes of its database.
    pub backups: Option<Backups>,
    /// The authority that gives the server its certificate.
    pub acme: Option<AcmeSettings>,
}

/// Backups that the server makes of its database.
#[derive(Clone, Debug)]
pub struct Backups {
    /// Where.
    pub folder: PathBuf,
    /// How long there is between two; nothing for none.
    pub every: Duration,
    /// How many are kept.
    pub keep: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            public_address: "https://localhost:7443".to_owned(),
            fingerprint: None,
            groups: ServerGroups {
                sessions: crate::config::Sessions::default().settings(),
                ..ServerGroups::default()
            },
            requests_at_once: 200,
            requests_a_second: 50,
            sinks: Vec::new(),
            backups: None,
            acme: None,
        }
    }
}
