//! Passkeys (`spec/sign-in-v1.md`, section 5). What goes through a browser has the forms of Web Authentication, level 3
//! (`PublicKeyCredentialCreationOptionsJSON` and the like), bytes as base64url without padding.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A passkey.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Passkey {
    /// Its id; its authenticator knows it by another one.
    pub id: String,
    /// Whose.
    pub user: String,
    /// What it is called.
    pub name: String,
    /// Whether it may be copied to other devices of its user.
    pub may_be_copied: bool,
    /// When it was made.
    pub made: String,
    /// When it last signed in.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_used: Option<String>,
    /// Since when it signs in after the password only, because that was chosen by a link: until it is shown after it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub after_password_since: Option<String>,
}

/// A passkey that was made, with recovery codes where the account had none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PasskeyAdded {
    /// The passkey.
    pub passkey: Passkey,
    /// Codes, each of which signs in once in the place of a second factor; they are shown once.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub codes: Option<Vec<String>>,
}

/// Another name for a passkey.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RenamePasskey {
    /// What it is to be called.
    pub name: String,
}

/// What a browser needs to make a passkey.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PasskeyCreation {
    /// The site.
    pub rp: PasskeySite,
    /// For whom.
    pub user: PasskeyUser,
    /// What is signed: it is good once, for five minutes.
    pub challenge: String,
    /// The kinds of keys that may be made.
    pub pub_key_cred_params: Vec<PasskeyParameters>,
    /// How long the browser may take, in milliseconds.
    pub timeout: u32,
    /// The passkeys that there are already.
    pub exclude_credentials: Vec<PasskeyDescriptor>,
    /// What the authenticator must do.
    pub authenticator_selection: PasskeySelection,
    /// What is asked of it about itself.
    pub attestation: String,
}

/// The site that passkeys are for.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PasskeySite {
    /// The name of its host.
    pub id: String,
    /// What it is called.
    pub name: String,
}

/// For whom a passkey is.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PasskeyUser {
    /// The bytes of the id of the user.
    pub id: String,
    /// The name to sign in with.
    pub name: String,
    /// What the person is called.
    pub display_name: String,
}

/// A kind of key.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PasskeyParameters {
    /// `public-key`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The number of COSE.
    pub alg: i32,
}

/// A passkey, as its authenticator knows it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PasskeyDescriptor {
    /// `public-key`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its id.
    pub id: String,
}

/// What an authenticator must do.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PasskeySelection {
    /// Whether it must be found without being named.
    pub resident_key: String,
    /// The same, as older browsers read it.
    pub require_resident_key: bool,
    /// Whether it must verify its user.
    pub user_verification: String,
}

/// A passkey that a browser has made.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddPasskey {
    /// What it is to be called.
    pub name: String,
    /// What the browser gave.
    pub credential: NewPasskey,
}

/// What a browser gives of a new passkey (`RegistrationResponseJSON`); what else it gives is not looked at.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct NewPasskey {
    /// The id.
    pub id: String,
    /// The rest.
    pub response: NewPasskeyResponse,
}

/// The rest of what a browser gives of a new passkey.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewPasskeyResponse {
    /// What the browser says that it was asked.
    #[serde(rename = "clientDataJSON")]
    pub client_data_json: String,
    /// What the authenticator says.
    pub attestation_object: String,
}

/// The beginning of a sign-in with a passkey.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartPasskeySignIn {
    /// The `attempt` of the problem `second-factor-needed`; without it, the passkey alone signs in.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub attempt: Option<String>,
}

/// What a browser needs to sign in with a passkey.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PasskeyRequest {
    /// What is signed: it is good once, for five minutes.
    pub challenge: String,
    /// How long the browser may take, in milliseconds.
    pub timeout: u32,
    /// The site.
    pub rp_id: String,
    /// The passkeys that will do; none where any may.
    pub allow_credentials: Vec<PasskeyDescriptor>,
    /// Whether the authenticator must verify its user.
    pub user_verification: String,
}

/// The end of a sign-in with a passkey.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FinishPasskeySignIn {
    /// The same as at the beginning.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub attempt: Option<String>,
    /// What the browser gave.
    pub credential: SignedPasskey,
    /// With which program, as the list of sessions shows it.
    pub program: String,
}

/// What a browser gives of a sign-in (`AuthenticationResponseJSON`); what else it gives is not looked at.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SignedPasskey {
    /// The id of the passkey.
    pub id: String,
    /// The rest.
    pub response: SignedPasskeyResponse,
}

/// The rest of what a browser gives of a sign-in.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SignedPasskeyResponse {
    /// What the browser says that it was asked.
    #[serde(rename = "clientDataJSON")]
    pub client_data_json: String,
    /// What the authenticator says.
    pub authenticator_data: String,
    /// What the passkey signed of both.
    pub signature: String,
    /// Whose the passkey says that it is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub user_handle: Option<String>,
}
