//! `[tls]`: how connections are secured.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Acme, ConfigError, wrong};
use crate::http::tls::Oldest;

/// How connections are secured. Without a certificate the server makes one at its first start, which clients pin.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// A file with the certificate, and those above it (PEM).
    #[schema(value_type = Option<String>)]
    pub certificate: Option<PathBuf>,
    /// A file with its key (PEM).
    #[schema(value_type = Option<String>)]
    pub key: Option<PathBuf>,
    /// The oldest version that is spoken.
    pub oldest: OldestTls,
    /// An authority that gives a certificate, in the place of files.
    pub acme: Option<Acme>,
}

/// The oldest version of TLS that is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum OldestTls {
    /// 1.3.
    #[default]
    #[serde(rename = "1.3")]
    Tls13,
    /// 1.2.
    #[serde(rename = "1.2")]
    Tls12,
}

impl Tls {
    /// Returns the oldest version that is spoken.
    pub fn oldest(&self) -> Oldest {
        match self.oldest {
            OldestTls::Tls13 => Oldest::Tls13,
            OldestTls::Tls12 => Oldest::Tls12,
        }
    }

    pub(super) fn check(&self, public_host: Option<&str>) -> Result<(), ConfigError> {
        if let Some(acme) = &self.acme {
            if self.certificate.is_some() || self.key.is_some() {
                let detail =
                    "a certificate is that of files or that of an authority: name one of both";
                return Err(wrong("tls.acme", detail));
            }
            acme.check(public_host)?;
        }
        match (&self.certificate, &self.key) {
            (Some(_), None) => Err(wrong("tls.key", "a certificate needs its key")),
            (None, Some(_)) => Err(wrong("tls.certificate", "a key needs its certificate")),
            (Some(_), Some(_)) | (None, None) => Ok(()),
        }
    }
}
