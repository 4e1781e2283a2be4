//! After any storm, whoever followed every hint knows what is there.
//!
//! The follower lists nothing but what is hinted: a single directory for a directory, everything below for a tree. It
//! keeps what it finds by path. When it is calm, that has to be what a walk of everything finds.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::Rng as _;
use strongroom_watch::{Changes, Health, Mechanism, Why};

use crate::field::{Field, Folder, put, with_each};
use crate::overflow::rename_too_often;

/// How long it storms, for each seed and mechanism.
const LASTS: Duration = Duration::from_millis(700);

#[test]
fn the_follower_knows_what_is_there_after_a_storm() {
    with_each(|mechanism| {
        for seed in [1, 2, 3] {
            let folder = if seed == 1 {
                Folder::on_disk()
            } else {
                Folder::new()
            };
            storm(folder, mechanism, seed, Forced::Nothing);
        }
    });
}

#[test]
fn the_follower_knows_what_is_there_after_a_storm_with_overflows() {
    with_each(|mechanism| {
        for seed in [4, 5] {
            storm(Folder::new(), mechanism, seed, Forced::Overflow);
        }
    });
}

#[derive(Clone, Copy, PartialEq)]
enum Forced {
    Nothing,
    Overflow,
}

fn storm(folder: Folder, mechanism: Mechanism, seed: u128, forced: Forced) {
    fs::create_dir(folder.root().join("flood")).unwrap();
    let mut settings = crate::field::settings(&folder.root(), mechanism);
    settings.directories_max = 200;
    let field = Field::with_settings(folder, settings);
    let mut follower = Follower::default();
    follower.list(&field.root, Path::new(""));
    let (is_over, deeds) = (AtomicBool::new(false), AtomicUsize::new(0));
    let mut overflows = 0;
    std::thread::scope(|scope| {
        let storms = (0..2).map(|thread| {
            let (field, is_over, deeds) = (&field, &is_over, &deeds);
            scope.spawn(move || {
                let mut winds = Winds::new(field, seed * 16 + thread);
                while !is_over.load(Ordering::Relaxed) {
                    deeds.fetch_add(winds.blow().into(), Ordering::Relaxed);
                }
            })
        });
        let _storms: Vec<_> = storms.collect();
        let begun = Instant::now();
        while begun.elapsed() < LASTS {
            if forced == Forced::Overflow {
                field.watcher.pause();
                rename_too_often(&field, "flood");
                field.watcher.resume();
            }
            let changes = field.watcher.wait(Duration::from_millis(20));
            overflows += (changes.trees.iter())
                .filter(|tree| tree.why == Why::Overflow)
                .count();
            follower.follow(&field, &changes);
        }
        is_over.store(true, Ordering::Relaxed);
    });
    let deeds = deeds.into_inner();
    assert!(deeds > 100, "only {deeds} deeds");
    let changes = field.changes();
    overflows += (changes.trees.iter())
        .filter(|tree| tree.why == Why::Overflow)
        .count();
    // Others may be so busy on the same disk that it overflows by itself.
    let as_forced = overflows > 0 || forced == Forced::Nothing;
    assert!(as_forced, "no overflow after {deeds} deeds");
    follower.follow(&field, &changes);
    follower.look_at_several_names(&field.root);
    let mut truth = Follower::default();
    truth.walk(&field.root, Path::new(""));
    follower.compare(&truth, &format!("{mechanism}, seed {seed}"));
    assert_eq!(field.watcher.sources()[0].health, Health::Live);
    field.expect_nothing();
}

/// What is known of each path.
#[derive(Default)]
struct Follower {
    known: BTreeMap<PathBuf, State>,
}

/// The state of an entry, as far as a backup stores it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct State {
    inode: u64,
    mode: u32,
    /// Size and time; those of a directory change with its entries.
    content: Option<(u64, i64, i64)>,
    has_several_names: bool,
}

impl Follower {
    fn follow(&mut self, field: &Field, changes: &Changes) {
        for place in &changes.directories {
            self.list(&field.root, place.path());
        }
        for tree in &changes.trees {
            self.forget_below(tree.place.path());
            self.walk(&field.root, tree.place.path());
        }
    }

    fn forget_below(&mut self, path: &Path) {
        self.known
            .retain(|known, _| !known.starts_with(path) || known == path);
    }

    /// Lists one directory. Of one that is not known nothing is kept but that it is there: its own hint follows.
    fn list(&mut self, root: &Path, path: &Path) -> Vec<PathBuf> {
        let found = fs::read_dir(root.join(path));
        let found = found.into_iter().flatten().flatten();
        let mut entries = BTreeMap::new();
        for entry in found {
            if let Ok(metadata) = entry.path().symlink_metadata() {
                entries.insert(path.join(entry.file_name()), state(&metadata));
            }
        }
        let here = |known: &PathBuf| known.parent() == Some(path) && known != path;
        let mut gone: Vec<_> = self
            .known
            .keys()
            .filter(|known| here(known))
            .cloned()
            .collect();
        gone.retain(|known| entries.get(known).map(|e| e.inode) != Some(self.known[known].inode));
        for gone in gone {
            self.forget_below(&gone);
            self.known.remove(&gone);
        }
        let directories = entries.iter().filter(|(_, state)| state.content.is_none());
        let directories = directories.map(|(path, _)| path.clone()).collect();
        for (path, state) in entries {
            self.update_other_names(&state);
            self.known.insert(path, state);
        }
        directories
    }

    /// A file with several names is told of at one of them.
    fn update_other_names(&mut self, state: &State) {
        if state.has_several_names {
            let same = self.known.values_mut();
            same.filter(|known| known.inode == state.inode)
                .for_each(|known| *known = state.clone());
        }
    }

    /// Looks at every name of files with several: nobody is told at the others when one of them goes, or changes and goes.
    fn look_at_several_names(&mut self, root: &Path) {
        let several = self.known.iter_mut();
        for (path, known) in several.filter(|(_, known)| known.has_several_names) {
            if let Ok(metadata) = root.join(path).symlink_metadata() {
                *known = state(&metadata);
            }
        }
    }

    fn walk(&mut self, root: &Path, path: &Path) {
        for below in self.list(root, path) {
            self.walk(root, &below);
        }
    }

    fn compare(&self, truth: &Self, case: &str) {
        for (path, state) in &truth.known {
            let known = self.known.get(path);
            assert_eq!(known, Some(state), "{case}: {}", path.display());
        }
        let mut known = self.known.keys();
        let ghost = known.find(|path| !truth.known.contains_key(*path));
        assert_eq!(ghost, None, "{case}: not there");
    }
}

fn state(metadata: &fs::Metadata) -> State {
    let content = (metadata.size(), metadata.mtime(), metadata.mtime_nsec());
    State {
        inode: metadata.ino(),
        mode: metadata.mode(),
        content: (!metadata.is_dir()).then_some(content),
        has_several_names: metadata.nlink() > 1 && !metadata.is_dir(),
    }
}

/// Does things at random.
struct Winds<'a> {
    field: &'a Field,
    random: Pcg64Mcg,
}

impl<'a> Winds<'a> {
    fn new(field: &'a Field, seed: u128) -> Self {
        let random = Pcg64Mcg::new(seed);
        Self { field, random }
    }

    fn below(&mut self, end: u32) -> u32 {
        self.random.next_u32() % end
    }

    /// Names a directory, which may be there or not.
    fn directory(&mut self) -> PathBuf {
        let depth = self.below(5);
        let names = (0..depth).map(|_| format!("d{}", self.random.next_u32() % 4));
        names.fold(self.field.root.clone(), |path, name| path.join(name))
    }

    fn file(&mut self) -> PathBuf {
        let name = format!("f{}", self.below(6));
        self.directory().join(name)
    }

    /// Does one thing, and says whether it could be done.
    fn blow(&mut self) -> bool {
        let succeeded = match self.below(22) {
            0..=5 => self.write(),
            6..=8 => fs::create_dir_all(self.directory()),
            9 => fs::remove_file(self.file()),
            10 => fs::remove_dir_all(self.deep_directory()),
            11..=12 => fs::rename(self.file(), self.file()),
            13..=15 => fs::rename(self.deep_directory(), self.deep_directory()),
            16 => fs::hard_link(self.file(), self.file()),
            17 => fs::rename(self.deep_directory(), self.out()),
            18 => fs::rename(self.out(), self.deep_directory()),
            19 => self.save_as_editors_do(),
            20 => self.change_mode(),
            _ => self.unpack(),
        };
        succeeded.is_ok()
    }

    fn deep_directory(&mut self) -> PathBuf {
        let name = format!("d{}", self.below(4));
        self.directory().join(name)
    }

    fn out(&mut self) -> PathBuf {
        self.field.outside().join(format!("out{}", self.below(3)))
    }

    fn write(&mut self) -> std::io::Result<()> {
        let (path, len) = (self.file(), self.below(10_000));
        fs::File::create(path)?.set_len(len.into())
    }

    fn save_as_editors_do(&mut self) -> std::io::Result<()> {
        let path = self.file();
        let new = path.with_extension("new");
        let file = fs::File::create(&new)?;
        file.set_len(self.below(100).into())?;
        fs::rename(new, path)
    }

    fn change_mode(&mut self) -> std::io::Result<()> {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700 + self.below(64));
        let path = [self.file(), self.deep_directory()];
        fs::set_permissions(&path[self.below(2) as usize], mode)
    }

    /// Makes a tree with files in one go, as archivers do.
    fn unpack(&mut self) -> std::io::Result<()> {
        let top = self.deep_directory();
        for way in ["d0/d1", "d1", "d2/d3/d0"] {
            fs::create_dir_all(top.join(way))?;
            fs::File::create(top.join(way).join("f1"))?;
        }
        Ok(())
    }
}

#[test]
fn the_comparison_finds_what_differs() {
    let folder = Folder::new();
    put(folder.root().join("file"), "one");
    let (mut before, mut after) = (Follower::default(), Follower::default());
    before.walk(&folder.root(), Path::new(""));
    put(folder.root().join("file"), "other");
    after.walk(&folder.root(), Path::new(""));
    let compared = std::panic::catch_unwind(|| before.compare(&after, ""));
    assert!(compared.is_err());
}
