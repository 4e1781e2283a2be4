//! `strongroom admin second-factor`

use strongroom_agent::client::endpoints;

use crate::commands::admin::table::{
    Column, Does, Noun, Shows, Sort, Verb, body, column, path, shown, verb,
};

const CODES: &[Column] = &[column("recovery codes", "codes")];

pub(super) const NOUN: Noun = Noun {
    name: "second-factor",
    alias: "second-factors",
    about: "Authenticator apps and recovery codes, beside passwords",
    verbs: &[
        verb(
            "show",
            "Show what a user has beside the password",
            endpoints::SECOND_FACTOR.operation(),
            &[path("user", Sort::User, "The user; me for yourself")],
            &[
                shown("authenticator app since", "authenticator", Shows::Time),
                column("recovery codes left", "recovery_codes"),
                column("passkeys", "passkeys"),
            ],
        ),
        verb(
            "remove",
            "Take all second factors of a user away who has lost them",
            endpoints::SECOND_FACTOR_REMOVE.operation(),
            &[path("user", Sort::User, "The user")],
            &[],
        ),
        Verb {
            name: "set-up",
            about: "Set up an authenticator app for yourself",
            more: "The app is given the secret, by hand or by the address; it counts when `confirm` was given its first code. You must have signed in just now.",
            does: Does::Call(endpoints::AUTHENTICATOR_SET_UP.operation()),
            arguments: &[],
            columns: &[column("secret", "app.secret"), column("address", "app.uri")],
        },
        verb(
            "confirm",
            "Give the first code of the app; recovery codes come back",
            endpoints::AUTHENTICATOR_CONFIRM.operation(),
            &[body("code", Sort::Text, "The six digits")],
            CODES,
        ),
        verb(
            "drop",
            "Take your own authenticator app away",
            endpoints::AUTHENTICATOR_REMOVE.operation(),
            &[],
            &[],
        ),
        verb(
            "codes",
            "Make new recovery codes, in the place of all before",
            endpoints::RECOVERY_CODES.operation(),
            &[],
            CODES,
        ),
    ],
};
