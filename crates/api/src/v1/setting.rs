//! Settings of organisations: what holds, whose it is, and who locked it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A setting as it holds at an organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Setting {
    /// Its name: that of its group, and its own, as in `sessions.idle`.
    pub setting: String,
    /// The value that holds.
    pub value: String,
    /// The id of the organisation whose value it is; missing where it is the server's.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub owner: Option<String>,
    /// What that is called; missing where it is the server's.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub owner_name: Option<String>,
    /// Whether the owner has locked it: nothing below has another value then.
    pub lock: SettingLock,
    /// What the organisation that was asked for has of its own; missing where it inherits the group.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub own: Option<OwnSetting>,
}

/// An own value of an organisation. It does not hold where somebody above has locked the setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OwnSetting {
    /// The value.
    pub value: String,
    /// Whether it is locked for everything below.
    pub lock: SettingLock,
}

/// Whether what is below may have another value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SettingLock {
    /// It may.
    Open,
    /// It may not.
    Locked,
}

/// A value for a setting.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetSetting {
    /// The value.
    pub value: String,
    /// Whether it is locked for everything below; missing to leave that as it is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub lock: Option<SettingLock>,
}
