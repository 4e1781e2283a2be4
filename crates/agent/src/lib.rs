//! Everything that the commands do: profile, keys, destinations, and the deeds on archives.
//!
//! The crate reads no environment and prints nothing; whoever calls it gives folders, keys, time and
//! randomness, and shows what comes back.

pub mod access;
mod archives;
mod backup;
pub mod destinations;
mod error;
mod init;
pub mod keys;
mod location;
pub mod look;
mod memory;
pub mod profile;
mod restore;
mod usual;
mod wraps;

pub use backup::{BackedUp, BackupRequest, Tools, backup, survey};
pub use error::AgentError;
pub use init::{Initialized, init};
pub use location::Location;
pub use restore::{RestoreRequest, Verified, restore, verify};
pub use usual::usual_excludes;
pub use wraps::Published;

// What the programs on top of this crate need of the crates below it.
pub use strongroom_crypto::custody::CustodyKey;
pub use strongroom_crypto::random::SystemRandom;
pub use strongroom_crypto::secret::SecretBytes;
pub use strongroom_crypto::suite::Suite;
pub use strongroom_custody as custody;
pub use strongroom_engine::backup::{BackupSummary, Survey};
pub use strongroom_engine::restore::{Conflict, RestoreSummary};
pub use strongroom_engine::verify::{ReadData, VerifyReport};
pub use strongroom_engine::{
    DestinationReport, DestinationStatus, Monitor, Progress, Stop, Warning,
};
pub use strongroom_format::tree::{Entry, Node};
pub use strongroom_mount as mount;
pub use strongroom_read::SnapshotInfo;
