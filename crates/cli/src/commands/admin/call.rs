//! Asks an endpoint what a row says, with what was given on the command line.

use clap::ArgMatches;
use serde_json::{Map, Value};
use strongroom_agent::client::{Client, Operation, Request, Sort as Used};

use super::grammar::{CSV, DRY_RUN, IF_VERSION};
use super::names::Names;
use super::show;
use super::table::{Argument, Does, Place, Sort, Use, Verb};
use crate::context::Context;
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::secrets;

/// Does it, and shows what came of it.
pub(super) fn run(
    context: &Context<'_>,
    verb: &'static Verb,
    matches: &ArgMatches,
) -> Result<Outcome, Failure> {
    let client = context.server_memory()?.client()?;
    let names = Names::new(&client);
    let Some(operation) = chosen(verb, matches) else {
        return Ok(Outcome::Done);
    };
    let call = Call {
        context,
        client: &client,
        names: &names,
        verb,
        matches,
        operation,
    };
    match operation.sort {
        Used::List | Used::Whole => call.list()?,
        _ => call.once()?,
    }
    Ok(Outcome::Done)
}

/// Returns the endpoint that is asked.
fn chosen<'a>(verb: &'a Verb, matches: &ArgMatches) -> Option<&'a Operation> {
    match &verb.does {
        Does::Either(argument, with, without) => {
            let is_given = matches.contains_id(argument);
            Some(if is_given { with } else { without })
        }
        _ => verb.operation(),
    }
}

struct Call<'a> {
    context: &'a Context<'a>,
    client: &'a Client,
    names: &'a Names<'a>,
    verb: &'static Verb,
    matches: &'a ArgMatches,
    operation: &'a Operation,
}

impl Call<'_> {
    fn list(&self) -> Result<(), Failure> {
        let (request, _) = self.request()?;
        let items = self.client.pages(request);
        let output = self.context.output;
        let columns = self.verb.columns;
        if self.matches.get_flag(CSV) {
            return show::csv(output, columns, items);
        }
        if output.is_json() {
            for item in items {
                output.object(&item?)?;
            }
            return Ok(());
        }
        show::table(output, self.names, columns, items)
    }

    fn once(&self) -> Result<(), Failure> {
        let (mut request, path) = self.request()?;
        let is_dry = self.operation.sort != Used::Read && self.matches.get_flag(DRY_RUN);
        if self.operation.sort == Used::Versioned {
            let seen = match self.matches.get_one::<i64>(IF_VERSION) {
                Some(version) => Some(*version),
                None => self.version(&path)?,
            };
            request = seen.into_iter().fold(request, Request::version);
        }
        if let Some(body) = self.body(&path)? {
            self.operation.check(&body)?;
            request = request.body(&body)?;
        }
        if is_dry {
            request = request.dry_run();
        }
        let reply = self.client.send(&request)?;
        let output = self.context.output;
        if output.is_json() {
            return if reply.body.is_null() {
                output.object(&serde_json::json!({ "done": !is_dry }))
            } else {
                output.object(&reply.body)
            };
        }
        show::one(output, self.names, self.verb.columns, &reply.body)?;
        if let Does::CallThen(_, then) = &self.verb.does
            && let Some((title, text)) = then(self.client, &reply.body)
        {
            output.line(&format!("{title}: {text}"))?;
        }
        if matches!(self.operation.sort, Used::Secret(_)) && !is_dry {
            output.note("It is shown this once.");
        }
        if is_dry {
            output.note("Nothing was changed: this is what would come of it.");
        } else if reply.body.is_null() {
            output.done("done")?;
        }
        Ok(())
    }

    /// Puts the request together but for its body, and returns what stands for the names in the path.
    fn request(&self) -> Result<(Request, Vec<String>), Failure> {
        let mut path = Vec::new();
        let mut query = Vec::new();
        for argument in self.verb.arguments {
            let Some(text) = self.text(argument) else {
                continue;
            };
            match argument.place {
                Place::Path => path.push(self.names.id(argument.sort, &text)?),
                Place::Query(name) => query.push((name, self.names.id(argument.sort, &text)?)),
                Place::Body(_) | Place::Own => {}
            }
        }
        let names: Vec<&str> = path.iter().map(String::as_str).collect();
        let request = self.operation.request(&names);
        let asked = query.into_iter();
        let request = asked.fold(request, |request, (name, value)| request.query(name, value));
        Ok((request, path))
    }

    /// Returns which version there is now of what is to be changed.
    fn version(&self, path: &[String]) -> Result<Option<i64>, Failure> {
        let body = self.read(path)?;
        Ok(body.get("version").and_then(Value::as_i64))
    }

    /// Reads what is to be changed: it is where the change is.
    fn read(&self, path: &[String]) -> Result<Value, Failure> {
        let names: Vec<&str> = path.iter().map(String::as_str).collect();
        Ok(self.client.send(&self.operation.thing(&names))?.body)
    }

    fn body(&self, path: &[String]) -> Result<Option<Value>, Failure> {
        let mut body = Map::new();
        if let Does::CallWith(_, same) = &self.verb.does {
            body.extend(
                same.iter()
                    .map(|(name, value)| ((*name).to_owned(), (*value).into())),
            );
        }
        let mut has_body = !body.is_empty();
        for argument in self.verb.arguments {
            let Place::Body(name) = argument.place else {
                continue;
            };
            has_body = true;
            if let Some(value) = self.value(argument, path)? {
                body.insert(name.replace('-', "_"), value);
            }
        }
        Ok(has_body.then_some(Value::Object(body)))
    }

    fn value(&self, argument: &Argument, path: &[String]) -> Result<Option<Value>, Failure> {
        if argument.use_ == Use::Several {
            let given = self.matches.get_many::<String>(argument.name);
            return Ok(given.map(|given| given.cloned().collect()));
        }
        if argument.sort == Sort::Number {
            let given = self.matches.get_one::<u64>(argument.name);
            return Ok(given.map(|&number| number.into()));
        }
        match (self.text(argument), argument.sort) {
            (None, Sort::Confirmation) => self.confirmation(path).map(|typed| Some(typed.into())),
            (None, _) => Ok(None),
            (Some(text), sort) => Ok(Some(self.names.id(sort, &text)?.into())),
        }
    }

    /// Asks for the name of what is concerned.
    fn confirmation(&self, path: &[String]) -> Result<String, Failure> {
        if !secrets::can_ask() {
            let message = "confirm it with --confirm and its name";
            return Err(Failure::Usage(message.to_owned()));
        }
        let thing = self.read(path)?;
        let name = thing
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let name = crate::output::escaped(name);
        secrets::ask_openly(&format!("Type {name} to confirm: "))
    }

    fn text(&self, argument: &Argument) -> Option<String> {
        match argument.sort {
            Sort::Number | Sort::File => None,
            _ if argument.use_ == Use::Several => None,
            _ => self.matches.get_one::<String>(argument.name).cloned(),
        }
    }
}
