//! Enrolling a computer: with a registration key, which makes the account too, or by who has signed in.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Computer;

/// The first message of somebody who makes an account with a registration key.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartEnrolment {
    /// The registration key, as it was typed.
    pub key: String,
    /// The name to sign in with.
    pub name: String,
    /// The client's first message of a new password.
    pub request: String,
}

/// The answer to it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct EnrolmentStarted {
    /// What the last message names.
    pub attempt: String,
    /// What the organisation is called that takes the account in.
    pub organisation: String,
    /// The fingerprint of the organisation's key, where it has one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub organisation_key: Option<String>,
    /// How the client stretches the password.
    pub version: u8,
    /// The fewest characters that the password must have; the client checks it.
    #[serde(default = "super::password_length_min")]
    pub length_min: u8,
    /// The server's message.
    pub response: String,
}

/// The last message of somebody who makes an account with a registration key.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FinishEnrolment {
    /// What the answer to the first message gave.
    pub attempt: String,
    /// The registration key, as it was typed.
    pub key: String,
    /// The name to sign in with.
    pub name: String,
    /// The client's last message, which the server keeps.
    pub upload: String,
    /// The computer.
    pub computer: NewComputer,
}

/// A computer to be enrolled.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewComputer {
    /// What it is to be called.
    pub name: String,
    /// What runs on it.
    pub operating_system: String,
    /// The version of Strongroom there.
    pub program_version: String,
}

/// A computer that was enrolled.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Enrolled {
    /// The id of the user.
    pub user: String,
    /// The name to sign in with.
    pub name: String,
    /// The id of the organisation.
    pub organisation: String,
    /// The fingerprint of the organisation's key, where it has one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub organisation_key: Option<String>,
    /// The computer.
    pub computer: Computer,
    /// What proves it; it is shown once.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub secret: Option<String>,
}
