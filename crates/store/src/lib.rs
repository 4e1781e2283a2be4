//! The storage seam: named, immutable objects at a destination, put once and read back.
//!
//! A [`Store`] knows nothing of what it holds. It never replaces an object, and what it has accepted is
//! durable. Every implementation passes one behaviour suite (`tests/behaviour.rs`).

pub mod bounded;
mod direct;
pub mod durable;
mod error;
pub mod fault;
mod files;
pub mod folder;
pub mod memory;
mod path;
pub mod probe;
pub mod quota;
pub mod record;
pub mod remember;
mod remote;
pub mod retry;
pub mod s3;
pub mod sftp;
mod store;
pub mod throttle;

pub use error::StoreError;
pub use folder::Folder;
pub use memory::Memory;
pub use path::{ObjectPath, ObjectPathError, PATH_LEN_MAX, SEGMENTS_MAX, prefix_folder};
pub use quota::Quota;
pub use store::{LockMode, LockRule, Properties, PutOutcome, Store};
