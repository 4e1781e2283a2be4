//! Very many small files: about 90 bytes each, a thousand folders, one file changed.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{Set, is_ready, mark_ready};
use crate::folders;
use crate::random::{self, Rng};
use crate::say;

/// How many folders the files are spread over.
const FOLDERS: u32 = 1000;

/// The small files.
pub(super) struct Files {
    data: PathBuf,
    changing: PathBuf,
    original: String,
}

pub(super) fn prepare(count: u32, folder: &Path) -> Result<Files> {
    let data = folder.join("data");
    let parameters = count.to_string();
    if !is_ready(folder, &parameters) {
        say::progress(&format!("files: writing {count} files"));
        folders::make_new(folder)?;
        for number in 0..count.min(FOLDERS) {
            fs::create_dir_all(path_of(&data, number).with_file_name(""))?;
        }
        for number in 0..count {
            File::create(path_of(&data, number))?.write_all(content(number).as_bytes())?;
        }
        mark_ready(folder, &parameters)?;
    }
    let middle = count / 2;
    Ok(Files {
        changing: path_of(&data, middle),
        original: content(middle),
        data,
    })
}

fn path_of(data: &Path, number: u32) -> PathBuf {
    data.join(format!("{:03}", number % FOLDERS))
        .join(format!("entry-{number:07}.txt"))
}

fn content(number: u32) -> String {
    let value = random::seeded(u64::from(number)).next_u32() & 0x00ff_ffff;
    format!(
        "entry {number:07}: such as a flag of a mail, the key of a cache or a setting; its value is {value:06x}\n"
    )
}

impl Files {
    /// Writes the changing file, unless it holds this already.
    fn write(&self, content: &str) -> Result<()> {
        if fs::read_to_string(&self.changing)? != content {
            File::create(&self.changing)?.write_all(content.as_bytes())?;
        }
        Ok(())
    }
}

impl Set for Files {
    fn name(&self) -> &'static str {
        "files"
    }

    fn path(&self) -> &Path {
        &self.data
    }

    fn rewind(&self) -> Result<()> {
        self.write(&self.original)
    }

    fn advance(&self) -> Result<bool> {
        self.write(&self.original.to_uppercase()).map(|()| true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_small_distinct_and_the_same_every_time() {
        assert!(
            (85..=100).contains(&content(0).len()),
            "{}",
            content(0).len()
        );
        assert_ne!(content(1), content(2));
        assert_eq!(content(7), content(7));
    }

    #[test]
    fn one_file_changes_and_changes_back() {
        let folder = tempfile::tempdir().unwrap();
        let set = prepare(3000, folder.path()).unwrap();
        assert_eq!(folders::extent(set.path()).unwrap().files, 3000);
        assert!(set.advance().unwrap());
        assert_ne!(fs::read_to_string(&set.changing).unwrap(), set.original);
        set.rewind().unwrap();
        assert_eq!(fs::read_to_string(&set.changing).unwrap(), set.original);
        let marker = folder.path().join("data/marker");
        File::create(&marker).unwrap();
        prepare(3000, folder.path()).unwrap();
        assert!(marker.exists(), "a set that is ready is not made again");
        prepare(2000, folder.path()).unwrap();
        assert!(!marker.exists(), "another size is another set");
    }
}
