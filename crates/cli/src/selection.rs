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
