//! A server with a user for each role, and things that they may lay hands on.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::checkout::Checkout;
use crate::services;

/// Where everything is that may be changed.
pub(super) const ORGANISATION: &str = "Victims";

/// The password of everybody here: nobody else reaches this server.
const PASSWORD: &str = "correct horse battery staple";

/// The computer that asks, and its user.
const COMPUTER: &str = "computer";

/// What users are given beside being users.
const ROLES: &[&str] = &[
    "manager",
    "admin",
    "sysadmin",
    "restore-others",
    "recovery-officer",
    "audit-reader",
    "legal-hold",
];

/// Those that hold everywhere.
const EVERYWHERE: &[&str] = &["sysadmin"];

/// Somebody who asks.
pub(super) struct Actor {
    pub(super) name: String,
    /// What they show; nothing for nobody.
    pub(super) bearer: String,
    /// The ids of their sessions.
    pub(super) own: Vec<String>,
}

/// The server.
pub(super) struct World {
    program: PathBuf,
    folder: PathBuf,
    child: std::cell::RefCell<Child>,
    address: String,
    fingerprint: String,
}

impl Drop for World {
    fn drop(&mut self) {
        let child = self.child.get_mut();
        let _ = child.kill();
        let _ = child.wait();
    }
}

impl World {
    /// Starts a server in a folder, and makes what is in it.
    pub(super) fn new(checkout: &Checkout, folder: &Path, on_postgresql: bool) -> Result<Self> {
        let programs = checkout.target.join("debug");
        let mut run = Command::new(programs.join("strongroom-server"));
        run.arg("--home").arg(folder.join("server")).arg("run");
        run.env("STRONGROOM_SERVER_LISTEN_ADDRESS", "127.0.0.1:0")
            // What slows callers down would be all that is found.
            .env("STRONGROOM_SERVER_LIMITS_REQUESTS_AT_ONCE", "1000000")
            .env("STRONGROOM_SERVER_LIMITS_REQUESTS_A_SECOND", "1000000")
            .env(
                "STRONGROOM_SERVER_LISTEN_TRUSTED_PROXIES",
                "['127.0.0.0/8']",
            )
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(folder.join("server.log"))?);
        if on_postgresql {
            run.env("STRONGROOM_SERVER_DATABASE_URL", services::new_database()?);
        }
        let mut child = run.spawn().context("the server")?;
        let mut lines = BufReader::new(child.stdout.take().context("its words")?).lines();
        let mut told = |before: &str| -> Result<String> {
            let line = lines.next().context("the server ended; see server.log")??;
            let rest = line.strip_prefix(before).map(str::to_owned);
            rest.with_context(|| format!("the server said {line}"))
        };
        let address = told("listening on ")?;
        let fingerprint = told("certificate (SHA-256): ")?;
        told("the first sysadmin signs in with this link")?;
        let link = told("  ")?;
        let world = Self {
            program: programs.join("strongroom"),
            folder: folder.to_owned(),
            child: std::cell::RefCell::new(child),
            address,
            fingerprint,
        };
        world.settle(&link)?;
        Ok(world)
    }

    /// Where requests go.
    pub(super) fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    pub(super) fn is_alive(&self) -> bool {
        matches!(self.child.borrow_mut().try_wait(), Ok(None))
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "what is below the target folder is made anew by every run"
    )]
    fn settle(&self, link: &str) -> Result<()> {
        let password = self.folder.join("password");
        fs::write(&password, PASSWORD)?;
        self.sign_in("chief", link)?;
        self.admin(&[
            "organisation",
            "create",
            ORGANISATION,
            "--parent",
            "Default",
        ])?;
        for n in 0..4 {
            let child = format!("Child{n}");
            self.admin(&["organisation", "create", &child, "--parent", ORGANISATION])?;
            self.admin(&["group", "create", &child, "Team"])?;
            let user = format!("victim{n}");
            self.admin(&["user", "create", &child, &user])?;
        }
        for role in ["desktop-user", "web-user"].iter().chain(ROLES) {
            let user = format!("the-{role}");
            self.admin(&["user", "create", "Default", &user])?;
            // Who is made is both at first.
            match *role {
                "desktop-user" => self.admin(&["role", "take", &user, "web-user"])?,
                "web-user" => self.admin(&["role", "take", &user, "desktop-user"])?,
                _ => Value::Null,
            };
            if ROLES.contains(role) {
                let mut give = vec!["role", "give", &user, role];
                if !EVERYWHERE.contains(role) {
                    give.extend(["--at", "Default"]);
                }
                self.admin(&give)?;
            }
            let made = self.admin(&["link", "invite", &user])?;
            self.sign_in(role, field(&made, "link")?)?;
        }
        self.enrol(COMPUTER, "Default")?;
        self.enrol("victim-laptop", ORGANISATION)?;
        self.enrol("victim-desktop", ORGANISATION)
    }

    /// Makes a user of this name with a computer of this name.
    fn enrol(&self, name: &str, organisation: &str) -> Result<()> {
        let made = self.admin(&["registration", "rotate", organisation])?;
        let port = self.address.rsplit(':').next().unwrap_or_default();
        let enrolment = format!(
            "strongroom://localhost:{port}/{}#{}",
            field(&made, "key")?,
            self.fingerprint
        );
        let words = ["enroll", &enrolment, "--user", name, "--name", name];
        let mut enrol = self.strongroom(name, &words);
        enrol
            .arg("--password-file")
            .arg(self.folder.join("password"));
        said(&mut enrol).map(drop)
    }

    /// Returns who there is: each role, a computer, and nobody.
    pub(super) fn actors(&self) -> Result<Vec<Actor>> {
        let read = |profile: &str, file: &str| {
            let path = self.folder.join(profile).join("keys").join(file);
            fs::read_to_string(&path).with_context(|| path.display().to_string())
        };
        let mut actors = vec![Actor {
            name: "nobody".to_owned(),
            bearer: String::new(),
            own: Vec::new(),
        }];
        for role in ["desktop-user", "web-user"].iter().chain(ROLES) {
            actors.push(Actor {
                name: (*role).to_owned(),
                bearer: read(role, "server.session")?,
                own: ids(&self.list(&["session", "list", &format!("the-{role}")])?),
            });
        }
        actors.push(Actor {
            name: COMPUTER.to_owned(),
            bearer: read(COMPUTER, "server.computer")?,
            own: Vec::new(),
        });
        Ok(actors)
    }

    /// Returns the ids of what may be changed, by the name of the parameter that takes them.
    pub(super) fn pools(&self) -> Result<BTreeMap<&'static str, Vec<String>>> {
        let mut pools = BTreeMap::new();
        let all = self.list(&["organisation", "list"])?;
        let below: Vec<&Value> = all.iter().filter(|one| one["parent"].is_string()).collect();
        let organisations = ids(below.iter().copied());
        let mut groups = Vec::new();
        for organisation in organisations.iter().take(8) {
            groups.extend(self.list(&["group", "list", organisation])?);
        }
        pools.insert("group", ids(&groups));
        let users = self.list(&["user", "list", "--search", "victim"])?;
        pools.insert("user", ids(&users));
        let computers = self.list(&["computer", "list", "--search", "victim"])?;
        pools.insert("computer", ids(&computers));
        pools.insert("organisation", organisations);
        Ok(pools)
    }

    fn list(&self, words: &[&str]) -> Result<Vec<Value>> {
        let words = [&["admin"], words, &["--json"]].concat();
        let text = said(&mut self.strongroom("chief", &words))?;
        text.lines()
            .map(|line| Ok(serde_json::from_str(line)?))
            .collect()
    }

    fn admin(&self, words: &[&str]) -> Result<Value> {
        let mut all = self.list(words)?;
        Ok(all.pop().unwrap_or_default())
    }

    fn sign_in(&self, profile: &str, link: &str) -> Result<()> {
        let mut login = self.strongroom(profile, &["login", "--setup", link, "--password-file"]);
        login.arg(self.folder.join("password"));
        said(&mut login).map(drop)
    }

    /// The client's program, with a home and a profile of its own.
    fn strongroom(&self, profile: &str, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(words)
            .env("HOME", &self.folder)
            .env("STRONGROOM_PROFILE", self.folder.join(profile))
            .env("STRONGROOM_PASSPHRASE_FILE", self.folder.join("password"))
            .current_dir(&self.folder)
            .stdin(Stdio::null());
        command
    }
}

fn ids<'a>(all: impl IntoIterator<Item = &'a Value>) -> Vec<String> {
    let ids = all.into_iter().filter_map(|one| one["id"].as_str());
    ids.map(str::to_owned).collect()
}

fn field<'a>(value: &'a Value, name: &str) -> Result<&'a str> {
    let text = value[name].as_str();
    text.with_context(|| format!("there is no {name} in the answer"))
}

/// Runs a command, and returns what it said.
fn said(command: &mut Command) -> Result<String> {
    let output = command.output().context("strongroom")?;
    ensure!(
        output.status.success(),
        "{command:?} failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?)
}
