//! Custody: the forms in which a custody key leaves this program, what passwords must be, recovery codes, passkeys, the
//! keys of secrets that a server stores, and the audit log. Pure: bytes in, bytes out.
//!
//! Normative text: `spec/keys-v1.md`, section 6; `spec/sign-in-v1.md`; `spec/secrets-v1.md`; `spec/audit-v1.md`.

pub mod account_password;
pub mod audit;
pub mod codes;
mod error;
pub mod export;
pub mod passkeys;
pub mod password;
pub mod qr;
pub mod ring;
pub mod words;

pub use error::ImportError;
