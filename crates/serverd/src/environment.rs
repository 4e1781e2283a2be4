//! The environment, which is read here alone.

use std::path::PathBuf;

use strongroom_server::config::PREFIX;

/// Returns the home folder that the environment names.
pub(crate) fn home() -> Option<PathBuf> {
    let name = format!("{PREFIX}HOME");
    let home = std::env::vars_os().find(|(key, _)| *key == *name);
    home.map(|(_, value)| PathBuf::from(value))
}

/// Returns the variables that stand above the configuration file.
pub(crate) fn overrides() -> impl Iterator<Item = (String, String)> {
    let text = std::env::vars_os().filter_map(|(key, value)| {
        let pair = (key.into_string().ok()?, value.into_string().ok()?);
        Some(pair)
    });
    text.filter(|(name, _)| name.starts_with(PREFIX))
}
