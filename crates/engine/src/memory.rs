//! What a writer remembers between runs: `spec/archive-v1.md`, section 12.

use std::collections::BTreeMap;

use strongroom_base::ids::DestinationId;
use strongroom_base::object::RecordId;

/// A record and its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The place in the log.
    pub id: RecordId,
    /// The hash of the record.
    pub hash: [u8; 32],
}

/// A record that is about to be written: if the writer dies, a destination may have it or not.
pub type Announced = Head;

/// What a writer remembers of an archive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WriterState {
    /// The newest record that each destination acknowledged.
    pub heads: BTreeMap<DestinationId, Head>,
    /// The newest record of all.
    pub head: Option<Head>,
    /// The records that may have been written, each by a later generation than the one before; none in
    /// most cases.
    pub announced: Vec<Announced>,
}

/// The memory could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot read or write what this profile remembers of the archive")]
pub struct MemoryError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Keeps a [`WriterState`], durably.
pub trait Memory: Send + Sync {
    /// Returns what was saved last; the default where nothing was.
    fn load(&self) -> Result<WriterState, MemoryError>;

    /// Saves; durable when it returns.
    fn save(&self, state: &WriterState) -> Result<(), MemoryError>;
}
