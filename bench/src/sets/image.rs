//! A disk image: ext4 of 6 GiB, two thirds full, then with 2,000 random blocks overwritten in place.
//!
//! What a change overwrites is kept in a file `undo` beside the image, written before the change, so
//! that one image serves every run.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use rustix::fs::FallocateFlags;
use walkdir::WalkDir;

use super::{Set, is_ready, linux, mark_ready, run};
use crate::folders;
use crate::options::Options;
use crate::random::{self, Rng};
use crate::say;

/// Length of the image.
const LEN: u64 = 6 << 30;
/// How much goes into it.
const FILL: u64 = 3_900_000_000;
/// How many blocks are overwritten.
const WRITES: usize = 2000;
/// Length of a block.
const BLOCK: usize = 4096;

/// The disk image, alone in its folder.
pub(super) struct Image {
    data: PathBuf,
    undo: PathBuf,
}

/// Makes `image` below the work folder, unless that was done.
pub(super) fn prepare(options: &Options, work: &Path) -> Result<Image> {
    let folder = work.join("image");
    let set = Image {
        data: folder.join("data"),
        undo: folder.join("undo"),
    };
    if !is_ready(&folder, "") {
        say::progress("image: gathering files");
        folders::make_new(&set.data)?;
        let content = folder.join("content");
        gather(&sources(options, work), &content)?;
        say::progress("image: making the file system");
        make_file_system(&content, &set.file())?;
        folders::remove(&content)?;
        mark_ready(&folder, "")?;
    }
    Ok(set)
}

fn sources(options: &Options, work: &Path) -> Vec<PathBuf> {
    if !options.image_from.is_empty() {
        return options.image_from.clone();
    }
    linux::tree_if_ready(&work.join("linux"))
        .into_iter()
        .chain([PathBuf::from("/usr")])
        .collect()
}

/// Copies files from the sources, in order of name, until the image is full enough.
fn gather(sources: &[PathBuf], content: &Path) -> Result<()> {
    let mut room = FILL;
    for (number, source) in sources.iter().enumerate() {
        let target = content.join(number.to_string());
        for entry in WalkDir::new(source)
            .sort_by_file_name()
            .same_file_system(true)
        {
            let entry = entry?;
            let to = target.join(entry.path().strip_prefix(source)?);
            let blocks = entry.metadata()?.len().div_ceil(BLOCK as u64) * BLOCK as u64;
            if entry.file_type().is_dir() {
                fs::create_dir_all(to)?;
            } else if entry.file_type().is_symlink() {
                std::os::unix::fs::symlink(fs::read_link(entry.path())?, to)?;
            } else if blocks > room {
                return Ok(());
            } else if entry.file_type().is_file() {
                fs::copy(entry.path(), to).with_context(|| entry.path().display().to_string())?;
                room -= blocks;
            }
        }
    }
    say::progress(&format!(
        "image: the sources leave {} MB of it empty",
        room / 1_000_000
    ));
    Ok(())
}

fn make_file_system(content: &Path, image: &Path) -> Result<()> {
    let fixed = "00000000-0000-4000-8000-000000000001";
    let mut command = Command::new("mke2fs");
    command
        .args(["-q", "-t", "ext4", "-b", "4096", "-U", fixed, "-E"])
        .arg(format!("hash_seed={fixed}"));
    run(command
        .arg("-d")
        .arg(content)
        .arg(image)
        .arg(format!("{}k", LEN / 1024)))
}

impl Image {
    fn file(&self) -> PathBuf {
        self.data.join("disk.img")
    }

    fn open(&self) -> Result<File> {
        let file = self.file();
        File::options()
            .read(true)
            .write(true)
            .open(&file)
            .with_context(|| file.display().to_string())
    }
}

/// Where the writes go: the same places every time, none of them twice.
fn offsets(len: u64) -> Vec<u64> {
    let blocks = len / BLOCK as u64;
    let mut random = random::seeded(1);
    let mut offsets = std::collections::BTreeSet::new();
    while offsets.len() < WRITES {
        offsets.insert(random.next_u64() % blocks * BLOCK as u64);
    }
    offsets.into_iter().collect()
}

impl Set for Image {
    fn name(&self) -> &'static str {
        "image"
    }

    fn path(&self) -> &Path {
        &self.data
    }

    /// Puts back what was overwritten; a block of zeros becomes a hole, as it most likely was.
    fn rewind(&self) -> Result<()> {
        let Ok(undo) = File::open(&self.undo) else {
            return Ok(());
        };
        let image = self.open()?;
        let mut block = [0; BLOCK];
        for (number, offset) in (0_u64..).zip(offsets(image.metadata()?.len())) {
            undo.read_exact_at(&mut block, number * BLOCK as u64)?;
            if block == [0; BLOCK] {
                let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
                rustix::fs::fallocate(&image, hole, offset, BLOCK as u64)?;
            } else {
                image.write_all_at(&block, offset)?;
            }
        }
        image.sync_all()?;
        Ok(fs::remove_file(&self.undo)?)
    }

    fn advance(&self) -> Result<bool> {
        if self.undo.exists() {
            return Ok(true);
        }
        let image = self.open()?;
        let offsets = offsets(image.metadata()?.len());
        let unfinished = self.undo.with_extension("new");
        let undo = File::create(&unfinished)?;
        let mut block = [0; BLOCK];
        for (number, offset) in (0_u64..).zip(&offsets) {
            image.read_exact_at(&mut block, *offset)?;
            undo.write_all_at(&block, number * BLOCK as u64)?;
        }
        undo.sync_all()?;
        fs::rename(unfinished, &self.undo)?;
        let mut random = random::seeded(2);
        for offset in offsets {
            random.fill_bytes(&mut block);
            image.write_all_at(&block, offset)?;
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_are_undone_exactly() {
        let folder = tempfile::tempdir().unwrap();
        let set = Image {
            data: folder.path().join("data"),
            undo: folder.path().join("undo"),
        };
        fs::create_dir(&set.data).unwrap();
        let image = File::create(set.file()).unwrap();
        image.set_len(64 << 20).unwrap();
        for offset in (0..64 << 20).step_by(3 * BLOCK) {
            image.write_all_at(&[1; BLOCK], offset).unwrap();
        }
        let before = fs::read(set.file()).unwrap();
        for _ in 0..2 {
            assert!(set.advance().unwrap());
            assert!(set.advance().unwrap(), "a second call changes nothing more");
            let after = fs::read(set.file()).unwrap();
            let differ = before
                .chunks(BLOCK)
                .zip(after.chunks(BLOCK))
                .filter(|(a, b)| a != b);
            assert_eq!(differ.count(), WRITES);
            set.rewind().unwrap();
            set.rewind().unwrap();
            assert!(fs::read(set.file()).unwrap() == before);
        }
    }
}
