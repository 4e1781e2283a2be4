//! `strongroom admin token`

use strongroom_agent::client::endpoints;

use crate::commands::admin::table::{
    Column, Does, Noun, Place, Shows, Sort, Use, Verb, argument, body, column, option, path, shown,
    verb,
};

const COLUMNS: &[Column] = &[
    column("token", "name"),
    column("actions", "actions"),
    shown("only in", "organisation", Shows::Organisation),
    shown("good until", "expires", Shows::Time),
    shown("last used", "last_used", Shows::Time),
    column("id", "id"),
];

const NEW: &[Column] = &[
    column("token", "name"),
    column("actions", "actions"),
    shown("good until", "expires", Shows::Time),
    column("id", "id"),
    column("secret", "secret"),
];

pub(super) const NOUN: Noun = Noun {
    name: "token",
    alias: "tokens",
    about: "API tokens, for programs: narrow, and for a time",
    verbs: &[
        verb(
            "list",
            "List the tokens of a user",
            endpoints::TOKENS.operation(),
            &[path("user", Sort::User, "The user; me for yourself")],
            COLUMNS,
        ),
        Verb {
            name: "create",
            about: "Make a token for yourself",
            more: "The secret is shown this once. It does what the actions say and never more than you may. Actions have the names of the API, such as \
                   account.read and computer.read; `strongroom login --token-file` takes the secret from a file. You must have signed in just now.",
            does: Does::Call(endpoints::TOKEN_CREATE.operation()),
            arguments: &[
                body("name", Sort::Text, "What it is to be called"),
                argument(
                    "action",
                    Sort::Text,
                    Place::Body("actions"),
                    Use::Several,
                    "An action it is for, by name; may be given several times",
                ),
                argument(
                    "days",
                    Sort::Number,
                    Place::Body("days"),
                    Use::Required,
                    "For how many days",
                ),
                option(
                    "organisation",
                    Sort::Organisation,
                    "Only in this organisation and all below it",
                ),
            ],
            columns: NEW,
        },
        verb(
            "revoke",
            "Revoke a token",
            endpoints::TOKEN_REVOKE.operation(),
            &[path("token", Sort::Id, "The id of the token")],
            &[],
        ),
    ],
};
