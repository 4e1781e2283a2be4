//! `strongroom admin computer`

use strongroom_agent::client::endpoints;

use crate::commands::admin::table::{
    CONFIRM, Column, Noun, Shows, Sort, body, column, filter, path, shown, verb,
};

const COLUMNS: &[Column] = &[
    column("computer", "name"),
    shown("user", "user", Shows::User),
    column("active", "active"),
    column("credential", "credential"),
    column("system", "operating_system"),
    column("program", "program_version"),
    shown("last seen", "last_seen", Shows::Time),
    column("heads behind", "heads_behind"),
    column("version", "version"),
    column("id", "id"),
];

const HEADS: &[Column] = &[
    column("archive", "archive"),
    column("destination", "destination"),
    column("generation", "generation"),
    column("record", "seq"),
    shown("hash", "hash", Shows::Data),
    shown("since", "since", Shows::Time),
    column("behind: generation", "behind.generation"),
    column("behind: record", "behind.seq"),
    shown("behind: hash", "behind.hash", Shows::Data),
    shown("behind since", "behind.since", Shows::Time),
];

const WHICH: &str = "The computer: its name, or its id";

pub(super) const NOUN: Noun = Noun {
    name: "computer",
    alias: "computers",
    about: "Computers and their credentials",
    verbs: &[
        verb(
            "list",
            "List computers",
            endpoints::COMPUTERS.operation(),
            &[
                filter(
                    "search",
                    Sort::Text,
                    "Only those with this text in the name",
                ),
                filter("user", Sort::User, "Only those of this user"),
                filter(
                    "organisation",
                    Sort::Organisation,
                    "Only those of users of this organisation and of all below it",
                ),
            ],
            COLUMNS,
        ),
        verb(
            "show",
            "Show a computer",
            endpoints::COMPUTER.operation(),
            &[path("computer", Sort::Computer, WHICH)],
            COLUMNS,
        ),
        verb(
            "heads",
            "List the newest records of a computer's archives that the server was told of, and which went back",
            endpoints::COMPUTER_HEADS.operation(),
            &[path("computer", Sort::Computer, WHICH)],
            HEADS,
        ),
        verb(
            "rename",
            "Give an own computer another name",
            endpoints::COMPUTER_RENAME.operation(),
            &[
                path("computer", Sort::Computer, WHICH),
                body("name", Sort::Text, "What it is to be called"),
            ],
            COLUMNS,
        ),
        verb(
            "deactivate",
            "Stop a computer",
            endpoints::COMPUTER_DEACTIVATE.operation(),
            &[path("computer", Sort::Computer, WHICH), CONFIRM],
            COLUMNS,
        ),
        verb(
            "reactivate",
            "Take a deactivated computer up again",
            endpoints::COMPUTER_REACTIVATE.operation(),
            &[path("computer", Sort::Computer, WHICH)],
            COLUMNS,
        ),
        verb(
            "sign-out",
            "Sign a computer out: it stops until its user signs in again",
            endpoints::COMPUTER_SIGN_OUT.operation(),
            &[path("computer", Sort::Computer, WHICH)],
            COLUMNS,
        ),
        verb(
            "revoke",
            "End the credential of a lost computer, at once and for good",
            endpoints::COMPUTER_REVOKE.operation(),
            &[path("computer", Sort::Computer, WHICH)],
            COLUMNS,
        ),
    ],
};
