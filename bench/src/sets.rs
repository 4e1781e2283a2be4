//! The data sets: made once below the work folder, and moved between two states.

mod files;
mod image;
mod linux;
mod tree;

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::options::{Options, SetName};
use crate::say;

/// A folder to back up, with a first state and perhaps a changed one.
pub(crate) trait Set {
    /// The name in the table.
    fn name(&self) -> &str;

    /// The folder that is backed up; the same in both states.
    fn path(&self) -> &Path;

    /// Brings the set into its first state, whatever state it is in.
    fn rewind(&self) -> Result<()>;

    /// Brings the set into its changed state; false if it has none.
    fn advance(&self) -> Result<bool>;
}

/// Makes the sets that were asked for, or finds them made.
pub(crate) fn prepare(options: &Options, work: &Path) -> Result<Vec<Box<dyn Set>>> {
    let everything = options.sets.is_empty() && options.trees.is_empty();
    let wanted = |name| everything || options.sets.contains(&name);
    let mut sets: Vec<Box<dyn Set>> = Vec::new();
    if wanted(SetName::Linux) {
        match linux::prepare(options, &work.join("linux"))? {
            Some(set) => sets.push(Box::new(set)),
            None if everything => {
                say::progress("linux: left out without --linux-old and --linux-new");
            }
            None => anyhow::bail!("the set linux needs --linux-old and --linux-new; see --help"),
        }
    }
    if wanted(SetName::Image) {
        sets.push(Box::new(image::prepare(options, work)?));
    }
    if wanted(SetName::Files) {
        sets.push(Box::new(files::prepare(
            options.files,
            &work.join("files"),
        )?));
    }
    for path in &options.trees {
        sets.push(Box::new(tree::prepare(path)?));
    }
    Ok(sets)
}

/// Whether the set in `folder` was made to its end, with these parameters.
fn is_ready(folder: &Path, parameters: &str) -> bool {
    fs::read_to_string(folder.join("ready")).is_ok_and(|text| text == parameters)
}

/// Notes that the set in `folder` is made.
fn mark_ready(folder: &Path, parameters: &str) -> Result<()> {
    Ok(File::create(folder.join("ready"))?.write_all(parameters.as_bytes())?)
}

/// Runs a program that helps to make a set.
fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("{command:?}"))?;
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(())
}
