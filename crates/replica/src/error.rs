//! What can go wrong with a replica.

use strongroom_base::ids::ArchiveId;
use strongroom_base::object::{ObjectRef, RecordId};
use strongroom_base::wire::WireError;
use strongroom_base::{Class, Classified};
use strongroom_store::StoreError;

use crate::layout::Place;

/// What can go wrong with a replica.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplicaError {
    /// The destination failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The destination holds no archive with this id.
    #[error("{destination} holds no archive {archive}")]
    NoSuchArchive {
        /// The destination.
        destination: String,
        /// The archive.
        archive: ArchiveId,
    },
    /// The bytes do not start as the structure does.
    #[error("{what} is not one: the first bytes are wrong")]
    NotThis {
        /// The structure.
        what: String,
    },
    /// The structure was written by a newer program.
    #[error("{what} has the newer format version {found}: a newer program is needed")]
    TooNew {
        /// The structure.
        what: String,
        /// The version that was found.
        found: u8,
    },
    /// The structure needs a feature that this program does not have.
    #[error("{what} needs the feature `{feature}`, which a newer program has")]
    UnknownFeature {
        /// The structure.
        what: String,
        /// The feature.
        feature: String,
    },
    /// A field is not as a writer writes it.
    #[error("{what} is malformed")]
    Malformed {
        /// The structure.
        what: String,
        /// The field.
        #[source]
        source: WireError,
    },
    /// The stored bytes are not those that the name stands for.
    #[error("{object} is damaged: its bytes do not have its name")]
    NameMismatch {
        /// The object.
        object: ObjectRef,
    },
    /// The signature is not that of the key it should be.
    #[error("the signature of {what} is wrong")]
    BadSignature {
        /// The structure.
        what: String,
    },
    /// The structure belongs to another archive.
    #[error("{what} belongs to another archive")]
    Foreign {
        /// The structure.
        what: String,
    },
    /// A record does not continue the one before it.
    #[error("record {id} does not continue the record before it")]
    BrokenChain {
        /// The record.
        id: RecordId,
    },
    /// A record is missing between two others.
    #[error("record {id} is missing")]
    Gap {
        /// The record.
        id: RecordId,
    },
    /// No replica that was asked has the object undamaged.
    #[error("no replica has {place} undamaged")]
    Nowhere {
        /// The object.
        place: Place,
    },
    /// Somebody asked to stop.
    #[error("stopped on request")]
    Interrupted,
    /// The replicas that may have the object undamaged cannot be reached.
    #[error("cannot fetch {what} from another replica")]
    Unreached {
        /// The object.
        what: String,
        /// Why.
        #[source]
        source: Box<ReplicaError>,
    },
    /// Another writer has written this record.
    #[error(
        "record {id} was written by somebody else: is this profile a copy, or was it restored?"
    )]
    Fenced {
        /// The record.
        id: RecordId,
    },
    /// The log is empty.
    #[error("{destination} holds no record of the archive")]
    EmptyLog {
        /// The destination.
        destination: String,
    },
}

impl Classified for ReplicaError {
    fn class(&self) -> Class {
        match self {
            Self::Store(source) => source.class(),
            Self::Unreached { source, .. } => source.class(),
            Self::Interrupted => Class::Retry,
            Self::NoSuchArchive { .. }
            | Self::TooNew { .. }
            | Self::UnknownFeature { .. }
            | Self::Fenced { .. } => Class::Caller,
            Self::NotThis { .. }
            | Self::Malformed { .. }
            | Self::NameMismatch { .. }
            | Self::BadSignature { .. }
            | Self::Foreign { .. }
            | Self::BrokenChain { .. }
            | Self::Gap { .. }
            | Self::Nowhere { .. }
            | Self::EmptyLog { .. } => Class::Damage,
        }
    }
}

impl ReplicaError {
    pub(crate) fn malformed(what: &str) -> impl Fn(WireError) -> Self {
        move |source| Self::Malformed {
            what: what.to_owned(),
            source,
        }
    }
}
