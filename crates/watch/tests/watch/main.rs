//! Watching real file systems, by every mechanism that works here.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod entries;
mod field;
mod flat;
mod limits;
mod mounts;
mod overflow;
mod polling;
mod roots;
mod storm;
mod trees;
