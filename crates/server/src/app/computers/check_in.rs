//! Check-ins of computers: the commonest request there is, so it takes a statement that reads and at most one that writes.
//!
//! It is in no log. Where nothing is new, and the last one is not long ago, nothing is written.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use strongroom_api::v1;
use strongroom_base::clock::Timestamp;
use strongroom_db::check_ins::{self, Asking};
use strongroom_db::computers::Report;
use strongroom_domain::access::{Action, Denial};
use strongroom_domain::moment::elapsed;
use strongroom_domain::name::PersonName;
use strongroom_domain::release::{SERIES, Series};
use strongroom_domain::session::ServerEpoch;

use super::heads;
use crate::app::access::{Request, charge_guess, view};
use crate::app::words::{named, parse_id, parse_moment};
use crate::app::{App, Fault, Right, SecretKind, Tree, policy};

/// How long there is between two check-ins of a computer, more or less by [`SPREAD`]: many that came at once, as after the
/// server was away, do not come at once again.
const EVERY: Duration = Duration::from_mins(15);
const SPREAD: Duration = Duration::from_mins(2);

/// How old the last check-in that is stored may become before it is stored again.
const STORED_AGAIN: Duration = Duration::from_secs(30);

/// Longest name of a state, and of a policy, in bytes.
const WORD_LEN_MAX: usize = 64;

/// A computer that is let in by its own credential.
pub struct Machine {
    pub(super) app: Arc<App>,
    pub(super) asking: Asking,
    tree: Arc<Tree>,
    pub(super) address: IpAddr,
    pub(super) now: Timestamp,
}

impl Machine {
    /// Lets a computer in whose credential and account are good.
    pub async fn admit(app: &Arc<App>, request: &Request) -> Result<Self, Fault> {
        let bearer = request.bearer.ok_or(Fault::NotSignedIn)?;
        if bearer.kind != SecretKind::Computer {
            // Who it is comes before what it may.
            let right = Right::List(Action::ProfileRead);
            drop(view(app, &Request { right, ..*request }).await?);
            return Err(Denial::Credential.into());
        }
        let now = app.now();
        app.limits.check(request.address, now)?;
        let found = Self::find(app, &bearer.hash).await;
        let (asking, tree) = found.inspect_err(|fault| charge_guess(app, fault, request))?;
        let user = asking.owner.account.user;
        app.limits.admit(user, request.pace, now)?;
        Ok(Self {
            app: Arc::clone(app),
            asking,
            tree,
            address: request.address,
            now,
        })
    }

    async fn find(app: &App, hash: &[u8; 32]) -> Result<(Asking, Arc<Tree>), Fault> {
        let asking = check_ins::find(&app.database, hash).await?;
        let asking = asking.ok_or(Fault::NotSignedIn)?;
        let tree = tree(app, asking.known.tree_version).await?;
        let standing = tree.standing(&asking.owner.account, asking.owner.organisation);
        let checked = asking.stored.computer.check(standing);
        checked.map_err(|_nobody| Fault::NotSignedIn)?;
        Ok((asking, tree))
    }
}

/// Notes what a computer says of itself, and tells it what it is to know. That of a program which is too old is noted too:
/// an administrator looks for these.
pub async fn check_in(machine: &Machine, request: v1::CheckIn) -> Result<v1::CheckedIn, Fault> {
    let Machine {
        app,
        asking,
        tree,
        now,
        ..
    } = machine;
    let series: Series = parse_id("program_version", &request.program_version)?;
    let version = named("program_version", &request.program_version, PersonName::new)?;
    let report = report(&request, *now)?;
    let presented = heads::parse(&request.heads)?;
    let stored = &asking.stored;
    let is_recent = stored
        .last_seen
        .is_some_and(|seen| seen <= *now && elapsed(seen, *now) < STORED_AGAIN);
    let is_same = stored.report == report && stored.program_version == version.as_str();
    if !(is_recent && is_same) {
        let id = stored.computer.id;
        check_ins::note(&app.database, id, version.as_str(), &report, *now).await?;
    }
    series.check(SERIES).map_err(Fault::TooOld)?;
    let heads_behind = heads::present(machine, &presented).await?;
    Ok(v1::CheckedIn {
        computer: stored.computer.id.to_string(),
        server: asking.known.server_id.clone(),
        server_version: env!("CARGO_PKG_VERSION").to_owned(),
        epoch: asking.known.epoch.0,
        policy: policy::version(&app.policies(tree, asking.owner.organisation)),
        next_seconds: next(app),
        heads_behind,
    })
}

fn report(request: &v1::CheckIn, now: Timestamp) -> Result<Report, Fault> {
    let word = |at, text: Option<&str>| {
        let is_one = |text: &str| {
            let mut bytes = text.bytes();
            let is_in =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            (1..=WORD_LEN_MAX).contains(&text.len()) && bytes.all(is_in)
        };
        match text {
            Some(text) if !is_one(text) => {
                let detail = format!("a word of small letters, at most {WORD_LEN_MAX}");
                Err(Fault::invalid(at, detail))
            }
            text => Ok(text.map(str::to_owned)),
        }
    };
    let backup = request.backup.as_ref();
    let completed = backup.and_then(|backup| backup.completed.as_deref());
    let completed = completed.map(|text| parse_moment("backup.completed", text));
    Ok(Report {
        policy: word("policy", request.policy.as_deref())?,
        epoch: request.epoch.map(ServerEpoch),
        backup_state: word("backup.state", backup.map(|backup| backup.state.as_str()))?,
        // The clock of a computer may be wrong; nothing is decided by it.
        backed_up: completed.transpose()?.map(|completed| completed.min(now)),
    })
}

async fn tree(app: &App, version: i64) -> Result<Arc<Tree>, Fault> {
    if let Some(tree) = app.trees.known(version) {
        return Ok(tree);
    }
    let reading = app.database.read().await?;
    Ok(app.trees.of_version(&reading, version).await?)
}

/// Returns after how many seconds a computer is to come again.
fn next(app: &App) -> u32 {
    let mut chance = [0; 4];
    app.random.fill(&mut chance);
    let spread = u32::try_from(SPREAD.as_secs()).unwrap_or(0);
    let every = u32::try_from(EVERY.as_secs()).unwrap_or(u32::MAX);
    every - spread + u32::from_le_bytes(chance) % (2 * spread + 1)
}
