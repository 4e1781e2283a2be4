//! Looking into an archive: snapshots, their entries, and what differs between them.

mod changes;
mod contents;
mod names;
mod search;
mod snapshots;
mod stats;
mod tree;

pub use changes::{Change, Changed, diff};
pub use contents::dump;
pub use search::{Match, Version, find, versions};
pub use snapshots::{SnapshotName, select, short_name};
pub use stats::{KindStats, Stats, stats};
pub use tree::{Listed, Lost, list};
