//! Sessions and tokens, and who one is.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Grant, User};

/// Who the caller is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Profile {
    /// The user.
    pub user: User,
    /// What the user holds.
    pub grants: Vec<Grant>,
    /// By what the caller acts.
    pub via: SessionOf,
    /// Which server it is.
    pub server: String,
    /// How often it was restored: another number than before says that what the server knew lately may be gone.
    pub epoch: u32,
    /// Whether the account must set up a second factor before anything else.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub second_factor_missing: bool,
}

/// By what a caller acts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SessionOf {
    /// A session.
    Session(String),
    /// An API token.
    Token(String),
    /// The credential of a computer.
    Computer(String),
}

/// A session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Session {
    /// Its id; not what proves it.
    pub id: String,
    /// Whose.
    pub user: String,
    /// When it began.
    pub began: String,
    /// When its user last proved who they are.
    pub signed_in: String,
    /// When it was last used, to a minute.
    pub last_used: String,
    /// From where it began.
    pub address: String,
    /// With which program.
    pub program: String,
    /// When a second factor was shown in it, if one was.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub second_factor: Option<String>,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// How many were ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ended {
    /// The number.
    pub ended: u64,
}

/// A token to be made.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// What it is to be called.
    pub name: String,
    /// The actions it is for, by name; it never does more than its owner may.
    pub actions: Vec<String>,
    /// Only in this organisation and all below it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub organisation: Option<String>,
    /// For how many days.
    #[schema(minimum = 1)]
    pub days: u16,
}

/// A token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Token {
    /// Its id; not what proves it.
    pub id: String,
    /// Whose.
    pub user: String,
    /// What it is called.
    pub name: String,
    /// The actions it is for.
    pub actions: Vec<String>,
    /// Only in this organisation and all below it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub organisation: Option<String>,
    /// When it was made.
    pub made: String,
    /// When it ends.
    pub expires: String,
    /// When it was last used, to a minute.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_used: Option<String>,
    /// What proves it; it is shown once, when it is made.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub secret: Option<String>,
}
