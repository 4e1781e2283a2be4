//! What of an archive needs no key: places, descriptor, records, the log, the live set, catching up.
//!
//! Normative text: `spec/archive-v1.md`, sections 3, 9 and 12. A server runs this code as it is: nothing
//! here can open anything.

pub mod catch_up;
pub mod descriptor;
pub mod error;
mod generations;
pub mod layout;
pub mod live;
pub mod log;
mod parallel;
mod reader;
pub mod record;
pub mod replica;

pub use error::ReplicaError;
pub use replica::Replica;
