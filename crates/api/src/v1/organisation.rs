//! Organisations.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// An organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Organisation {
    /// Its id.
    pub id: String,
    /// The organisation right above it; missing for a root.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub parent: Option<String>,
    /// What it is called.
    pub name: String,
    /// Its own state.
    pub state: OrganisationState,
    /// Since when it is not active.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub since: Option<String>,
    /// Since when it requires a second factor of everybody in it and below, if it does itself.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub second_factor_since: Option<String>,
    /// The highest organisation, it or one above, that requires a second factor here; missing where none does.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub second_factor_required_by: Option<String>,
    /// When it was made.
    pub made: String,
    /// How often it was changed; `If-Match` takes it.
    pub version: i64,
}

/// The own state of an organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OrganisationState {
    /// Its users may work, if nothing above says otherwise.
    Active,
    /// Its users are as if inactive, and so is everything below.
    Inactive,
    /// Its users are as if blocked, and so is everything below.
    Blocked,
}

/// Which organisations are wanted.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct OrganisationQuery {
    /// What the part before gave as `next`.
    pub after: Option<String>,
    /// How many items at most, from 1 to 1000; without it, 100.
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u16>,
    /// Text in the name.
    pub search: Option<String>,
    /// An organisation: those right below it.
    pub parent: Option<String>,
}

/// An organisation to be made.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrganisation {
    /// What it is to be called.
    pub name: String,
}

/// A new name for an organisation.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RenameOrganisation {
    /// What it is to be called.
    pub name: String,
}

/// A new place for an organisation.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveOrganisation {
    /// The organisation right above it; missing to make it a root.
    pub parent: Option<String>,
    /// The name of what is moved, typed.
    pub confirm: String,
}

/// The name of what is about to be stopped, typed.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Confirmation {
    /// The name.
    pub confirm: String,
}
