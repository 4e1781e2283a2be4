//! Reads archives that this program made with the reader in `spec/reader`, which was written from the
//! specification alone: what it restores must be what was backed up.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::checkout::Checkout;
use crate::{command, tools};

/// The suites that the reader has with the packages that are installed for it.
const SUITES: &[&str] = &["aes-128", "aes-256", "chacha20"];

/// Makes an archive of each suite, and has it checked, listed and restored.
pub(crate) fn run() -> Result<()> {
    let checkout = Checkout::find()?;
    let python = tools::python(&checkout)?;
    // As the tests before were built: with the features of the command line alone, all would be built again.
    let build = ["build", "--workspace", "--tests"];
    command::run(
        Command::new("cargo")
            .args(build)
            .current_dir(&checkout.root),
    )?;
    let folder = checkout.target.join("reader");
    for suite in SUITES {
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => fs::create_dir_all(&folder)?,
        }
        let reading = Reading {
            binary: checkout.target.join("debug/strongroom"),
            python: python.clone(),
            script: checkout.root.join("spec/reader/read_archive.py"),
            folder: folder.canonicalize()?,
        };
        reading
            .judge(suite)
            .with_context(|| format!("suite {suite}"))?;
        println!("{suite}: checked, listed and restored by another program");
    }
    Ok(())
}

/// One archive and its reader.
struct Reading {
    binary: PathBuf,
    python: PathBuf,
    script: PathBuf,
    folder: PathBuf,
}

impl Reading {
    fn judge(&self, suite: &str) -> Result<()> {
        let files = self.folder.join("files");
        make_files(&files)?;
        self.strongroom(&["init", "--quiet", "--suite", suite, "--keystore", "file"])?;
        self.strongroom(&["key", "export", "--quiet", "--file", "key"])?;
        self.strongroom(&["backup", "files", "--quiet", "--to", "disk"])?;
        // The second snapshot is a small one: its packs travel in its record.
        put(
            &files.join("folder/more.txt"),
            b"more, and not much of it\n",
        )?;
        fs::remove_file(files.join("gone"))?;
        self.strongroom(&["backup", "files", "--quiet"])?;
        self.read(&["check"])?;
        let snapshots = self.read(&["snapshots"])?;
        let count = snapshots.lines().count();
        ensure!(count == 2, "the reader lists {count} snapshots, not 2");
        let listed = self.read(&["ls", "latest"])?;
        for name in ["folder/more.txt", "large", "link -> large", "empty"] {
            let below = files.strip_prefix("/")?.join(name);
            let below = below.display().to_string();
            ensure!(listed.contains(&below), "the reader does not list {below}");
        }
        ensure!(!listed.contains("/gone"), "the reader lists what is gone");
        let back = self.folder.join("back");
        self.read(&["restore", "latest", &back.display().to_string()])?;
        let restored = back.join(files.strip_prefix("/")?);
        let mut compare = Command::new("diff");
        compare.args(["--recursive", "--no-dereference"]);
        command::quietly(compare.arg(&files).arg(restored))
    }

    fn strongroom(&self, words: &[&str]) -> Result<()> {
        let mut program = Command::new(&self.binary);
        program.args(words).current_dir(&self.folder);
        program.env("STRONGROOM_PROFILE", self.folder.join("profile"));
        program.env("HOME", &self.folder);
        command::quietly(&mut program)
    }

    /// Runs the reader, and returns what it printed.
    fn read(&self, words: &[&str]) -> Result<String> {
        let mut reader = Command::new(&self.python);
        reader.arg(&self.script).arg(self.folder.join("disk"));
        reader.arg("--key-file").arg(self.folder.join("key"));
        let output = reader.args(words).output()?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{}: {errors}", words[0]);
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// Makes files of every form of content: none, inline, one chunk, lists, holes; links and folders.
fn make_files(files: &Path) -> Result<()> {
    fs::create_dir_all(files.join("folder/empty folder"))?;
    put(&files.join("empty"), b"")?;
    put(&files.join("gone"), b"in the first snapshot only")?;
    for len in [1, 512, 513, 131_072] {
        put(&files.join(format!("folder/{len} bytes")), &noise(len, 7))?;
    }
    put(
        &files.join("words"),
        "a line that compresses\n".repeat(9_000).as_bytes(),
    )?;
    put(&files.join("large"), &noise(20_000_000, 11))?;
    let holes = fs::File::create(files.join("holes"))?;
    holes.set_len(3_000_000)?;
    std::os::unix::fs::FileExt::write_all_at(&holes, &noise(70_000, 13), 1_048_576)?;
    std::os::unix::fs::symlink("large", files.join("link"))?;
    fs::hard_link(files.join("words"), files.join("folder/same words"))?;
    for number in 0..600 {
        let name = format!("folder/file {number}");
        put(&files.join(name), format!("number {number}").as_bytes())?;
    }
    Ok(())
}

/// Returns bytes that do not compress, the same every time.
fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        // Knuth's MMIX.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    (0..len).map(|_| next()).collect()
}

#[expect(clippy::disallowed_methods, reason = "a test needs no durable files")]
fn put(path: &Path, bytes: &[u8]) -> Result<()> {
    Ok(fs::write(path, bytes)?)
}
