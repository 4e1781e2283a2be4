//! `strongroom admin user`

use strongroom_agent::client::endpoints;

use crate::commands::admin::import;
use crate::commands::admin::table::{
    Column, Does, Noun, Place, Shows, Sort, Use, Verb, argument, body, column, filter, option,
    path, shown, verb,
};

const COLUMNS: &[Column] = &[
    column("user", "name"),
    column("person", "person"),
    column("e-mail", "email"),
    shown("organisation", "organisation", Shows::Organisation),
    column("state", "state"),
    column("sign-in", "sign_in"),
    column("stands", "standing.state"),
    shown("made", "made", Shows::Time),
    column("version", "version"),
    column("id", "id"),
];

const WHICH: &str = "The user: the name to sign in with, or the id";

pub(super) const NOUN: Noun = Noun {
    name: "user",
    alias: "users",
    about: "Users and the states of their accounts",
    verbs: &[
        verb(
            "list",
            "List users",
            endpoints::USERS.operation(),
            &[
                filter(
                    "search",
                    Sort::Text,
                    "Only those with this text in a name or the address",
                ),
                filter(
                    "organisation",
                    Sort::Organisation,
                    "Only those of this organisation and of all below it",
                ),
                filter(
                    "state",
                    Sort::Choice(&["active", "inactive", "blocked", "suspended"]),
                    "Only those in this state",
                ),
            ],
            COLUMNS,
        ),
        verb(
            "show",
            "Show a user",
            endpoints::USER.operation(),
            &[path("user", Sort::User, WHICH)],
            COLUMNS,
        ),
        Verb {
            name: "create",
            about: "Make a user",
            more: "The user gets the two roles of one who registers without help. `strongroom admin link invite` makes the link for the first sign-in.",
            does: Does::Call(endpoints::USER_CREATE.operation()),
            arguments: &[
                path("organisation", Sort::Organisation, "The organisation"),
                body("name", Sort::Text, "The name to sign in with"),
                option("person", Sort::Text, "What the person is called"),
                option("email", Sort::Text, "Where notices go"),
            ],
            columns: COLUMNS,
        },
        Verb {
            name: "import",
            about: "Make many users, from CSV or JSON",
            more: "CSV has a first line with the names of its columns: name, and if you like person and email. JSON is a list, \
                   or one object a line, with the same fields; what `user list --csv` and `--json` print can be read. What is wrong with one keeps none of the others back: \
                   it is named, and the exit code is 3.",
            does: Does::Special(import::run),
            arguments: &[
                argument(
                    "organisation",
                    Sort::Organisation,
                    Place::Own,
                    Use::Positional,
                    "The organisation",
                ),
                argument(
                    "file",
                    Sort::File,
                    Place::Own,
                    Use::OptionalPositional,
                    "The file; without it, the standard input",
                ),
            ],
            columns: &[],
        },
        verb(
            "edit",
            "Change the names and the address of a user; an empty text takes one away",
            endpoints::USER_UPDATE.operation(),
            &[
                path("user", Sort::User, WHICH),
                option("name", Sort::Text, "The name to sign in with"),
                option("person", Sort::Text, "What the person is called"),
                option("email", Sort::Text, "Where notices go"),
            ],
            COLUMNS,
        ),
        verb(
            "move",
            "Move a user to another organisation",
            endpoints::USER_MOVE.operation(),
            &[
                path("user", Sort::User, WHICH),
                body("organisation", Sort::Organisation, "The organisation"),
            ],
            COLUMNS,
        ),
        verb(
            "deactivate",
            "Put an account to rest; its user may take it up again",
            endpoints::USER_DEACTIVATE.operation(),
            &[path("user", Sort::User, WHICH)],
            COLUMNS,
        ),
        verb(
            "block",
            "Close an account; its user cannot open it",
            endpoints::USER_BLOCK.operation(),
            &[path("user", Sort::User, WHICH)],
            COLUMNS,
        ),
        verb(
            "reactivate",
            "Activate an account that was put to rest",
            endpoints::USER_REACTIVATE.operation(),
            &[path("user", Sort::User, WHICH)],
            COLUMNS,
        ),
        verb(
            "unblock",
            "Make a blocked account one at rest",
            endpoints::USER_UNBLOCK.operation(),
            &[path("user", Sort::User, WHICH)],
            COLUMNS,
        ),
        verb(
            "suspend",
            "Let nobody sign in to an account; its computers go on backing up",
            endpoints::USER_SUSPEND.operation(),
            &[path("user", Sort::User, WHICH)],
            COLUMNS,
        ),
        verb(
            "resume",
            "Let the user sign in again",
            endpoints::USER_RESUME.operation(),
            &[path("user", Sort::User, WHICH)],
            COLUMNS,
        ),
    ],
};
