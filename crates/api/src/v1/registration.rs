//! Registration keys.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The registration key of an organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RegistrationKey {
    /// Whose.
    pub organisation: String,
    /// What is shown of it.
    pub masked: String,
    /// The key; it is shown once, when it is made.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub key: Option<String>,
    /// Whether it is good.
    pub state: RegistrationKeyState,
    /// When it was made.
    pub made: String,
    /// When it ends by itself.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expires: Option<String>,
    /// For how many accounts it is good altogether.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub uses_max: Option<u32>,
    /// How many accounts were made with it.
    pub uses: u32,
    /// How often it was changed; `If-Match` takes it.
    pub version: i64,
}

/// Whether a registration key is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RegistrationKeyState {
    /// It is good.
    Good,
    /// It was closed.
    Closed,
    /// Its time is over.
    Expired,
    /// It was used as often as it may be.
    UsedUp,
    /// The organisation takes nobody in.
    OrganisationNotActive,
}

/// What a new key is good for.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateRegistrationKey {
    /// For how many days; without it, until it is rotated.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(minimum = 1, maximum = 3660)]
    pub days: Option<u16>,
    /// For how many accounts; without it, for any number.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(minimum = 1)]
    pub uses_max: Option<u32>,
}
