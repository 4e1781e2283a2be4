//! Proves what destinations have: strictly, and with nothing of the agent.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};

use crate::folders;
use crate::place::{Place, succeeded, text};
use crate::say;

/// How many differences are told.
const TOLD: usize = 30;

/// Restores the newest snapshot of a destination, and returns what differs from the tree, one a line.
pub(super) fn differences(place: &Place, destination: &str, tree: &Path) -> Result<Vec<String>> {
    let out = restore(place, destination, "latest")?;
    let found = compare(tree, &out)?;
    for line in found.iter().take(TOLD) {
        say::progress(&format!("{destination}: {line}"));
    }
    folders::remove(&out)?;
    Ok(found)
}

/// Restores a snapshot, of which every byte is read again and compared with what was written.
pub(super) fn restore(
    place: &Place,
    destination: &str,
    snapshot: &str,
) -> Result<std::path::PathBuf> {
    let out = place.path("out");
    folders::make_new(&out)?;
    let words = [
        "--quiet",
        "restore",
        snapshot,
        "--from",
        destination,
        "--verify",
        "--to",
    ];
    place.run(words.into_iter().chain([text(&out)?]))?;
    Ok(out)
}

/// Compares two trees by rsync: kinds, bytes, modes, owners, times to the nanosecond, links of both kinds, attributes.
fn compare(one: &Path, other: &Path) -> Result<Vec<String>> {
    let contents = |path: &Path| {
        let mut path = path.as_os_str().to_owned();
        // What is in it, and not itself.
        path.push("/");
        path
    };
    let mut rsync = Command::new("rsync");
    rsync.args([
        "-aHAX",
        "--numeric-ids",
        "--checksum",
        "--modify-window=-1",
        "--delete",
    ]);
    rsync.args(["--dry-run", "--itemize-changes"]);
    rsync.arg(contents(one)).arg(contents(other));
    let output = succeeded(&mut rsync)?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().map(str::to_owned).collect())
}

/// Restores every snapshot of a destination; returns how many there are, and how many of those that were acknowledged it
/// lacks.
pub(super) fn everything(
    place: &Place,
    destination: &str,
    acknowledged: &BTreeSet<String>,
) -> Result<(usize, usize)> {
    let all = snapshots(place, destination)?;
    let n = all.len();
    for (number, snapshot) in all.iter().enumerate() {
        if number % 20 == 0 {
            say::progress(&format!(
                "storm: restoring snapshot {number} of {n} from {destination}"
            ));
        }
        folders::remove(&restore(place, destination, snapshot)?)?;
    }
    let is_lost = |snapshot: &&String| !all.contains(*snapshot);
    Ok((n, acknowledged.iter().filter(is_lost).count()))
}

/// Returns the names of all snapshots that a destination has.
fn snapshots(place: &Place, destination: &str) -> Result<Vec<String>> {
    let words = ["--quiet", "--json", "snapshots", "--from", destination];
    let listed = place.run(words)?;
    let mut all = Vec::new();
    for line in String::from_utf8(listed)?.lines() {
        let object: serde_json::Value = serde_json::from_str(line)?;
        if let Some(name) = object["snapshot"].as_str() {
            all.push(name.to_owned());
        }
    }
    ensure!(!all.is_empty(), "{destination} has no snapshot");
    Ok(all)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::tree::put;

    #[test]
    fn the_comparison_finds_what_differs() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (folder.path().join("one"), folder.path().join("other"));
        fs::create_dir(&one).unwrap();
        put(&one.join("a"), b"text").unwrap();
        fs::hard_link(one.join("a"), one.join("b")).unwrap();
        let mut copy = Command::new("cp");
        succeeded(copy.arg("-a").arg(&one).arg(&other)).unwrap();
        assert_eq!(compare(&one, &other).unwrap(), Vec::<String>::new());
        // The same bytes at another time, and no link any more.
        fs::remove_file(other.join("b")).unwrap();
        put(&other.join("b"), b"text").unwrap();
        assert!(!compare(&one, &other).unwrap().is_empty());
    }
}
