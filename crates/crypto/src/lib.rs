//! Stub.

pub mod chunker;
