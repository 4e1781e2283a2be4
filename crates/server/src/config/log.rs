//! `[log]`: what is logged, and how.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ConfigError, wrong};

/// What is logged, and how.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// The form of a line.
    pub form: LogForm,
    /// From which level on: `error`, `warn`, `info`, `debug` or `trace`.
    pub level: String,
}

/// The form of a line of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LogForm {
    /// For people.
    #[default]
    Text,
    /// For programs: one JSON object a line.
    Json,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            form: LogForm::Text,
            level: "info".to_owned(),
        }
    }
}

impl Log {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];
        if LEVELS.contains(&self.level.as_str()) {
            return Ok(());
        }
        let detail = format!("one of {}", LEVELS.join(", "));
        Err(wrong("log.level", detail))
    }
}
