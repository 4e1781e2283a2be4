//! Check-ins: what a computer says of itself every quarter of an hour, and what it is told.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a computer says of itself. What a server does not know of it, it passes over: a program may be newer than its
/// server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CheckIn {
    /// The version of Strongroom there.
    pub program_version: String,
    /// The policy that it runs, as it was told.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub policy: Option<String>,
    /// The epoch of the server, as it was told last.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub epoch: Option<u32>,
    /// What its backups do.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub backup: Option<BackupReport>,
}

/// What the backups of a computer do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BackupReport {
    /// The state, in a word such as `backup-complete`.
    #[schema(pattern = "^[a-z][a-z-]{0,63}$")]
    pub state: String,
    /// When all that had changed was backed up, by the clock of the computer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(format = DateTime)]
    pub completed: Option<String>,
}

/// What a computer is told that checks in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CheckedIn {
    /// Its id.
    pub computer: String,
    /// Which server it is.
    pub server: String,
    /// The version of the server's program.
    pub server_version: String,
    /// How often the server was restored: another number than before says that what it knew lately may be gone.
    pub epoch: u32,
    /// The policy that holds for the computer: where it is another than it runs, it asks for it.
    pub policy: String,
    /// After how many seconds it is to check in again.
    pub next_seconds: u32,
}
