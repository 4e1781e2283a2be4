//! Bytes to types and back of everything that is sealed in an archive: pure, without I/O.
//!
//! Normative text: `spec/archive-v1.md` and `spec/keys-v1.md`. Decoders are strict: bytes that this crate
//! would not have written are an error, never a best effort. A later version of the format becomes a
//! module of its own beside [`v1`].

pub mod v1;

pub use v1::*;
