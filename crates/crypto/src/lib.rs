//! Cryptography: sealing, key derivation, naming hashes, signatures and the types of secrets.
//!
//! This is the only crate that names cipher crates. It does no I/O, takes randomness as a
//! parameter, and never serializes a secret by itself: the one way to the bytes of a secret is a
//! method whose name starts with `expose`.

pub mod chunker;
pub mod custody;
pub mod hash;
pub mod kdf;
pub mod keys;
mod label;
pub mod opaque;
pub mod passkey;
pub mod password;
pub mod random;
pub mod seal;
pub mod secret;
pub mod sign;
pub mod stored;
pub mod suite;
pub mod totp;
