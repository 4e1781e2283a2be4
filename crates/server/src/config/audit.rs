//! `[audit]`: places besides the database that the audit log is delivered to.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde::{Deserialize, Serialize};
use strongroom_custody::audit::Format;
use utoipa::ToSchema;

use super::{ConfigError, wrong};
use crate::app::audit::sinks::{End, PATIENCE, Place, SinkSettings, Transport};

/// Most places.
const SINKS_MAX: usize = 16;

/// Longest name of one, in bytes.
const NAME_LEN_MAX: usize = 32;

/// Places besides the database that the audit log is delivered to.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Audit {
    /// The places, each a section `[[audit.sinks]]`.
    pub sinks: Vec<AuditSink>,
}

/// A place that the audit log is delivered to.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditSink {
    /// What it is called: small letters, digits and dashes. Under this name is kept how far it has come.
    pub name: String,
    /// What it is.
    pub kind: SinkKind,
    /// How entries are written.
    #[serde(default)]
    pub form: SinkForm,
    /// Of a file: its path, below the home folder unless it begins at the root.
    #[schema(value_type = Option<String>)]
    pub path: Option<PathBuf>,
    /// Of a collector: its host and port.
    pub address: Option<String>,
    /// Of a collector that is reached by TLS: a file with the certificates of those who vouch for it.
    #[schema(value_type = Option<String>)]
    pub ca: Option<PathBuf>,
    /// Of such a collector: that it ends a connection without saying so, which anybody on the way could do too.
    #[serde(default)]
    pub ends_silently: bool,
}

/// What a place is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SinkKind {
    /// A file that grows.
    File,
    /// A collector that takes datagrams; what gets lost on the way is lost.
    SyslogUdp,
    /// A collector that takes connections in the clear.
    SyslogTcp,
    /// A collector that takes connections by TLS.
    SyslogTls,
}

/// How entries are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SinkForm {
    /// One JSON object a line.
    #[default]
    Json,
    /// Common Event Format.
    Cef,
}

impl Audit {
    /// Returns the places; `host` is what the server is called there.
    pub fn sinks(&self, home: &Path, host: &str) -> Result<Vec<SinkSettings>, ConfigError> {
        let sinks = self.sinks.iter().enumerate();
        sinks
            .map(|(at, sink)| sink.settings(&format!("audit.sinks[{at}]"), home, host))
            .collect()
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.sinks.len() > SINKS_MAX {
            let detail = format!("there are at most {SINKS_MAX}");
            return Err(wrong("audit.sinks", detail));
        }
        for (at, sink) in self.sinks.iter().enumerate() {
            let path = format!("audit.sinks[{at}]");
            sink.check(&path)?;
            let others = self.sinks.get(..at).unwrap_or_default();
            if others.iter().any(|other| other.name == sink.name) {
                let detail = format!("there are two of the name `{}`", sink.name);
                return Err(wrong(&format!("{path}.name"), detail));
            }
        }
        Ok(())
    }
}

impl AuditSink {
    fn check(&self, at: &str) -> Result<(), ConfigError> {
        let is_in = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !(1..=NAME_LEN_MAX).contains(&self.name.len()) || !self.name.bytes().all(is_in) {
            let detail = format!("1 to {NAME_LEN_MAX} small letters, digits and dashes");
            return Err(wrong(&format!("{at}.name"), detail));
        }
        let (needs_path, needs_ca) = match self.kind {
            SinkKind::File => (true, false),
            SinkKind::SyslogUdp | SinkKind::SyslogTcp => (false, false),
            SinkKind::SyslogTls => (false, true),
        };
        for (key, is_there, is_needed) in [
            ("path", self.path.is_some(), needs_path),
            ("address", self.address.is_some(), !needs_path),
            ("ca", self.ca.is_some(), needs_ca),
            // Without it, it is not so.
            (
                "ends_silently",
                self.ends_silently,
                self.ends_silently && needs_ca,
            ),
        ] {
            if is_there != is_needed {
                let detail = if is_needed {
                    "this kind of place needs it"
                } else {
                    "this kind of place has none"
                };
                return Err(wrong(&format!("{at}.{key}"), detail));
            }
        }
        if !needs_path {
            self.host_and_port(at)?;
        }
        Ok(())
    }

    fn host_and_port(&self, at: &str) -> Result<(String, u16), ConfigError> {
        let address = self.address.as_deref().unwrap_or_default();
        let split = address.rsplit_once(':');
        let parsed = split.and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
        let host = |host: &str| {
            host.trim_start_matches('[')
                .trim_end_matches(']')
                .to_owned()
        };
        match parsed {
            Some((named, port)) if !named.is_empty() && port > 0 => Ok((host(named), port)),
            _ => Err(wrong(
                &format!("{at}.address"),
                "a host and a port: HOST:PORT",
            )),
        }
    }

    fn settings(&self, at: &str, home: &Path, from: &str) -> Result<SinkSettings, ConfigError> {
        let place = match (self.kind, &self.path) {
            (SinkKind::File, Some(path)) => Place::File(super::below(home, path)),
            (kind, _) => {
                let (host, port) = self.host_and_port(at)?;
                let transport = match kind {
                    SinkKind::SyslogUdp => Transport::Udp,
                    SinkKind::SyslogTls if self.ends_silently => {
                        Transport::Tls(self.roots(at, home)?, End::Silent)
                    }
                    SinkKind::SyslogTls => Transport::Tls(self.roots(at, home)?, End::Said),
                    SinkKind::SyslogTcp | SinkKind::File => Transport::Tcp,
                };
                let from = from.to_owned();
                Place::Syslog {
                    transport,
                    host,
                    port,
                    from,
                }
            }
        };
        Ok(SinkSettings {
            name: self.name.clone(),
            place,
            format: match self.form {
                SinkForm::Json => Format::Json,
                SinkForm::Cef => Format::Cef,
            },
            patience: PATIENCE,
        })
    }

    fn roots(&self, at: &str, home: &Path) -> Result<Arc<RootCertStore>, ConfigError> {
        let path = format!("{at}.ca");
        let file = super::below(home, self.ca.as_deref().unwrap_or(Path::new("")));
        let text = std::fs::read(&file).map_err(|error| wrong(&path, error))?;
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&text) {
            let certificate = certificate.map_err(|error| wrong(&path, error))?;
            roots
                .add(certificate)
                .map_err(|error| wrong(&path, error))?;
        }
        if roots.is_empty() {
            return Err(wrong(&path, "there is no certificate in the file"));
        }
        Ok(Arc::new(roots))
    }
}
