//! Passkeys (Web Authentication, level 3): what a server checks of a registration (its section 7.1) and of a sign-in (7.2).
//!
//! Pure: messages in, decisions out. Challenges are drawn, remembered and taken away by the caller, who finds one by what
//! the client says that it signed ([`ClientData::challenge`]). Normative text: `spec/sign-in-v1.md`, section 5.

mod assertion;
mod authenticator_data;
mod cbor;
mod client_data;
mod error;
mod registration;
mod site;

pub use assertion::{Assertion, Known, verify_assertion};
pub use client_data::{Ceremony, ClientData};
pub use error::PasskeyError;
pub use registration::{Registered, Registration, verify_registration};
pub use site::PasskeySite;

/// Bytes of a challenge.
pub const CHALLENGE_LEN: usize = 32;

/// Most bytes of the id of a credential, as the standard has it.
pub const CREDENTIAL_ID_LEN_MAX: usize = 1023;
