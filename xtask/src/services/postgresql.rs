//! PostgreSQL: a server for this user alone, with a data folder of its own, that answers on loopback only.
//!
//! It does not run as root. Where root starts it, it runs as the user whom Debian's package makes, in a folder
//! that this user can reach.

use std::fs;
use std::os::unix::fs::{DirBuilderExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::process::Service;
use super::{clean, free_ports, private_folder, secret, write_private};
use crate::{command, tools};

/// Where Debian has the versions.
const VERSIONS: &str = "/usr/lib/postgresql";

/// The user whom Debian's package makes.
const ACCOUNT: &str = "postgres";

/// Whom tests sign in as, and to what.
const USER: &str = "strongroom";
const DATABASE: &str = "postgres";

/// Settings where what is stored need not outlive a crash of the machine: tests keep nothing.
const FLEETING: &str = "fsync=off";

/// Settings as they are shipped.
const DURABLE: &str = "fsync=on";

pub(super) fn start(folder: &Path) -> Result<Value> {
    start_with(folder, FLEETING)
}

/// Starts one that stores as one does which is in earnest.
pub(super) fn start_durable(folder: &Path) -> Result<Value> {
    start_with(folder, DURABLE)
}

fn start_with(folder: &Path, durability: &str) -> Result<Value> {
    let programs = programs()?;
    private_folder(folder)?;
    let own = own_folder(folder);
    clean(&own)?;
    fs::DirBuilder::new().mode(0o700).create(&own)?;
    let [port] = free_ports()?;
    let password = secret(16)?;
    let password_file = own.join("password");
    write_private(&password_file, password.as_bytes())?;
    if is_root() {
        give(&own)?;
        give(&password_file)?;
    }
    let data = own.join("data");
    let mut initdb = as_user(&programs.join("initdb"));
    initdb.arg("--pgdata").arg(&data).arg("--pwfile");
    initdb.arg(&password_file).args(["--username", USER]);
    initdb.args(["--auth", "scram-sha-256", "--encoding", "UTF8"]);
    initdb.args(["--locale", "C.UTF-8", "--no-sync"]);
    initdb.current_dir("/").stdout(std::process::Stdio::null());
    command::quietly(&mut initdb)?;
    let service = Service::at(folder);
    let mut server = as_user(&programs.join("postgres"));
    server.arg("-D").arg(&data).arg("-p").arg(port.to_string());
    for setting in [
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=",
        "max_connections=300",
        durability,
    ] {
        server.args(["-c", setting]);
    }
    server.current_dir("/");
    service.spawn(&mut server)?;
    service.wait_for(port)?;
    Ok(json!({
        "address": format!("127.0.0.1:{port}"),
        "url": format!("postgres://{USER}:{password}@127.0.0.1:{port}/{DATABASE}"),
    }))
}

/// Makes a database, and returns its address.
pub(super) fn new_database(url: &str) -> Result<String> {
    let name = format!("own_{}", secret(8)?);
    let mut psql = Command::new(programs()?.join("psql"));
    psql.arg(url).args(["--quiet", "--command"]);
    psql.arg(format!("CREATE DATABASE \"{name}\""));
    command::quietly(&mut psql)?;
    let (server, _) = url.rsplit_once('/').context("the address")?;
    Ok(format!("{server}/{name}"))
}

/// Removes what is not in the folder of the service.
pub(super) fn remove(folder: &Path) -> Result<()> {
    clean(&own_folder(folder))
}

/// The newest version that is installed.
fn programs() -> Result<PathBuf> {
    let newest = || {
        let versions = fs::read_dir(VERSIONS).ok()?.filter_map(Result::ok);
        let numbered = versions.filter_map(|version| {
            let number: u32 = version.file_name().to_str()?.parse().ok()?;
            let programs = version.path().join("bin");
            programs
                .join("initdb")
                .is_file()
                .then_some((number, programs))
        });
        numbered.max().map(|(_, programs)| programs)
    };
    if newest().is_none() {
        tools::install_packages(&["postgresql"])?;
    }
    newest().context("PostgreSQL is not there")
}

/// The folder that the server keeps its data in.
fn own_folder(folder: &Path) -> PathBuf {
    if !is_root() {
        return folder.join("own");
    }
    let name: String = folder
        .to_string_lossy()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    std::env::temp_dir().join(format!("strongroom-postgresql{name}"))
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A program, as the user who may run it.
fn as_user(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", ACCOUNT, "--regid", ACCOUNT, "--init-groups"]);
    command.arg("--").arg(program);
    command
}

/// Gives a file or folder to the user of the server.
fn give(path: &Path) -> Result<()> {
    let id = |what: &str| -> Result<u32> {
        let output = Command::new("id").args([what, ACCOUNT]).output()?;
        ensure!(output.status.success(), "there is no user {ACCOUNT}");
        Ok(String::from_utf8_lossy(&output.stdout).trim().parse()?)
    };
    chown(path, Some(id("-u")?), Some(id("-g")?))?;
    Ok(())
}
