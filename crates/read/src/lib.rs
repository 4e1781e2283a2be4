//! From a record to a chunk: find, open, decompress, verify. No threads of its own and no file system.
//!
//! Normative text: `spec/archive-v1.md`. Nothing that this crate returns is unverified: sealed cells are
//! authenticated, and every chunk has the id under which it was asked for.

mod archive;
mod branch;
mod cells;
mod content;
mod error;
mod find;
mod index;
mod keys;
mod newest;
mod rebuild;
mod replicas;
mod segment;
mod segments;

pub use archive::{Archive, SnapshotInfo, open_body};
pub use branch::Branch;
pub use content::{Chunk, Piece, VisitChunk, XATTR_LEN_MAX};
pub use error::ReadError;
pub use index::{ChunkPlace, Index, SegmentName};
pub use keys::{OpenKeys, newest_keys, open_keys};
pub use rebuild::{PackKey, Rebuilt};
pub use replicas::Replicas;
pub use segments::decompress_segment;
