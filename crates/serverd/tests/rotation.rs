//! A change of the key of 10,000 sealed values by the program itself: how long it takes while the server answers, killed at
//! every sync, and values that somebody exchanged.
//!
//! The numbers count for `cargo nextest run --release`; the change killed before and after each thing that it stores, on
//! both databases, is in `crates/server/tests/server/key_ring.rs`.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
#![allow(clippy::print_stdout, reason = "what was counted is for who looks")]

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::Client;
use strongroom_crypto::random::SystemRandom;
use strongroom_db::{Address, Database, Writing, secrets};
use strongroom_server::vault::Vault;
use tempfile::TempDir;

/// How many there are, where it counts.
const MANY: usize = 10_000;
/// And where it must be quick.
const SOME: usize = 1_100;
/// No change syncs so often.
const SYNCS_MAX: usize = 1_000;
/// How long a change of many may take, and the slowest answer meanwhile.
const CHANGE_WITHIN: Duration = Duration::from_secs(5);
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// An element of ristretto255, as a first message has one.
const ELEMENT: &str = "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76";

/// The home folder of a server with sealed values.
struct Home {
    folder: TempDir,
    /// Its PostgreSQL, where it has one.
    url: Option<String>,
}

impl Home {
    /// Makes one that has been started once, with so many values.
    async fn with(n_values: usize, url: Option<String>) -> Self {
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        let folder = folder.unwrap();
        let home = Self { folder, url };
        drop(Serving::start(&home));
        let vault = Vault::open(&home.path(), &SystemRandom, false).unwrap();
        let database = home.database().await;
        let writing = database.write().await.unwrap();
        for n in 0..n_values {
            let (name, text) = (name(n), format!("the secret {n}"));
            let place = secrets::place(&name);
            let sealed = vault.seal(&writing, &place, &SystemRandom, text.as_bytes());
            let sealed = sealed.await.unwrap();
            secrets::store(&writing, &name, &sealed).await.unwrap();
        }
        writing.commit().await.unwrap();
        home
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    async fn database(&self) -> Database {
        let address = match &self.url {
            None => Address::of_file(&self.path().join("server.sqlite")),
            Some(url) => url.parse().unwrap(),
        };
        Database::open(&address, 2).await.unwrap()
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env("STRONGROOM_SERVER_LISTEN_ADDRESS", "127.0.0.1:0")
            .env(
                "STRONGROOM_SERVER_LISTEN_TRUSTED_PROXIES",
                "['127.0.0.0/8']",
            )
            .stdin(Stdio::null());
        if let Some(url) = &self.url {
            command.env("STRONGROOM_SERVER_DATABASE_URL", url);
        }
        command
    }

    /// Runs a command; returns whether it succeeded, and what it said.
    fn asked(&self, words: &[&str]) -> (bool, String) {
        let mut command = self.command(PROGRAM);
        let output = command.arg("--home").arg(self.path()).args(words).output();
        let output = output.unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(said).unwrap())
    }

    #[track_caller]
    fn all_open(&self, n_values: usize) {
        let (is_good, said) = self.asked(&["secrets", "verify"]);
        let all = format!("{n_values} secrets open, 0 do not");
        assert!(is_good && said.contains(&all), "{said}");
    }

    /// Changes the key, killed at the entry of the nth sync of any of its threads; tells whether it lived.
    fn changed_until(&self, n: usize) -> bool {
        let mut command = self.command("strace");
        command.args(["-f", "-qq", "-e", "trace=fsync,fdatasync"]);
        command.args([
            "-e",
            &format!("inject=fsync,fdatasync:signal=KILL:when={n}"),
        ]);
        command.args(["-o", "/dev/null", PROGRAM, "--home"]);
        command.arg(self.path()).args(["secrets", "rotate"]);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        let is_killed = output.status.signal() == Some(9) || output.status.code() == Some(137);
        assert!(is_killed || output.status.success(), "{n}: {said}");
        !is_killed
    }

    /// Returns how many keys there are in this state.
    fn keys(&self, state: &str) -> usize {
        let (is_good, said) = self.asked(&["secrets", "keys"]);
        assert!(is_good, "{said}");
        said.lines().filter(|line| line.ends_with(state)).count()
    }
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_strongroom-server");

fn name(n: usize) -> String {
    format!("secret-{n:05}")
}

async fn killed_at_every_sync(n_values: usize) {
    let home = Home::with(n_values, None).await;
    let before = home.folder.path().join("before");
    copy(&home.path(), &before);
    let mut n_kills = 0;
    for n in 1..SYNCS_MAX {
        fs::remove_dir_all(home.path()).unwrap();
        copy(&before, &home.path());
        if home.changed_until(n) {
            break;
        }
        n_kills += 1;
        home.all_open(n_values);
        // Whoever changes the key next, or the server itself, ends what was begun.
        let (is_good, said) = home.asked(&["secrets", "rotate"]);
        assert!(is_good, "{said}");
        home.all_open(n_values);
        assert_eq!((home.keys(" active"), home.keys(" new")), (1, 0));
    }
    println!("{n_kills} kills of a change of {n_values} values");
    // Each batch of five hundred is made durable by itself.
    assert!(n_kills > n_values / 500, "{n_kills}");
}

#[tokio::test]
async fn a_change_killed_at_every_sync_is_ended_by_the_next() {
    killed_at_every_sync(SOME).await;
}

#[tokio::test]
#[ignore = "takes minutes"]
async fn a_change_of_10_000_values_killed_at_every_sync_is_ended_by_the_next() {
    killed_at_every_sync(MANY).await;
}

/// The server, killed when the test ends.
struct Serving {
    child: Child,
    url: String,
    /// It goes on talking, and would end where nobody listens.
    _stdout: BufReader<ChildStdout>,
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Serving {
    fn start(home: &Home) -> Self {
        let mut command = home.command(PROGRAM);
        command.arg("--home").arg(home.path()).arg("run");
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("listening on ").unwrap();
        Self {
            child,
            url: format!("https://{address}"),
            _stdout: stdout,
        }
    }

    /// Asks for something that is read, and for something that is written; returns how long the slower took.
    async fn ask(&self, client: &Client, n: usize) -> Duration {
        let begun = Instant::now();
        let ready = client.get(format!("{}/health/ready", self.url));
        let ready = ready.send().await.unwrap();
        assert_eq!(ready.status(), 200);
        let read = begun.elapsed();
        // No link is called that: the guess is counted, which is a write.
        let body = format!(r#"{{"link":"srl_{n:064x}","request":"{ELEMENT}"}}"#);
        let guess = client
            .post(format!("{}/api/v1/links/start", self.url))
            .header("content-type", "application/json")
            .header(
                "x-forwarded-for",
                format!("10.{}.{}.1", n / 250 % 250, n % 250),
            )
            .body(body);
        let status = guess.send().await.unwrap().status();
        assert_eq!(status, 404);
        read.max(begun.elapsed().saturating_sub(read))
    }
}

async fn answers_meanwhile(home: Home) {
    let serving = Serving::start(&home);
    let client = Client::builder().danger_accept_invalid_certs(true);
    let client = client.build().unwrap();
    serving.ask(&client, 0).await;
    let begun = Instant::now();
    let mut change = home.command(PROGRAM);
    change.arg("--home").arg(home.path());
    let mut change = change.args(["secrets", "rotate"]).spawn().unwrap();
    let (mut n_asked, mut slowest) = (0, Duration::ZERO);
    let status = loop {
        if let Some(status) = change.try_wait().unwrap() {
            break status;
        }
        n_asked += 1;
        slowest = slowest.max(serving.ask(&client, n_asked).await);
    };
    let took = begun.elapsed();
    assert!(status.success());
    home.all_open(MANY);
    println!(
        "{MANY} values in {took:.2?}; {n_asked} pairs of requests meanwhile, the slowest in {slowest:.2?}"
    );
    assert!(n_asked > 2, "{n_asked}");
    // What is built for tests is slower.
    if !cfg!(debug_assertions) {
        assert!(took < CHANGE_WITHIN, "{took:?}");
        assert!(slowest < ANSWER_WITHIN, "{slowest:?}");
    }
}

#[tokio::test]
async fn the_server_answers_while_the_key_is_changed() {
    answers_meanwhile(Home::with(MANY, None).await).await;
}

#[tokio::test]
async fn values_that_were_exchanged_are_refused() {
    let home = Home::with(3, None).await;
    let exchange = async |writing: &Writing| {
        let [one, two] = [name(0), name(1)];
        let first = secrets::find(writing, &one).await.unwrap().unwrap();
        let second = secrets::find(writing, &two).await.unwrap().unwrap();
        secrets::store(writing, &one, &second).await.unwrap();
        secrets::store(writing, &two, &first).await.unwrap();
    };
    let writing = home.database().await.write().await.unwrap();
    exchange(&writing).await;
    writing.commit().await.unwrap();
    let refused = |(is_good, said): (bool, String)| {
        assert!(
            !is_good && said.contains("1 secrets open, 2 do not"),
            "{said}"
        );
        let row = |n| {
            let bytes = name(n).into_bytes();
            let row = bytes.iter().fold(String::new(), |mut row, byte| {
                write!(row, "{byte:02x}").unwrap();
                row
            });
            said.contains(&row)
        };
        assert!(row(0) && row(1) && !row(2), "{said}");
    };
    refused(home.asked(&["secrets", "verify"]));
    // A change of the key does not make them good.
    assert!(home.asked(&["secrets", "rotate"]).0);
    refused(home.asked(&["secrets", "verify"]));
    // Back where they were sealed, they open; what sealed them is still there.
    let writing = home.database().await.write().await.unwrap();
    exchange(&writing).await;
    writing.commit().await.unwrap();
    home.all_open(3);
}

/// Those that need servers, and are ignored elsewhere.
mod services {
    use strongroom_db::{Address, Database};

    #[tokio::test]
    #[ignore = "needs servers: `cargo xtask services start`"]
    async fn the_server_answers_while_the_key_is_changed() {
        let service = strongroom_testkit::service("postgresql");
        let schema = format!("rotation_{}", std::process::id());
        let address: Address = service.text("url").parse().unwrap();
        let database = Database::open(&address.with_schema(&schema), 1).await;
        drop(database.unwrap());
        let url = format!("{}?options=-csearch_path%3D{schema}", service.text("url"));
        let home = super::Home::with(super::MANY, Some(url)).await;
        super::answers_meanwhile(home).await;
    }
}

fn copy(from: &Path, to: &Path) {
    let mut copy = Command::new("cp");
    copy.arg("-a").arg(from).arg(to);
    assert!(copy.status().unwrap().success());
}
