//! `mount` stays in the foreground, serves, and ends as it is told.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStdout, Command, Stdio};

use support::Place;

const PROGRAM: &str = env!("CARGO_BIN_EXE_strongroom");

/// Begins to mount; returns the process, and the line that says that it is mounted.
fn begin(place: &Place, words: &str) -> (Child, BufReader<ChildStdout>, String) {
    let mut command = Command::new(PROGRAM);
    command.args(words.split(' '));
    begin_by(place, command)
}

/// As [`begin`], by a command that runs the program.
fn begin_by(place: &Place, mut command: Command) -> (Child, BufReader<ChildStdout>, String) {
    let mut child = command
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

fn signal(child: &Child, name: &str) {
    let id = child.id().to_string();
    let killed = Command::new("kill").args([name, &id]).status().unwrap();
    assert!(killed.success());
}

/// Waits until it has ended, as it should, and looks at what it leaves: nothing.
fn ended(place: &Place, mut child: Child, mut out: BufReader<ChildStdout>, by: &str) {
    assert_eq!(child.wait().unwrap().code(), Some(0), "{by}");
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "", "{by}");
    assert_eq!(fs::read_dir(place.path("view")).unwrap().count(), 0, "{by}");
}

#[test]
fn a_signal_ends_it() {
    let place = backed_up();
    for name in ["-INT", "-TERM", "-HUP"] {
        let (child, out, line) = begin(&place, "mount view");
        assert!(line.starts_with("mounted at /"), "{line}");
        let docs = place.path("docs");
        let below = docs.strip_prefix("/").unwrap();
        let letter = place.path("view/latest").join(below).join("letter.txt");
        assert_eq!(fs::read_to_string(letter).unwrap(), "Dear Ada\n");
        let tagged = fs::read_dir(place.path("view/tags/first")).unwrap();
        assert_eq!(tagged.count(), 1);
        signal(&child, name);
        ended(&place, child, out, name);
    }
}

/// The shell and the system may both say that the terminal was closed.
#[test]
fn a_terminal_that_is_closed_is_no_second_signal() {
    let place = backed_up();
    let (child, out, _) = begin(&place, "mount view");
    signal(&child, "-TERM");
    signal(&child, "-HUP");
    signal(&child, "-HUP");
    ended(&place, child, out, "several signals");
}

#[test]
fn who_is_to_outlive_the_terminal_does() {
    let place = backed_up();
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' HUP; exec \"$0\" mount view", PROGRAM]);
    let (child, out, line) = begin_by(&place, command);
    assert!(line.starts_with("mounted at /"), "{line}");
    signal(&child, "-HUP");
    // Were the first one heeded, this one would be the second, which ends it at once.
    signal(&child, "-INT");
    ended(&place, child, out, "an interruption");
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
