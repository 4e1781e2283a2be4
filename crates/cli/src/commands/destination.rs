//! `strongroom destination`

use clap::Subcommand;
use serde_json::json;
use strongroom_agent::destinations;
use strongroom_agent::profile::DestinationName;

use crate::context::Context;
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::show;

/// Commands on destinations.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Add a destination, after trying out whether it is fit
    Add {
        /// Its name: 1 to 32 characters of a-z, 0-9 and -
        name: DestinationName,
        /// Where it is: a folder, or `file:///PATH`
        url: String,
    },
    /// List the destinations
    List,
    /// Forget a destination; what it holds stays there
    Remove {
        /// Its name
        name: String,
    },
    /// Try out what a destination does
    Test {
        /// Its name
        name: String,
    },
}

pub(crate) fn run(context: &Context<'_>, command: Command) -> Result<Outcome, Failure> {
    match command {
        Command::Add { name, url } => add(context, name, &url)?,
        Command::List => list(context)?,
        Command::Remove { name } => remove(context, &name)?,
        Command::Test { name } => test(context, &name)?,
    }
    Ok(Outcome::Done)
}

fn add(context: &Context<'_>, name: DestinationName, url: &str) -> Result<(), Failure> {
    let profile = context.profile()?;
    let current = context.environment.current();
    let shown = name.to_string();
    let found = destinations::add(&profile, name, url, current, &context.random)?;
    if context.output.is_json() {
        return context
            .output
            .object(&json!({ "name": shown, "free_bytes": found.free_bytes }));
    }
    let free = found.free_bytes.map_or_else(String::new, |free| {
        format!(", with {} free", show::bytes(free))
    });
    context.output.done(&format!("added {shown}{free}"))
}

fn list(context: &Context<'_>) -> Result<(), Failure> {
    for there in context.profile()?.config()?.destinations {
        if context.output.is_json() {
            context.output.object(&json!({
                "name": there.name.as_str(),
                "id": there.id.to_string(),
                "url": there.url,
                "default": there.default,
            }))?;
        } else {
            let default = if there.default { "default" } else { "" };
            context
                .output
                .line(&format!("{:<16} {default:<8} {}", there.name, there.url))?;
        }
    }
    Ok(())
}

fn remove(context: &Context<'_>, name: &str) -> Result<(), Failure> {
    let removed = destinations::remove(&context.profile()?, name)?;
    if context.output.is_json() {
        return context
            .output
            .object(&json!({ "removed": name, "url": removed.url }));
    }
    context.output.done(&format!(
        "removed {name}; what it holds is still at {}",
        removed.url
    ))
}

fn test(context: &Context<'_>, name: &str) -> Result<(), Failure> {
    let tested = destinations::test(&context.profile()?, name, &context.random)?;
    let found = tested.capabilities;
    let archives: Vec<String> = tested.archives.iter().map(ToString::to_string).collect();
    if context.output.is_json() {
        return context.output.object(&json!({
            "name": name,
            "exclusive_create": found.exclusive_create,
            "reads_back": found.reads_back,
            "lists": found.lists,
            "deletes": found.deletes,
            "durable": found.durable,
            "free_bytes": found.free_bytes,
            "archives": archives,
        }));
    }
    let yes = |value: bool| if value { "yes" } else { "NO" };
    let free = found
        .free_bytes
        .map_or_else(|| "not known".to_owned(), show::bytes);
    let lines = [
        (
            "never replaces an object",
            yes(found.exclusive_create).to_owned(),
        ),
        (
            "gives objects back as stored",
            yes(found.reads_back).to_owned(),
        ),
        ("lists objects", yes(found.lists).to_owned()),
        ("deletes objects", yes(found.deletes).to_owned()),
        ("durable means", found.durable.to_owned()),
        ("free", free),
        ("archives", archives.join(" ")),
    ];
    for (what, value) in lines {
        context.output.line(&format!("{what:<30} {value}"))?;
    }
    Ok(())
}
