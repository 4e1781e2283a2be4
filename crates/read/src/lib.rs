//! From a record to a chunk: find, open, decompress, verify. No threads and no file system.
//!
//! Normative text: `spec/archive-v1.md`. Nothing that this crate returns is unverified: sealed cells are
//! authenticated, and every chunk has the id under which it was asked for.

mod archive;
mod cells;
mod content;
mod error;
mod index;
mod replicas;
mod segments;

pub use archive::{Archive, SnapshotInfo, newest_keys, open_body, open_key_ring};
pub use content::{Piece, VisitChunk, XATTR_LEN_MAX};
pub use error::ReadError;
pub use index::{ChunkPlace, Index};
pub use replicas::Replicas;
pub use segments::decompress_segment;
