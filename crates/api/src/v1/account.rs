//! Users and their accounts.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct User {
    /// The id.
    pub id: String,
    /// The organisation.
    pub organisation: String,
    /// The name to sign in with.
    pub name: String,
    /// What the person is called.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub person: Option<String>,
    /// Where notices go.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub email: Option<String>,
    /// The own state of the account.
    pub state: AccountState,
    /// Whether sign-in is suspended.
    pub sign_in: SignInState,
    /// How the account stands, with the organisations above.
    pub standing: AccountStanding,
    /// Whether it lives in an identity system.
    pub external: bool,
    /// When it was made.
    pub made: String,
    /// How often it was changed; `If-Match` takes it.
    pub version: i64,
}

/// The own state of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AccountState {
    /// It may be used.
    Active,
    /// It is at rest; its user may take it up again.
    Inactive,
    /// It is closed; its user cannot open it.
    Blocked,
}

/// Whether anybody may sign in to an account that is otherwise as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SignInState {
    /// As the state has it.
    Open,
    /// Nobody signs in; computers go on backing up.
    Suspended,
}

/// How an account stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccountStanding {
    /// What counts: the worst of its own state and those of the organisations above.
    pub state: AccountState,
    /// Since when it is not active.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub since: Option<String>,
    /// What makes it so.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cause: Option<AccountCause>,
}

/// What makes an account stand as it does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AccountCause {
    /// Its own state.
    Own,
    /// The state of this organisation.
    Organisation(String),
}

/// The state that a list of users asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UserStateFilter {
    /// Active, with sign-in open.
    Active,
    /// Inactive.
    Inactive,
    /// Blocked.
    Blocked,
    /// With sign-in suspended.
    Suspended,
}

/// A user to be made.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// The name to sign in with.
    pub name: String,
    /// What the person is called.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub person: Option<String>,
    /// Where notices go.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub email: Option<String>,
}

/// Users to be made at once.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportUsers {
    /// The users, at most 1000.
    #[schema(max_items = 1000)]
    pub users: Vec<NewUser>,
}

/// What became of the users to be made: one line for each, in their order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportOutcome {
    /// How many were made.
    pub made: u32,
    /// How many were not.
    pub failed: u32,
    /// One for each.
    pub users: Vec<ImportedUser>,
}

/// What became of one of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportedUser {
    /// The name that was asked for.
    pub name: String,
    /// The id, if the user was made.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub id: Option<String>,
    /// Why not, if not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub problem: Option<String>,
}

/// What is changed about a user; what is missing stays.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateUser {
    /// The name to sign in with.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<String>,
    /// What the person is called; empty for nothing.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub person: Option<String>,
    /// Where notices go; empty for nowhere.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub email: Option<String>,
}

/// What users change about themselves; what is missing stays.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateProfile {
    /// What the person is called; empty for nothing.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub person: Option<String>,
}

/// Another organisation for a user.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveUser {
    /// The organisation.
    pub organisation: String,
}

/// A role or add-on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// Its name.
    pub role: String,
    /// The organisation where it holds, with all below it; missing where it has none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub organisation: Option<String>,
}

/// A link that is wanted for a user.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Invite {
    /// What it is for.
    pub purpose: LinkPurpose,
}

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LinkPurpose {
    /// The first sign-in of somebody for whom an account was made.
    Invitation,
    /// A sign-in whose secret was lost.
    Reset,
}

/// A one-time link. Whoever has it chooses what signs in to the account, once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Link {
    /// Its id.
    pub id: String,
    /// Whose account.
    pub user: String,
    /// What it is for.
    pub purpose: LinkPurpose,
    /// When it ends.
    pub expires: String,
    /// The link itself; it is shown once.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub link: Option<String>,
}
