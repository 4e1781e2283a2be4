//! Another computer goes on, a destination goes back, and what is lost is made good: with the program itself.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use support::{Place, put};

fn split(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}

/// Bytes that do not compress, so that they do not travel in a record.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let step = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()[0]
    };
    (0..len).map(step).collect()
}

/// A place whose files are backed up to two folders.
fn backed_up() -> Place {
    let place = Place::new();
    place.write("files/a.txt", "first");
    place.write("files/large", noise(600_000));
    place.ok("--quiet backup files --to ./disk --to ./stick");
    place.ok("key export --file custody.key");
    place
}

#[test]
fn another_computer_adopts_the_archive() {
    let place = backed_up();
    let wrong = place.run_with("new", split("init --adopt ./disk"));
    assert_eq!(wrong.code, 5, "{wrong:?}");
    let adopted = place.run_with("new", split("init --adopt ./disk --key-file custody.key"));
    assert_eq!(adopted.code, 0, "{adopted:?}");
    assert!(adopted.out.contains("(generation 2)"), "{adopted:?}");
    let added = place.run_with("new", split("destination add stick ./stick"));
    assert_eq!(added.code, 0, "{added:?}");

    // The old one does not meet it at the stick, for now.
    fs::rename(place.path("disk"), place.path("away")).unwrap();
    place.write("files/a.txt", "by the old one");
    place.ok("--quiet backup files");
    fs::rename(place.path("away"), place.path("disk")).unwrap();
    place.write("files/a.txt", "by the new one");
    let backup = place.run_with("new", split("--json backup files"));
    assert_eq!(backup.code, 0, "{backup:?}");

    let stopped = place.fails("backup files", 1);
    assert!(
        stopped.err.contains("another profile has adopted"),
        "{stopped:?}"
    );
    assert!(stopped.err.contains("init --adopt"), "{stopped:?}");
    let looked = place.fails("verify", 1);
    assert!(
        looked.err.contains("another profile has adopted"),
        "{looked:?}"
    );
    let listed = place.run_with("new", split("snapshots"));
    assert_eq!(listed.out.matches("(branch").count(), 1, "{listed:?}");
    let line = listed
        .out
        .lines()
        .find(|line| line.contains("(branch"))
        .unwrap();
    let name = line.split(' ').next().unwrap();
    let restored = place.run_with("new", ["restore", name, "--to", "back"]);
    assert_eq!(restored.code, 0, "{restored:?}");
    assert_eq!(place.read("back/a.txt"), "by the old one");
    let verified = place.run_with("new", split("verify --read-data"));
    assert_eq!(verified.code, 0, "{verified:?}");
}

#[test]
fn a_folder_that_went_back_is_accepted() {
    let place = backed_up();
    place.write("files/a.txt", "second");
    place.ok("--quiet backup files");
    let log = place
        .path("stick")
        .join(&place.archives("stick")[0])
        .join("log");
    let mut records: Vec<_> = fs::read_dir(log)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    records.sort();
    fs::remove_file(records.last().unwrap()).unwrap();

    let verified = place.fails("verify", 4);
    assert!(verified.err.contains("went back"), "{verified:?}");
    place.fails("backup files", 4);
    place.ok("destination accept stick");
    place.ok("verify --read-data");
    place.ok("backup files");
}

/// Returns the newest record at a destination: where it lies, its generation and its number.
fn newest_record(place: &Place, destination: &str) -> (PathBuf, String) {
    let archive = &place.archives(destination)[0];
    let log = place.path(destination).join(archive).join("log");
    let names = fs::read_dir(&log).unwrap();
    let newest = names.map(|entry| entry.unwrap().file_name()).max();
    (log, newest.unwrap().into_string().unwrap())
}

/// Returns the packs at a destination.
fn packs(place: &Place, destination: &str) -> BTreeSet<PathBuf> {
    let (log, _) = newest_record(place, destination);
    let below = log.parent().unwrap().join("packs");
    let folders = fs::read_dir(&below).unwrap().flatten();
    let packs = folders.flat_map(|folder| fs::read_dir(folder.path()).unwrap());
    packs
        .map(|pack| pack.unwrap().path())
        .map(|pack| pack.strip_prefix(&below).unwrap().to_owned())
        .collect()
}

/// The archive goes back to what the stick has, and that ends before the generation has begun. The disk with the newer records
/// comes back: nobody has copied the profile.
#[test]
fn an_acceptance_that_was_cut_short_is_finished() {
    let place = backed_up();
    let away = place.path("away");
    fs::rename(place.path("stick"), &away).unwrap();
    place.write("files/a.txt", "only on the disk");
    place.ok("--quiet backup files");
    fs::rename(place.path("disk"), place.path("other")).unwrap();
    fs::rename(&away, place.path("stick")).unwrap();
    // Nothing can be stored in the place of the first record of the generation.
    let (log, newest) = newest_record(&place, "stick");
    let (_, number) = newest.split_once('-').unwrap();
    let next = u64::from_str_radix(number, 16).unwrap() + 1;
    let taken = log.join(format!("00000002-{next:016x}"));
    fs::create_dir(&taken).unwrap();
    let cut_short = place.run(split("destination accept stick"));
    assert_ne!(cut_short.code, 0, "{cut_short:?}");
    fs::remove_dir(&taken).unwrap();
    fs::rename(place.path("other"), place.path("disk")).unwrap();

    for deed in ["heal", "sync"] {
        let refused = place.fails(&format!("destination {deed} disk"), 1);
        assert!(!refused.err.contains("copied"), "{refused:?}");
        assert!(refused.err.contains("is not finished"), "{refused:?}");
        assert!(refused.err.contains("destination accept"), "{refused:?}");
    }
    let accepted = place.ok("destination accept stick");
    assert!(
        accepted.out.contains("goes on from record 1-"),
        "{accepted:?}"
    );
    place.ok("destination heal");
    place.ok("backup files");
    place.ok("verify --read-data");
}

/// The stick went back, and what it lacks is damaged on the disk.
#[test]
fn an_accepted_folder_that_cannot_be_filled_is_not_called_complete() {
    let place = backed_up();
    let before = packs(&place, "stick");
    place.write("files/second", &noise(1_500_000)[600_000..]);
    place.ok("--quiet backup files");
    let (log, newest) = newest_record(&place, "stick");
    fs::remove_file(log.join(newest)).unwrap();
    let later = packs(&place, "stick");
    assert_ne!(later, before);
    for destination in ["stick", "disk"] {
        let archive = place.archives(destination)[0].clone();
        let below = place.path(destination).join(archive).join("packs");
        for pack in later.difference(&before) {
            fs::remove_file(below.join(pack)).unwrap();
        }
    }
    let accepted = place.fails("destination accept stick", 4);
    assert!(accepted.err.contains("stick: not complete"), "{accepted:?}");
    assert!(accepted.out.contains("NOT have everything"), "{accepted:?}");
    let object = place.fails("--json destination accept stick", 4);
    assert!(object.out.contains("\"not-complete\""), "{object:?}");
}

/// The archive goes on from the stick while the disk with the newest record is away. The disk comes back, and gets the new
/// generation from a stick that has lost a record meanwhile, as the disk has: it is not complete until a third one is there.
#[test]
fn a_folder_whose_newest_records_were_given_up_is_healed() {
    let place = backed_up();
    place.ok("destination add third ./third");
    place.ok("--quiet backup files");
    fs::rename(place.path("third"), place.path("third-away")).unwrap();
    let (stick, away) = (place.path("stick"), place.path("away"));
    fs::rename(&stick, &away).unwrap();
    place.write("files/a.txt", "second");
    place.ok("--quiet backup files");
    fs::rename(place.path("disk"), place.path("other")).unwrap();
    fs::rename(&away, &stick).unwrap();
    place.ok("destination accept stick");
    fs::rename(place.path("other"), place.path("disk")).unwrap();
    let lost = format!("{}/log/00000001-0000000000000002", place.archive());
    let (at_stick, at_disk) = (stick.join(&lost), place.path("disk").join(&lost));
    fs::remove_file(at_stick).unwrap();
    fs::rename(&at_disk, place.path("lost")).unwrap();
    let backup = place.run(split("backup files"));
    assert!(backup.err.contains("disk: not complete"), "{backup:?}");
    fs::rename(place.path("third-away"), place.path("third")).unwrap();
    place.ok("destination heal");
    place.ok("backup files");
    place.ok("verify --read-data");
}

#[test]
fn what_is_lost_everywhere_is_made_good() {
    let place = backed_up();
    let archive = place.archives("disk")[0].clone();
    for disk in ["disk", "stick"] {
        fs::remove_dir_all(place.path(disk).join(&archive).join("packs")).unwrap();
    }
    place.fails("verify", 4);
    let away = place.path("away");
    fs::rename(place.path("stick"), &away).unwrap();
    let left = place.fails("repair", 4);
    assert!(left.err.contains("nothing was done about it"), "{left:?}");
    fs::rename(&away, place.path("stick")).unwrap();
    place.ok("repair");
    place.ok("backup files");
    place.ok("verify --max-age 1d");
    let again = place.ok("verify --max-age 1d");
    assert!(again.out.contains("; 0 packs"), "{again:?}");
    place.fails("acknowledge-loss", 4);
    place.ok("acknowledge-loss --all");
    assert!(place.ok("acknowledge-loss").out.contains("nothing is lost"));
}

/// Copies a folder.
fn copy(from: &std::path::Path, to: &std::path::Path) {
    let copied = std::process::Command::new("cp")
        .arg("-a")
        .args([from, to])
        .status()
        .unwrap();
    assert!(copied.success());
}

#[test]
fn a_copy_of_a_profile_that_verifies_is_told_so() {
    let place = backed_up();
    copy(&place.path("profile"), &place.path("image"));
    place.write("files/a.txt", "by the other one");
    place.ok("--quiet backup files");
    let looked = place.run_with("image", split("verify"));
    assert_eq!(looked.code, 1, "{looked:?}");
    for name in ["disk", "stick"] {
        let line = format!("{name}: sound, but AHEAD of this profile;");
        assert!(looked.out.contains(&line), "{looked:?}");
    }
    assert!(looked.err.contains("the profile was copied"), "{looked:?}");
    assert!(looked.err.contains("init --adopt"), "{looked:?}");
    let looked = place.run_with("image", split("--json verify"));
    assert!(
        looked.out.contains("\"ahead_of_profile\":true"),
        "{looked:?}"
    );
    let own = place.ok("--json verify");
    assert!(own.out.contains("\"ahead_of_profile\":false"), "{own:?}");
}

/// Each of the two writes where the other one does not look.
#[test]
fn what_a_copy_of_the_profile_wrote_is_not_taken_for_its_own() {
    let place = backed_up();
    copy(&place.path("profile"), &place.path("image"));
    fs::rename(place.path("stick"), place.path("stick-away")).unwrap();
    for text in ["one", "two"] {
        place.write("files/a.txt", text);
        place.ok("--quiet backup files");
    }
    fs::rename(place.path("disk"), place.path("disk-away")).unwrap();
    fs::rename(place.path("stick-away"), place.path("stick")).unwrap();
    place.write("files/a.txt", "by the copy");
    let image = place.run_with("image", split("--quiet backup files"));
    assert_eq!(image.code, 0, "{image:?}");
    fs::rename(place.path("disk-away"), place.path("disk")).unwrap();
    let looked = place.fails("verify", 4);
    assert!(
        looked.err.contains("is not the one of this profile"),
        "{looked:?}"
    );
    assert!(looked.err.contains("stick is set aside"), "{looked:?}");
}

#[test]
fn a_profile_of_another_time_changes_no_keys() {
    let place = backed_up();
    copy(&place.path("profile"), &place.path("image"));
    place.ok("key rotate");
    let keys = || {
        let archive = fs::read_dir(place.path("disk")).unwrap().flatten();
        let mut names: Vec<_> = archive
            .filter_map(|entry| fs::read_dir(entry.path().join("keys")).ok())
            .flatten()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        names
    };
    let there = keys();
    let changes = ["key rotate", "backup files --suite chacha20"];
    for change in changes {
        let refused = place.run_with("image", split(change));
        assert_eq!(refused.code, 1, "{refused:?}");
        assert!(refused.err.contains("holds keys"), "{refused:?}");
        assert!(refused.err.contains("init --adopt"), "{refused:?}");
        assert_eq!(keys(), there);
    }
    place.write("files/a.txt", "under the new epoch");
    place.ok("--quiet backup files");
    for change in changes {
        let refused = place.run_with("image", split(change));
        assert_eq!(refused.code, 1, "{refused:?}");
        assert!(refused.err.contains("ahead of this profile"), "{refused:?}");
        assert_eq!(keys(), there);
    }
    place.ok("restore latest --to back");
    assert_eq!(place.read("back/a.txt"), "under the new epoch");
}

#[test]
fn a_descriptor_that_is_lost_keeps_nobody_out() {
    let place = backed_up();
    let descriptor = place.path(&format!("disk/{}/archive", place.archives("disk")[0]));
    let sound = fs::read(&descriptor).unwrap();
    let flipped = |at: usize| {
        let mut bytes = sound.clone();
        bytes[at] ^= 2;
        Some(bytes)
    };
    let magic_version_archive_authority_signature = [0, 8, 12, 28, sound.len() - 1];
    let flipped = magic_version_archive_authority_signature.map(flipped);
    let damages = flipped.into_iter().chain([Some(Vec::new()), None]);
    for (number, damage) in damages.enumerate() {
        fs::remove_file(&descriptor).unwrap();
        if let Some(bytes) = &damage {
            put(&descriptor, bytes);
        }
        let line = format!("restore latest --from ./disk --key-file custody.key --to to-{number}");
        let ran = place.run_with("nobody", split(&line));
        let told = if damage.is_some() {
            "is damaged"
        } else {
            "is missing"
        };
        assert!(ran.err.contains("the archive descriptor at"), "{ran:?}");
        assert!(ran.err.contains(told), "{number}: {ran:?}");
        assert_eq!(place.read(&format!("to-{number}/a.txt")), "first");
    }
    // Whoever adopts the archive makes it again, byte for byte.
    let adopted = place.run_with("new", split("init --adopt ./disk --key-file custody.key"));
    assert_eq!(adopted.code, 0, "{adopted:?}");
    assert!(adopted.err.contains("is missing"), "{adopted:?}");
    let verified = place.run_with("new", split("verify"));
    assert_eq!(verified.code, 4, "{verified:?}");
    let healed = place.run_with("new", split("destination heal"));
    assert_eq!(healed.code, 0, "{healed:?}");
    assert_eq!(fs::read(&descriptor).unwrap(), sound);
}

#[test]
fn a_damaged_copy_of_the_keys_keeps_nobody_out() {
    let place = backed_up();
    let folder = place.path(&format!("disk/{}/keys", place.archives("disk")[0]));
    let files = fs::read_dir(&folder).unwrap();
    let mut files: Vec<PathBuf> = files.map(|entry| entry.unwrap().path()).collect();
    // The object, and then its copy.
    files.sort_unstable();
    assert_eq!(files.len(), 2);
    let sound = fs::read(&files[0]).unwrap();
    let flipped = |at: usize| {
        let mut bytes = sound.clone();
        bytes[at] ^= 2;
        Some(bytes)
    };
    let flips = [0, 6, 7, 8, 27, 31, 60, sound.len() / 2, sound.len() - 1].map(flipped);
    let damages = flips.into_iter().chain([Some(Vec::new()), None]);
    for (number, damage) in damages.enumerate() {
        let file = &files[number % 2];
        let name = file.file_name().unwrap().to_string_lossy();
        fs::remove_file(file).unwrap();
        if let Some(bytes) = &damage {
            put(file, bytes);
        }
        let line = format!("restore latest --from ./disk --key-file custody.key --to to-{number}");
        let ran = place.run_with("nobody", split(&line));
        assert_eq!(ran.code, 0, "{number}: {ran:?}");
        assert_eq!(place.read(&format!("to-{number}/a.txt")), "first");
        let verified = place.run(["verify"]);
        assert_eq!(verified.code, 4, "{verified:?}");
        let told = format!("{}: ", &name[name.len() - 8..]);
        assert!(verified.err.contains(&told), "{told}: {verified:?}");
        let mend = ["destination heal disk", "--quiet backup files"][number / 2 % 2];
        place.ok(mend);
        assert_eq!(fs::read(file).unwrap(), sound, "{mend}");
    }
    place.ok("verify");
}

#[test]
fn what_a_disk_cannot_read_is_mended() {
    let place = backed_up();
    if !place.is_on_disk() {
        return;
    }
    place.write("files/a.txt", "second");
    place.ok("--quiet backup files");
    let sound = place.ok("verify --read-data");
    let (log, newest) = newest_record(&place, "disk");
    let disk = log.parent().unwrap().join("packs");
    let packs: Vec<PathBuf> = packs(&place, "disk")
        .iter()
        .map(|pack| disk.join(pack))
        .collect();
    let newest = log.join(newest);
    for lost in [
        vec![newest.clone()],
        packs,
        vec![log.parent().unwrap().join("archive")],
    ] {
        let made = |file: &PathBuf| fs::metadata(file).unwrap().modified().unwrap();
        let before: Vec<_> = lost.iter().map(made).collect();
        let found = place.run_with_bad_sectors(&lost, "1+", "verify --read-data");
        assert_eq!(found.code, 4, "{lost:?}: {found:?}");
        assert!(found.err.contains("the disk cannot read"), "{found:?}");
        let healed = place.run_with_bad_sectors(&lost, "1+", "destination heal disk");
        let after: Vec<_> = lost.iter().map(made).collect();
        let stayed = before
            .iter()
            .zip(&after)
            .filter(|(before, after)| before == after);
        assert_eq!(stayed.count(), 0, "{lost:?}: {healed:?}");
        assert_eq!(place.ok("verify --read-data").out, sound.out);
    }
}

#[test]
fn what_no_disk_can_read_is_stored_again() {
    let place = backed_up();
    if !place.is_on_disk() {
        return;
    }
    let both = ["disk", "stick"].map(|destination| {
        let (log, _) = newest_record(&place, destination);
        let below = log.parent().unwrap().join("packs");
        packs(&place, destination)
            .into_iter()
            .map(move |pack| below.join(pack))
    });
    let both: Vec<PathBuf> = both.into_iter().flatten().collect();
    let repaired = place.run_with_bad_sectors(&both, "1+", "repair --read-data");
    assert_eq!(repaired.code, 0, "{repaired:?}");
    let backup = place.run_with_bad_sectors(&both, "1+", "backup files");
    assert_eq!(backup.code, 0, "{backup:?}");
    let restored = place.run_with_bad_sectors(&both, "1+", "restore latest --to back");
    assert_eq!(restored.code, 0, "{restored:?}");
    assert_eq!(fs::read(place.path("back/large")).unwrap(), noise(600_000));
}

#[test]
fn what_a_disk_cannot_read_for_a_moment_is_not_given_up() {
    let place = backed_up();
    let (log, _) = newest_record(&place, "disk");
    let below = log.parent().unwrap().join("packs");
    fs::rename(place.path("stick"), place.path("away")).unwrap();
    place.ok("destination remove stick");
    for pack in packs(&place, "disk") {
        for times in ["1..1", "1..2", "1..3"] {
            let file = [below.join(&pack)];
            let repaired = place.run_with_bad_sectors(&file, times, "repair --read-data");
            assert_eq!(repaired.code, 0, "{repaired:?}");
            assert!(repaired.out.contains("nothing to repair"), "{repaired:?}");
        }
    }
}

/// Anybody can plant a descriptor of his own; the owner's own word counts.
#[test]
fn a_descriptor_of_somebody_else_keeps_nobody_out() {
    let (place, other) = (backed_up(), backed_up());
    let descriptor = |place: &Place| {
        let archive = place.archives("disk")[0].clone();
        place.path("disk").join(archive).join("archive")
    };
    let theirs = fs::read(descriptor(&other)).unwrap();
    fs::remove_file(descriptor(&place)).unwrap();
    put(&descriptor(&place), &theirs);
    let restore = split("restore latest --from ./disk --key-file custody.key --to back");
    let ran = place.run_with("nobody", restore);
    assert!(ran.err.contains("the archive descriptor at"), "{ran:?}");
    assert_eq!(place.read("back/a.txt"), "first");
    let snapshots = split("snapshots --from ./disk --key-file ./custody.key");
    assert_eq!(other.run_with("nobody", snapshots).code, 0);
    fs::rename(other.path("custody.key"), place.path("other.key")).unwrap();
    let wrong = split("restore latest --from ./disk --key-file other.key --to back2");
    let ran = place.run_with("nobody", wrong);
    assert_eq!(ran.code, 5, "{ran:?}");
}
