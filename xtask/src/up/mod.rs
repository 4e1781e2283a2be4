//! `cargo xtask up`: builds Strongroom and shows it at work, on this checkout or a folder of yours.
//!
//! Backs up, verifies and restores, and lets the agent back a saved file up, inside `.strongroom-demo/`, with a home and a profile of its own, and
//! compares what came back with the original in a way that shares no code with Strongroom. Then starts a server there, which goes
//! on running.

mod server;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use server::Server;

use crate::checkout::Checkout;
use crate::command;
use crate::strict::{self, Comparison};

/// The folder of the demonstration, in the checkout.
const DEMO: &str = ".strongroom-demo";
/// So long a snapshot of one small file may take.
const PATIENCE: Duration = Duration::from_mins(1);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// At most this many differences are printed.
const SHOWN: usize = 20;

/// Build Strongroom, back up a folder, restore it and compare.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// What to back up [default: this checkout without what is built]
    path: Option<PathBuf>,
}

/// Fails where anything fails or differs.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let checkout = Checkout::find()?;
    let path = arguments.path.as_ref().unwrap_or(&checkout.root);
    let path = fs::canonicalize(path).with_context(|| path.display().to_string())?;
    let binary = checkout.build()?;
    checkout.build_server()?;
    let demo = Demo::make(&checkout, binary, path)?;
    demo.backup()?;
    demo.strongroom(["verify".as_ref(), "--read-data".as_ref()])?;
    let restored = demo.folder.join("restored");
    demo.strongroom([
        "restore".as_ref(),
        "latest".as_ref(),
        "--to".as_ref(),
        restored.as_os_str(),
    ])?;
    judge(&demo.compare(&demo.place_in(&restored)?)?)?;
    println!("restored copy is identical");
    demo.watch()?;
    let server = Server::start(&demo)?;
    demo.what_next(&checkout, &server);
    Ok(())
}

/// The agent, which ends with the demonstration.
struct Agent(Child);

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The folder of the demonstration and what happens in it.
struct Demo {
    folder: PathBuf,
    binary: PathBuf,
    /// What is backed up.
    path: PathBuf,
    /// What is below it and left out.
    left_out: Vec<PathBuf>,
}

impl Demo {
    /// Makes the folder anew.
    fn make(checkout: &Checkout, binary: PathBuf, path: PathBuf) -> Result<Self> {
        let folder = checkout.root.join(DEMO);
        ensure!(
            !path.starts_with(&folder),
            "{} is made anew by every run, and cannot be what is backed up",
            folder.display()
        );
        server::stop(&folder)?;
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).with_context(|| folder.display().to_string());
            }
            _ => fs::create_dir_all(folder.join("home"))?,
        }
        let built = checkout.root.join("target");
        let mut left_out = vec![folder.clone(), built, checkout.target.clone()];
        left_out.retain(|out| out.starts_with(&path) && *out != path && out.exists());
        left_out.dedup();
        Ok(Self {
            folder,
            binary,
            path,
            left_out,
        })
    }

    fn backup(&self) -> Result<()> {
        let disk = self.folder.join("disk");
        let mut words = vec!["backup".into(), self.path.clone().into_os_string()];
        words.extend(["--to".into(), disk.into_os_string()]);
        for out in &self.left_out {
            let out = out
                .to_str()
                .with_context(|| format!("{} is not UTF-8", out.display()))?;
            words.extend(["--exclude".into(), literally(out).into()]);
        }
        self.strongroom(words.iter().map(std::ffi::OsString::as_os_str))
    }

    /// Saves a file while the agent watches, and waits until it has arrived.
    #[expect(
        clippy::disallowed_methods,
        reason = "what is saved is a demonstration"
    )]
    fn watch(&self) -> Result<()> {
        let watched = self.folder.join("watched");
        fs::create_dir(&watched)?;
        let mut run = self.command(["agent", "run"]);
        run.arg(&watched).arg("--to").arg(self.folder.join("disk"));
        let mut agent = Agent(run.spawn()?);
        self.until(&mut agent, "rounds", 1)?;
        let before = self.status()?["snapshots"].as_u64().unwrap_or(0);
        let begun = Instant::now();
        fs::write(watched.join("saved"), "saved while the agent watched")?;
        self.until(&mut agent, "snapshots", before + 1)?;
        println!(
            "a saved file arrived at the destination {:.1} s later, by itself",
            begun.elapsed().as_secs_f64()
        );
        command::run(&mut self.command(["agent", "status"]))?;
        command::run(&mut self.command(["agent", "stop"]))?;
        ensure!(agent.0.wait()?.success(), "the agent ended badly");
        Ok(())
    }

    fn until(&self, agent: &mut Agent, counter: &str, at_least: u64) -> Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Some(ended) = agent.0.try_wait()? {
                bail!("the agent ended: {ended}");
            }
            if let Ok(status) = self.status()
                && status[counter].as_u64() >= Some(at_least)
            {
                return Ok(());
            }
            std::thread::sleep(LOOK_EVERY);
        }
        bail!("the agent made no snapshot in {PATIENCE:?}")
    }

    fn status(&self) -> Result<serde_json::Value> {
        let output = self.command(["agent", "status", "--json"]).output()?;
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// Runs the release binary in the home of the demonstration.
    fn strongroom<'a>(&self, words: impl IntoIterator<Item = &'a std::ffi::OsStr>) -> Result<()> {
        command::run(&mut self.command(words))
    }

    fn command(&self, words: impl IntoIterator<Item = impl AsRef<std::ffi::OsStr>>) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .args(words)
            .env("HOME", self.folder.join("home"))
            .env("STRONGROOM_PROFILE", self.profile())
            // The key of a demonstration is nothing for the keystore of whoever runs it.
            .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere");
        for variable in ["XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"] {
            command.env_remove(variable);
        }
        command
    }

    fn profile(&self) -> PathBuf {
        self.folder.join("home/.config/strongroom")
    }

    /// Where the path is below the folder it was restored to: the content of a folder goes there itself.
    fn place_in(&self, restored: &Path) -> Result<PathBuf> {
        if self.path.is_dir() {
            return Ok(restored.to_owned());
        }
        let name = self.path.file_name().context("the path has no name")?;
        Ok(restored.join(name))
    }

    fn compare(&self, restored: &Path) -> Result<Comparison> {
        println!(
            "comparing {} with {}",
            self.path.display(),
            restored.display()
        );
        strict::compare(&self.path, restored, &self.left_out)
    }

    fn what_next(&self, checkout: &Checkout, server: &Server<'_>) {
        let below = |path: &Path| {
            let path = path.strip_prefix(&checkout.root).unwrap_or(path);
            path.display().to_string()
        };
        let strongroom = below(&self.binary);
        let demo = below(&self.folder);
        println!();
        println!("What to try next, in {}:", checkout.root.display());
        println!("  export STRONGROOM_PROFILE={}", below(&self.profile()));
        println!("  {strongroom} snapshots");
        println!("  {strongroom} ls latest");
        println!("  {strongroom} stats");
        println!("  {strongroom} agent run {demo}/watched --to {demo}/disk");
        println!("  {strongroom} key export --words");
        println!("  {strongroom} restore latest --to {demo}/again");
        println!(
            "The server runs until `kill $(cat {demo}/server.pid)`; it has all it keeps in {demo}/server."
        );
        println!(
            "This computer is enrolled there as `desk`. Choose a password as the sysadmin `chief`, and administer it:"
        );
        println!("  export STRONGROOM_PROFILE={demo}/chief");
        println!("  {strongroom} login --setup '{}'", server.link);
        println!(
            "  {strongroom} admin organisation create Workshop --parent Default/Demonstration"
        );
        println!("  {strongroom} admin user create Workshop ada");
        println!("  {strongroom} admin link invite ada");
        println!("  {strongroom} admin registration rotate Workshop");
        println!("  {strongroom} --profile {demo}/second enroll 'strongroom://…' --user ada");
        println!("  {strongroom} admin audit list");
        println!("  {strongroom} admin audit export {demo}/audit.jsonl");
        println!("  {strongroom} admin audit verify {demo}/audit.jsonl");
        println!("With a profile and a disk of your own (`unset STRONGROOM_PROFILE`):");
        println!("  {strongroom} backup ~/Documents --to /mnt/disk");
        println!("  {strongroom} --help");
    }
}

/// Prints what was compared, and fails where something differs.
fn judge(comparison: &Comparison) -> Result<()> {
    println!(
        "compared {} files with {} bytes, {} folders and {} links and other entries: bytes, kinds, modes, \
         owners, times, link targets, hard links, extended attributes",
        comparison.files, comparison.bytes, comparison.folders, comparison.others
    );
    let differences = &comparison.differences;
    if differences.is_empty() {
        return Ok(());
    }
    for line in differences.iter().take(SHOWN) {
        println!("  {line}");
    }
    bail!("the restored copy differs in {} places", differences.len());
}

/// A pattern that matches this path only.
fn literally(path: &str) -> String {
    let mut pattern = String::new();
    for letter in path.chars() {
        if "?*[]{}\\".contains(letter) {
            pattern.extend(['[', letter, ']']);
        } else {
            pattern.push(letter);
        }
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_a_pattern_of_itself() {
        assert_eq!(literally("/a b/target"), "/a b/target");
        assert_eq!(literally("/a[1]*"), "/a[[]1[]][*]");
    }

    #[test]
    fn what_differs_is_an_error() {
        let mut comparison = Comparison::default();
        assert!(judge(&comparison).is_ok());
        comparison.differences.push("./a: other bytes".into());
        assert!(judge(&comparison).is_err());
    }
}
