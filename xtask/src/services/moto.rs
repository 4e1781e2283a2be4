//! moto: S3 with Object Lock, which Garage does not have. It keeps everything in memory.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::process::Service;
use super::{cache, free_ports, private_folder};
use crate::command;

/// The version that is installed where none is there.
const PACKAGE: &str = "moto[server]==5.2.5";

pub(super) fn start(folder: &Path) -> Result<Value> {
    let program = program()?;
    private_folder(folder)?;
    let [port] = free_ports()?;
    let service = Service::at(folder);
    let mut server = Command::new(program);
    server.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
    service.spawn(&mut server)?;
    service.wait_for(port)?;
    Ok(json!({
        "address": format!("http://127.0.0.1:{port}"),
        "region": "us-east-1",
        "key_id": "test-key",
        "secret": "test-secret",
    }))
}

/// Finds moto, or installs it beside the other servers.
fn program() -> Result<PathBuf> {
    let folder = cache()?.join("moto");
    let program = folder.join("bin/moto_server");
    if program.is_file() {
        return Ok(program);
    }
    println!(
        "moto is missing, and is installed now, to {}",
        folder.display()
    );
    private_folder(folder.parent().context("the cache is a folder")?)?;
    command::run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    let mut pip = Command::new(folder.join("bin/pip"));
    command::run(pip.args(["install", "--quiet", PACKAGE]))?;
    Ok(program)
}
