//! The programs that the checks need: installs the ones that are missing, and says so.

use std::process::Command;

use anyhow::{Result, ensure};

use crate::command;

/// Programs of the system: what answers when it is there, and the Debian package that has it.
const PROGRAMS: &[(&str, &str)] = &[
    ("rsync", "rsync"),
    ("getfacl", "acl"),
    ("getfattr", "attr"),
    ("strace", "strace"),
    ("fusermount3", "fuse3"),
];

/// Installs what the tests run: programs of the system, and cargo-nextest.
pub(crate) fn for_tests() -> Result<()> {
    let missing = PROGRAMS
        .iter()
        .filter(|(program, _)| !command::answers(program, &["--version"]));
    let packages: Vec<&str> = missing.map(|(_, package)| *package).collect();
    if !packages.is_empty() {
        install_packages(&packages)?;
    }
    cargo_tool("nextest")
}

/// Installs `cargo NAME` where it is missing.
pub(crate) fn cargo_tool(name: &str) -> Result<()> {
    if command::answers("cargo", &[name, "--version"]) {
        return Ok(());
    }
    println!("cargo {name} is missing, and is installed now");
    let package = format!("cargo-{name}");
    command::run(Command::new("cargo").args(["install", "--locked", &package]))
}

/// Installs Debian packages, or says who can.
pub(crate) fn install_packages(packages: &[&str]) -> Result<()> {
    let names = packages.join(" ");
    println!("these Debian packages are missing: {names}");
    ensure!(
        rustix::process::geteuid().is_root(),
        "install them as root: apt-get install {names}"
    );
    command::run(Command::new("apt-get").arg("update"))?;
    let install = ["install", "--yes", "--no-install-recommends"];
    command::run(Command::new("apt-get").args(install).args(packages))
}
