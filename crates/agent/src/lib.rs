//! Everything that the commands do: profile, keys, destinations, and the deeds on archives.
//!
//! The crate reads no environment and prints nothing; whoever calls it gives folders, keys, time and
//! randomness, and shows what comes back.

pub mod access;
mod acknowledged;
mod adopt;
mod archives;
mod backup;
pub mod destinations;
mod error;
pub mod guest;
mod init;
pub mod keys;
mod location;
mod locks;
pub mod look;
mod memory;
pub mod profile;
mod removal;
mod repair;
pub mod replicas;
mod restore;
pub mod retain;
pub mod server;
pub mod service;
pub mod spool;
pub mod storage_key;
mod taking_back;
mod usual;
mod verify;
mod wraps;
mod writing;

pub use adopt::{Accepted, AdoptRequest, Adopted, accept, adopt};
pub use backup::{BackedUp, BackupRequest, Beginning, Tools, backup, survey};
pub use error::AgentError;
pub use init::{Initialized, init};
pub use location::{Location, NotARate, NotASchedule, Options as LocationOptions, Rate, Schedule};
pub use locks::Locked;
pub use repair::{Losses, acknowledge_loss, losses, repair};
pub use restore::{RestoreRequest, never_deleted, restore};
pub use usual::usual_excludes;
pub use verify::{Verified, verify};
pub use wraps::Published;

// What the programs on top of this crate need of the crates below it.
pub use strongroom_client as client;
pub use strongroom_crypto::custody::CustodyKey;
pub use strongroom_crypto::random::SystemRandom;
pub use strongroom_crypto::secret::SecretBytes;
pub use strongroom_crypto::suite::Suite;
pub use strongroom_custody as custody;
pub use strongroom_engine::backup::{BackupSummary, Excludes, Survey};
pub use strongroom_engine::erase::Erasure;
pub use strongroom_engine::prune::{Amount, PruneOptions, PruneSummary};
pub use strongroom_engine::repair::{Loss, Repaired};
pub use strongroom_engine::restore::{Conflict, Keep, RestoreSummary};
pub use strongroom_engine::retention::{Age, Period, Policy, PolicyError};
pub use strongroom_engine::verify::{ReadData, VerifyReport};
pub use strongroom_engine::{
    DestinationReport, DestinationStatus, EngineError, Monitor, Progress, SpoolReport, SpoolStatus,
    Stop, Warning,
};
pub use strongroom_format::tree::{Entry, Node};
pub use strongroom_mount as mount;
pub use strongroom_read::{ReadError, SnapshotInfo};
pub use strongroom_replica::log::Log;
pub use strongroom_replica::scrub::Sample;
pub use strongroom_store::probe::Capabilities;
pub use strongroom_store::{LockMode, LockRule};
pub use strongroom_watch::{Choice, Mechanism};
