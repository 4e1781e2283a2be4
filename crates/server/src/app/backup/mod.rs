//! Backups of the server's own database: one file, the same for both databases, sealed under the master key.
//!
//! ```text
//! one line of JSON, in clear: whose it is, of when, and the keys that it needs
//! sealed: the lines of `strongroom_db::logical`; the first line is its context
//! ```

mod factors;
mod make;
mod restore;

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use strongroom_base::{Class, Classified};
use strongroom_crypto::seal::SealingKey;
use strongroom_crypto::suite::Suite;

use super::{App, Fault};

pub use make::{list, make, make_scheduled, need};
pub use restore::{Restored, restore};

const FORMAT: &str = "strongroom-server-backup-v1";

/// What names of backups begin and end with.
const PREFIX: &str = "strongroom-server-";
const SUFFIX: &str = ".backup";

/// Why there is no backup, or it is not restored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// A file cannot be written or read.
    #[error("`{path}` cannot be used")]
    Io {
        /// Which.
        path: PathBuf,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
    /// The file is no backup that this program reads.
    #[error("this is no backup of a server, or one of a newer program")]
    NotOne,
    /// It was made under another master key.
    #[error("the backup needs the master key {0}: put that back first")]
    OtherMaster(String),
    /// It is not as it was written.
    #[error("the backup is damaged, or was changed")]
    Damaged,
    /// There is something in the database.
    #[error("there is a server in this database: say that it is to be replaced")]
    InUse,
    /// Something else failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl Classified for BackupError {
    fn class(&self) -> Class {
        match self {
            Self::Io { .. } => Class::Retry,
            Self::NotOne | Self::InUse => Class::Caller,
            Self::OtherMaster(_) => Class::WrongKey,
            Self::Damaged => Class::Damage,
            Self::Fault(source) => source.class(),
        }
    }
}

impl From<strongroom_db::DbError> for BackupError {
    fn from(error: strongroom_db::DbError) -> Self {
        Self::Fault(error.into())
    }
}

/// What stands before a backup, for everybody to read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    format: String,
    /// Which server.
    pub server: String,
    /// In which epoch.
    pub epoch: u32,
    /// When it was made, in seconds since 1970.
    pub made: u64,
    /// The master key without which it does not open.
    pub master: String,
    /// The keys without which secrets of other systems do not open.
    pub keys: Vec<String>,
}

fn key(app: &App) -> Result<SealingKey, Fault> {
    let key = app.vault.derived("backups");
    let key = SealingKey::new(Suite::Aes256, key.expose_bytes());
    key.ok_or(Fault::Program("a key of AES-256 has 32 bytes"))
}

fn io_error(path: &Path, source: io::Error) -> BackupError {
    BackupError::Io {
        path: path.to_owned(),
        source,
    }
}
