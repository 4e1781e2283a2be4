//! `[backup]`: backups that the server makes of its own database.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ConfigError, wrong};
use crate::app::Backups;

/// Backups that the server makes of its own database.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Backup {
    /// The folder, below the home folder unless it begins at the root.
    #[schema(value_type = String)]
    pub folder: PathBuf,
    /// How many hours there are between two; 0 for none.
    pub every_hours: u32,
    /// How many are kept.
    pub keep: u32,
}

impl Default for Backup {
    fn default() -> Self {
        Self {
            folder: PathBuf::from("backups"),
            every_hours: 24,
            keep: 14,
        }
    }
}

impl Backup {
    /// Returns what is made, and where.
    pub fn backups(&self, home: &Path) -> Backups {
        Backups {
            folder: super::below(home, &self.folder),
            every: Duration::from_hours(u64::from(self.every_hours)),
            keep: usize::try_from(self.keep).unwrap_or(usize::MAX),
        }
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.keep == 0 {
            return Err(wrong("backup.keep", "there must be at least 1"));
        }
        Ok(())
    }
}
