//! Scan, chunk, deduplicate, pack, index, record; restore and verify.
//!
//! The engine knows no terminal, no home folder and no environment: it takes destinations, keys, a clock
//! and randomness as parameters, reports progress through counters, and what went wrong with single
//! files through [`Monitor`].

mod adopt;
pub mod backup;
mod catch_up;
mod create;
mod deed;
mod destination;
pub mod erase;
mod error;
mod fanout;
mod find;
pub mod forget;
mod heads;
mod memory;
mod monitor;
mod packs;
pub mod prune;
mod publish;
pub mod queue;
pub mod repair;
pub mod restore;
pub mod retention;
mod slot;
mod spool;
mod targets;
pub mod verify;
mod writer;

pub use create::{NewArchive, create_archive};
pub use destination::{Destination, DestinationReport, DestinationStatus};
pub use error::EngineError;
pub use find::{Damaged, Visit, find_path, walk_snapshot, walk_tree};
pub use heads::refuse_newer;
pub use memory::{Announced, Head, Memory, MemoryError, Newest, WriterState};
pub use monitor::{Monitor, Pace, Progress, Stop, Turn, Warning};
pub use spool::{SpoolReport, SpoolStatus};
pub use targets::{Queued, Queues, Targets};
pub use writer::{Identity, Writer};
