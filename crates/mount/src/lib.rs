//! An archive as a file system that one can only read: every snapshot a folder, every version of a file
//! a file.
//!
//! ```text
//! 2026-11-22T01-30-00Z-1a2b3c4d/home/anna/letter.txt     the snapshots, by the time when they began
//! latest -> 2026-11-22T01-30-00Z-1a2b3c4d
//! by-id/1a2b3c4d -> ../2026-11-22T01-30-00Z-1a2b3c4d
//! tags/TAG/2026-11-22T01-30-00Z-1a2b3c4d -> ../../…
//! versions/home/anna/letter.txt/2026-11-22T01-30-00Z-1a2b3c4d.txt
//! ```
//!
//! A question of the kernel goes from [`filesystem`] through [`answers`] to [`folders`] (what is in a folder), to [`trees`]
//! (a stored directory, read by parts) or to [`contents`] (a file, read by parts); [`table`] gives inode
//! numbers. Everything that is kept has a limit, but for a few bytes for each directory that was looked
//! into. Nothing is walked before somebody asks.

mod ahead;
mod answers;
mod attributes;
mod contents;
mod error;
mod filesystem;
mod folders;
mod history;
mod names;
mod parts;
mod problems;
mod session;
mod table;
mod trees;
mod versions;

pub use error::MountError;
pub use problems::Problem;
pub use session::{Access, MountOptions, Mounted, Unmounted, mount};
