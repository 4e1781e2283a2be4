//! Registration keys: how somebody who was told one makes an account without help (mission A19).

mod secret;
mod state;

pub use secret::{RegistrationSecret, SYMBOLS, SecretError};
pub use state::{KeyRefusal, KeyTerms, RegistrationKey, Rotation};
