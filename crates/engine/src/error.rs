//! What can stop the engine.

use std::io;
use std::path::Path;

use strongroom_base::ids::{ArchiveId, Seq};
use strongroom_base::object::RecordId;
use strongroom_base::{Class, Classified};
use strongroom_catalogue::CatalogueError;
use strongroom_read::ReadError;
use strongroom_replica::ReplicaError;
use strongroom_store::StoreError;

use crate::memory::MemoryError;

/// What can stop the engine. What happens to a single file does not: it is a
/// [`Warning`](crate::Warning).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// Reading the archive failed.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The catalogue failed.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// What this computer remembers of the archive could not be read or written.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// A path that was to be backed up cannot be read.
    #[error("cannot back up `{path}`")]
    Root {
        /// The path.
        path: String,
        /// Why.
        #[source]
        source: strongroom_files::Error,
    },
    /// A path that was to be backed up is not absolute, or lies below another one.
    #[error("cannot back up `{path}`: {reason}")]
    UnfitRoot {
        /// The path.
        path: String,
        /// Why.
        reason: &'static str,
    },
    /// A snapshot cannot hold so much.
    #[error("{count} {what} are too many: a snapshot holds at most {max}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many there may be.
        max: usize,
    },
    /// No reader would take a record that was about to be written; nothing was.
    #[error("record {id} would be one that nobody can read; this is a mistake in the program")]
    Unwritable {
        /// The record.
        id: RecordId,
        /// What is wrong with it.
        #[source]
        source: ReadError,
    },
    /// A destination is ahead of what this computer remembers.
    #[error("{destination} is ahead of this profile: {}", ahead(*.found, *.known))]
    Fenced {
        /// The destination.
        destination: String,
        /// The newest record there.
        found: RecordId,
        /// The newest record that the profile knows.
        known: Option<RecordId>,
    },
    /// The archive was to go back to an older record, which is not finished, and a newer one is there.
    #[error(
        "the archive was to go back to record {kept}, and that is not finished: {destination} has record {found}, which is newer"
    )]
    GoingBack {
        /// The destination.
        destination: String,
        /// The newest record there.
        found: RecordId,
        /// The record that the archive goes back to.
        kept: RecordId,
    },
    /// There is nothing at a destination that could be accepted.
    #[error(
        "there is nothing to accept: the destination is not one of the archive's, or holds nothing of it"
    )]
    NothingToAccept,
    /// The archive would go back further than it must.
    #[error(
        "to accept {accepted}, the archive would go back, and {destination} has a newer record, {newest}: accept that one first"
    )]
    NewerElsewhere {
        /// The destination that was to be accepted.
        accepted: String,
        /// The one to accept.
        destination: String,
        /// The newest record there.
        newest: RecordId,
    },
    /// No destination can take anything.
    #[error("no destination of archive {archive} can be written to{}", listed(.reasons))]
    NoDestination {
        /// The archive.
        archive: ArchiveId,
        /// What each of them said.
        reasons: Vec<String>,
        /// Whether one is there that has older records only.
        is_newest_gone: bool,
    },
    /// A pattern for exclusion is malformed.
    #[error("`{pattern}` is not a pattern")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// Why.
        #[source]
        source: globset::Error,
    },
    /// What cannot be read might need what would be given up.
    #[error("nothing can be pruned: {reason}")]
    Unprunable {
        /// What cannot be read.
        reason: String,
    },
    /// Forgetting a snapshot would forget another one.
    #[error(
        "nothing can be forgotten: two snapshots have the number {}, since a part of the log is damaged", .seq.0
    )]
    Unforgettable {
        /// The number.
        seq: Seq,
    },
    /// Compression failed, which happens for want of memory.
    #[error("cannot compress")]
    Compress(#[source] std::io::Error),
    /// Somebody asked to stop.
    #[error("interrupted")]
    Interrupted,
    /// The place to restore to cannot be written.
    #[error("cannot restore to `{path}`")]
    Target {
        /// The path.
        path: String,
        /// Why.
        #[source]
        source: strongroom_files::Error,
    },
    /// Somebody else's symbolic link leads to the folder that something was to be written to. Nothing was.
    #[error("nothing is written to `{path}`")]
    ForeignLink {
        /// The path.
        path: String,
        /// Which link it is, and whose.
        #[source]
        source: strongroom_files::Error,
    },
    /// There is no room left where something is restored to. What was restored so far is whole.
    #[error("no room is left to restore `{path}`")]
    TargetFull {
        /// What was to be written.
        path: String,
        /// The answer of the operating system.
        #[source]
        source: io::Error,
    },
    /// A snapshot misses what could not be read, so nothing can be deleted because the snapshot misses it.
    #[error(
        "{failed} entries could not be read when the snapshot was made: what it misses cannot be deleted"
    )]
    IncompleteSnapshot {
        /// How many.
        failed: u64,
    },
    /// What a restore would delete from is a folder from which nothing is ever deleted, or lies in one.
    #[error("nothing is deleted in `{path}`: `{kept}` is kept")]
    KeptTarget {
        /// Where it would restore to.
        path: String,
        /// The folder that is kept.
        kept: String,
    },
    /// What is restored would go into a folder of an archive or of the profile in use.
    #[error(
        "nothing is restored into `{path}`: `{closed}` belongs to an archive or to the profile in use"
    )]
    ClosedTarget {
        /// Where it would restore to.
        path: String,
        /// The folder of the archive or the profile.
        closed: String,
    },
    /// What was asked for is not in the snapshot.
    #[error("`{path}` is not in the snapshot")]
    NotInSnapshot {
        /// The path.
        path: String,
    },
}

impl EngineError {
    /// Says whether nothing can be written because a destination that is there has no space left.
    pub fn is_for_lack_of_space(&self) -> bool {
        let Self::NoDestination { reasons, .. } = self else {
            return false;
        };
        let full = StoreError::Full {
            path: String::new(),
            source: io::ErrorKind::StorageFull.into(),
        };
        // Of each only the text is left.
        let full = full.to_string();
        let full = full.split('`').next().unwrap_or_default();
        reasons.iter().any(|reason| reason.contains(full))
    }
}

/// Says what it means that a destination has a record that the profile does not know.
fn ahead(found: RecordId, known: Option<RecordId>) -> String {
    let known_text = known.map_or_else(|| "none".to_owned(), |known| known.to_string());
    if known.is_none_or(|known| known.generation < found.generation) {
        return format!(
            "another profile has adopted the archive (its record there is {found}, the newest that this \
             profile knows is {known_text})"
        );
    }
    format!(
        "it has record {found}, and the newest that this profile knows is {known_text}; the profile was \
         copied, and the other copy writes too, or it was restored from an older state"
    )
}

fn listed(reasons: &[String]) -> String {
    let mut listed = String::new();
    for reason in reasons {
        listed.push_str("; ");
        listed.push_str(reason);
    }
    listed
}

impl EngineError {
    /// Makes the error of a place to restore to.
    pub(crate) fn target(path: &Path, source: strongroom_files::Error) -> Self {
        let path = path.display().to_string();
        match source.full() {
            Some(source) => Self::TargetFull { path, source },
            None if matches!(source, strongroom_files::Error::ForeignLink { .. }) => {
                Self::ForeignLink { path, source }
            }
            None => Self::Target { path, source },
        }
    }
}

impl From<ReplicaError> for EngineError {
    fn from(error: ReplicaError) -> Self {
        Self::Read(error.into())
    }
}

impl Classified for EngineError {
    fn class(&self) -> Class {
        match self {
            Self::Read(source) => source.class(),
            Self::Catalogue(source) => source.class(),
            Self::Root { .. }
            | Self::UnfitRoot { .. }
            | Self::TooMany { .. }
            | Self::Unwritable { .. }
            | Self::Fenced { .. }
            | Self::GoingBack { .. }
            | Self::NothingToAccept
            | Self::NewerElsewhere { .. }
            | Self::Pattern { .. }
            | Self::IncompleteSnapshot { .. }
            | Self::KeptTarget { .. }
            | Self::ClosedTarget { .. }
            | Self::ForeignLink { .. }
            | Self::NotInSnapshot { .. } => Class::Caller,
            Self::Unprunable { .. } | Self::Unforgettable { .. } => Class::Damage,
            Self::Memory(_)
            | Self::NoDestination { .. }
            | Self::Compress(_)
            | Self::Interrupted
            | Self::Target { .. }
            | Self::TargetFull { .. } => Class::Retry,
        }
    }
}
