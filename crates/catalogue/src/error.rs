//! What can go wrong with the catalogue.

use std::path::PathBuf;

use strongroom_base::wire::WireError;
use strongroom_base::{Class, Classified};
use strongroom_format::FormatError;
use strongroom_store::StoreError;

/// What can go wrong with the catalogue. None of it loses anything: a catalogue can be deleted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogueError {
    /// The database failed.
    #[error("the catalogue `{}` failed{}", .path.display(), advice(.source))]
    Database {
        /// The file of the database.
        path: PathBuf,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// A local copy of an index run cannot be read or written.
    #[error(transparent)]
    File(#[from] StoreError),
    /// A local copy of an index run is damaged.
    #[error("a local copy of an index run is damaged; the catalogue can be deleted")]
    Run(#[from] FormatError),
    /// A row is not as this program writes it.
    #[error("a row of the catalogue is damaged; the catalogue can be deleted")]
    Row(#[from] WireError),
    /// The local copy of a run could not be read.
    #[error("cannot read the local copy of an index run")]
    Read(#[from] std::io::Error),
}

impl CatalogueError {
    /// Says whether the database is damaged or another program's, and not merely out of reach.
    pub(crate) fn is_damage(&self) -> bool {
        matches!(self, Self::Database { source, .. } if is_damage(source))
    }
}

fn is_damage(source: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    let code = source.sqlite_error_code();
    matches!(source, rusqlite::Error::InvalidQuery)
        || matches!(code, Some(DatabaseCorrupt | NotADatabase))
}

/// Says what a failure of the database means, where it is known: deleting it helps against damage alone.
fn advice(source: &rusqlite::Error) -> &'static str {
    match source.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DiskFull) => ": there is no space left on its disk",
        _ if is_damage(source) => "; it can be deleted, and is then made anew",
        _ => "",
    }
}

impl Classified for CatalogueError {
    fn class(&self) -> Class {
        match self {
            Self::File(source) => source.class(),
            Self::Database { .. } | Self::Read(_) => Class::Retry,
            Self::Run(_) | Self::Row(_) => Class::Damage,
        }
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi::{SQLITE_BUSY, SQLITE_CORRUPT, SQLITE_FULL};

    use super::*;

    #[test]
    fn only_a_damaged_database_can_be_deleted() {
        let told = |code| CatalogueError::Database {
            path: "c".into(),
            source: rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None),
        };
        let told = |code| told(code).to_string();
        assert_eq!(
            told(SQLITE_FULL),
            "the catalogue `c` failed: there is no space left on its disk"
        );
        assert_eq!(told(SQLITE_BUSY), "the catalogue `c` failed");
        assert_eq!(
            told(SQLITE_CORRUPT),
            "the catalogue `c` failed; it can be deleted, and is then made anew"
        );
    }
}
