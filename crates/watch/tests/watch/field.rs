//! A folder that is watched, and what tests do there.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use strongroom_base::clock::{FixedClock, Timestamp};
use strongroom_watch::{Changes, Choice, Mechanism, Settings, Watcher, Why};
use tempfile::TempDir;

/// Longer than anything takes; tests do not wait for it unless they fail.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// What the clock of the tests shows.
pub(crate) const NOW: Timestamp = Timestamp(1_700_000_000_000_000_000);

/// A folder with a watched folder `root` in it.
pub(crate) struct Field {
    pub(crate) watcher: Watcher,
    pub(crate) mechanism: Mechanism,
    pub(crate) root: PathBuf,
    outside: Folder,
}

/// A folder for one test.
pub(crate) struct Folder {
    // It is unmounted first.
    _own: Option<Mounted>,
    folder: TempDir,
}

/// Runs a test with every mechanism that works here, and says which one does not.
#[expect(clippy::print_stderr, reason = "a test that is left out says so")]
pub(crate) fn with_each(test: impl Fn(Mechanism)) {
    for mechanism in [Mechanism::Fanotify, Mechanism::Inotify] {
        let folder = Folder::new();
        let watcher = Watcher::start(settings(&folder.root(), mechanism)).unwrap();
        let source = watcher.sources().remove(0);
        if source.mechanism == Some(mechanism) {
            test(mechanism);
        } else {
            eprintln!("left out: {mechanism} does not work here: {source:?}");
        }
    }
}

/// Says whether something can be mounted, or why the test is left out.
#[expect(clippy::print_stderr, reason = "a test that is left out says so")]
pub(crate) fn may_mount() -> bool {
    let folder = Folder::new();
    let mounted = Mounted::tmpfs(&folder.root());
    if let Err(errno) = &mounted {
        eprintln!("left out: nothing can be mounted here: {errno}");
    }
    mounted.is_ok()
}

pub(crate) fn settings(root: &Path, mechanism: Mechanism) -> Settings {
    let clock = Arc::new(FixedClock(NOW));
    let mut settings = Settings::new(vec![root.to_path_buf()], clock);
    settings.choice = Choice::Only(mechanism);
    settings
}

impl Folder {
    /// Makes a folder with an empty folder `root` in it, on a file system of its own where that is possible: what others do
    /// on a shared one is told by fanotify too, and may be too much for a watcher that is paused.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let own = Mounted::tmpfs(folder.path()).ok();
        Self::of(folder, own)
    }

    /// Makes one on a disk.
    pub(crate) fn on_disk() -> Self {
        Self::of(tempfile::tempdir().unwrap(), None)
    }

    fn of(folder: TempDir, own: Option<Mounted>) -> Self {
        std::fs::create_dir(folder.path().join("root")).unwrap();
        Self { _own: own, folder }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap()
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.path().join("root")
    }
}

impl Field {
    /// Watches an empty folder.
    pub(crate) fn new(mechanism: Mechanism) -> Self {
        Self::with(Folder::new(), mechanism)
    }

    /// Watches a folder that was prepared.
    pub(crate) fn with(folder: Folder, mechanism: Mechanism) -> Self {
        let settings = settings(&folder.root(), mechanism);
        Self::with_settings(folder, settings)
    }

    pub(crate) fn with_settings(folder: Folder, settings: Settings) -> Self {
        let Choice::Only(mechanism) = settings.choice else {
            panic!("tests choose a mechanism");
        };
        let watcher = Watcher::start(settings).unwrap();
        let field = Self {
            watcher,
            mechanism,
            root: folder.root(),
            outside: folder,
        };
        let begun = field.changes();
        let sources = field.watcher.sources().into_iter();
        let all = sources.map(|source| (source.place, Why::Started));
        let trees = begun.trees.into_iter().map(|tree| (tree.place, tree.why));
        assert_eq!(trees.collect::<Vec<_>>(), all.collect::<Vec<_>>());
        field
    }

    pub(crate) fn at(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root.join(path)
    }

    /// Returns the folder that has the root in it.
    pub(crate) fn outside(&self) -> PathBuf {
        self.outside.path()
    }

    /// Returns all changes until now.
    pub(crate) fn changes(&self) -> Changes {
        assert!(self.watcher.settle(LONG), "it does not settle");
        self.watcher.take()
    }

    /// Checks that all of the places, and nothing but them and what is within `trees`, is hinted.
    #[track_caller]
    pub(crate) fn expect(&self, directories: &[&str], trees: &[(&str, Why)]) {
        let changes = self.changes();
        let named = (changes.directories.iter()).map(|place| text(place.path()));
        let named: Vec<_> = named.collect();
        let mechanism = self.mechanism;
        assert_eq!(named, directories, "directories by {mechanism}");
        let found = changes.trees.iter();
        let found: Vec<_> = found
            .map(|tree| (text(tree.place.path()), tree.why))
            .collect();
        let trees: Vec<_> = trees.iter().map(|(path, why)| (text(path), *why)).collect();
        assert_eq!(found, trees, "trees by {mechanism}");
    }

    /// Checks that nothing is hinted.
    #[track_caller]
    pub(crate) fn expect_nothing(&self) {
        self.expect(&[], &[]);
    }
}

fn text(path: impl AsRef<Path>) -> String {
    let path = path.as_ref().as_os_str().as_encoded_bytes();
    path.escape_ascii().to_string()
}

/// Writes a file, new or not.
pub(crate) fn put(path: impl AsRef<Path>, content: &str) {
    let mut file = File::create(path).unwrap();
    file.write_all(content.as_bytes()).unwrap();
}

/// Runs a program, which must succeed.
pub(crate) fn run(program: &str, arguments: &[&str]) {
    let status = Command::new(program).args(arguments).status().unwrap();
    assert!(status.success(), "{program} {arguments:?}");
}

/// Something that is mounted until it is dropped.
pub(crate) struct Mounted(PathBuf);

impl Mounted {
    pub(crate) fn tmpfs(at: &Path) -> rustix::io::Result<Self> {
        let flags = rustix::mount::MountFlags::empty();
        rustix::mount::mount("none", at, "tmpfs", flags, None)?;
        Ok(Self(at.to_path_buf()))
    }

    pub(crate) fn bind(from: &Path, at: &Path) -> Self {
        rustix::mount::mount_bind(from, at).unwrap();
        Self(at.to_path_buf())
    }

    /// Mounts a file system of a program that never answers; its descriptor has to stay open.
    pub(crate) fn deaf(at: &Path, device: &File) -> rustix::io::Result<Self> {
        use std::os::fd::AsRawFd as _;
        let flags = rustix::mount::MountFlags::empty();
        let fd = device.as_raw_fd();
        let data = format!("fd={fd},rootmode=40000,user_id=0,group_id=0");
        let data = std::ffi::CString::new(data).unwrap();
        rustix::mount::mount("none", at, "fuse.deaf", flags, Some(data.as_c_str()))?;
        Ok(Self(at.to_path_buf()))
    }

    /// Mounts layers, where that is possible.
    pub(crate) fn layers(at: &Path, [lower, upper, work]: [&Path; 3]) -> Option<Self> {
        let flags = rustix::mount::MountFlags::empty();
        let [lower, upper, work] = [lower, upper, work].map(Path::display);
        let data = format!("lowerdir={lower},upperdir={upper},workdir={work}");
        let data = std::ffi::CString::new(data).unwrap();
        let mounted = rustix::mount::mount("none", at, "overlay", flags, Some(data.as_c_str()));
        mounted.ok().map(|()| Self(at.to_path_buf()))
    }

    /// Unmounts now, which fails where something in it is open.
    pub(crate) fn unmount(self) {
        let flags = rustix::mount::UnmountFlags::empty();
        rustix::mount::unmount(&self.0, flags).unwrap();
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // It is not mounted any more where a test has unmounted it.
        let _ = rustix::mount::unmount(&self.0, rustix::mount::UnmountFlags::DETACH);
    }
}
