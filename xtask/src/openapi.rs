//! `cargo xtask openapi`: writes the API document as it is checked in. A test of `server` says when that is due.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::checkout::Checkout;

/// Write the API document, openapi/strongroom-v1.json.
#[derive(clap::Args)]
pub(crate) struct Arguments {}

/// Asks the server's program for the document, and writes it.
#[expect(
    clippy::disallowed_methods,
    reason = "a file of the checkout, which version control keeps"
)]
pub(crate) fn run(_arguments: &Arguments) -> Result<()> {
    let checkout = Checkout::find()?;
    let mut cargo = Command::new("cargo");
    cargo.args(["run", "--quiet", "--package", "strongroom-serverd", "--"]);
    let output = cargo
        .arg("openapi")
        .stderr(std::process::Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "the server's program failed");
    let path = checkout.root.join("openapi/strongroom-v1.json");
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(&path, output.stdout)
        .with_context(|| format!("{} cannot be written", path.display()))?;
    println!("{} is written", path.display());
    Ok(())
}
