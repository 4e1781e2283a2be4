//! Version 1 of the archive format; frozen once it is released.

pub mod body;
pub mod content;
pub mod error;
pub mod index;
pub mod keys;
pub mod limits;
pub mod pack;
pub mod padding;
pub mod sealed;
pub mod tree;

pub use error::FormatError;
