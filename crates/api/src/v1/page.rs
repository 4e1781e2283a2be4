//! Lists, in pages.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::UserStateFilter;

/// A part of a list.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// What to ask for with `after` to get the next part; missing at the end.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next: Option<String>,
}

/// Which part of a list is wanted.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    /// What the part before gave as `next`.
    pub after: Option<String>,
    /// How many items at most, from 1 to 1000; without it, 100.
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u16>,
}

/// Which users are wanted.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct UserQuery {
    /// What the part before gave as `next`.
    pub after: Option<String>,
    /// How many items at most, from 1 to 1000; without it, 100.
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u16>,
    /// Text in a name or address.
    pub search: Option<String>,
    /// An organisation: its users, and those of all below it.
    pub organisation: Option<String>,
    /// The own state of the account.
    #[param(inline)]
    pub state: Option<UserStateFilter>,
}
