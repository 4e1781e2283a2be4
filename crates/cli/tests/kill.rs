//! The program killed at its file-system calls: what was there is there, and the next backup works.
//!
//! `strace` kills it at the entry of the nth call of a kind; n grows until the program lives.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// Calls at which the program is killed, and how many are passed over between two cases.
const CALLS: [(&str, usize); 8] = [
    ("write,pwrite64", 1),
    ("fsync,fdatasync", 1),
    ("rename,renameat,renameat2", 1),
    ("linkat", 1),
    ("unlink,unlinkat", 1),
    ("ftruncate", 1),
    ("mkdir,mkdirat", 1),
    ("openat", 11),
];

/// Calls at which a restore is killed.
const CALLS_OF_RESTORE: [(&str, usize); 10] = [
    ("pwrite64", 1),
    ("rename,renameat,renameat2", 1),
    ("unlink,unlinkat", 1),
    ("ftruncate", 1),
    ("mkdir,mkdirat", 1),
    ("symlink,symlinkat", 1),
    ("chmod,fchmod,fchmodat", 1),
    ("utimensat", 1),
    ("flock", 1),
    ("openat", 11),
];

/// No program makes so many calls of one kind.
const CALLS_MAX: usize = 5_000;

type Files = BTreeMap<PathBuf, Vec<u8>>;

/// A folder with files, and perhaps a profile and a destination; it can be put back as it was.
struct Place {
    here: TempDir,
    before: TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = || tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        Self {
            here: folder().unwrap(),
            before: folder().unwrap(),
        }
    }

    fn path(&self, below: &str) -> PathBuf {
        self.here.path().join("work").join(below)
    }

    fn write(&self, below: &str, content: &[u8]) {
        let path = self.path(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::io::Write::write_all(&mut fs::File::create(path).unwrap(), content).unwrap();
    }

    /// Remembers the folder as it is.
    fn keep(&self) {
        copy(&self.path(""), &self.before.path().join("work"));
    }

    /// Puts everything back.
    fn put_back(&self) {
        fs::remove_dir_all(self.path("")).unwrap();
        copy(&self.before.path().join("work"), &self.path(""));
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.path(""))
            .env_clear()
            .env("STRONGROOM_PROFILE", self.path("profile"))
            .env("HOME", self.path("home"))
            .env("TZ", "UTC")
            .stdin(Stdio::null());
        command
    }

    fn run(&self, line: &str) -> Output {
        let mut command = self.command(env!("CARGO_BIN_EXE_strongroom"));
        command.args(line.split(' ')).output().unwrap()
    }

    fn ok(&self, line: &str, case: &str) -> Output {
        let output = self.run(line);
        assert!(output.status.success(), "{case}: {line}: {}", told(&output));
        output
    }

    /// Runs the program, killed at the nth of these calls; says whether it was killed.
    fn killed(&self, line: &str, calls: &str, nth: usize) -> bool {
        let mut command = self.command("strace");
        command
            .args(["-f", "-qq", "-o", "/dev/null", "-e"])
            .arg(format!("trace={calls}"))
            .arg("-e")
            .arg(format!("inject={calls}:signal=KILL:when={nth}"))
            .arg(env!("CARGO_BIN_EXE_strongroom"))
            .args(line.split(' '));
        let output = command.output().unwrap();
        let killed = output.status.signal() == Some(9) || output.status.code() == Some(128 + 9);
        let sound = killed || output.status.success();
        assert!(sound, "{calls} {nth}: {}", told(&output));
        killed
    }

    fn snapshots(&self, case: &str) -> Vec<String> {
        let listed = self.ok("snapshots", case).stdout;
        let listed = String::from_utf8(listed).unwrap();
        listed.lines().map(|line| line[..8].to_owned()).collect()
    }

    /// Restores a snapshot and returns its files.
    fn restored(&self, snapshot: &str, case: &str) -> Files {
        let _ = fs::remove_dir_all(self.path("out"));
        self.ok(&format!("restore {snapshot} --to out"), case);
        files(&self.path("out"))
    }
}

fn told(output: &Output) -> String {
    format!(
        "{:?}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    )
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp")
        .arg("-a")
        .arg("-T")
        .args([from, to])
        .status();
    assert!(copied.unwrap().success());
}

fn files(root: &Path) -> Files {
    let mut found = Files::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_owned();
            if path.is_symlink() {
                let text = fs::read_link(path).unwrap();
                found.insert(name, text.into_os_string().into_encoded_bytes());
            } else if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(name, fs::read(path).unwrap());
            }
        }
    }
    found
}

/// Bytes that do not compress.
fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32).to_le_bytes()[0]
    };
    (0..len).map(|_| next()).collect()
}

/// Says whether `strace` can trace here.
#[expect(clippy::print_stdout, reason = "it is said that nothing was tested")]
fn can_trace() -> bool {
    let tried = Command::new("strace")
        .args(["-o", "/dev/null", "true"])
        .output();
    let can = tried.is_ok_and(|output| output.status.success());
    if !can {
        println!("skipped: strace cannot run here");
    }
    can
}

/// Kills the program at every call in turn, and lets `check` look at what is left.
#[expect(clippy::print_stdout, reason = "the numbers of cases are a result")]
fn kill_everywhere(place: &Place, line: &str, all: &[(&str, usize)], check: &dyn Fn(&str)) {
    for &(calls, stride) in all {
        let mut cases = 0;
        for nth in (1..CALLS_MAX).step_by(stride) {
            place.put_back();
            if !place.killed(line, calls, nth) {
                break;
            }
            check(&format!("killed at {calls} {nth}"));
            cases += 1;
        }
        println!("{calls}: {cases} cases");
    }
}

#[test]
fn a_killed_backup_harms_no_snapshot_matrix() {
    if !can_trace() {
        return;
    }
    let place = Place::new();
    for number in 0..12 {
        place.write(&format!("files/{}/{number}", number % 3), b"some text");
    }
    place.write("files/large", &noise(1, 1_500_000));
    let first = files(&place.path("files"));
    place.ok("backup files --to disk", "first");
    place.write("files/0/0", b"other text");
    let second = files(&place.path("files"));
    place.ok("backup files --to disk", "second");
    place.write("files/large", &noise(2, 1_500_000));
    place.write("files/1/new", b"new");
    let third = files(&place.path("files"));
    let before = place.snapshots("before");
    place.keep();
    kill_everywhere(&place, "backup files --to disk", &CALLS, &|case| {
        place.ok("verify --read-data", case);
        assert!(place.snapshots(case).starts_with(&before), "{case}");
        assert!(place.restored(&before[0], case) == first, "{case}");
        assert!(place.restored(&before[1], case) == second, "{case}");
        place.ok("backup files --to disk", case);
        place.ok("verify --read-data", case);
        assert!(place.restored("latest", case) == third, "{case}");
        let profile = files(&place.path("profile"));
        let is_half = |path: &&PathBuf| {
            let name = path.file_name().unwrap_or_default();
            name.as_encoded_bytes().starts_with(b"tmp-")
        };
        assert_eq!(profile.keys().find(is_half), None, "{case}");
    });
}

#[test]
fn a_killed_first_backup_is_no_obstacle_matrix() {
    if !can_trace() {
        return;
    }
    let place = Place::new();
    for number in 0..12 {
        place.write(&format!("files/{}/{number}", number % 3), b"some text");
    }
    place.write("files/large", &noise(1, 1_500_000));
    let source = files(&place.path("files"));
    place.keep();
    kill_everywhere(&place, "backup files --to disk", &CALLS, &|case| {
        // There may be no profile, no archive or no snapshot yet; there is no damage.
        let verified = place.run("verify --read-data");
        let code = verified.status.code();
        assert!(matches!(code, Some(0..=2)), "{case}: {}", told(&verified));
        place.ok("backup files --to disk", case);
        place.ok("verify --read-data", case);
        assert!(place.restored("latest", case) == source, "{case}");
    });
}

/// A folder `files` in a snapshot, and what was there before in `out`: some of it other, some in another place.
fn place_to_restore_to() -> (Place, Files, Files) {
    let place = Place::new();
    for number in 0..6 {
        place.write(&format!("files/{}/{number}", number % 3), b"some text");
        place.write(&format!("out/{}/{number}", number % 3), b"old text");
    }
    place.write("files/large", &noise(1, 9_000_000));
    place.write("files/was file/in it", b"new");
    place.write("files/was folder", b"new");
    symlink("0/0", place.path("files/link")).unwrap();
    place.write("out/large", &noise(2, 1_000));
    place.write("out/was file", b"old");
    place.write("out/link", b"old");
    fs::create_dir_all(place.path("out/was folder")).unwrap();
    let (wanted, old) = (files(&place.path("files")), files(&place.path("out")));
    place.ok("backup files --to disk", "first");
    place.keep();
    (place, wanted, old)
}

#[test]
fn a_killed_restore_leaves_nothing_that_the_next_does_not_mend_matrix() {
    if !can_trace() {
        return;
    }
    let (place, wanted, _) = place_to_restore_to();
    for line in [
        "restore --to out --on-conflict overwrite",
        // With nothing there, and nothing that says what to do with it.
        "restore --to empty",
    ] {
        kill_everywhere(&place, line, &CALLS_OF_RESTORE, &|case| {
            place.ok(line, case);
            let to = line.split(' ').nth(2).unwrap();
            let restored = files(&place.path(to));
            let names = restored.keys().collect::<Vec<_>>();
            assert!(restored == wanted, "{line}: {case}: {names:?}");
        });
    }
}

#[test]
fn a_killed_restore_beside_what_is_there_is_not_repeated_matrix() {
    if !can_trace() {
        return;
    }
    let (place, wanted, old) = place_to_restore_to();
    let mut expected = wanted.clone();
    for (name, content) in old {
        let name_beside = PathBuf::from(format!("{}.restored-1", name.display()));
        if let Some(new) = expected.insert(name.clone(), content) {
            expected.insert(name_beside, new);
        }
    }
    // The folder whose place a file has, and the file whose place a folder has.
    let in_it = expected.remove(Path::new("was file/in it")).unwrap();
    expected.insert("was file.restored-1/in it".into(), in_it);
    let file = expected.remove(Path::new("was folder")).unwrap();
    expected.insert("was folder.restored-1".into(), file);
    let line = "restore --to out";
    kill_everywhere(&place, line, &CALLS_OF_RESTORE, &|case| {
        place.ok(line, case);
        let restored = files(&place.path("out"));
        let names = restored.keys().collect::<Vec<_>>();
        assert!(restored == expected, "{case}: {names:?}");
        assert!(place.path("out/was folder").is_dir(), "{case}");
    });
}
