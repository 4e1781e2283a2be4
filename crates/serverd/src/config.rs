//! `strongroom-server config`

use std::io::ErrorKind;

use anyhow::{Context as _, Result};
use strongroom_server::config::Config;

use crate::arguments::{self, Arguments};
use crate::{environment, output};

pub(crate) fn run(arguments: &Arguments, command: &arguments::Config) -> Result<()> {
    match command {
        arguments::Config::Check => {
            read(arguments)?;
            output::line("the configuration is good");
        }
        arguments::Config::Schema => {
            output::line(&serde_json::to_string_pretty(&Config::schema())?);
        }
    }
    Ok(())
}

/// Reads the configuration. One that was named must be there.
pub(crate) fn read(arguments: &Arguments) -> Result<Config> {
    let named = arguments.config();
    let default = arguments.home().join("server.toml");
    let path = named.as_deref().unwrap_or(&default);
    let text = match std::fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound && named.is_none() => String::new(),
        other => other.with_context(|| format!("{} cannot be read", path.display()))?,
    };
    let config = Config::read(&text, environment::overrides());
    config.with_context(|| format!("{} is wrong", path.display()))
}
