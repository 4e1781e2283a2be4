//! What is done beside the program that serves: keys, backups, the key of the audit log.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use strongroom_base::ids::PasskeyId;
use strongroom_db::passkeys::{self, Passkey};
use strongroom_db::{Address, Database, users};
use strongroom_domain::name::{PersonName, UserName};

fn program(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_strongroom-server"));
    command.env_clear().arg("--home").arg(home);
    command.env("STRONGROOM_SERVER_LISTEN_ADDRESS", "127.0.0.1:0");
    command
}

/// Runs a command; returns whether it succeeded and what it said.
fn said(home: &Path, arguments: &[&str]) -> (bool, String) {
    let output = program(home).args(arguments).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

/// Lets a server run until it says that it listens.
fn first_start(home: &Path) {
    let mut command = program(home);
    command
        .arg("run")
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    assert!(line.starts_with("listening on "), "{line}");
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn keys_change_and_backups_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    first_start(&home);
    let keys = || said(&home, &["secrets", "keys"]).1;
    assert_eq!(keys().lines().count(), 2, "{}", keys());
    let rotated = said(&home, &["secrets", "rotate"]);
    assert_eq!(rotated, (true, "every secret is sealed anew\n".to_owned()));
    assert_eq!(keys().matches(" inactive").count(), 1);
    let verified = said(&home, &["secrets", "verify"]);
    assert_eq!(verified, (true, "0 secrets open, 0 do not\n".to_owned()));
    let (is_good, key) = said(&home, &["audit", "key"]);
    assert!(is_good && key.trim().len() == 64, "{key}");

    let (is_good, made) = said(&home, &["backup"]);
    assert!(is_good, "{made}");
    let file = made.lines().next().unwrap();
    assert!(file.contains("/home/backups/strongroom-server-"), "{made}");
    // A key that a kept backup may need stays.
    let text = keys();
    let old = text
        .lines()
        .find(|line| line.ends_with(" inactive"))
        .unwrap();
    let old = old.split(' ').next().unwrap();
    let (is_good, refused) = said(&home, &["secrets", "delete-key", old]);
    assert!(
        !is_good && refused.contains("a backup that is kept may need the key"),
        "{refused}"
    );

    let (is_good, refused) = said(&home, &["restore", file]);
    assert!(!is_good && refused.contains("to be replaced"), "{refused}");
    let (is_good, restored) = said(&home, &["restore", file, "--replace"]);
    assert!(is_good && restored.contains("epoch 2"), "{restored}");
    assert_eq!(said(&home, &["audit", "key"]).1, key);

    // On another computer it takes the keys first.
    let other = folder.path().join("other");
    let (is_good, refused) = said(&other, &["restore", file]);
    assert!(
        !is_good && refused.contains("needs the master key"),
        "{refused}"
    );
}

/// Puts a passkey into the account of the first sysadmin.
async fn give_passkey(home: &Path) {
    let address = Address::of_file(&home.join("server.sqlite"));
    let database = Database::open(&address, 1).await.unwrap();
    let writing = database.write().await.unwrap();
    let name = UserName::new("sysadmin").unwrap();
    let user = users::find_by_name(&writing, &name).await.unwrap().unwrap();
    let passkey = Passkey {
        id: PasskeyId([7; 16]),
        user: user.account.user,
        credential_id: vec![7; 16],
        public_key: Vec::new(),
        counter: 0,
        may_be_copied: false,
        name: PersonName::new("A phone").unwrap(),
        made: user.made,
        last_used: None,
        after_password: None,
    };
    passkeys::add(&writing, &passkey).await.unwrap();
    writing.commit().await.unwrap();
}

#[tokio::test]
async fn who_gets_in_no_more_is_helped_by_whoever_runs_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    first_start(&home);
    let remove = |user: &str| said(&home, &["second-factor", "remove", user]);
    let (is_good, refused) = remove("sysadmin");
    assert!(
        !is_good && refused.contains("has no second factor"),
        "{refused}"
    );
    let (is_good, refused) = remove("nobody");
    assert!(
        !is_good && refused.contains("no user `nobody`"),
        "{refused}"
    );
    give_passkey(&home).await;
    let (is_good, removed) = remove("sysadmin");
    assert!(is_good && removed.contains("passkeys 1"), "{removed}");
    let (is_good, again) = remove("sysadmin");
    assert!(!is_good, "{again}");
}
