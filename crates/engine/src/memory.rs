//! What a writer remembers between runs: `spec/archive-v1.md`, section 12.

use std::collections::{BTreeMap, BTreeSet};

use strongroom_base::ids::DestinationId;
use strongroom_base::object::{ObjectRef, RecordId};

/// A record and its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The place in the log.
    pub id: RecordId,
    /// The hash of the record.
    pub hash: [u8; 32],
}

impl Head {
    /// Returns the same as the log has it.
    pub(crate) fn to_log(self) -> strongroom_replica::log::Head {
        strongroom_replica::log::Head {
            id: self.id,
            hash: self.hash,
        }
    }

    /// Returns what the log has as the writer has it.
    pub(crate) fn from_log(head: strongroom_replica::log::Head) -> Self {
        Self {
            id: head.id,
            hash: head.hash,
        }
    }

    /// Returns the bytes that name it.
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let Self { id, hash } = self;
        let (generation, seq) = (id.generation.0.to_be_bytes(), id.seq.0.to_be_bytes());
        [&generation[..], &seq, &hash].concat()
    }
}

/// A record that is about to be written: if the writer dies, a destination may have it or not.
pub type Announced = Head;

/// What the newest record says of the archive, for a writer that cannot read it at any destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Newest {
    /// The record.
    pub head: Head,
    /// The index runs as of it.
    pub runs: Vec<ObjectRef>,
    /// The public key of who wrote it.
    pub author: [u8; 32],
}

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
    /// The newest record that was given up for an older one; none once a generation has begun there.
    pub given_up: Option<RecordId>,
    /// The last snapshots, of which all that they need is in the archive as far as the writer knows: what a catalogue
    /// saw for one of them need not be read again. None after something was given up.
    pub catalogued: Vec<Head>,
    /// The newest record in the spool; none where the spool holds nothing that counts.
    pub spool: Option<Head>,
    /// What the newest record says; none where it was never noted.
    pub newest: Option<Newest>,
    /// The destinations of which something was left out, because nothing that could be reached had it: what they have of the log is
    /// no sign that they have all that it names.
    pub incomplete: BTreeSet<DestinationId>,
}

/// How many snapshots are remembered for the catalogue: it may have been stopped before it took the newest.
const CATALOGUED_MAX: usize = 2;

impl WriterState {
    /// Says whether a record is one that the writer has written, or seen with its writer proven.
    pub(crate) fn knows(&self, head: Head) -> bool {
        let known = self.heads.values().chain(&self.head).chain(&self.spool);
        let mut known = known.chain(&self.announced);
        known.any(|known| *known == head)
    }

    /// Notes the record of a snapshot.
    pub(crate) fn note_snapshot(&mut self, head: Head) {
        self.catalogued.push(head);
        let surplus = self.catalogued.len().saturating_sub(CATALOGUED_MAX);
        self.catalogued.drain(..surplus);
    }
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
