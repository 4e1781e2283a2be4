//! `[tls]`: how connections are secured.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ConfigError, wrong};
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

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        match (&self.certificate, &self.key) {
            (Some(_), None) => Err(wrong("tls.key", "a certificate needs its key")),
            (None, Some(_)) => Err(wrong("tls.certificate", "a key needs its certificate")),
            (Some(_), Some(_)) | (None, None) => Ok(()),
        }
    }
}
