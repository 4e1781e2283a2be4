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
    #[error("the catalogue `{}` failed; it can be deleted, and is then made anew", .path.display())]
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
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
        match self {
            Self::Database { source, .. } => match source {
                rusqlite::Error::InvalidQuery => true,
                other => matches!(
                    other.sqlite_error_code(),
                    Some(DatabaseCorrupt | NotADatabase)
                ),
            },
            _ => false,
        }
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
