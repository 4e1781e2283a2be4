//! `strongroom admin audit`

use strongroom_agent::client::endpoints;

use crate::commands::admin::audit;
use crate::commands::admin::table::{
    Column, Does, Noun, Place, Shows, Sort, Use, Verb, argument, column, filter, shown, verb,
};

const COLUMNS: &[Column] = &[
    column("entry", "seq"),
    shown("at", "at", Shows::Time),
    column("event", "event"),
    column("outcome", "outcome"),
    column("by", "actor_name"),
    column("from", "address"),
    column("what", "subject_kind"),
    column("which", "subject_name"),
    shown("organisation", "organisation", Shows::Organisation),
    column("details", "details"),
    shown("actor", "actor", Shows::Data),
    shown("subject", "subject", Shows::Data),
    shown("user", "user", Shows::Data),
    shown("hash", "hash", Shows::Data),
];

pub(super) const NOUN: Noun = Noun {
    name: "audit",
    alias: "log",
    about: "The audit log: who did what to what",
    verbs: &[
        verb(
            "list",
            "List entries, the newest first",
            endpoints::AUDIT.operation(),
            &[
                filter(
                    "event",
                    Sort::Text,
                    "Only what is called this, such as user.created",
                ),
                filter("actor", Sort::User, "Only what this user did"),
                filter("user", Sort::User, "Only what is about this user"),
                filter(
                    "subject",
                    Sort::Id,
                    "Only what was done to what has this id",
                ),
                filter(
                    "organisation",
                    Sort::Organisation,
                    "Only what was done in this organisation and all below it",
                ),
            ],
            COLUMNS,
        ),
        Verb {
            name: "export",
            about: "Export the log, so that it can be verified without the server",
            more: "One export has at most 100,000 entries; --first goes on. What you may not see is there as digests.",
            does: Does::Special(audit::export),
            arguments: &[
                argument(
                    "file",
                    Sort::File,
                    Place::Own,
                    Use::OptionalPositional,
                    "The file, which must not be there; without it, the standard output",
                ),
                argument(
                    "format",
                    Sort::Choice(&["json", "csv", "cef"]),
                    Place::Own,
                    Use::Optional,
                    "JSON lines, comma-separated values, or Common Event Format [default: json]",
                ),
                argument(
                    "first",
                    Sort::Number,
                    Place::Own,
                    Use::Optional,
                    "The number of the first entry [default: 1]",
                ),
            ],
            columns: &[],
        },
        Verb {
            name: "verify",
            about: "Verify an export, with nothing but its file",
            more: "The exit code is 4 where the export was changed. No server is asked. `strongroom-server audit key` shows the key of a server: \
                   keep it elsewhere.",
            does: Does::Special(audit::verify),
            arguments: &[
                argument(
                    "file",
                    Sort::File,
                    Place::Own,
                    Use::Positional,
                    "The file; - is the standard input",
                ),
                argument(
                    "trusted-key",
                    Sort::Text,
                    Place::Own,
                    Use::AnyNumber,
                    "A public key, in hexadecimal, that checkpoints must be signed with; without one, it is not looked at who signed them",
                ),
            ],
            columns: &[],
        },
    ],
};
