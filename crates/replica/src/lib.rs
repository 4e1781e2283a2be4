//! What of an archive needs no key: places, descriptor, records, the log, the live set; copying, scrubbing,
//! healing and erasing.
//!
//! Normative text: `spec/archive-v1.md`, sections 3, 9, 11 and 12. A server runs this code as it is: nothing
//! here can open anything.

mod budget;
pub mod descriptor;
pub mod erase;
pub mod error;
pub mod expected;
pub mod follow;
mod generations;
pub mod given_up;
pub mod heal;
pub mod history;
pub mod layout;
pub mod live;
pub mod locks;
pub mod log;
pub mod parallel;
mod reader;
pub mod record;
pub mod relation;
pub mod replica;
pub mod scrub;
pub mod survey;
pub mod sync;

pub use error::ReplicaError;
pub use replica::Replica;
