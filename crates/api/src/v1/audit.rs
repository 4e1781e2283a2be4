//! The audit log.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// An entry: who did what to what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    /// Its number, from 1 and without gaps.
    pub seq: i64,
    /// When.
    pub at: String,
    /// What.
    pub event: String,
    /// What kind of actor.
    pub actor_kind: String,
    /// Which one.
    pub actor: String,
    /// What the actor was called then.
    pub actor_name: String,
    /// From where.
    pub address: String,
    /// What kind of thing it was done to.
    pub subject_kind: String,
    /// Which one.
    pub subject: String,
    /// What it was called then.
    pub subject_name: String,
    /// Where the subject was; missing for the servers.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub organisation: Option<String>,
    /// The user it is about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub user: Option<String>,
    /// What changed: names of values, each with what it was and what it is.
    #[schema(value_type = Object)]
    pub details: serde_json::Value,
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
