//! What is said when something is wrong, and with which exit code.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use support::Place;

#[test]
fn no_profile() {
    let place = Place::new();
    insta::assert_snapshot!(place.fails("snapshots", 1).err, @r"
    error: there is no profile at HERE/profile
    hint: make one with `strongroom init`, or name a destination with --from and a key with --key-file
    ");
    insta::assert_snapshot!(place.fails("snapshots --json", 1).err, @r#"{"causes":[],"class":"caller","error":"there is no profile at HERE/profile","hint":"make one with `strongroom init`, or name a destination with --from and a key with --key-file"}"#);
}

#[test]
fn nothing_there_yet() {
    let place = Place::new();
    place.ok("init --quiet");
    insta::assert_snapshot!(place.fails("backup .", 1).err, @r"
    error: there is no destination to back up to
    hint: add one with `strongroom destination add NAME URL`, or name one with --to
    ");
    insta::assert_snapshot!(place.fails("snapshots", 1).err, @r"
    error: nothing has been backed up yet
    hint: `strongroom backup` makes the first snapshot
    ");
    insta::assert_snapshot!(place.fails("init", 1).err, @r"
    error: there is a profile at HERE/profile already
    hint: use it, or name another folder with --profile
    ");
}

#[test]
fn an_exposed_key() {
    let place = Place::new();
    place.ok("init");
    let key = place.path("profile/keys/custody.key");
    fs::set_permissions(key, fs::Permissions::from_mode(0o644)).unwrap();
    insta::assert_snapshot!(place.fails("key show", 1).err, @r"
    error: the key file HERE/profile/keys/custody.key can be read by others
    hint: take the right away with `chmod 600 HERE/profile/keys/custody.key`
    ");
}

#[test]
fn a_mistake_in_the_settings() {
    let place = Place::new();
    place.ok("init");
    let settings = place.read("profile/config.toml").replace("suite", "siute");
    place.write("profile/config.toml", settings);
    insta::assert_snapshot!(place.fails("destination list", 1).err, @r#"
    error: cannot understand HERE/profile/config.toml
      because: TOML parse error at line 2, column 1
      |
    2 | siute = "aes-256"
      | ^^^^^
    unknown field `siute`, expected one of `version`, `suite`, `destination`, `archive`
    "#);
}

#[test]
fn a_key_that_was_copied_wrongly() {
    let place = Place::new();
    let words = "abandon amount liar amount expirre adjust cage candy arch gather drum bullet";
    place.write("words", words);
    insta::assert_snapshot!(place.fails("key import --words words", 1).err, @r"
    error: cannot take the custody key
      because: word 5, `expirre`, is not in the list of words; is it `expire`?
    ");
}

#[test]
fn urls_that_are_refused() {
    let place = Place::new();
    place.ok("init");
    insta::assert_snapshot!(place.fails("destination add cloud https://host/x", 1).err, @"error: destinations with `https:` are not yet in this version");
    insta::assert_snapshot!(place.fails("destination add cloud s3://b/x?region=r", 1).err, @r"
    error: there is no key for the account at the storage service
    hint: give --credentials-file to `strongroom destination add`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY
    ");
    insta::assert_snapshot!(place.fails("destination add nas sftp://me:word@host/x", 1).err, @r"
    error: a URL must not hold a password or a key, because it is shown and stored in the clear
    hint: for S3 give --credentials-file; for SFTP use a key, with --identity or your settings of ssh
    ");
}

#[test]
fn wrong_usage() {
    let place = Place::new();
    place.fails("", 2);
    place.fails("restore latest", 2);
    place.fails("restore --to a --in-place", 2);
    place.fails("verify --read-data=101", 2);
    place.fails("restore --at yesterday --to a", 2);
    place.fails("destination add No_Name /x", 2);
    place.fails("init --suite aes-512", 2);
}
