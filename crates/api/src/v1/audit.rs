//! The audit log.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// An entry: who did what to what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    /// Its number, from 1 and without gaps.
    pub seq: u64,
    /// When.
    pub at: String,
    /// What.
    pub event: String,
    /// What became of it: `done`, `refused` or `failed`.
    pub outcome: String,
    /// What kind of actor.
    pub actor_kind: String,
    /// Which one.
    pub actor: String,
    /// What the actor was called then.
    pub actor_name: String,
    /// From where.
    pub address: String,
    /// Why, in the words of the actor.
    pub reason: String,
    /// What kind of thing it was done to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub subject_kind: Option<String>,
    /// Which one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub subject: Option<String>,
    /// What it was called then.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub subject_name: Option<String>,
    /// Where the subject was; missing for the servers.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub organisation: Option<String>,
    /// The user it is about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub user: Option<String>,
    /// What else: `before.name` and `after.name` for what changed.
    pub details: BTreeMap<String, String>,
    /// The hash of the chain up to this entry, in hexadecimal.
    pub hash: String,
}

/// How an export is written, and from where on.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct AuditExportQuery {
    /// The form; without it, JSON.
    #[param(inline)]
    pub format: Option<AuditFormat>,
    /// The number of the first entry; without it, 1.
    pub first: Option<u64>,
}

/// How an export is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AuditFormat {
    /// JSON lines.
    Json,
    /// Comma-separated values.
    Csv,
    /// Common Event Format.
    Cef,
}

/// Which entries are wanted.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct AuditQuery {
    /// What the part before gave as `next`.
    pub after: Option<String>,
    /// How many items at most, from 1 to 1000; without it, 100.
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u16>,
    /// The name of what happened.
    pub event: Option<String>,
    /// The id of who did it.
    pub actor: Option<String>,
    /// The user it is about.
    pub user: Option<String>,
    /// The id of what it was done to.
    pub subject: Option<String>,
    /// An organisation: what was done there and below it.
    pub organisation: Option<String>,
}
