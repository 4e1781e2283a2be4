//! `cargo xtask fuzz-api`: requests made up from the API document by schemathesis, sent to a server of its own as
//! each role, as a computer and as nobody. No answer may be a fault of the server or anything that the document does
//! not have.

mod world;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::json;

use crate::checkout::Checkout;
use crate::{command, tools};
use world::{Actor, World};

/// The version that is asked for: another one finds other things.
const SCHEMATHESIS: &str = "schemathesis==4.32.5";

/// What is said to schemathesis about every request.
const HOOKS: &str = include_str!("hooks.py");

/// What an answer is held against.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";

/// A small run has requests of this phase only; a larger one tries every edge of every parameter before.
const SMALL: &str = "fuzzing";
const LARGE: &str = "examples,coverage,fuzzing";

/// From so many requests of a role on, a run is a large one.
const LARGE_FROM: u64 = 500;

/// It ends what it is called with, and nothing would be asked after it.
const LEFT_OUT: &str = "post-me-sign-out";

/// Send requests made up from the API document to a server, as each role, with schemathesis.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// So many requests at least, spread over the roles
    #[arg(long, default_value_t = 20_000)]
    requests: u64,
    /// On the PostgreSQL of `cargo xtask services` in place of a SQLite file
    #[arg(long)]
    postgresql: bool,
    /// What the requests are made up from; another number makes others up
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// As these alone: a role, `computer` or `nobody`
    #[arg(long, value_name = "NAME")]
    r#as: Vec<String>,
}

/// Requests by the status of their answers.
type Answers = BTreeMap<String, u64>;

/// Sends the requests, prints what was answered, and fails on a finding.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let begun = Instant::now();
    let checkout = Checkout::find()?;
    let schemathesis = tools::python_program(&checkout, "fuzz-python", SCHEMATHESIS)?;
    let mut build = Command::new("cargo");
    build.args(["build", "--package", "strongroom-cli"]);
    build.args(["--package", "strongroom-serverd"]);
    command::run(build.current_dir(&checkout.root))?;
    let database = if arguments.postgresql {
        "PostgreSQL"
    } else {
        "SQLite"
    };
    let folder = checkout.target.join("fuzz-api").join(database);
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => fs::create_dir_all(&folder)?,
    }
    let world = World::new(&checkout, &folder, arguments.postgresql)?;
    let mut actors = world.actors()?;
    if !arguments.r#as.is_empty() {
        actors.retain(|actor| arguments.r#as.contains(&actor.name));
    }
    ensure!(!actors.is_empty(), "nobody is called that");
    let each = arguments.requests.div_ceil(u64::try_from(actors.len())?);
    let fuzzing = Fuzzing {
        schemathesis,
        document: checkout.root.join("openapi/strongroom-v1.json"),
        folder,
        world,
    };
    let (mut total, mut found) = (0, Vec::new());
    for actor in &actors {
        let (answers, is_good) = fuzzing.as_actor(actor, each, arguments.seed)?;
        let n: u64 = answers.values().sum();
        let shown: Vec<String> = answers
            .iter()
            .map(|(status, n)| format!("{status}: {n}"))
            .collect();
        println!("{:<17} {n:>6} requests  {}", actor.name, shown.join(", "));
        total += n;
        if !is_good {
            found.push(actor.name.clone());
        }
    }
    println!(
        "{total} requests as {} in {} s, on {database}",
        actors.len(),
        begun.elapsed().as_secs()
    );
    ensure!(
        found.is_empty(),
        "something was found as {}",
        found.join(", ")
    );
    Ok(())
}

/// A server, and what asks it.
struct Fuzzing {
    schemathesis: PathBuf,
    document: PathBuf,
    folder: PathBuf,
    world: World,
}

impl Fuzzing {
    /// Asks as one of the world until there were enough requests; returns the answers, and whether all were good.
    fn as_actor(&self, actor: &Actor, n_wanted: u64, seed: u64) -> Result<(Answers, bool)> {
        let mut answers = Answers::new();
        let mut is_good = true;
        let is_large = n_wanted >= LARGE_FROM;
        for round in 0.. {
            let n_before: u64 = answers.values().sum();
            if n_before >= n_wanted || !is_good {
                break;
            }
            let phases = if is_large && round == 0 { LARGE } else { SMALL };
            // In each phase an endpoint is asked so often at most; the rounds make up the rest.
            let n_examples = if is_large { 10 } else { 1 };
            let (round_answers, round_is_good) =
                self.round(actor, phases, n_examples, seed.wrapping_mul(1_000) + round)?;
            ensure!(!round_answers.is_empty(), "nothing was asked");
            for (status, n) in round_answers {
                *answers.entry(status).or_default() += n;
            }
            is_good = round_is_good;
        }
        Ok((answers, is_good))
    }

    fn round(
        &self,
        actor: &Actor,
        phases: &str,
        n_examples: u64,
        seed: u64,
    ) -> Result<(Answers, bool)> {
        let hooks = self.folder.join("hooks.py");
        let world = self.folder.join("world.json");
        let counted = self.folder.join("answers.json");
        write(&hooks, HOOKS)?;
        let pools = self.world.pools()?;
        let told = json!({
            "bearer": actor.bearer, "own": actor.own, "pools": pools, "confirm": world::ORGANISATION,
        });
        write(&world, &told.to_string())?;
        let _ = fs::remove_file(&counted);
        let mut asking = Command::new(&self.schemathesis);
        asking
            .arg("--no-color")
            .arg("run")
            .arg(&self.document)
            .args(["--url", &self.world.url(), "--tls-verify", "false"])
            .args(["--checks", CHECKS, "--phases", phases])
            .args(["--exclude-operation-id", LEFT_OUT])
            .args(["--max-examples", &n_examples.to_string()])
            .args(["--seed", &seed.to_string()])
            .args(["--generation-database", "none", "--warnings", "off"])
            .args(["--suppress-health-check", "all", "--no-shrink"])
            .args(["--continue-on-failure", "--request-timeout", "30"])
            .args(["--output-truncate", "false"])
            .env("SCHEMATHESIS_HOOKS", &hooks)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("STRONGROOM_FUZZ_WORLD", &world)
            .env("STRONGROOM_FUZZ_ANSWERS", &counted)
            .env("PYTHONWARNINGS", "ignore")
            .current_dir(&self.folder)
            .stdin(Stdio::null());
        let output = asking.output().context("schemathesis")?;
        let text = fs::read(&counted).with_context(|| {
            let said = [output.stdout.as_slice(), &output.stderr].concat();
            String::from_utf8_lossy(&said).into_owned()
        })?;
        let answers: Answers = serde_json::from_slice(&text)?;
        if !output.status.success() {
            println!("{}", String::from_utf8_lossy(&output.stdout));
            println!("{}", String::from_utf8_lossy(&output.stderr));
        }
        if !self.world.is_alive() {
            bail!("the server ended");
        }
        Ok((answers, output.status.success()))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "what is below the target folder is made anew by every run"
)]
fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| path.display().to_string())
}
