//! `strongroom admin me`

use strongroom_agent::client::endpoints;

use crate::commands::admin::table::{Column, Noun, Sort, column, option, verb};

const COLUMNS: &[Column] = &[
    column("user", "name"),
    column("person", "person"),
    column("state", "state"),
    column("version", "version"),
];

pub(super) const NOUN: Noun = Noun {
    name: "me",
    alias: "myself",
    about: "Your own account",
    verbs: &[
        verb(
            "edit",
            "Change what you are called; an empty text takes it away",
            endpoints::ME_UPDATE.operation(),
            &[option("person", Sort::Text, "What you are called")],
            COLUMNS,
        ),
        verb(
            "settings",
            "List the settings that hold for you",
            endpoints::OWN_SETTINGS.operation(),
            &[],
            &[
                column("setting", "setting"),
                column("value", "value"),
                column("of", "owner_name"),
            ],
        ),
        verb(
            "reactivate",
            "Take your account up again that was put to rest",
            endpoints::ME_REACTIVATE.operation(),
            &[],
            COLUMNS,
        ),
    ],
};
