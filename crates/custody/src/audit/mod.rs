//! The audit log: entries chained by hashes, signed checkpoints, and exports that prove themselves
//! (`spec/audit-v1.md`).
//!
//! Pure: the caller keeps the head of the chain in its database and stores a record in the transaction of the
//! deed. Nothing that a stranger sends keeps an entry from being made: texts are cleaned, not refused.

mod chain;
mod checkpoint;
mod entry;
mod error;
mod export;
mod verify;
mod wire;

pub use chain::{Head, LogId, Record};
pub use checkpoint::Checkpoint;
pub use entry::{Actor, ActorKind, Entry, Event, Outcome, Subject, clean};
pub use error::{Fault, FaultKind};
pub use export::{Format, Line, Span};
pub use verify::{Report, Verifier, verify};
