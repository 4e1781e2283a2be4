//! `strongroom admin role`

use strongroom_agent::client::endpoints;

use crate::commands::admin::table::{
    Column, Does, Noun, Place, Shows, Sort, Use, Verb, argument, body, column, path, shown, verb,
};

const COLUMNS: &[Column] = &[
    column("role", "role"),
    shown("at", "organisation", Shows::Organisation),
];

const ROLES: Sort = Sort::Choice(&[
    "desktop-user",
    "web-user",
    "manager",
    "admin",
    "sysadmin",
    "restore-others",
    "recovery-officer",
    "audit-reader",
    "legal-hold",
]);

const MORE: &str = "manager and admin, and what is added to a role (restore-others, recovery-officer, audit-reader, legal-hold), hold in an \
                    organisation and all below it: name it with --at. The other roles have none.";

pub(super) const NOUN: Noun = Noun {
    name: "role",
    alias: "roles",
    about: "Roles: what users may do, and where",
    verbs: &[
        verb(
            "list",
            "List what a user holds",
            endpoints::GRANTS.operation(),
            &[path("user", Sort::User, "The user")],
            COLUMNS,
        ),
        Verb {
            name: "give",
            about: "Give a user a role",
            more: MORE,
            does: Does::Call(endpoints::GRANT_GIVE.operation()),
            arguments: &[
                path("user", Sort::User, "The user"),
                body("role", ROLES, "The role"),
                argument(
                    "at",
                    Sort::Organisation,
                    Place::Body("organisation"),
                    Use::Optional,
                    "The organisation where it holds, with all below it",
                ),
            ],
            columns: COLUMNS,
        },
        Verb {
            name: "take",
            about: "Take a role from a user",
            more: MORE,
            does: Does::Call(endpoints::GRANT_TAKE.operation()),
            arguments: &[
                path("user", Sort::User, "The user"),
                body("role", ROLES, "The role"),
                argument(
                    "at",
                    Sort::Organisation,
                    Place::Body("organisation"),
                    Use::Optional,
                    "The organisation where it holds",
                ),
            ],
            columns: &[],
        },
    ],
};
