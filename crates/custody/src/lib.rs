//! Custody of keys: the forms in which a custody key leaves this program, and what a private password
//! must be. Pure: bytes in, bytes out.
//!
//! Normative text: `spec/keys-v1.md`, section 6.

pub mod audit;
pub mod codes;
mod error;
pub mod export;
pub mod password;
pub mod qr;
pub mod ring;
pub mod words;

pub use error::ImportError;
