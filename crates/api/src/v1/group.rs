//! Groups.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A group: a named set of users of an organisation and all below it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Group {
    /// Its id.
    pub id: String,
    /// Whose.
    pub organisation: String,
    /// What it is called.
    pub name: String,
    /// When it was made.
    pub made: String,
    /// How often it was changed; `If-Match` takes it.
    pub version: i64,
}

/// A group to be made, or another name for one.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewGroup {
    /// What it is to be called.
    pub name: String,
}

/// Somebody in a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Member {
    /// The user.
    pub user: String,
    /// The name of the user.
    pub name: String,
}
