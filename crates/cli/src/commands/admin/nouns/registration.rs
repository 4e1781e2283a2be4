//! `strongroom admin registration`

use serde_json::Value;
use strongroom_agent::client::{Client, endpoints};

use crate::commands::admin::table::{
    Column, Does, Noun, Shows, Sort, Verb, column, option, path, shown, verb,
};

const COLUMNS: &[Column] = &[
    shown("organisation", "organisation", Shows::Organisation),
    column("key", "masked"),
    column("state", "state"),
    column("accounts made", "uses"),
    column("accounts at most", "uses_max"),
    shown("good until", "expires", Shows::Time),
    shown("made", "made", Shows::Time),
];

const NEW: &[Column] = &[
    shown("organisation", "organisation", Shows::Organisation),
    column("registration key", "key"),
    column("accounts at most", "uses_max"),
    shown("good until", "expires", Shows::Time),
];

pub(super) const NOUN: Noun = Noun {
    name: "registration",
    alias: "registration-key",
    about: "Registration keys, with which people make accounts without help",
    verbs: &[
        verb(
            "show",
            "Show the key of an organisation, all but its end masked",
            endpoints::REGISTRATION_KEY.operation(),
            &[path("organisation", Sort::Organisation, "The organisation")],
            COLUMNS,
        ),
        Verb {
            name: "rotate",
            about: "Make a new key in the place of the one before",
            more: "The key is shown this once, with what to give to who enrols. The one before is not good any more.",
            does: Does::CallThen(endpoints::REGISTRATION_KEY_ROTATE.operation(), enrolment),
            arguments: &[
                path("organisation", Sort::Organisation, "The organisation"),
                option(
                    "days",
                    Sort::Number,
                    "For how many days it is good [default: until it is rotated]",
                ),
                option(
                    "uses-max",
                    Sort::Number,
                    "For how many accounts it is good [default: any number]",
                ),
            ],
            columns: NEW,
        },
        verb(
            "close",
            "Close the key: nobody registers with it any more",
            endpoints::REGISTRATION_KEY_CLOSE.operation(),
            &[path("organisation", Sort::Organisation, "The organisation")],
            COLUMNS,
        ),
    ],
};

/// What to give to who enrols.
fn enrolment(client: &Client, made: &Value) -> Option<(&'static str, String)> {
    let key = made.get("key")?.as_str()?;
    let text = client.server().enrolment(key);
    Some(("enrol with", format!("strongroom enroll {text}")))
}
