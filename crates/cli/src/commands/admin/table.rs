//! What a command of `admin` is: a row that names an endpoint, what it takes from the command line, and what it shows.

use serde_json::Value;
use strongroom_agent::client::{Client, Operation};

use crate::context::Context;
use crate::exit::Outcome;
use crate::failure::Failure;

/// A kind of thing, and what can be done to it.
pub(super) struct Noun {
    pub(super) name: &'static str,
    /// Another word for it.
    pub(super) alias: &'static str,
    pub(super) about: &'static str,
    pub(super) verbs: &'static [Verb],
}

/// One command.
pub(super) struct Verb {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    /// What follows the arguments in the help.
    pub(super) more: &'static str,
    pub(super) does: Does,
    pub(super) arguments: &'static [Argument],
    pub(super) columns: &'static [Column],
}

/// What a command does.
pub(super) enum Does {
    /// Asks one endpoint.
    Call(Operation),
    /// Asks one endpoint, with a part of the body that is always the same.
    CallWith(Operation, &'static [(&'static str, &'static str)]),
    /// Asks this endpoint where the argument is given, and the other where it is not.
    Either(&'static str, Operation, Operation),
    /// Asks one endpoint, and adds a line of its own to the answer.
    CallThen(
        Operation,
        fn(&Client, &Value) -> Option<(&'static str, String)>,
    ),
    /// Has a file of its own.
    Special(fn(&Context<'_>, &clap::ArgMatches) -> Result<Outcome, Failure>),
}

/// What one takes from the command line.
pub(super) struct Argument {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) sort: Sort,
    pub(super) place: Place,
    pub(super) use_: Use,
}

/// How it is given.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// By its place.
    Positional,
    /// By its place, or not at all.
    OptionalPositional,
    /// By its name, or not at all.
    Optional,
    /// By its name.
    Required,
    /// By its name, once or several times.
    Several,
    /// By its name, several times or not at all.
    AnyNumber,
}

/// What is given.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// An organisation, by name, path or id.
    Organisation,
    /// A user, by name or id.
    User,
    /// A group, by the organisation and its name, or by id.
    Group,
    /// A computer, by name or id.
    Computer,
    /// Something that has only an id.
    Id,
    /// Text.
    Text,
    /// A number.
    Number,
    /// One of these.
    Choice(&'static [&'static str]),
    /// A file.
    File,
    /// The name of what is concerned, typed once more.
    Confirmation,
}

/// Where it goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Into the path.
    Path,
    /// Into the body, under this name.
    Body(&'static str),
    /// Into the query, under this name.
    Query(&'static str),
    /// The command has a use for it.
    Own,
}

/// A column of a list, or a line of what is shown of one thing.
pub(super) struct Column {
    pub(super) title: &'static str,
    /// Where in the item it is; parts with a dot between.
    pub(super) field: &'static str,
    pub(super) shows: Shows,
}

/// How a value is shown to people.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shows {
    /// As it is.
    Plain,
    /// A time.
    Time,
    /// The id of an organisation, by its path.
    Organisation,
    /// The id of a user, by name.
    User,
    /// To programs alone.
    Data,
}

/// An argument in the path, by its place.
pub(super) const fn path(name: &'static str, sort: Sort, help: &'static str) -> Argument {
    argument(name, sort, Place::Path, Use::Positional, help)
}

/// An argument in the body, by its place.
pub(super) const fn body(name: &'static str, sort: Sort, help: &'static str) -> Argument {
    argument(name, sort, Place::Body(name), Use::Positional, help)
}

/// An argument in the body, by its name.
pub(super) const fn option(name: &'static str, sort: Sort, help: &'static str) -> Argument {
    argument(name, sort, Place::Body(name), Use::Optional, help)
}

/// What a list is to be limited to.
pub(super) const fn filter(name: &'static str, sort: Sort, help: &'static str) -> Argument {
    argument(name, sort, Place::Query(name), Use::Optional, help)
}

/// What the user confirms by typing a name.
pub(super) const CONFIRM: Argument = argument(
    "confirm",
    Sort::Confirmation,
    Place::Body("confirm"),
    Use::Optional,
    "The name of it, to confirm; it is asked for on a terminal",
);

pub(super) const fn argument(
    name: &'static str,
    sort: Sort,
    place: Place,
    use_: Use,
    help: &'static str,
) -> Argument {
    Argument {
        name,
        help,
        sort,
        place,
        use_,
    }
}

pub(super) const fn column(title: &'static str, field: &'static str) -> Column {
    shown(title, field, Shows::Plain)
}

pub(super) const fn shown(title: &'static str, field: &'static str, shows: Shows) -> Column {
    Column {
        title,
        field,
        shows,
    }
}

/// A command that asks one endpoint.
pub(super) const fn verb(
    name: &'static str,
    about: &'static str,
    operation: Operation,
    arguments: &'static [Argument],
    columns: &'static [Column],
) -> Verb {
    Verb {
        name,
        about,
        more: "",
        does: Does::Call(operation),
        arguments,
        columns,
    }
}

impl Verb {
    /// Returns the endpoint that says most of it, if it has one.
    pub(super) fn operation(&self) -> Option<&Operation> {
        match &self.does {
            Does::Call(operation)
            | Does::CallWith(operation, _)
            | Does::CallThen(operation, _)
            | Does::Either(_, operation, _) => Some(operation),
            Does::Special(_) => None,
        }
    }
}
