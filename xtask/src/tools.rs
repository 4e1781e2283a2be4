//! The programs that the checks need: installs the ones that are missing, and says so.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};

use crate::checkout::Checkout;
use crate::command;

/// Programs of the system: what answers when it is there, and the Debian package that has it.
const PROGRAMS: &[(&str, &str)] = &[
    ("rsync", "rsync"),
    ("getfacl", "acl"),
    ("getfattr", "attr"),
    ("strace", "strace"),
    ("fusermount3", "fuse3"),
];

/// What only the tests need that `--quick` leaves out.
const MORE_PROGRAMS: &[(&str, &str)] = &[
    ("gnome-keyring-daemon", "gnome-keyring"),
    ("dbus-daemon", "dbus"),
];

/// What the reader of the specification needs.
const PYTHON_PACKAGES: &[&str] = &["blake3", "cryptography", "zstandard"];

/// Installs what all tests run, those too that `--quick` leaves out.
pub(crate) fn for_all_tests() -> Result<()> {
    for_tests()?;
    let missing = MORE_PROGRAMS
        .iter()
        .filter(|(program, _)| !command::answers(program, &["--version"]));
    let mut packages: Vec<&str> = missing.map(|(_, package)| *package).collect();
    if !command::answers("python3", &["-c", "import ensurepip"]) {
        packages.push("python3-venv");
    }
    if !command::answers("/usr/bin/python3", &["-c", "import dbusmock"]) {
        packages.push("python3-dbusmock");
    }
    packages.dedup();
    if !packages.is_empty() {
        install_packages(&packages)?;
    }
    python(&Checkout::find()?).map(drop)
}

/// Returns a Python with the packages of the reader, in an environment of its own below the target folder.
pub(crate) fn python(checkout: &Checkout) -> Result<PathBuf> {
    let folder = checkout.target.join("reader-python");
    let python = folder.join("bin/python");
    let imports = format!("import {}", PYTHON_PACKAGES.join(", "));
    let name = python.display().to_string();
    if !command::answers(&name, &["-c", &imports]) {
        install_python(&folder, PYTHON_PACKAGES)?;
    }
    Ok(python)
}

/// Returns the program of a Python package (`NAME==VERSION`), in an environment of its own below the target folder.
pub(crate) fn python_program(checkout: &Checkout, folder: &str, package: &str) -> Result<PathBuf> {
    let folder = checkout.target.join(folder);
    let (name, version) = package.split_once("==").unwrap_or((package, ""));
    let program = folder.join("bin").join(name);
    let mut asked = Command::new(&program);
    let told = asked.arg("--version").output();
    let is_there = told.is_ok_and(|told| String::from_utf8_lossy(&told.stdout).contains(version));
    if !is_there {
        if !command::answers("python3", &["-c", "import ensurepip"]) {
            install_packages(&["python3-venv"])?;
        }
        install_python(&folder, &[package])?;
    }
    Ok(program)
}

fn install_python(folder: &Path, packages: &[&str]) -> Result<()> {
    println!(
        "Python packages are missing, and are installed below {}",
        folder.display()
    );
    command::run(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
    let install = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ];
    let python = folder.join("bin/python");
    command::run(Command::new(&python).args(install).args(packages))
}

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
