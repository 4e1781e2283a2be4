//! `strongroom admin link`

use strongroom_agent::client::endpoints;

use crate::commands::admin::table::{Column, Does, Noun, Shows, Sort, Verb, column, path, shown};

const COLUMNS: &[Column] = &[
    shown("user", "user", Shows::User),
    column("purpose", "purpose"),
    shown("good until", "expires", Shows::Time),
    column("link", "link"),
];

const MORE: &str = "The link is shown this once. Give it to the user, who chooses a password with `strongroom login --setup LINK`; \
                    you never learn it. Links made before for the same user are void.";

pub(super) const NOUN: Noun = Noun {
    name: "link",
    alias: "links",
    about: "One-time links with which users choose their passwords",
    verbs: &[
        Verb {
            name: "invite",
            about: "Make a link for the first sign-in, good for a week",
            more: MORE,
            does: Does::CallWith(
                endpoints::LINK_CREATE.operation(),
                &[("purpose", "invitation")],
            ),
            arguments: &[path("user", Sort::User, "The user")],
            columns: COLUMNS,
        },
        Verb {
            name: "reset",
            about: "Make a link for who lost the password, good for an hour",
            more: MORE,
            does: Does::CallWith(endpoints::LINK_CREATE.operation(), &[("purpose", "reset")]),
            arguments: &[path("user", Sort::User, "The user")],
            columns: COLUMNS,
        },
    ],
};
