//! `[sessions]`: how long sign-ins last where no organisation has settings of its own about that.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use strongroom_domain::policy::{Lifetime, SessionSettings, Setting};
use utoipa::ToSchema;

use super::{ConfigError, wrong};

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
    /// Returns what holds where no organisation says otherwise.
    pub fn settings(&self) -> SessionSettings {
        let mut settings = SessionSettings::default();
        if let Ok([idle, absolute, token_life_max]) = self.lifetimes() {
            settings.idle = Setting::open(idle);
            settings.absolute = Setting::open(absolute);
            settings.token_life_max = Setting::open(token_life_max);
        }
        settings
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let [idle, absolute, _] = self.lifetimes()?;
        if absolute < idle {
            let detail = "a session cannot end before it may be idle";
            return Err(wrong("sessions.absolute_hours", detail));
        }
        Ok(())
    }

    fn lifetimes(&self) -> Result<[Lifetime; 3], ConfigError> {
        let lifetime = |path, seconds: u64, count: u32| {
            let length = Duration::from_secs(seconds * u64::from(count));
            Lifetime::new(length).map_err(|error| wrong(path, error))
        };
        Ok([
            lifetime("sessions.idle_minutes", 60, self.idle_minutes)?,
            lifetime("sessions.absolute_hours", 3_600, self.absolute_hours)?,
            lifetime(
                "sessions.token_days_max",
                86_400,
                u32::from(self.token_days_max),
            )?,
        ])
    }
}
