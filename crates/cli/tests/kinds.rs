//! All kinds of destinations at once: they fill and mend each other, and hold the same bytes.
//!
//! `STRONGROOM_TREE` names a tree to do it with, such as the source of the kernel, which is backed up in parts, so that there are
//! as many objects as are damaged; one is made where it names none, and backed up `STRONGROOM_BACKUPS` times.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
#![expect(
    clippy::print_stdout,
    reason = "it also measures, where the tree is large"
)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use strongroom_store::{Folder, ObjectPath, PutOutcome, Store};
use strongroom_testkit::Faults;
use support::drawn::Drawn;
use support::three::Three;

/// How many objects are damaged or removed, where there are twice as many.
const RUINED_MAX: usize = 100;

/// In how many parts a tree is backed up that was given: each of them makes two objects at least.
const PARTS: usize = 2 * RUINED_MAX;

/// A bucket that is 50 ms away, is busy now and then, and loses connections.
const BAD_WAY: Faults = Faults {
    latency: Duration::from_millis(25),
    unavailable_every: Some(10),
    cut_after: Some(40_000_000),
    lost_header: None,
    told: None,
};

/// Returns the tree to work with, and whether there is enough of it for as many damaged objects as are wanted.
#[expect(
    clippy::disallowed_methods,
    reason = "whoever runs the test chooses the tree"
)]
fn source(three: &Three) -> (PathBuf, bool) {
    if let Some(named) = std::env::var_os("STRONGROOM_TREE") {
        let source = PathBuf::from(named);
        timed("backup to one in parts", || in_parts(three, &source));
        return (source, true);
    }
    let mut drawn = Drawn(1);
    for number in 0..400 {
        let len = drawn.below(2_000);
        let name = format!("files/{}/{number}", number % 20);
        three.place.write(&name, drawn.bytes(len));
    }
    // Several backups to one alone, so that there are many objects.
    three.remove("nas");
    three.remove("cloud");
    let backups = std::env::var("STRONGROOM_BACKUPS");
    for number in 0..backups.map_or(30, |backups| backups.parse().unwrap()) {
        let len = 150_000 + drawn.below(150_000);
        three.place.write("files/growing", drawn.bytes(len));
        three.place.ok("backup files");
        three
            .place
            .write(&format!("files/new-{number}"), drawn.bytes(1_000));
    }
    three.add("nas");
    three.add("cloud");
    (three.place.path("files"), false)
}

/// Backs up a tree to the folder alone, each time with more of what lies two steps below it.
fn in_parts(three: &Three, source: &Path) {
    let below = |folder: &PathBuf| -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).into_iter().flatten();
        entries.map(|entry| entry.unwrap().path()).collect()
    };
    let mut entries: Vec<PathBuf> = below(&source.to_owned()).iter().flat_map(below).collect();
    // What would be taken for a pattern, or for no line of one, is there from the beginning.
    entries.retain(|path| {
        !path
            .to_string_lossy()
            .contains(['*', '?', '[', '{', '\\', '\n'])
    });
    entries.sort();
    three.remove("nas");
    three.remove("cloud");
    let backup = format!(
        "--quiet backup {} --exclude-from left-out",
        source.display()
    );
    let part = entries.len().div_ceil(PARTS).max(1);
    for number in 1..=entries.len().div_ceil(part) {
        let left_out = entries.iter().skip(number * part);
        let left_out: Vec<String> = left_out.map(|path| path.display().to_string()).collect();
        three.place.write("left-out", left_out.join("\n"));
        three.place.ok(&backup);
    }
    three.add("nas");
    three.add("cloud");
}

/// Damages or removes objects of a store; returns how many.
fn ruin(store: &dyn Store, seed: u64) -> usize {
    let mut drawn = Drawn(seed);
    let mut paths: Vec<ObjectPath> = Vec::new();
    store.list("", &mut |path, _| paths.push(path)).unwrap();
    let count = RUINED_MAX.min(paths.len() / 2);
    for number in 0..count {
        let path = paths.swap_remove(drawn.below(paths.len()));
        let mut bytes = store.get(&path, u64::MAX).unwrap();
        store.delete(&path).unwrap();
        match number % 3 {
            0 => continue,
            1 => bytes.truncate(bytes.len() / 2),
            _ => {
                let at = drawn.below(bytes.len());
                bytes[at] ^= 1 << (number % 8);
            }
        }
        assert_eq!(store.put_new(&path, &bytes).unwrap(), PutOutcome::Stored);
    }
    count
}

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let result = work();
    println!("{what}: {:.1} s", begun.elapsed().as_secs_f64());
    result
}

/// Compares two trees as another program sees them.
fn compare(source: &Path, back: &Path) {
    let output = Command::new("rsync")
        .args([
            "-aHAX",
            "--checksum",
            "--dry-run",
            "--itemize-changes",
            "--delete",
        ])
        .args([source.join(""), back.join("")])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
}

#[test]
#[ignore = "needs `cargo xtask services start`"]
fn a_bucket_an_account_and_a_folder_fill_and_mend_each_other() {
    let three = Three::new(BAD_WAY);
    let place = &three.place;
    let (source, is_large) = source(&three);
    let backup = format!("backup {}", source.display());
    let ran = timed("backup to all three", || place.ok(&backup));
    for name in ["cloud", "nas", "disk"] {
        let status = Three::status(&ran, name);
        assert!(["up to date", "caught up"].contains(&&*status), "{ran:?}");
    }
    // What only the disk had, and waits there to be erased, was not copied.
    place.ok("destination heal nas");
    place.ok("destination heal cloud");
    let count = three.same();
    println!("{count} objects each, byte for byte the same");

    // The source is not needed, and no key.
    let key = place.path("profile/keys/custody.key");
    fs::rename(&key, place.path("key-kept")).unwrap();
    for name in ["disk", "nas", "cloud"] {
        three.remove(name);
        three.add(name);
        let sync = format!("destination sync {name}");
        let ran = timed(&format!("{name} filled again"), || place.ok(&sync));
        assert!(ran.out.contains("up to date"), "{ran:?}");
        // What waits to be erased is not copied to an empty destination, and is to one that is healed.
        place.ok(&format!("destination heal {name}"));
        assert_eq!(three.same(), count);
    }
    let disk = Folder::open(&place.path("disk")).unwrap();
    let account = Folder::open(&three.account).unwrap();
    let bucket = three.bucket();
    let stores: [(&str, &dyn Store); 3] = [("disk", &disk), ("nas", &account), ("cloud", &bucket)];
    for (seed, (name, store)) in (7..).zip(stores) {
        let ruined = ruin(store, seed);
        assert!(ruined == RUINED_MAX || !is_large, "{ruined} objects");
        let heal = format!("destination heal {name}");
        let what = format!("{name} healed of {ruined} ruined objects");
        timed(&what, || place.ok(&heal));
        assert_eq!(three.same(), count);
    }
    fs::rename(place.path("key-kept"), key).unwrap();

    let (connections, refused_or_cut) = three.way.as_ref().unwrap().connections();
    println!("{connections} connections to the bucket, {refused_or_cut} refused or cut");
    assert!(refused_or_cut > 0);
    for name in ["cloud", "nas", "disk"] {
        let restore = format!("restore latest --from {name} --to back-{name}");
        timed(&format!("restored from {name}"), || place.ok(&restore));
        compare(&source, &place.path(&format!("back-{name}")));
    }
    place.ok("verify");
}
