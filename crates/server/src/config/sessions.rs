//! `[sessions]`: how long sign-ins last.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use strongroom_domain::session::SessionTerms;
use utoipa::ToSchema;

use super::{ConfigError, wrong};

/// Most days that a token may be let live: ten years.
const TOKEN_DAYS_MAX: u16 = 3660;

/// How long sign-ins last.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Sessions {
    /// A session ends that was not used for so many minutes.
    pub idle_minutes: u32,
    /// A session ends after so many hours, used or not.
    pub absolute_hours: u32,
    /// Most days that an API token may live.
    pub token_days_max: u16,
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            idle_minutes: 12 * 60,
            absolute_hours: 7 * 24,
            token_days_max: 366,
        }
    }
}

impl Sessions {
    /// Returns how long sessions last.
    pub fn terms(&self) -> SessionTerms {
        SessionTerms {
            idle: Duration::from_mins(u64::from(self.idle_minutes)),
            absolute: Duration::from_hours(u64::from(self.absolute_hours)),
        }
    }

    /// Returns how long an API token may live.
    pub fn token_life_max(&self) -> Duration {
        Duration::from_hours(24 * u64::from(self.token_days_max))
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.idle_minutes == 0 {
            return Err(wrong("sessions.idle_minutes", "there must be at least 1"));
        }
        if self.terms().absolute < self.terms().idle {
            let detail = "a session cannot end before it may be idle";
            return Err(wrong("sessions.absolute_hours", detail));
        }
        if self.token_days_max == 0 || self.token_days_max > TOKEN_DAYS_MAX {
            let detail = format!("from 1 to {TOKEN_DAYS_MAX}");
            return Err(wrong("sessions.token_days_max", detail));
        }
        Ok(())
    }
}
