//! Where things are in this checkout.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use cargo_metadata::MetadataCommand;

use crate::command;

/// The folders of the checkout.
pub(crate) struct Checkout {
    /// The checkout itself.
    pub(crate) root: PathBuf,
    /// Where cargo builds.
    pub(crate) target: PathBuf,
}

impl Checkout {
    /// Asks cargo.
    pub(crate) fn find() -> Result<Self> {
        let metadata = MetadataCommand::new().no_deps().exec()?;
        Ok(Self {
            root: metadata.workspace_root.into_std_path_buf(),
            target: metadata.target_directory.into_std_path_buf(),
        })
    }

    /// Builds the release binary, and returns its path.
    pub(crate) fn build(&self) -> Result<PathBuf> {
        self.build_package("strongroom-cli")?;
        Ok(self.target.join("release/strongroom"))
    }

    /// Builds the release binary of the server, beside the other.
    pub(crate) fn build_server(&self) -> Result<()> {
        self.build_package("strongroom-serverd")
    }

    /// Builds the programs as the tests do, and returns the path of the client.
    pub(crate) fn build_as_tested(&self) -> Result<PathBuf> {
        let build = ["build", "--workspace", "--bins"];
        command::run(Command::new("cargo").args(build).current_dir(&self.root))?;
        Ok(self.target.join("debug/strongroom"))
    }

    fn build_package(&self, package: &str) -> Result<()> {
        let build = ["build", "--release", "--package", package];
        command::run(Command::new("cargo").args(build).current_dir(&self.root))
    }
}
