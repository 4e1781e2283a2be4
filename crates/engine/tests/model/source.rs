//! The folder that is backed up: few files, whose contents come back again and again.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, UNIX_EPOCH};

use strongroom_base::clock::Timestamp;
use tempfile::TempDir;

use crate::common::noise;
use crate::common::trees::fast_folder;
use crate::dice::Dice;

/// Contents are drawn from so many.
const CONTENTS: usize = 60;
const NAMES: usize = 14;
const FOLDERS: usize = 3;

/// What each file holds, by its path.
pub(crate) type Files = BTreeMap<String, u32>;

/// The folder that is backed up.
pub(crate) struct Source {
    folder: TempDir,
    pub(crate) files: Files,
    /// How often something was written: no two files have the same time.
    writes: i128,
}

/// Returns the content with this number.
pub(crate) fn content(number: u32) -> &'static [u8] {
    static MADE: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
        let numbers = 0..u32::try_from(CONTENTS).unwrap_or(0);
        numbers.map(make).collect()
    });
    &MADE[number as usize]
}

/// Makes a content. Some fit into an entry, most into a record, few need a pack.
fn make(number: u32) -> Vec<u8> {
    let len = match number % 20 {
        0 => 620_000 + number as usize,
        1..4 => 150_000 + 1_000 * number as usize,
        4..10 => 9_000 + 100 * number as usize,
        10..17 => 600 + 7 * number as usize,
        17..19 => 30 + number as usize,
        _ => 0,
    };
    noise(number, len)
}

impl Source {
    pub(crate) fn new(dice: &mut Dice, now: Timestamp) -> Self {
        let mut source = Self {
            folder: fast_folder(),
            files: Files::new(),
            writes: 0,
        };
        for _ in 0..8 {
            source.write_one(dice, now);
        }
        source
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Changes some files.
    pub(crate) fn change(&mut self, dice: &mut Dice, now: Timestamp) {
        for _ in 0..dice.below(4) {
            if dice.one_in(4) {
                self.remove_one(dice);
            } else {
                self.write_one(dice, now);
            }
        }
    }

    fn write_one(&mut self, dice: &mut Dice, now: Timestamp) {
        let name = dice.below(NAMES);
        let path = format!("{}/{name}", name % FOLDERS);
        let mut number = dice.below(CONTENTS);
        if number % 20 < 4 && !dice.one_in(3) {
            number += 10;
        }
        let number = u32::try_from(number % CONTENTS).unwrap_or(0);
        let whole = self.folder.path().join(&path);
        let parent = whole.parent().expect("it is in a folder");
        std::fs::create_dir_all(parent).expect("a folder is made");
        let mut file = File::create(&whole).expect("a file is made");
        file.write_all(content(number)).expect("a file is written");
        self.writes += 1;
        let modified = u64::try_from(now.0 + self.writes).unwrap_or(0);
        file.set_modified(UNIX_EPOCH + Duration::from_nanos(modified))
            .expect("a file has a time");
        self.files.insert(path, number);
    }

    fn remove_one(&mut self, dice: &mut Dice) {
        let paths: Vec<String> = self.files.keys().cloned().collect();
        if paths.len() < 3 {
            return;
        }
        if let Some(path) = dice.pick(&paths) {
            std::fs::remove_file(self.folder.path().join(&path)).expect("a file is removed");
            self.files.remove(&path);
        }
    }
}
