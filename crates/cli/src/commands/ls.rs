//! `strongroom ls`

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use clap::Args;
use strongroom_agent::look::{self, Listed, SnapshotName, short_name};
use strongroom_agent::{AgentError, Entry};

use crate::context::Context;
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::reading::{Snapshots, Source};
use crate::show;

/// Arguments of `ls`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// A snapshot, and a path in it as it was on the computer: `latest`, `latest:/home/me`, `1a2b3c4d:docs`
    #[arg(value_name = "SNAPSHOT[:PATH]", default_value = "latest")]
    place: OsString,
    /// Show permissions, owner, size and time too
    #[arg(short, long)]
    long: bool,
    /// Show everything below
    #[arg(short, long)]
    recursive: bool,
    #[command(flatten)]
    source: Source,
}

pub(crate) fn run(context: &Context<'_>, arguments: &Arguments) -> Result<Outcome, Failure> {
    let (name, path) = parse_place(context, &arguments.place)?;
    let all = Snapshots::open(&arguments.source, context)?;
    let info = all.select(&name)?;
    let archive = &all.opened.archive;
    let mut failure = None;
    let mut visit = |listed: Listed| {
        print(context, arguments.long, &listed).map_err(|error| {
            failure = Some(error);
            AgentError::Interrupted
        })
    };
    let listed = look::list(
        archive,
        &info.snapshot,
        &path,
        arguments.recursive,
        &mut visit,
        &mut |path, error| all.lost(context, &String::from_utf8_lossy(path), error),
    );
    if let Some(failure) = failure {
        return Err(failure);
    }
    if !listed? {
        return Err(Failure::Agent(AgentError::NoSuchPath {
            path: String::from_utf8_lossy(&path).into_owned(),
            snapshot: short_name(&info.hash),
        }));
    }
    Ok(all.outcome(&[&name]))
}

fn print(context: &Context<'_>, long: bool, listed: &Listed) -> Result<(), Failure> {
    if context.output.is_json() {
        return context
            .output
            .object(&show::entry(&listed.path, &listed.entry));
    }
    context
        .output
        .bytes(&line(context, long, &listed.path, &listed.entry))
}

/// Returns the line of an entry.
pub(crate) fn line(context: &Context<'_>, long: bool, path: &[u8], entry: &Entry) -> Vec<u8> {
    let mut line = if long {
        context.output.shown(show::long(entry).as_bytes())
    } else {
        Vec::new()
    };
    line.extend_from_slice(&context.output.shown(path));
    if show::kind(entry) == "directory" {
        line.push(b'/');
    }
    if let Some(target) = show::target(entry).filter(|_| long) {
        line.extend_from_slice(b" -> ");
        line.extend_from_slice(&context.output.shown(target));
    }
    line.push(b'\n');
    line
}

/// Divides `SNAPSHOT[:PATH]`; a relative path is below the current folder.
pub(crate) fn parse_place(
    context: &Context<'_>,
    place: &OsString,
) -> Result<(SnapshotName, Vec<u8>), Failure> {
    let bytes = place.as_bytes();
    let colon = bytes.iter().position(|byte| *byte == b':');
    let (name, path) = match colon {
        Some(colon) => (&bytes[..colon], Some(&bytes[colon + 1..])),
        None => (bytes, None),
    };
    let name = String::from_utf8_lossy(name);
    let name = name
        .parse()
        .map_err(|error| Failure::Usage(format!("{error}")))?;
    let path = path
        .filter(|path| !path.is_empty())
        .map_or_else(Vec::new, |path| {
            let path = Path::new(std::ffi::OsStr::from_bytes(path));
            context
                .environment
                .absolute(path)
                .as_os_str()
                .as_bytes()
                .to_vec()
        });
    Ok((name, path))
}
