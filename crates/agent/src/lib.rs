//! Everything that the commands do: profile, keys, destinations, and the deeds on archives.
//!
//! The crate reads no environment and prints nothing; whoever calls it gives folders, keys, time and
//! randomness, and shows what comes back.

pub mod access;
mod archives;
pub mod destinations;
mod error;
mod init;
pub mod keys;
mod location;
pub mod profile;
mod wraps;

pub use error::AgentError;
pub use init::{Initialized, init};
pub use location::Location;
pub use wraps::Published;
