//! `strongroom admin NOUN VERB`: everything that the API can do. The commands are rows of a table (`nouns/`); what is special
//! about one has a file of its own.

mod audit;
mod call;
mod formula;
mod grammar;
mod import;
mod names;
mod nouns;
mod show;
mod table;

use clap::{ArgMatches, FromArgMatches, Subcommand};

use crate::context::Context;
use crate::exit::Outcome;
use crate::failure::Failure;
use nouns::NOUNS;
use table::Verb;

/// A command of `admin` with its arguments.
pub(crate) struct Chosen {
    verb: &'static Verb,
    matches: ArgMatches,
}

/// Does it.
pub(crate) fn run(context: &Context<'_>, chosen: &Chosen) -> Result<Outcome, Failure> {
    match &chosen.verb.does {
        table::Does::Special(deed) => deed(context, &chosen.matches),
        _ => call::run(context, chosen.verb, &chosen.matches),
    }
}

impl FromArgMatches for Chosen {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let missing = || clap::Error::new(clap::error::ErrorKind::MissingSubcommand);
        let (noun, below) = matches.subcommand().ok_or_else(missing)?;
        let (verb, matches) = below.subcommand().ok_or_else(missing)?;
        let noun = NOUNS.iter().find(|row| row.name == noun);
        let verb = noun.and_then(|noun| noun.verbs.iter().find(|row| row.name == verb));
        Ok(Self {
            verb: verb.ok_or_else(missing)?,
            matches: matches.clone(),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Subcommand for Chosen {
    fn augment_subcommands(command: clap::Command) -> clap::Command {
        let nouns = NOUNS.iter().map(grammar::noun);
        command.subcommands(nouns).subcommand_required(true)
    }

    fn augment_subcommands_for_update(command: clap::Command) -> clap::Command {
        Self::augment_subcommands(command)
    }

    fn has_subcommand(name: &str) -> bool {
        NOUNS.iter().any(|noun| noun.name == name)
    }
}
