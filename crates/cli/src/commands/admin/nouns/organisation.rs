//! `strongroom admin organisation`

use strongroom_agent::client::endpoints;

use crate::commands::admin::table::{
    CONFIRM, Column, Does, Noun, Place, Shows, Sort, Use, Verb, argument, body, column, filter,
    path, shown, verb,
};

const COLUMNS: &[Column] = &[
    shown("organisation", "id", Shows::Organisation),
    shown("name", "name", Shows::Data),
    shown("parent", "parent", Shows::Data),
    column("state", "state"),
    shown("since", "since", Shows::Time),
    shown(
        "second factor required by",
        "second_factor_required_by",
        Shows::Organisation,
    ),
    shown("second factor since", "second_factor_since", Shows::Data),
    shown("made", "made", Shows::Time),
    column("version", "version"),
    column("id", "id"),
];

const WHICH: &str = "The organisation: its name, its path such as Default/Engineering, or its id";

pub(super) const NOUN: Noun = Noun {
    name: "organisation",
    alias: "organisations",
    about: "Organisations: a tree of at most eight levels",
    verbs: &[
        verb(
            "list",
            "List organisations",
            endpoints::ORGANISATIONS.operation(),
            &[
                filter(
                    "search",
                    Sort::Text,
                    "Only those with this text in the name",
                ),
                filter(
                    "parent",
                    Sort::Organisation,
                    "Only those right below this one",
                ),
            ],
            COLUMNS,
        ),
        verb(
            "show",
            "Show an organisation",
            endpoints::ORGANISATION.operation(),
            &[path("organisation", Sort::Organisation, WHICH)],
            COLUMNS,
        ),
        Verb {
            name: "create",
            about: "Make an organisation",
            more: "Without --parent it stands at the top.",
            does: Does::Either(
                "parent",
                endpoints::ORGANISATION_CREATE_CHILD.operation(),
                endpoints::ORGANISATION_CREATE_ROOT.operation(),
            ),
            arguments: &[
                body("name", Sort::Text, "What it is to be called"),
                argument(
                    "parent",
                    Sort::Organisation,
                    Place::Path,
                    Use::Optional,
                    "The organisation right above it",
                ),
            ],
            columns: COLUMNS,
        },
        verb(
            "rename",
            "Give an organisation another name",
            endpoints::ORGANISATION_RENAME.operation(),
            &[
                path("organisation", Sort::Organisation, WHICH),
                body("name", Sort::Text, "What it is to be called"),
            ],
            COLUMNS,
        ),
        Verb {
            name: "move",
            about: "Move an organisation, with all below it",
            more: "Without --parent it goes to the top.",
            does: Does::Call(endpoints::ORGANISATION_MOVE.operation()),
            arguments: &[
                path("organisation", Sort::Organisation, WHICH),
                argument(
                    "parent",
                    Sort::Organisation,
                    Place::Body("parent"),
                    Use::Optional,
                    "The organisation right above it",
                ),
                CONFIRM,
            ],
            columns: COLUMNS,
        },
        verb(
            "deactivate",
            "Put an organisation and all below it to rest",
            endpoints::ORGANISATION_DEACTIVATE.operation(),
            &[path("organisation", Sort::Organisation, WHICH), CONFIRM],
            COLUMNS,
        ),
        verb(
            "block",
            "Close an organisation and all below it",
            endpoints::ORGANISATION_BLOCK.operation(),
            &[path("organisation", Sort::Organisation, WHICH), CONFIRM],
            COLUMNS,
        ),
        verb(
            "reactivate",
            "Open an organisation again",
            endpoints::ORGANISATION_REACTIVATE.operation(),
            &[path("organisation", Sort::Organisation, WHICH)],
            COLUMNS,
        ),
        Verb {
            name: "require-second-factor",
            about: "Require a second factor of everybody in an organisation and below",
            more: "From then on, whoever has none can do nothing but set one up, and whoever has one must show it at sign-in. API tokens of users without one stop; computers go on backing up. Nothing below can loosen it.",
            does: Does::Call(endpoints::ORGANISATION_REQUIRE_SECOND_FACTOR.operation()),
            arguments: &[path("organisation", Sort::Organisation, WHICH), CONFIRM],
            columns: COLUMNS,
        },
        verb(
            "waive-second-factor",
            "Require a second factor no longer, unless an organisation above does",
            endpoints::ORGANISATION_WAIVE_SECOND_FACTOR.operation(),
            &[path("organisation", Sort::Organisation, WHICH)],
            COLUMNS,
        ),
    ],
};
