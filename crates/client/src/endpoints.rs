//! Every endpoint of the API that a client uses: the method, the path, how it is used, what it takes and what it gives.
//!
//! A test compares the table with `openapi/strongroom-v1.json`.

use strongroom_api::v1;

use crate::endpoint::{Endpoint, Nothing, Sort, Verb};

macro_rules! endpoints {
    ($($(#[$doc:meta])* $name:ident: $verb:ident $path:literal $sort:expr, $takes:ty => $gives:ty;)*) => {
        $($(#[$doc])* pub const $name: Endpoint<$takes, $gives> =
            Endpoint::new(Verb::$verb, $path, $sort);)*

        /// Returns the method and the path of every endpoint.
        pub fn all() -> impl Iterator<Item = (Verb, &'static str)> {
            [$((Verb::$verb, $path)),*].into_iter()
        }

        /// The method, the path, how it is used, and the names of what each takes and gives.
        #[cfg(test)]
        const ALL: &[(Verb, &str, Sort, fn() -> [&'static str; 2])] = &[$((
            Verb::$verb,
            $path,
            $sort,
            || [std::any::type_name::<$takes>(), std::any::type_name::<$gives>()],
        ),)*];
    };
}

use Sort::{Change, Download, List, Public, Read, Report, Secret, Versioned, Whole};

endpoints! {
    /// Lists organisations.
    ORGANISATIONS: Get "/organisations" List, v1::OrganisationQuery => v1::Organisation;
    /// Makes an organisation with none above it.
    ORGANISATION_CREATE_ROOT: Post "/organisations" Change, v1::NewOrganisation => v1::Organisation;
    /// Makes an organisation below one.
    ORGANISATION_CREATE_CHILD: Post "/organisations/{organisation}/children" Change, v1::NewOrganisation => v1::Organisation;
    /// Reads an organisation.
    ORGANISATION: Get "/organisations/{organisation}" Read, Nothing => v1::Organisation;
    /// Renames an organisation.
    ORGANISATION_RENAME: Patch "/organisations/{organisation}" Versioned, v1::RenameOrganisation => v1::Organisation;
    /// Moves an organisation.
    ORGANISATION_MOVE: Post "/organisations/{organisation}/move" Change, v1::MoveOrganisation => v1::Organisation;
    /// Deactivates an organisation.
    ORGANISATION_DEACTIVATE: Post "/organisations/{organisation}/deactivate" Change, v1::Confirmation => v1::Organisation;
    /// Blocks an organisation.
    ORGANISATION_BLOCK: Post "/organisations/{organisation}/block" Change, v1::Confirmation => v1::Organisation;
    /// Activates an organisation again.
    ORGANISATION_REACTIVATE: Post "/organisations/{organisation}/reactivate" Change, Nothing => v1::Organisation;
    /// Requires a second factor of everybody in an organisation.
    ORGANISATION_REQUIRE_SECOND_FACTOR: Post "/organisations/{organisation}/require-second-factor" Change, v1::Confirmation => v1::Organisation;
    /// Requires it no longer.
    ORGANISATION_WAIVE_SECOND_FACTOR: Post "/organisations/{organisation}/waive-second-factor" Change, Nothing => v1::Organisation;

    /// Lists the settings that hold at an organisation.
    SETTINGS: Get "/organisations/{organisation}/settings" Whole, Nothing => v1::Setting;
    /// Gives a setting a value at an organisation.
    SETTING_SET: Put "/organisations/{organisation}/settings/{setting}" Versioned, v1::SetSetting => v1::Setting;
    /// Inherits a group of settings again.
    SETTING_INHERIT: Delete "/organisations/{organisation}/settings/{setting}" Versioned, Nothing => Nothing;
    /// Lists the settings that hold for who asks.
    OWN_SETTINGS: Get "/me/settings" Whole, Nothing => v1::Setting;

    /// Reads a registration key, masked.
    REGISTRATION_KEY: Get "/organisations/{organisation}/registration-key" Read, Nothing => v1::RegistrationKey;
    /// Makes a registration key in the place of the one before.
    REGISTRATION_KEY_ROTATE: Post "/organisations/{organisation}/registration-key/rotate" Secret("key"), v1::RotateRegistrationKey => v1::RegistrationKey;
    /// Closes a registration key.
    REGISTRATION_KEY_CLOSE: Post "/organisations/{organisation}/registration-key/close" Change, Nothing => v1::RegistrationKey;

    /// Lists the groups of an organisation.
    GROUPS: Get "/organisations/{organisation}/groups" List, v1::PageQuery => v1::Group;
    /// Makes a group.
    GROUP_CREATE: Post "/organisations/{organisation}/groups" Change, v1::NewGroup => v1::Group;
    /// Reads a group.
    GROUP: Get "/groups/{group}" Read, Nothing => v1::Group;
    /// Renames a group.
    GROUP_RENAME: Patch "/groups/{group}" Versioned, v1::NewGroup => v1::Group;
    /// Removes a group.
    GROUP_REMOVE: Delete "/groups/{group}" Change, Nothing => Nothing;
    /// Lists the members of a group.
    GROUP_MEMBERS: Get "/groups/{group}/members" List, v1::PageQuery => v1::Member;
    /// Takes a user into a group.
    GROUP_ADD: Put "/groups/{group}/members/{user}" Change, Nothing => Nothing;
    /// Takes a user out of a group.
    GROUP_TAKE: Delete "/groups/{group}/members/{user}" Change, Nothing => Nothing;

    /// Lists users.
    USERS: Get "/users" List, v1::UserQuery => v1::User;
    /// Makes a user.
    USER_CREATE: Post "/organisations/{organisation}/users" Change, v1::NewUser => v1::User;
    /// Makes many users.
    USER_IMPORT: Post "/organisations/{organisation}/users/import" Change, v1::ImportUsers => v1::ImportOutcome;
    /// Reads a user.
    USER: Get "/users/{user}" Read, Nothing => v1::User;
    /// Changes the names and the address of a user.
    USER_UPDATE: Patch "/users/{user}" Versioned, v1::UpdateUser => v1::User;
    /// Moves a user to another organisation.
    USER_MOVE: Post "/users/{user}/move" Change, v1::MoveUser => v1::User;
    /// Deactivates a user.
    USER_DEACTIVATE: Post "/users/{user}/deactivate" Change, Nothing => v1::User;
    /// Blocks a user.
    USER_BLOCK: Post "/users/{user}/block" Change, Nothing => v1::User;
    /// Activates a user again.
    USER_REACTIVATE: Post "/users/{user}/reactivate" Change, Nothing => v1::User;
    /// Makes a blocked user an inactive one.
    USER_UNBLOCK: Post "/users/{user}/unblock" Change, Nothing => v1::User;
    /// Suspends the sign-in of a user.
    USER_SUSPEND: Post "/users/{user}/suspend" Change, Nothing => v1::User;
    /// Lets a user sign in again.
    USER_RESUME: Post "/users/{user}/resume" Change, Nothing => v1::User;
    /// Makes a one-time link.
    LINK_CREATE: Post "/users/{user}/links" Secret("link"), v1::Invite => v1::Link;

    /// Lists the roles of a user.
    GRANTS: Get "/users/{user}/grants" Whole, Nothing => v1::Grant;
    /// Gives a role.
    GRANT_GIVE: Post "/users/{user}/grants" Change, v1::Grant => v1::Grant;
    /// Takes a role.
    GRANT_TAKE: Post "/users/{user}/grants/take" Change, v1::Grant => Nothing;

    /// Lists the sessions of a user.
    SESSIONS: Get "/users/{user}/sessions" Whole, Nothing => v1::Session;
    /// Ends all sessions of a user.
    SESSIONS_END: Delete "/users/{user}/sessions" Change, Nothing => v1::Ended;
    /// Ends a session.
    SESSION_END: Delete "/sessions/{session}" Change, Nothing => Nothing;
    /// Ends the own session.
    SIGN_OUT: Post "/me/sign-out" Change, Nothing => Nothing;

    /// Lists the tokens of a user.
    TOKENS: Get "/users/{user}/tokens" Whole, Nothing => v1::Token;
    /// Makes a token for oneself.
    TOKEN_CREATE: Post "/me/tokens" Secret("secret"), v1::NewToken => v1::Token;
    /// Revokes a token.
    TOKEN_REVOKE: Delete "/tokens/{token}" Change, Nothing => Nothing;

    /// Says who one is.
    ME: Get "/me" Read, Nothing => v1::Profile;
    /// Changes what one is called.
    ME_UPDATE: Patch "/me" Change, v1::UpdateProfile => v1::User;
    /// Takes the own account up again.
    ME_REACTIVATE: Post "/me/reactivate" Change, Nothing => v1::User;
    /// Begins to change the own password.
    PASSWORD_START: Post "/me/password/start" Change, v1::StartPassword => v1::PasswordStarted;
    /// Changes the own password.
    PASSWORD_FINISH: Post "/me/password/finish" Change, v1::FinishPassword => v1::Ended;

    /// Lists computers.
    COMPUTERS: Get "/computers" List, v1::ComputerQuery => v1::Computer;
    /// Reads a computer.
    COMPUTER: Get "/computers/{computer}" Read, Nothing => v1::Computer;
    /// Lists the heads of a computer's archives that the server was told of.
    COMPUTER_HEADS: Get "/computers/{computer}/heads" List, v1::PageQuery => v1::KnownHead;
    /// Renames an own computer.
    COMPUTER_RENAME: Patch "/computers/{computer}" Versioned, v1::UpdateComputer => v1::Computer;
    /// Deactivates a computer.
    COMPUTER_DEACTIVATE: Post "/computers/{computer}/deactivate" Change, v1::Confirmation => v1::Computer;
    /// Activates a computer again.
    COMPUTER_REACTIVATE: Post "/computers/{computer}/reactivate" Change, Nothing => v1::Computer;
    /// Signs a computer out.
    COMPUTER_SIGN_OUT: Post "/computers/{computer}/sign-out" Change, Nothing => v1::Computer;
    /// Revokes the credential of a computer.
    COMPUTER_REVOKE: Post "/computers/{computer}/revoke" Change, Nothing => v1::Computer;

    /// Tells the server how this computer is.
    CHECK_IN: Post "/computers/self/check-in" Report, v1::CheckIn => v1::CheckedIn;

    /// Lists entries of the audit log.
    AUDIT: Get "/audit" List, v1::AuditQuery => v1::AuditEntry;
    /// Exports the audit log.
    AUDIT_EXPORT: Get "/audit/export" Download, v1::AuditExportQuery => Nothing;

    /// Begins to make an account with a registration key.
    ENROL_START: Post "/enroll/start" Public, v1::StartEnrolment => v1::EnrolmentStarted;
    /// Makes an account with a registration key, and its first computer.
    ENROL_FINISH: Post "/enroll/finish" Public, v1::FinishEnrolment => v1::Enrolled;
    /// Enrols a computer as one's own.
    COMPUTER_ENROL: Post "/me/computers" Secret("secret"), v1::NewComputer => v1::Enrolled;

    /// Begins a sign-in.
    SIGN_IN_START: Post "/sign-in/start" Public, v1::StartSignIn => v1::SignInStarted;
    /// Ends a sign-in.
    SIGN_IN_FINISH: Post "/sign-in/finish" Public, v1::FinishSignIn => v1::SignedIn;
    /// Ends a sign-in by a code.
    SIGN_IN_SECOND_FACTOR: Post "/sign-in/second-factor" Public, v1::FinishSecondFactor => v1::SignedIn;
    /// Says what a user has beside the password.
    SECOND_FACTOR: Get "/users/{user}/second-factor" Read, Nothing => v1::SecondFactor;
    /// Takes all second factors of a user away.
    SECOND_FACTOR_REMOVE: Delete "/users/{user}/second-factor" Change, Nothing => Nothing;
    /// Draws the secret of an authenticator app.
    AUTHENTICATOR_SET_UP: Post "/me/authenticator" Secret("app"), Nothing => v1::NewAuthenticator;
    /// Takes the first code of an authenticator app.
    AUTHENTICATOR_CONFIRM: Post "/me/authenticator/confirm" Secret("codes"), v1::ConfirmAuthenticator => v1::RecoveryCodes;
    /// Takes the own authenticator app away.
    AUTHENTICATOR_REMOVE: Delete "/me/authenticator" Change, Nothing => Nothing;
    /// Makes new recovery codes.
    RECOVERY_CODES: Post "/me/recovery-codes" Secret("codes"), Nothing => v1::RecoveryCodes;
    /// Lists the passkeys of a user.
    PASSKEYS: Get "/users/{user}/passkeys" Whole, Nothing => v1::Passkey;
    /// Renames an own passkey.
    PASSKEY_RENAME: Patch "/passkeys/{passkey}" Change, v1::RenamePasskey => v1::Passkey;
    /// Takes an own passkey away.
    PASSKEY_REMOVE: Delete "/passkeys/{passkey}" Change, Nothing => Nothing;

    /// Begins to choose a password by a link.
    LINK_START: Post "/links/start" Public, v1::StartLink => v1::PasswordStarted;
    /// Chooses a password by a link.
    LINK_FINISH: Post "/links/finish" Public, v1::FinishLink => v1::SignedIn;
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::Value;

    use super::*;

    /// What the client has no use for.
    const LEFT_OUT: &[&str] = &[
        "GET /openapi.json",
        // What a browser does.
        "POST /me/passkeys",
        "POST /me/passkeys/start",
        "POST /sign-in/passkey/finish",
        "POST /sign-in/passkey/start",
    ];

    fn last(name: &'static str) -> &'static str {
        let name = name.rsplit("::").next().unwrap();
        if name == "Nothing" { "" } else { name }
    }

    fn reference(value: &Value) -> String {
        let text = value["content"]["application/json"]["schema"]["$ref"].as_str();
        text.unwrap_or_default()
            .rsplit('/')
            .next()
            .unwrap()
            .to_owned()
    }

    /// What an operation of the document takes and gives, and how it is used as far as that is told.
    fn documented(operation: &Value) -> (String, String, bool, bool) {
        let responses = operation["responses"].as_object().unwrap();
        let good = responses
            .iter()
            .find(|(status, _)| status.starts_with('2'))
            .unwrap()
            .1;
        let parameters = operation["parameters"].as_array().unwrap();
        let header = |name: &str| {
            parameters
                .iter()
                .find(|parameter| parameter["name"] == name)
        };
        (
            reference(&operation["requestBody"]),
            reference(good),
            header("If-Match").is_some_and(|parameter| parameter["required"] == true),
            header("Idempotency-Key").is_some(),
        )
    }

    #[test]
    fn the_table_is_that_of_the_document() {
        let document: Value =
            serde_json::from_str(include_str!("../../../openapi/strongroom-v1.json")).unwrap();
        let mut served = BTreeMap::new();
        for (path, operations) in document["paths"].as_object().unwrap() {
            for (verb, operation) in operations.as_object().unwrap() {
                let path = path.trim_start_matches(v1::PREFIX);
                let name = format!("{} {path}", verb.to_uppercase());
                served.insert(name, documented(operation));
            }
        }
        for left_out in LEFT_OUT {
            served.remove(*left_out).unwrap();
        }
        for (verb, path, sort, types) in ALL {
            let name = format!("{} {path}", verb.name());
            let (body, answer, is_versioned, has_key) = served
                .remove(&name)
                .unwrap_or_else(|| panic!("{name} is not served"));
            let [takes, gives] = types().map(last);
            let suffix = if matches!(sort, List | Whole) {
                "Page"
            } else {
                ""
            };
            assert_eq!(format!("{gives}{suffix}"), answer, "{name}");
            if *verb != Verb::Get {
                assert_eq!(takes, body, "{name}");
            }
            assert_eq!(is_versioned, *sort == Versioned, "{name}");
            let changes = !matches!(sort, Read | List | Whole | Download | Public | Report);
            assert_eq!(has_key, changes, "{name}");
        }
        assert!(served.is_empty(), "no client for {:?}", served.keys());
    }
}
