//! Rows as commands of `clap`.

use std::path::PathBuf;

use clap::{Arg, ArgAction, Command, value_parser};
use strongroom_agent::client;

use super::table::{Argument, Noun, Sort, Use, Verb};

/// The name of the switch for a run that changes nothing.
pub(super) const DRY_RUN: &str = "dry-run";
/// The name of the switch for CSV.
pub(super) const CSV: &str = "csv";
/// The name of the version that was seen.
pub(super) const IF_VERSION: &str = "if-version";

/// Makes the command of a noun.
pub(super) fn noun(row: &'static Noun) -> Command {
    Command::new(row.name)
        .about(row.about)
        .alias(row.alias)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands(row.verbs.iter().map(verb))
}

fn verb(row: &'static Verb) -> Command {
    let mut command = Command::new(row.name).about(row.about);
    if !row.more.is_empty() {
        command = command.after_help(row.more);
    }
    command = command.args(row.arguments.iter().map(argument));
    let Some(operation) = row.operation() else {
        if row.name == "import" {
            command = command.arg(dry_run());
        }
        return command;
    };
    match operation.sort {
        client::Sort::List | client::Sort::Whole => {
            let csv = Arg::new(CSV).long(CSV).action(ArgAction::SetTrue);
            command.arg(csv.help("Print comma-separated values, with all of each item"))
        }
        client::Sort::Versioned => command.arg(dry_run()).arg(
            Arg::new(IF_VERSION)
                .long(IF_VERSION)
                .value_name("NUMBER")
                .value_parser(value_parser!(i64))
                .help("Only if it has this version still [default: the one it has now]"),
        ),
        client::Sort::Change | client::Sort::Secret(_) => command.arg(dry_run()),
        client::Sort::Read
        | client::Sort::Download
        | client::Sort::Public
        | client::Sort::Report => command,
    }
}

fn dry_run() -> Arg {
    Arg::new(DRY_RUN)
        .long(DRY_RUN)
        .action(ArgAction::SetTrue)
        .help("Only say what would come of it")
}

fn argument(row: &'static Argument) -> Arg {
    let mut arg = Arg::new(row.name).help(row.help);
    arg = match row.use_ {
        Use::Positional => arg.required(true),
        Use::OptionalPositional => arg,
        Use::Optional => arg.long(row.name),
        Use::Required => arg.long(row.name).required(true),
        Use::AnyNumber => arg.long(row.name).action(ArgAction::Append),
        Use::Several => arg.long(row.name).required(true).action(ArgAction::Append),
    };
    let is_positional = matches!(row.use_, Use::Positional | Use::OptionalPositional);
    arg = arg.value_name(value_name(row, is_positional));
    match row.sort {
        Sort::Number => arg.value_parser(value_parser!(u64)),
        Sort::Choice(choices) => arg.value_parser(choices.to_vec()),
        Sort::File => arg.value_parser(value_parser!(PathBuf)),
        _ => arg,
    }
}

fn value_name(row: &Argument, is_positional: bool) -> String {
    if is_positional {
        return row.name.to_uppercase();
    }
    let name = match row.sort {
        Sort::Organisation => "ORGANISATION",
        Sort::User => "USER",
        Sort::Group => "GROUP",
        Sort::Computer => "COMPUTER",
        Sort::Id => "ID",
        Sort::Number => "NUMBER",
        Sort::File => "FILE",
        Sort::Confirmation => "NAME",
        Sort::Text => "TEXT",
        Sort::Choice(_) => return row.name.to_uppercase(),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::admin::nouns::NOUNS;
    use crate::commands::admin::table::{Does, Place};

    #[test]
    fn every_row_is_a_command_that_fits_its_endpoint() {
        for row in NOUNS {
            noun(row).debug_assert();
            for verb in row.verbs {
                let what = format!("{} {}", row.name, verb.name);
                assert!(!verb.about.ends_with('.'), "{what}");
                let Some(operation) = verb.operation() else {
                    continue;
                };
                let in_path = |argument: &&Argument| argument.place == Place::Path;
                let n_named = verb.arguments.iter().filter(in_path).count();
                assert_eq!(n_named, operation.parameters().count(), "{what}");
                check_body(verb, operation, &what);
            }
        }
    }

    /// A body with everything that can be given is one that the endpoint takes.
    fn check_body(verb: &Verb, operation: &client::Operation, what: &str) {
        let mut body = serde_json::Map::new();
        if let Does::CallWith(_, same) = &verb.does {
            body.extend(
                same.iter()
                    .map(|(name, value)| ((*name).to_owned(), (*value).into())),
            );
        }
        for argument in verb.arguments {
            let Place::Body(name) = argument.place else {
                continue;
            };
            let value = match (argument.sort, argument.use_) {
                (Sort::Number, _) => 1.into(),
                (Sort::Choice(choices), _) => choices.first().copied().into(),
                (_, Use::Several) => serde_json::json!(["x"]),
                _ => "x".into(),
            };
            body.insert(name.replace('-', "_"), value);
        }
        if operation.verb == client::Verb::Get || body.is_empty() {
            return;
        }
        let checked = operation.check(&body.into());
        assert!(checked.is_ok(), "{what}: {checked:?}");
    }

    #[test]
    fn what_the_api_can_do_there_is_a_command_for() {
        let mut without = Vec::new();
        for (verb, path) in client::endpoints::all() {
            let is_there = NOUNS.iter().flat_map(|row| row.verbs).any(|row| {
                let other = match &row.does {
                    Does::Either(_, _, other) => Some(other),
                    _ => None,
                };
                let mut operations = row.operation().into_iter().chain(other);
                operations.any(|operation| (operation.verb, operation.path) == (verb, path))
            });
            if !is_there {
                without.push(format!("{} {path}", verb.name()));
            }
        }
        // These have commands that are no rows: import and export; login, logout, whoami; enroll.
        let others = [
            "POST /organisations/{organisation}/users/import",
            "POST /me/sign-out",
            "GET /me",
            "POST /me/password/start",
            "POST /me/password/finish",
            "POST /computers/self/check-in",
            "GET /audit/export",
            "POST /enroll/start",
            "POST /enroll/finish",
            "POST /me/computers",
            "POST /sign-in/start",
            "POST /sign-in/finish",
            "POST /sign-in/second-factor",
            "POST /links/start",
            "POST /links/finish",
        ];
        assert_eq!(without, others);
    }
}
