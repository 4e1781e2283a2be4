//! Signing in with a password that never leaves the device (OPAQUE; `spec/sign-in-v1.md`). Messages are in hexadecimal.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The first message of a sign-in.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartSignIn {
    /// The name to sign in with.
    pub name: String,
    /// The client's first message.
    pub request: String,
}

/// The answer to it. For a name that nobody has it looks the same.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SignInStarted {
    /// What the last message names.
    pub attempt: String,
    /// The version of the record, which fixes how the client stretches the password.
    pub version: u8,
    /// The server's message.
    pub response: String,
}

/// The last message of a sign-in.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FinishSignIn {
    /// What the answer to the first message gave.
    pub attempt: String,
    /// The client's last message.
    pub message: String,
    /// With which program, as the list of sessions shows it.
    pub program: String,
}

/// A session that has begun.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SignedIn {
    /// The id of the session.
    pub session: String,
    /// What proves it.
    pub secret: String,
    /// Whose it is.
    pub user: String,
    /// When it ends, however much it is used.
    pub expires: String,
    /// Whether the account must set up a second factor before the session is good for anything else.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub second_factor_missing: bool,
}

/// The first message of a new password, by a one-time link.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartLink {
    /// The secret of the link: what begins with `srl_`.
    pub link: String,
    /// The client's first message.
    pub request: String,
}

/// The answer to the first message of a new password.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PasswordStarted {
    /// The name to sign in with.
    pub name: String,
    /// How the client stretches the password.
    pub version: u8,
    /// The fewest characters that the password must have; the client checks it.
    #[serde(default = "super::password_length_min")]
    pub length_min: u8,
    /// The server's message.
    pub response: String,
}

/// The last message of a new password, by a one-time link.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FinishLink {
    /// The secret of the link.
    pub link: String,
    /// The client's last message, which the server keeps.
    pub upload: String,
    /// With which program, as the list of sessions shows it.
    pub program: String,
}

/// The first message of another password.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartPassword {
    /// The client's first message.
    pub request: String,
}

/// The last message of another password.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FinishPassword {
    /// The client's last message, which the server keeps.
    pub upload: String,
}
