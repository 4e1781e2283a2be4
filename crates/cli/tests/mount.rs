//! `mount` stays in the foreground, serves, and ends as it is told.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};

use support::Place;

/// Begins to mount; returns the process, and the line that says that it is mounted.
fn begin(place: &Place, words: &str) -> (Child, BufReader<std::process::ChildStdout>, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_strongroom"))
        .args(words.split(' '))
        .current_dir(place.path("."))
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("STRONGROOM_PROFILE", place.path("profile"))
        .env("HOME", place.path("home"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    (child, out, line)
}

fn backed_up() -> Place {
    let place = Place::new();
    place.write("docs/letter.txt", "Dear Ada\n");
    fs::create_dir(place.path("view")).unwrap();
    place.ok("--quiet backup docs --to disk --tag first");
    place.ok("key export --file key");
    place
}

#[test]
fn a_signal_ends_it() {
    let place = backed_up();
    let (mut child, mut out, line) = begin(&place, "mount view");
    assert!(line.starts_with("mounted at /"), "{line}");
    let docs = place.path("docs");
    let below = docs.strip_prefix("/").unwrap();
    let letter = place.path("view/latest").join(below).join("letter.txt");
    assert_eq!(fs::read_to_string(letter).unwrap(), "Dear Ada\n");
    let tagged = fs::read_dir(place.path("view/tags/first")).unwrap();
    assert_eq!(tagged.count(), 1);
    let id = child.id().to_string();
    let killed = Command::new("kill").args(["-INT", &id]).status().unwrap();
    assert!(killed.success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
    assert_eq!(fs::read_dir(place.path("view")).unwrap().count(), 0);
}

#[test]
fn unmounting_ends_it() {
    let place = backed_up();
    let words = "--json mount view --from disk --key-file key --snapshot latest";
    let (mut child, mut out, line) = begin(&place, words);
    assert!(line.starts_with("{\"archive\":"), "{line}");
    let docs = place.path("docs");
    let below = docs.strip_prefix("/").unwrap();
    let letter = place.path("view").join(below).join("letter.txt");
    assert_eq!(fs::read_to_string(letter).unwrap(), "Dear Ada\n");
    let view = place.path("view");
    let ended = Command::new("fusermount3").arg("-u").arg(view).status();
    assert!(ended.unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("\"in_use\":false"), "{rest}");
}

#[test]
fn a_folder_with_something_in_it_is_refused() {
    let place = backed_up();
    let ran = place.fails("mount docs", 1);
    assert!(ran.err.contains("is not empty"), "{ran:?}");
    assert!(ran.err.contains("hint:"), "{ran:?}");
    place.fails("mount missing", 1);
    place.fails("mount view --snapshot 12345678", 1);
}
