//! `strongroom admin passkey`

use strongroom_agent::client::endpoints;

use crate::commands::admin::table::{Column, Noun, Shows, Sort, body, column, path, shown, verb};

const COLUMNS: &[Column] = &[
    column("passkey", "name"),
    shown("user", "user", Shows::User),
    column("may be copied", "may_be_copied"),
    shown("made", "made", Shows::Time),
    shown("last used", "last_used", Shows::Time),
    shown(
        "after the password since",
        "after_password_since",
        Shows::Time,
    ),
    column("id", "id"),
];

pub(super) const NOUN: Noun = Noun {
    name: "passkey",
    alias: "passkeys",
    about: "Passkeys, which browsers make and sign in with",
    verbs: &[
        verb(
            "list",
            "List the passkeys of a user",
            endpoints::PASSKEYS.operation(),
            &[path("user", Sort::User, "The user; me for yourself")],
            COLUMNS,
        ),
        verb(
            "rename",
            "Give a passkey of yours another name",
            endpoints::PASSKEY_RENAME.operation(),
            &[
                path("passkey", Sort::Id, "The id of the passkey"),
                body("name", Sort::Text, "What it is to be called"),
            ],
            COLUMNS,
        ),
        verb(
            "remove",
            "Take a passkey of yours away",
            endpoints::PASSKEY_REMOVE.operation(),
            &[path("passkey", Sort::Id, "The id of the passkey")],
            &[],
        ),
    ],
};
