//! What `--help` says, all commands in one file of snapshots.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::fmt::Write as _;

use support::Place;

const COMMANDS: [&str; 71] = [
    "",
    "init",
    "destination",
    "destination add",
    "destination set",
    "destination list",
    "destination remove",
    "destination accept",
    "destination test",
    "destination sync",
    "destination heal",
    "backup",
    "snapshots",
    "ls",
    "find",
    "versions",
    "diff",
    "stats",
    "restore",
    "mount",
    "dump",
    "verify",
    "forget",
    "prune",
    "repair",
    "acknowledge-loss",
    "key",
    "key show",
    "key export",
    "key import",
    "key move",
    "key rotate",
    "key password",
    "key password set",
    "key password change",
    "key password remove",
    "key slots",
    "completions",
    "agent",
    "agent run",
    "agent install",
    "agent uninstall",
    "agent status",
    "agent metrics",
    "agent backup-now",
    "agent pause",
    "agent resume",
    "agent set",
    "agent stop",
    "spool",
    "login",
    "logout",
    "whoami",
    "enroll",
    "admin",
    "admin organisation",
    "admin organisation move",
    "admin user",
    "admin user list",
    "admin user import",
    "admin link",
    "admin group",
    "admin role",
    "admin role give",
    "admin registration",
    "admin registration rotate",
    "admin computer",
    "admin session",
    "admin token",
    "admin second-factor",
    "admin audit",
];

#[test]
fn every_command_explains_itself() {
    let place = Place::new();
    let mut all = String::new();
    for command in COMMANDS {
        let line = format!("{command} --help");
        let ran = place.ok(line.trim_start());
        assert_eq!(ran.err, "");
        writeln!(
            all,
            "$ strongroom {}
{}",
            line.trim_start(),
            ran.out
        )
        .unwrap();
    }
    insta::assert_snapshot!("help", all);
}

#[test]
fn manual_pages_and_completions_are_made() {
    let place = Place::new();
    place.ok("man pages");
    assert!(
        place
            .read("pages/strongroom-backup.1")
            .contains("\\-\\-exclude")
    );
    let script = place.ok("completions bash").out;
    assert!(script.contains("--on-conflict"));
}
