//! Why something could not be read from an archive.

use strongroom_base::object::ObjectRef;
use strongroom_base::{Class, Classified};
use strongroom_format::FormatError;
use strongroom_format::content::ChunkId;
use strongroom_format::limits::DEPTH_MAX;
use strongroom_replica::ReplicaError;
use strongroom_store::StoreError;

/// Why something could not be read from an archive.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// A replica failed, or an object of it is damaged.
    #[error(transparent)]
    Replica(#[from] ReplicaError),
    /// Bytes are not as a writer writes them.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// An object does not open, though the key ring is the right one.
    #[error("{object} is damaged")]
    Object {
        /// The object.
        object: ObjectRef,
        /// What is wrong with it.
        #[source]
        source: FormatError,
    },
    /// No index run knows a chunk.
    #[error("chunk {id} is not in the archive")]
    ChunkMissing {
        /// The chunk.
        id: ChunkId,
    },
    /// A chunk is there, but its bytes are not those of its id.
    #[error("chunk {id} in {object} is damaged")]
    ChunkDamaged {
        /// The chunk.
        id: ChunkId,
        /// The object that holds it.
        object: ObjectRef,
    },
    /// A segment does not decompress to what the index says.
    #[error("a segment of {object} is damaged")]
    SegmentDamaged {
        /// The object that holds it.
        object: ObjectRef,
    },
    /// The descriptor is not that of the key ring.
    #[error("the archive descriptor at {destination} was not written by this archive's owner")]
    ForeignDescriptor {
        /// The destination.
        destination: String,
    },
    /// The descriptor is not one, though the keys are there.
    #[error("the archive descriptor at {destination} is damaged")]
    Descriptor {
        /// The destination.
        destination: String,
        /// What is wrong with it.
        #[source]
        source: Box<ReplicaError>,
    },
    /// The descriptor is not there, though the keys are.
    #[error("the archive descriptor at {destination} is missing")]
    NoDescriptor {
        /// The destination.
        destination: String,
    },
    /// A keys object cannot be read, and older ones may be all that opens.
    #[error(
        "keys object {number} at {destination} cannot be read: what was written since may not open"
    )]
    NewerKeys {
        /// The destination.
        destination: String,
        /// The number of the keys object.
        number: u32,
        /// Why.
        #[source]
        source: Box<ReadError>,
    },
    /// There is no keys object.
    #[error("{destination} holds no keys object of the archive")]
    NoKeys {
        /// The destination.
        destination: String,
    },
    /// Directories are nested deeper than an archive may have them.
    #[error("there are more than {DEPTH_MAX} directories one in the other")]
    TooDeep,
    /// No replica was given.
    #[error("there is no destination to read from")]
    NoReplica,
}

impl ReadError {
    /// Says whether something is not there, or not whole. That the key ring lacks an epoch is no loss: another ring
    /// may have it.
    pub fn is_loss(&self) -> bool {
        let lacks_epoch = |source: &FormatError| matches!(source, FormatError::NoSuchEpoch { .. });
        match self {
            Self::Replica(ReplicaError::Store(StoreError::NotFound { .. })) => true,
            Self::Object { source, .. } | Self::Format(source) if lacks_epoch(source) => false,
            other => other.class() == Class::Damage,
        }
    }
}

impl Classified for ReadError {
    fn class(&self) -> Class {
        match self {
            Self::Replica(source) => source.class(),
            Self::Format(source) => source.class(),
            Self::Object { source, .. } => match source.class() {
                Class::WrongKey => Class::Damage,
                other => other,
            },
            Self::ChunkMissing { .. }
            | Self::ChunkDamaged { .. }
            | Self::SegmentDamaged { .. }
            | Self::TooDeep
            | Self::ForeignDescriptor { .. }
            | Self::Descriptor { .. }
            | Self::NoDescriptor { .. }
            | Self::NoKeys { .. } => Class::Damage,
            Self::NewerKeys { source, .. } => source.class(),
            Self::NoReplica => Class::Caller,
        }
    }
}
