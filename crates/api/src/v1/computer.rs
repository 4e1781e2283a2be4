//! Computers.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::BackupReport;

/// A computer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Computer {
    /// Its id.
    pub id: String,
    /// Whose.
    pub user: String,
    /// What it is called.
    pub name: String,
    /// Whether it backs up, or was deactivated.
    pub active: bool,
    /// How its credential stands.
    pub credential: CredentialState,
    /// What runs on it.
    pub operating_system: String,
    /// The version of Strongroom there.
    pub program_version: String,
    /// When it was last heard of.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_seen: Option<String>,
    /// The policy that it said it runs.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub policy: Option<String>,
    /// What it said its backups do.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub backup: Option<BackupReport>,
    /// How many heads of its archives went back, or have another history; missing where none has.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub heads_behind: Option<u32>,
    /// When it was added.
    pub made: String,
    /// How often it was changed; `If-Match` takes it.
    pub version: i64,
}

/// How the credential of a computer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CredentialState {
    /// It is good.
    Good,
    /// Its user must sign in at the computer first.
    SignedOut,
    /// It is never good again.
    Revoked,
}

/// Which computers are wanted.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct ComputerQuery {
    /// What the part before gave as `next`.
    pub after: Option<String>,
    /// How many items at most, from 1 to 1000; without it, 100.
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u16>,
    /// Text in the name.
    pub search: Option<String>,
    /// A user: the computers of that user.
    pub user: Option<String>,
    /// An organisation: computers of its users, and of those of all below it.
    pub organisation: Option<String>,
}

/// Another name for a computer.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateComputer {
    /// What it is to be called.
    pub name: String,
}
