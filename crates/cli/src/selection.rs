//! What is backed up, and where to.

use std::path::{Path, PathBuf};

use clap::Args;
use strongroom_agent::usual_excludes;

use crate::environment::Environment;
use crate::failure::Failure;
use crate::secrets;

/// Longest file of patterns, in bytes.
const PATTERNS_LEN_MAX: u64 = 1 << 20;

/// What is backed up, and where to.
#[derive(Args)]
pub(crate) struct Selection {
    /// What to back up [default: the home folder without caches]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Back up to this destination, a name or a URL; may be repeated [default: all that were added]
    #[arg(long, value_name = "NAME|URL")]
    pub(crate) to: Vec<String>,
    /// Leave out what matches: a name (*.o), or a path where it holds a slash; may be repeated
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<String>,
    /// Leave out what matches a line of this file; lines that begin with # do not count
    #[arg(long, value_name = "FILE")]
    exclude_from: Vec<PathBuf>,
    /// Give the snapshot a tag; may be repeated
    #[arg(long, value_name = "TAG")]
    pub(crate) tag: Vec<String>,
    /// Do not enter other file systems than those of the paths
    #[arg(long)]
    pub(crate) one_file_system: bool,
}

impl Selection {
    /// Returns the paths, absolute: the home folder where none was named.
    pub(crate) fn paths(&self, environment: &Environment) -> Result<Vec<PathBuf>, Failure> {
        if self.paths.is_empty() {
            return Ok(vec![environment.home()?.to_owned()]);
        }
        let absolute = |path: &PathBuf| environment.absolute(path);
        Ok(self.paths.iter().map(absolute).collect())
    }

    /// Returns the paths that were named, absolute.
    pub(crate) fn named_paths(&self, environment: &Environment) -> Vec<PathBuf> {
        let absolute = |path: &PathBuf| environment.absolute(path);
        self.paths.iter().map(absolute).collect()
    }

    /// Returns all but the paths as words of a command line that mean the same in any folder. Files of patterns become
    /// patterns.
    pub(crate) fn words(&self, environment: &Environment) -> Result<Vec<String>, Failure> {
        let mut words = Vec::new();
        let mut add = |name: &str, value: &str| {
            words.extend([format!("--{name}"), value.to_owned()]);
        };
        for to in &self.to {
            add("to", &resolved(to, environment)?);
        }
        let mut excludes = self.exclude.clone();
        for file in &self.exclude_from {
            excludes.extend(patterns(file)?);
        }
        for pattern in &excludes {
            add("exclude", pattern);
        }
        for tag in &self.tag {
            add("tag", tag);
        }
        if self.one_file_system {
            words.push("--one-file-system".to_owned());
        }
        Ok(words)
    }

    /// Returns the patterns of what is left out: caches as well, where no path was named.
    pub(crate) fn excludes(&self, environment: &Environment) -> Result<Vec<String>, Failure> {
        let mut excludes = self.exclude.clone();
        for file in &self.exclude_from {
            excludes.extend(patterns(file)?);
        }
        if self.paths.is_empty() {
            excludes.extend(usual_excludes(environment.home()?));
        }
        Ok(excludes)
    }
}

/// Returns a destination as it was meant here: a name or a URL as it is, a path in full.
fn resolved(to: &str, environment: &Environment) -> Result<String, Failure> {
    let is_path = to.contains('/') && !to.contains(':');
    if !is_path {
        return Ok(to.to_owned());
    }
    let path = environment.absolute(Path::new(to));
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| Failure::Usage(format!("{to} is not UTF-8")))
}

fn patterns(file: &Path) -> Result<Vec<String>, Failure> {
    let bytes = secrets::read_at_most(file, PATTERNS_LEN_MAX)?;
    let text = std::str::from_utf8(bytes.expose_bytes()).map_err(|source| Failure::Input {
        path: file.to_owned(),
        source: std::io::Error::other(source),
    })?;
    let lines = text.lines().map(str::trim_end);
    let patterns = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(patterns.map(str::to_owned).collect())
}
