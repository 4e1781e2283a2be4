//! `cargo xtask services`: the servers that the tests of remote stores need, on this computer alone.
//!
//! Everything they keep is below `target/services`, where `services.json` says how they are reached. They
//! are found again by the process ids in that folder.

mod garage;
mod moto;
mod pebble;
mod postgresql;
mod process;
mod sshd;

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::{Map, Value, json};

use crate::checkout::Checkout;
use process::Service;

/// Start, stop or look at the servers that tests need: Garage and moto (S3), OpenSSH (SFTP), PostgreSQL, Pebble (ACME).
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Start them, and install what is missing
    Start,
    /// Stop them, and remove what they keep
    Stop,
    /// Say which ones run
    Status,
}

/// How a server is started: in a folder of its own; returns what tests must know.
type Start = fn(&Path) -> Result<Value>;

/// The servers.
const SERVICES: &[(&str, Start)] = &[
    ("garage", garage::start),
    ("sshd", sshd::start),
    ("moto", moto::start),
    ("postgresql", postgresql::start),
    ("pebble", pebble::start),
];

/// Does what was asked.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    match arguments.action {
        Action::Start => start(),
        Action::Stop => stop(),
        Action::Status => status(),
    }
}

/// Starts every server that does not run, and writes `services.json`.
pub(crate) fn start() -> Result<()> {
    let folder = folder()?;
    private_folder(&folder)?;
    let known = known(&folder);
    let mut services = Map::new();
    let mut failed = Vec::new();
    for (name, start) in SERVICES {
        let own = folder.join(name);
        if Service::at(&own).is_running()
            && let Some(there) = known.get(*name)
        {
            println!("{name} runs already");
            services.insert((*name).to_owned(), there.clone());
            continue;
        }
        Service::at(&own).stop()?;
        clean(&own)?;
        match start(&own) {
            Ok(there) => {
                println!("{name} runs");
                services.insert((*name).to_owned(), there);
            }
            Err(error) => {
                println!("{name} could not be started: {error:#}");
                failed.push(*name);
            }
        }
    }
    write_private(
        &folder.join("services.json"),
        &serde_json::to_vec_pretty(&Value::Object(services))?,
    )?;
    if !failed.is_empty() {
        bail!("could not be started: {}", failed.join(", "));
    }
    Ok(())
}

/// Stops every server, and removes what they kept.
pub(crate) fn stop() -> Result<()> {
    let folder = folder()?;
    for (name, _) in SERVICES {
        if Service::at(&folder.join(name)).stop()? {
            println!("{name} stopped");
        }
        clean(&folder.join(name))?;
    }
    postgresql::remove(&folder.join("postgresql"))?;
    let _ = fs::remove_file(folder.join("services.json"));
    Ok(())
}

fn status() -> Result<()> {
    let folder = folder()?;
    let known = known(&folder);
    for (name, _) in SERVICES {
        let runs = Service::at(&folder.join(name)).is_running();
        let address = known.get(*name).and_then(|there| there.get("address"));
        let address = address.and_then(Value::as_str).unwrap_or_default();
        println!("{name:<8} {}", if runs { address } else { "does not run" });
    }
    Ok(())
}

/// Makes a database on the PostgreSQL that runs, and returns its address.
pub(crate) fn new_database() -> Result<String> {
    let services = known(&folder()?);
    let url = services["postgresql"]["url"].as_str();
    postgresql::new_database(url.context("start it: cargo xtask services start")?)
}

/// A PostgreSQL for one measurement, which stores durably; it ends with this.
pub(crate) struct OwnPostgresql {
    folder: PathBuf,
    url: String,
}

impl OwnPostgresql {
    /// Starts one with what it keeps below a folder.
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        Service::at(folder).stop()?;
        clean(folder)?;
        let there = postgresql::start_durable(folder)?;
        let url = there["url"].as_str().context("its address")?.to_owned();
        let folder = folder.to_owned();
        Ok(Self { folder, url })
    }

    /// Makes a database, and returns its address.
    pub(crate) fn new_database(&self) -> Result<String> {
        postgresql::new_database(&self.url)
    }
}

impl Drop for OwnPostgresql {
    fn drop(&mut self) {
        let _ = Service::at(&self.folder).stop();
        let _ = postgresql::remove(&self.folder);
        let _ = clean(&self.folder);
    }
}

fn folder() -> Result<PathBuf> {
    Ok(Checkout::find()?.target.join("services"))
}

/// Returns what was written when the servers were started.
fn known(folder: &Path) -> Value {
    let text = fs::read(folder.join("services.json")).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_else(|_| json!({}))
}

/// Makes a folder empty.
fn clean(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other.with_context(|| format!("{} cannot be removed", folder.display())),
    }
}

/// Makes a folder for this user alone.
fn private_folder(folder: &Path) -> Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("{} cannot be made", folder.display()))
}

/// Writes a file for this user alone.
fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    use std::io::Write as _;
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    // A file that is there would keep its mode.
    let _ = fs::remove_file(path);
    let write = || options.open(path)?.write_all(bytes);
    write().with_context(|| format!("{} cannot be written", path.display()))
}

/// Finds ports that nobody uses now.
fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let mut ports = [0; N];
    let mut held = Vec::new();
    for port in &mut ports {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(ports)
}

/// Draws a secret of so many bytes, in hexadecimal.
fn secret(bytes: usize) -> Result<String> {
    use std::fmt::Write as _;
    let mut random = vec![0; bytes];
    let filled = rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty())?;
    anyhow::ensure!(filled == bytes, "the system gave too little randomness");
    let mut text = String::new();
    for byte in random {
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}

/// Where programs are kept that are installed for this alone.
#[expect(
    clippy::disallowed_methods,
    reason = "this is not the program, whose environment is read at one place"
)]
fn cache() -> Result<PathBuf> {
    let absolute = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path: &PathBuf| path.is_absolute())
    };
    let home = || absolute("HOME").map(|home| home.join(".cache"));
    let base = absolute("XDG_CACHE_HOME").or_else(home);
    Ok(base
        .context("there is no home folder")?
        .join("strongroom/services"))
}
