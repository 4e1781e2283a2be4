//! Any folder, as it is.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::Set;

/// A folder of the caller's; it is never written to, so it has no changed state.
pub(super) struct Tree {
    name: String,
    path: PathBuf,
}

pub(super) fn prepare(path: &Path) -> Result<Tree> {
    let path = path
        .canonicalize()
        .with_context(|| path.display().to_string())?;
    let name = path
        .file_name()
        .map_or("/".into(), |name| name.to_string_lossy().into_owned());
    Ok(Tree {
        name: format!("tree {name}"),
        path,
    })
}

impl Set for Tree {
    fn name(&self) -> &str {
        &self.name
    }

    fn path(&self) -> &Path {
        &self.path
    }

    fn rewind(&self) -> Result<()> {
        Ok(())
    }

    fn advance(&self) -> Result<bool> {
        Ok(false)
    }
}
