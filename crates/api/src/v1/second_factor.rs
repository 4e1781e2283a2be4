//! Second factors: an authenticator app, passkeys, and recovery codes for when they are lost (`spec/sign-in-v1.md`).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What an account has beside its password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SecondFactor {
    /// Since when a code of an authenticator app is asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub authenticator: Option<String>,
    /// How many recovery codes were not used.
    pub recovery_codes: u64,
    /// How many passkeys there are.
    #[serde(default)]
    pub passkeys: u64,
}

/// An authenticator app to be set up; it counts from its first code on.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct NewAuthenticator {
    /// What the app must know; it is shown once.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub app: Option<AuthenticatorSecret>,
}

/// What an authenticator app must know.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AuthenticatorSecret {
    /// As it is typed.
    pub secret: String,
    /// As a QR code carries it.
    pub uri: String,
}

/// The first code of an authenticator app.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmAuthenticator {
    /// The six digits.
    pub code: String,
}

/// New recovery codes, in the place of all before.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RecoveryCodes {
    /// The codes, each of which signs in once in the place of a code of the app; they are shown once.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub codes: Option<Vec<String>>,
}

/// The second step of a sign-in.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FinishSecondFactor {
    /// The `attempt` of the problem `second-factor-needed`.
    pub attempt: String,
    /// The six digits of the app, or a recovery code.
    pub code: String,
}
