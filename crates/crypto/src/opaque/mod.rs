//! Sign-in with a password that never leaves the device: OPAQUE (RFC 9807), by the crate `opaque-ke`.
//!
//! Version 1 is OPAQUE-3DH with ristretto255, SHA-512, HKDF-SHA-512 and HMAC-SHA-512, an empty context, no
//! identities beside the public keys, and Argon2id (RFC 9106) over the output of the OPRF, with a salt of 16
//! zero bytes, 64 MiB, 3 passes, 4 lanes and 64 bytes of output. That is what `@serenity-kit/opaque` speaks
//! with `keyStretching: "memory-constrained"` (docs/adr/0015). The version is stored beside every record and
//! sent with every answer; it fixes all costs, so that no server can talk a client into cheap ones.
//!
//! ```text
//! client                                server
//! Registration::start  ── request ──▶   ServerSetup::answer_registration
//! Registration::finish ◀─ response ──
//!                      ── upload ───▶   Record::from_upload, stored
//!
//! Login::start         ── request ──▶   ServerSetup::answer_login (with the record, or without one)
//! Login::finish        ◀─ response ──   LoginState, stored until the next message, used once
//!                      ── final ────▶   LoginState::finish
//! ```
//!
//! A client with a wrong password notices it by itself and sends nothing more. So a server counts every
//! login that was started, and takes the count back when one ends well.

mod client;
mod error;
mod message;
mod randomness;
mod server;
mod suite;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;

pub use client::{Login, LoginDone, Registration, RegistrationDone, SIGN_IN_PASSWORD_LEN_MAX};
pub use error::OpaqueError;
pub use message::{
    LoginFinal, LoginRequest, LoginResponse, RegistrationRequest, RegistrationResponse,
    RegistrationUpload,
};
pub use server::{CredentialId, LoginAnswer, LoginState, Record, ServerSetup};
pub use suite::Version;

/// What both sides of one login have in common, and nobody else knows.
pub type SessionKey = crate::secret::Secret<64>;

/// A key that the same password gives at every login, and that the server never learns.
pub type ExportKey = crate::secret::Secret<64>;
