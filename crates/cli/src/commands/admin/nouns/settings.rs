//! `strongroom admin settings`

use strongroom_agent::client::endpoints;

use crate::commands::admin::table::{
    Column, Does, Noun, Sort, Verb, body, column, option, path, verb,
};

const COLUMNS: &[Column] = &[
    column("setting", "setting"),
    column("value", "value"),
    column("of", "owner_name"),
    column("lock", "lock"),
    column("own value", "own.value"),
];

const WHICH: &str = "The organisation: its name, its path or its id";

const MORE: &str = "An organisation inherits a group of settings, or has its own; a setting of its own can be locked, and holds for \
                    all below it then. Lifetimes are a number of minutes, hours or days, such as 30m, 12h or 90d.";

pub(super) const NOUN: Noun = Noun {
    name: "settings",
    alias: "setting",
    about: "Settings of organisations: what holds, where it comes from, and who locked it",
    verbs: &[
        verb(
            "list",
            "List the settings that hold at an organisation",
            endpoints::SETTINGS.operation(),
            &[path("organisation", Sort::Organisation, WHICH)],
            COLUMNS,
        ),
        Verb {
            name: "set",
            about: "Give a setting a value at an organisation",
            more: MORE,
            does: Does::Call(endpoints::SETTING_SET.operation()),
            arguments: &[
                path("organisation", Sort::Organisation, WHICH),
                path("setting", Sort::Text, "The setting, such as sessions.idle"),
                body("value", Sort::Text, "The value"),
                option(
                    "lock",
                    Sort::Choice(&["open", "locked"]),
                    "Whether all below may have another value [default: as it is]",
                ),
            ],
            columns: COLUMNS,
        },
        verb(
            "inherit",
            "Inherit a group of settings again: own values are gone",
            endpoints::SETTING_INHERIT.operation(),
            &[
                path("organisation", Sort::Organisation, WHICH),
                path(
                    "setting",
                    Sort::Text,
                    "The group, such as sessions, or one of its settings",
                ),
            ],
            &[],
        ),
    ],
};
