//! `strongroom admin group`

use strongroom_agent::client::endpoints;

use crate::commands::admin::table::{Column, Noun, Shows, Sort, body, column, path, shown, verb};

const COLUMNS: &[Column] = &[
    column("group", "name"),
    shown("organisation", "organisation", Shows::Organisation),
    shown("made", "made", Shows::Time),
    column("version", "version"),
    column("id", "id"),
];

const MEMBERS: &[Column] = &[column("user", "name"), column("id", "user")];

const WHICH: &str = "The group: ORGANISATION/NAME, or the id";

pub(super) const NOUN: Noun = Noun {
    name: "group",
    alias: "groups",
    about: "Groups: named sets of users",
    verbs: &[
        verb(
            "list",
            "List the groups of an organisation",
            endpoints::GROUPS.operation(),
            &[path("organisation", Sort::Organisation, "The organisation")],
            COLUMNS,
        ),
        verb(
            "show",
            "Show a group",
            endpoints::GROUP.operation(),
            &[path("group", Sort::Group, WHICH)],
            COLUMNS,
        ),
        verb(
            "create",
            "Make a group",
            endpoints::GROUP_CREATE.operation(),
            &[
                path("organisation", Sort::Organisation, "The organisation"),
                body("name", Sort::Text, "What it is to be called"),
            ],
            COLUMNS,
        ),
        verb(
            "rename",
            "Give a group another name",
            endpoints::GROUP_RENAME.operation(),
            &[
                path("group", Sort::Group, WHICH),
                body("name", Sort::Text, "What it is to be called"),
            ],
            COLUMNS,
        ),
        verb(
            "remove",
            "Remove a group; its members stay what they are",
            endpoints::GROUP_REMOVE.operation(),
            &[path("group", Sort::Group, WHICH)],
            &[],
        ),
        verb(
            "members",
            "List who is in a group",
            endpoints::GROUP_MEMBERS.operation(),
            &[path("group", Sort::Group, WHICH)],
            MEMBERS,
        ),
        verb(
            "add",
            "Take a user into a group",
            endpoints::GROUP_ADD.operation(),
            &[
                path("group", Sort::Group, WHICH),
                path("user", Sort::User, "The user"),
            ],
            &[],
        ),
        verb(
            "take",
            "Take a user out of a group",
            endpoints::GROUP_TAKE.operation(),
            &[
                path("group", Sort::Group, WHICH),
                path("user", Sort::User, "The user"),
            ],
            &[],
        ),
    ],
};
