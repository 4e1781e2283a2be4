//! The settings of the service.

use serde::Serialize;

use super::control::Ask;
use super::hook::HookSettings;
use super::socket::ask;
use crate::AgentError;
use crate::guest::GuestSettings;
use crate::profile::Profile;

/// The settings of the service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServiceSettings {
    /// What it may use of this computer.
    #[serde(flatten)]
    pub guest: GuestSettings,
    /// The commands that it runs.
    pub hooks: HookSettings,
}

/// Changes the settings of a profile, tells a service that runs, and returns them.
pub fn change_settings(
    profile: &Profile,
    change: impl FnOnce(&mut ServiceSettings),
) -> Result<ServiceSettings, AgentError> {
    let settings = {
        let _lock = profile.lock()?;
        let mut config = profile.config()?;
        let before = config.clone();
        let mut settings = ServiceSettings {
            guest: config.guest,
            hooks: config.hooks,
        };
        change(&mut settings);
        (config.guest, config.hooks) = (settings.guest.clone(), settings.hooks.clone());
        if config != before {
            profile.save_config(&config)?;
        }
        settings
    };
    ask(profile, Ask::Settings)?;
    Ok(settings)
}
