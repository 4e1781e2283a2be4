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
    /// The newest record of each of its archives at each of their destinations, by archive and destination; each once.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    #[schema(max_items = 128)]
    pub heads: Vec<ArchiveHead>,
}

/// The newest record of an archive that a destination acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ArchiveHead {
    /// The archive.
    #[schema(pattern = "^[0-9a-f]{32}$")]
    pub archive: String,
    /// The destination.
    #[schema(pattern = "^[0-9a-f]{32}$")]
    pub destination: String,
    /// The generation of the record.
    #[schema(minimum = 1)]
    pub generation: u32,
    /// Its number.
    #[schema(minimum = 1, maximum = 9_223_372_036_854_775_807_i64)]
    pub seq: u64,
    /// The hash of the record.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub hash: String,
}

/// What the server remembers of the head of an archive at a destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KnownHead {
    /// The newest record that the computer presented.
    #[serde(flatten)]
    pub newest: ArchiveHead,
    /// When it did so first.
    #[schema(format = DateTime)]
    pub since: String,
    /// What it presents now, where that is older, or another record of the same number.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub behind: Option<HeadBehind>,
}

/// A record that is older than the newest one that was presented, or another one of the same number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeadBehind {
    /// Its generation.
    pub generation: u32,
    /// Its number.
    pub seq: u64,
    /// Its hash.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub hash: String,
    /// Since when such a one is presented.
    #[schema(format = DateTime)]
    pub since: String,
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
    /// What the server remembers where a head that was presented is behind.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub heads_behind: Vec<ArchiveHead>,
}
