//! Where a log or an export is not what was written, and why.

use strongroom_base::{Class, Classified};

/// What is wrong with a record or a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FaultKind {
    /// The line cannot be read, or is not spelled as an export spells it.
    #[error("it is not as an export writes it")]
    Unreadable,
    /// Another number was expected: records are missing, twice there, or exchanged.
    #[error("record {found} stands in its place")]
    Sequence {
        /// The number that stands there.
        found: u64,
    },
    /// The hash is not that of the entry and of all before it.
    #[error("its hash does not fit it and the records before")]
    Hash,
    /// The checkpoint is one of another chain.
    #[error("the checkpoint after it is that of another chain")]
    OtherChain,
    /// The signature of the checkpoint is not one of its key.
    #[error("the signature of the checkpoint after it is wrong")]
    Signature,
    /// Nobody trusts the key of the checkpoint.
    #[error("the checkpoint after it is signed with a key that is not trusted")]
    UnknownKey,
    /// The export is one of another log.
    #[error("the export is one of another log")]
    OtherLog,
    /// The export ends before the last record that it announces.
    #[error("the export ends before it")]
    Missing,
    /// Something follows the last record that the export announces.
    #[error("more follows than the export announces")]
    Extra,
}

/// The first thing that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("record {record} (line {line})")]
pub struct Fault {
    /// The record: that which should stand there, or the one before a checkpoint. 0 for the head of an export.
    pub record: u64,
    /// The line, from 1.
    pub line: u64,
    /// Why.
    #[source]
    pub kind: FaultKind,
}

impl Classified for FaultKind {
    fn class(&self) -> Class {
        match self {
            Self::UnknownKey => Class::WrongKey,
            Self::OtherLog => Class::Caller,
            _ => Class::Damage,
        }
    }
}

impl Classified for Fault {
    fn class(&self) -> Class {
        self.kind.class()
    }
}
