//! `strongroom admin session`

use strongroom_agent::client::endpoints;

use crate::commands::admin::table::{Column, Noun, Shows, Sort, column, path, shown, verb};

const COLUMNS: &[Column] = &[
    column("id", "id"),
    shown("began", "began", Shows::Time),
    shown("last used", "last_used", Shows::Time),
    shown("second factor", "second_factor", Shows::Time),
    column("from", "address"),
    column("program", "program"),
    column("this one", "current"),
];

pub(super) const NOUN: Noun = Noun {
    name: "session",
    alias: "sessions",
    about: "Sessions: who is signed in, and from where",
    verbs: &[
        verb(
            "list",
            "List the sessions of a user",
            endpoints::SESSIONS.operation(),
            &[path("user", Sort::User, "The user; me for yourself")],
            COLUMNS,
        ),
        verb(
            "end",
            "End a session",
            endpoints::SESSION_END.operation(),
            &[path("session", Sort::Id, "The id of the session")],
            &[],
        ),
        verb(
            "end-all",
            "End all sessions of a user",
            endpoints::SESSIONS_END.operation(),
            &[path("user", Sort::User, "The user; me for yourself")],
            &[column("ended", "ended")],
        ),
    ],
};
