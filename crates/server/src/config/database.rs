//! `[database]`: what is kept where.

use std::path::Path;

use serde::{Deserialize, Serialize};
use strongroom_db::Address;
use utoipa::ToSchema;

use super::{ConfigError, wrong};

/// The file of the database, in the home folder, where no other is configured.
const FILE: &str = "server.sqlite";

/// What is kept where.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    /// `postgres://USER:PASSWORD@HOST/DATABASE`, or `sqlite:` and a file; without it, a file in the home folder.
    pub url: Option<String>,
    /// Most connections at once.
    pub connections: u32,
}

impl Default for Database {
    fn default() -> Self {
        Self {
            url: None,
            connections: 16,
        }
    }
}

/// The address may have a password.
impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database")
            .field("connections", &self.connections)
            .finish_non_exhaustive()
    }
}

impl Database {
    /// Returns where the database of a server with this home folder is.
    pub fn address(&self, home: &Path) -> Result<Address, ConfigError> {
        match &self.url {
            None => Ok(Address::of_file(&home.join(FILE))),
            Some(url) => url.parse().map_err(|error| wrong("database.url", error)),
        }
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.connections == 0 {
            return Err(wrong("database.connections", "there must be at least 1"));
        }
        self.address(Path::new("/")).map(drop)
    }
}
