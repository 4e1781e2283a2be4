//! `[limits]`: how much one caller may ask for, on one node.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ConfigError, wrong};
use crate::app::Settings;

/// How much one caller may ask for, on one node.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// How many requests a caller may send at once: of those that read, so many; of those that change something, a
    /// fifth.
    pub requests_at_once: u32,
    /// How many a second after that.
    pub requests_a_second: u32,
}

impl Default for Limits {
    fn default() -> Self {
        let settings = Settings::default();
        Self {
            requests_at_once: settings.requests_at_once,
            requests_a_second: settings.requests_a_second,
        }
    }
}

impl Limits {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        for (path, value) in [
            ("limits.requests_at_once", self.requests_at_once),
            ("limits.requests_a_second", self.requests_a_second),
        ] {
            if value == 0 {
                return Err(wrong(path, "there must be at least 1"));
            }
        }
        Ok(())
    }
}
