//! `strongroom destination`

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};
use strongroom_agent::destinations::{self, Changes, NewDestination};
use strongroom_agent::profile::DestinationName;
use strongroom_agent::storage_key::StorageKey;
use strongroom_agent::{Capabilities, LocationOptions, LockMode, LockRule, Rate, Schedule};

use super::{accept, replicas};
use crate::context::Context;
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::show;

/// Commands on destinations.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Add a destination, after trying out whether it is fit
    Add(Box<Add>),
    /// Change how a destination is used
    Set(Set),
    /// List the destinations
    List,
    /// Forget a destination; what it holds stays there
    Remove {
        /// Its name
        name: String,
        /// Also where the spool or this destination has what no other destination has
        #[arg(long)]
        give_up: bool,
    },
    /// Accept what a destination holds, though it held more: a disk brought back from a copy
    Accept {
        /// Its name
        name: String,
    },
    /// Try out what a destination does
    Test {
        /// Its name
        name: String,
    },
    /// Copy to destinations what they lack, from the others
    Sync {
        /// Their names; all where none is given
        names: Vec<String>,
    },
    /// Read destinations, and mend from the others what is damaged or missing
    Heal {
        /// Their names; all where none is given
        names: Vec<String>,
        /// Only say what is damaged
        #[arg(long)]
        dry_run: bool,
        /// Read only this part of the objects; another one every day
        #[arg(
            long,
            value_name = "PERCENT",
            default_value_t = 100,
            value_parser = clap::value_parser!(u8).range(1..=100)
        )]
        sample: u8,
    },
}

/// Arguments of `destination add`.
#[derive(Args)]
pub(crate) struct Add {
    /// Its name: 1 to 32 characters of a-z, 0-9 and -
    #[arg(value_parser = DestinationName::for_new)]
    name: DestinationName,
    /// Where it is: a folder, `s3://BUCKET/PREFIX?region=REGION`,
    /// `s3://BUCKET/PREFIX?endpoint=https://HOST&region=REGION`, or `sftp://USER@HOST:PORT/PATH`
    url: String,
    /// S3: take the access key from this file [default: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`]
    #[arg(long, value_name = "FILE")]
    credentials_file: Option<PathBuf>,
    /// S3: lock new objects for so many days [default: as the bucket does]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    lock_days: Option<u32>,
    /// S3: who may lift locks: governance (with a permission) or compliance (nobody)
    #[arg(long, value_name = "MODE", requires = "lock_days")]
    lock_mode: Option<Mode>,
    /// S3: this computer alone writes there; needed where the server ignores `If-None-Match`, as Garage does
    #[arg(long)]
    single_writer: bool,
    /// SFTP: log in with this private key [default: as ssh does]
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
    /// SFTP: use these settings of ssh in place of yours
    #[arg(long, value_name = "FILE")]
    ssh_config: Option<PathBuf>,
    /// Store at most so many bytes per second, as 500K or 2M
    #[arg(long, value_name = "RATE")]
    limit_upload: Option<Rate>,
    /// Read at most so many bytes per second
    #[arg(long, value_name = "RATE")]
    limit_download: Option<Rate>,
    /// The agent uses it in these hours alone, as 22:00-06:00
    #[arg(long, value_name = "HOURS")]
    schedule: Option<Schedule>,
    /// Which goes first among destinations that are far away, 1 to 9 [default: 5]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=9))]
    priority: Option<u8>,
}

/// Arguments of `destination set`.
#[derive(Args)]
pub(crate) struct Set {
    /// Its name
    name: String,
    /// Call it so from now on
    #[arg(long = "name", value_name = "NEW", value_parser = DestinationName::for_new)]
    new_name: Option<DestinationName>,
    /// Store at most so many bytes per second, as 500K or 2M, or `none`
    #[arg(long, value_name = "RATE", value_parser = or_none::<Rate>)]
    limit_upload: Option<OrNone<Rate>>,
    /// Read at most so many bytes per second, or `none`
    #[arg(long, value_name = "RATE", value_parser = or_none::<Rate>)]
    limit_download: Option<OrNone<Rate>>,
    /// The agent uses it in these hours alone, as 22:00-06:00, or `none`
    #[arg(long, value_name = "HOURS", value_parser = or_none::<Schedule>)]
    schedule: Option<OrNone<Schedule>>,
    /// Which goes first among destinations that are far away, 1 to 9 [default: 5]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=9))]
    priority: Option<u8>,
}

/// A value, or the word for none.
#[derive(Clone, Copy)]
struct OrNone<T>(Option<T>);

fn or_none<T: FromStr<Err: ToString>>(text: &str) -> Result<OrNone<T>, String> {
    if text == "none" {
        return Ok(OrNone(None));
    }
    let value = text.parse().map_err(|error: T::Err| error.to_string())?;
    Ok(OrNone(Some(value)))
}

/// Who may lift a lock.
#[derive(Clone, Copy, ValueEnum)]
enum Mode {
    Governance,
    Compliance,
}

impl From<Mode> for LockMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Governance => Self::Governance,
            Mode::Compliance => Self::Compliance,
        }
    }
}

impl Add {
    fn options(&self, context: &Context<'_>) -> LocationOptions {
        let absolute = |path: &PathBuf| context.environment.absolute(path);
        LocationOptions {
            limit_upload: self.limit_upload,
            limit_download: self.limit_download,
            lock_days: self.lock_days,
            lock_mode: self.lock_mode.map(LockMode::from),
            schedule: self.schedule,
            priority: self.priority,
            single_writer: self.single_writer,
            identity: self.identity.as_ref().map(absolute),
            ssh_config: self.ssh_config.as_ref().map(absolute),
        }
    }
}

pub(crate) fn run(context: &Context<'_>, command: Command) -> Result<Outcome, Failure> {
    match command {
        Command::Add(arguments) => add(context, &arguments)?,
        Command::Set(arguments) => set(context, &arguments)?,
        Command::List => list(context)?,
        Command::Remove { name, give_up } => remove(context, &name, give_up)?,
        Command::Accept { name } => return accept::accept(context, &name),
        Command::Test { name } => test(context, &name)?,
        Command::Sync { names } => return replicas::sync(context, &names),
        Command::Heal {
            names,
            dry_run,
            sample,
        } => return replicas::heal(context, &names, dry_run, sample),
    }
    Ok(Outcome::Done)
}

fn add(context: &Context<'_>, arguments: &Add) -> Result<(), Failure> {
    let profile = context.profile()?;
    let current = context.environment.current();
    let file = arguments.credentials_file.as_deref();
    let new = NewDestination {
        name: arguments.name.clone(),
        url: &arguments.url,
        options: arguments.options(context),
        key: file.map(StorageKey::read).transpose()?,
    };
    let added = destinations::add(&profile, new, current, &context.random)?;
    let found = added.capabilities;
    let made = added.made.map(|made| made.display().to_string());
    if context.output.is_json() {
        let mut object = described(&found, added.owner);
        object["name"] = json!(arguments.name.as_str());
        object["made"] = json!(made);
        object["archives_taken_back"] = added.taken_back.iter().map(ToString::to_string).collect();
        return context.output.object(&object);
    }
    if let Some(made) = made {
        context.output.done(&format!("made the folder {made}"))?;
    }
    let free = found.free_bytes.map_or_else(String::new, |free| {
        format!(", with {} free", show::bytes(free))
    });
    let name = &arguments.name;
    context.output.done(&format!("added {name}{free}"))?;
    for archive in &added.taken_back {
        let text = format!("this profile wrote archive {archive} there, and goes on with it");
        context.output.done(&text)?;
    }
    if !found.exclusive_create {
        let when = never_replaces(&found);
        context
            .output
            .note(&format!("never replaces an object: {when}"));
    }
    context
        .output
        .note(&format!("durable means: {}", found.durable));
    let deleting = who_can_delete(&found, added.owner);
    context.output.note(&format!("deleting: {deleting}"));
    Ok(())
}

fn set(context: &Context<'_>, arguments: &Set) -> Result<(), Failure> {
    let changes = Changes {
        name: arguments.new_name.clone(),
        limit_upload: arguments.limit_upload.map(|limit| limit.0),
        limit_download: arguments.limit_download.map(|limit| limit.0),
        schedule: arguments.schedule.map(|hours| hours.0),
        priority: arguments.priority.map(Some),
    };
    let profile = context.profile()?;
    destinations::set(&profile, &arguments.name, changes)?;
    let config = profile.config()?;
    let new_name = arguments.new_name.as_ref().map(DestinationName::as_str);
    let name = new_name.unwrap_or(&arguments.name);
    let url = config.destination(name).map(|there| &there.url);
    if context.output.is_json() {
        return context.output.object(&json!({ "name": name, "url": url }));
    }
    let url = url.map_or("", String::as_str);
    context.output.done(&format!("{name}: {url}"))
}

/// Says in words when objects are not replaced.
fn never_replaces(found: &Capabilities) -> &'static str {
    match (found.exclusive_create, found.exclusive_in_process) {
        (true, _) => "yes",
        (false, true) => "as long as one computer writes",
        (false, false) => "NO",
    }
}

/// Says in words who could destroy what is there.
fn who_can_delete(found: &Capabilities, owner: &str) -> String {
    match found.lock {
        Some(LockRule { mode, days }) => {
            let who = match mode {
                LockMode::Compliance => "nobody",
                LockMode::Governance => "only whoever has the permission to lift locks",
            };
            format!("{who} for {days} days after an object was stored; then {owner}")
        }
        None if !found.deletes => format!("not by {owner}: it is refused"),
        None => format!("{owner} can delete everything here"),
    }
}

/// What was found, for programs.
fn described(found: &Capabilities, owner: &str) -> Value {
    let lock = found.lock.map(|rule| {
        let mode = match rule.mode {
            LockMode::Governance => "governance",
            LockMode::Compliance => "compliance",
        };
        json!({ "mode": mode, "days": rule.days })
    });
    json!({
        "exclusive_create": found.exclusive_create,
        "exclusive_in_process": found.exclusive_in_process,
        "reads_back": found.reads_back,
        "lists": found.lists,
        "deletes": found.deletes,
        "durable": found.durable,
        "free_bytes": found.free_bytes,
        "lock": lock,
        "who_can_delete": who_can_delete(found, owner),
    })
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

fn remove(context: &Context<'_>, name: &str, give_up: bool) -> Result<(), Failure> {
    let removed = destinations::remove(&context.profile()?, name, give_up)?;
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
        let mut object = described(&found, tested.owner);
        object["name"] = json!(name);
        object["archives"] = json!(archives);
        return context.output.object(&object);
    }
    let yes = |value: bool| if value { "yes" } else { "NO" };
    let free = found
        .free_bytes
        .map_or_else(|| "not known".to_owned(), show::bytes);
    let lines = [
        (
            "never replaces an object",
            never_replaces(&found).to_owned(),
        ),
        (
            "gives objects back as stored",
            yes(found.reads_back).to_owned(),
        ),
        ("lists objects", yes(found.lists).to_owned()),
        ("deletes objects", yes(found.deletes).to_owned()),
        ("durable means", found.durable.to_owned()),
        ("who can delete", who_can_delete(&found, tested.owner)),
        ("free", free),
        ("archives", archives.join(" ")),
    ];
    for (what, value) in lines {
        context.output.line(&format!("{what:<30} {value}"))?;
    }
    Ok(())
}
