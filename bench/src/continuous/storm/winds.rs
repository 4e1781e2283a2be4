//! What happens in a storm: things that programs do to files and folders, drawn by lot.

use std::fs::{self, File};
use std::io::{Result, Write as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rand_pcg::Pcg64;

use crate::random::{Rng as _, seeded};

/// How many names there are for folders and for files in one folder, so that they meet.
const FOLDERS: u32 = 5;
const FILES: u32 = 8;
/// How deep folders lie at most.
const DEPTH: u32 = 4;
/// How many folders and files in each an archive has.
const UNPACKED: (u32, u32) = (8, 12);

/// Whoever does things in one tree.
pub(crate) struct Winds {
    tree: PathBuf,
    /// A folder of the same file system that is not watched.
    outside: PathBuf,
    random: Pcg64,
}

impl Winds {
    pub(crate) fn new(tree: PathBuf, outside: PathBuf, seed: u64) -> Result<Self> {
        fs::create_dir_all(&outside)?;
        Ok(Self {
            tree,
            outside,
            random: seeded(seed),
        })
    }

    /// Does so many things a second until it is over, and counts those that could be done.
    pub(crate) fn blow_until(&mut self, is_over: &AtomicBool, rate: u32, deeds: &AtomicUsize) {
        let each = Duration::from_secs(1) / rate;
        let mut next = Instant::now();
        while !is_over.load(Ordering::Relaxed) {
            let done = self.blow().is_ok();
            deeds.fetch_add(usize::from(done), Ordering::Relaxed);
            // What took long is not made up for.
            next = (next + each).max(Instant::now());
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
        }
    }

    fn below(&mut self, end: u32) -> u32 {
        self.random.next_u32() % end
    }

    /// Names a folder, which may be there or not.
    fn folder(&mut self) -> PathBuf {
        let mut path = self.tree.clone();
        for _ in 0..self.below(DEPTH + 1) {
            path.push(format!("folder {}", self.below(FOLDERS)));
        }
        path
    }

    /// Names a folder that is not the tree itself.
    fn inner(&mut self) -> PathBuf {
        let name = format!("folder {}", self.below(FOLDERS));
        self.folder().join(name)
    }

    fn file(&mut self) -> PathBuf {
        let name = format!("file {}", self.below(FILES));
        self.folder().join(name)
    }

    fn out(&mut self) -> PathBuf {
        let name = format!("out {}", self.below(3));
        self.outside.join(name)
    }

    /// Does one thing; it fails where what it needs is not there.
    fn blow(&mut self) -> Result<()> {
        match self.below(100) {
            0..=19 => self.write(),
            20..=29 => self.append(),
            30..=39 => fs::create_dir_all(self.folder()),
            40..=46 => fs::remove_file(self.file()),
            47..=49 => fs::remove_dir_all(self.inner()),
            50..=57 => fs::rename(self.file(), self.file()),
            58..=65 => fs::rename(self.inner(), self.inner()),
            66..=69 => fs::hard_link(self.file(), self.file()),
            70..=71 => fs::rename(self.inner(), self.out()),
            72..=73 => fs::rename(self.out(), self.inner()),
            74..=87 => self.save_as_editors_do(),
            88..=91 => self.change_mode(),
            92..=93 => symlink("file 1", self.file()),
            94..=96 => self.cut(),
            97..=98 => self.unpack(),
            _ => fs::remove_dir_all(self.tree.join("unpacked")),
        }
    }

    fn bytes(&mut self) -> Vec<u8> {
        let len = self.below(20_000) as usize;
        crate::tree::noise(&mut self.random, len)
    }

    fn write(&mut self) -> Result<()> {
        let bytes = self.bytes();
        File::create(self.file())?.write_all(&bytes)
    }

    fn append(&mut self) -> Result<()> {
        let bytes = self.bytes();
        let file = File::options().append(true).open(self.file());
        file?.write_all(&bytes)
    }

    fn cut(&mut self) -> Result<()> {
        let len = self.below(10_000);
        let file = File::options().write(true).open(self.file());
        file?.set_len(len.into())
    }

    fn save_as_editors_do(&mut self) -> Result<()> {
        let (path, bytes) = (self.file(), self.bytes());
        let new = path.with_extension("new");
        let mut file = File::create(&new)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(new, path)
    }

    fn change_mode(&mut self) -> Result<()> {
        let mode = fs::Permissions::from_mode(0o700 + self.below(64));
        let path = if self.below(2) == 0 {
            self.file()
        } else {
            self.inner()
        };
        fs::set_permissions(path, mode)
    }

    /// Makes a tree with files in one go, as archivers do.
    fn unpack(&mut self) -> Result<()> {
        let top = self
            .tree
            .join("unpacked")
            .join(self.below(FOLDERS).to_string());
        let bytes = self.bytes();
        for folder in 0..UNPACKED.0 {
            let folder = top.join(format!("{folder}/deep/deeper"));
            fs::create_dir_all(&folder)?;
            for file in 0..UNPACKED.1 {
                File::create(folder.join(file.to_string()))?.write_all(&bytes)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_things_can_be_done_and_all_stay_in_the_tree() {
        let folder = tempfile::tempdir().unwrap();
        let tree = folder.path().join("tree");
        fs::create_dir(&tree).unwrap();
        let mut winds = Winds::new(tree.clone(), folder.path().join("outside"), 7).unwrap();
        let done = (0..2_000).filter(|_| winds.blow().is_ok()).count();
        assert!(done > 500, "{done}");
        assert!(crate::folders::extent(&tree).unwrap().files > 20);
        let beside = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(beside, 2);
    }
}
