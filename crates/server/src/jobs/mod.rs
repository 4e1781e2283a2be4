//! What the server does by itself. Each job is claimed in the database, so that one node does it at a time, and goes on
//! after a kill when the claim has run out.

pub mod certificate;
pub mod sinks;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use strongroom_base::clock::Timestamp;
use strongroom_base::with_causes;
use strongroom_db::DbError;
use strongroom_db::jobs::{self, Over};
use strongroom_db::{sessions, throttles};
use strongroom_domain::moment::{DAY, elapsed};

use crate::app::audit::sign_if_due;
use crate::app::backup::make_scheduled;
use crate::app::certificate::renew_if_due;
use crate::app::{App, Fault, Tree, key_ring, room};
use crate::http::Site;

/// How often is looked for what is due.
const PERIOD: Duration = Duration::from_secs(20);

/// How long a job is that of the node that claimed it.
const LEASE: Duration = Duration::from_mins(10);

/// How many rows are removed in one transaction.
const BATCH: u64 = 500;

/// How long what is over is kept.
const KEPT: Duration = DAY.saturating_mul(7);

/// The longest life of a link.
const LINK_LIFE: Duration = DAY.saturating_mul(7);

/// A job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// Removes rows that are over.
    Remove(Over),
    /// Ends sessions that lasted as long as they may: longer terms bring none of them back.
    EndSessions,
    /// Forgets failures that nobody waits for any more.
    Throttles,
    /// Signs the head of the audit log.
    Checkpoint,
    /// Goes on with a change of the key ring.
    KeyRing,
    /// Makes a backup of the database.
    Backup,
    /// Orders a certificate.
    Certificate,
}

impl Job {
    /// All that are done in turn.
    pub const ALL: [Self; 13] = [
        Self::Remove(Over::Sessions),
        Self::Remove(Over::Links),
        Self::Remove(Over::Tokens),
        Self::Remove(Over::Answers),
        Self::Remove(Over::Attempts),
        Self::Remove(Over::SecondAttempts),
        Self::Remove(Over::Challenges),
        Self::Remove(Over::Familiar),
        Self::EndSessions,
        Self::Throttles,
        Self::Checkpoint,
        Self::KeyRing,
        Self::Backup,
    ];

    /// Returns its name, as measurements have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Remove(Over::Sessions) => "sessions",
            Self::Remove(Over::Links) => "links",
            Self::Remove(Over::Tokens) => "tokens",
            Self::Remove(Over::Answers) => "answers",
            Self::Remove(Over::Attempts) => "attempts",
            Self::Remove(Over::SecondAttempts) => "second-attempts",
            Self::Remove(Over::Challenges) => "challenges",
            Self::Remove(Over::Familiar) => "familiar",
            Self::EndSessions => "end-sessions",
            Self::Throttles => "throttles",
            Self::Checkpoint => "checkpoint",
            Self::KeyRing => "key-ring",
            Self::Backup => "backup",
            Self::Certificate => "certificate",
        }
    }

    fn every(self, app: &App) -> Duration {
        match self {
            Self::Backup => {
                let backups = app.settings.backups.as_ref();
                backups.map_or(DAY, |backups| backups.every)
            }
            Self::Remove(Over::Attempts | Over::SecondAttempts | Over::Challenges)
            | Self::EndSessions
            | Self::Throttles
            | Self::Checkpoint
            | Self::KeyRing
            | Self::Certificate => Duration::from_mins(1),
            Self::Remove(_) => Duration::from_hours(1),
        }
    }

    /// How old rows are that are removed.
    async fn age(over: Over, app: &App) -> Result<Duration, Fault> {
        Ok(match over {
            Over::Sessions => longest_idle(app).await? + KEPT,
            Over::Links => LINK_LIFE + KEPT,
            Over::Tokens => KEPT,
            Over::Answers => DAY,
            Over::Attempts | Over::SecondAttempts | Over::Challenges => Duration::from_mins(10),
            Over::Familiar => strongroom_domain::throttle::STRANGE_AFTER,
        })
    }

    /// Does it; returns how much was done.
    async fn run(self, app: &App) -> Result<u64, Fault> {
        match self {
            Self::Remove(over) => {
                let age = Self::age(over, app).await?.as_nanos();
                let age = i128::try_from(age).unwrap_or(i128::MAX);
                let before = Timestamp(app.now().0.saturating_sub(age));
                let mut removed = 0;
                loop {
                    let writing = app.database.note().await?;
                    let batch = jobs::remove(&writing, over, before, BATCH).await?;
                    writing.commit().await?;
                    removed += batch;
                    if batch < BATCH {
                        return Ok(removed);
                    }
                }
            }
            Self::Throttles => {
                let mut removed = 0;
                loop {
                    let writing = app.database.note().await?;
                    let most = throttles::NETWORKS_MAX;
                    let batch = throttles::forget(&writing, app.now(), most, BATCH).await?;
                    writing.commit().await?;
                    removed += batch;
                    if batch < BATCH {
                        return Ok(removed);
                    }
                }
            }
            Self::EndSessions => end_sessions(app).await,
            Self::Checkpoint => sign_if_due(app).await,
            Self::Backup => make_scheduled(app).await.map_err(|error| {
                tracing::error!(error = %with_causes(&error), "the server was not backed up");
                Fault::Refused(error.to_string())
            }),
            Self::Certificate => renew_if_due(app).await,
            Self::KeyRing => {
                key_ring::go_on(app, &mut key_ring::undisturbed).await?;
                Ok(0)
            }
        }
    }
}

/// Returns how long a session may go unused where that is longest.
async fn longest_idle(app: &App) -> Result<Duration, Fault> {
    let tree = Tree::read(&app.database.read().await?).await?;
    let idle = |organisation| app.policies(&tree, organisation).sessions.terms().idle;
    let of_server = app.settings.groups.sessions.idle.value.length();
    Ok(tree.ids().map(idle).fold(of_server, Duration::max))
}

/// Ends sessions that lasted as long as the organisations of their users let them; those with equal terms at once.
async fn end_sessions(app: &App) -> Result<u64, Fault> {
    let writing = app.database.note().await?;
    let tree = Tree::read(&writing).await?;
    let mut alike = BTreeMap::<_, Vec<_>>::new();
    for organisation in tree.ids() {
        let terms = app.policies(&tree, organisation).sessions.terms();
        let alike = alike.entry((terms.absolute, terms.idle));
        alike.or_default().push(organisation);
    }
    let now = app.now();
    let ago = |time: Duration| {
        let nanos = i128::try_from(time.as_nanos()).unwrap_or(i128::MAX);
        Timestamp(now.0.saturating_sub(nanos))
    };
    let mut n_ended = 0;
    for ((absolute, idle), organisations) in alike {
        let before = (ago(absolute), ago(idle));
        n_ended += sessions::end_over(&writing, &organisations, before, now).await?;
    }
    writing.commit().await?;
    Ok(n_ended)
}

/// Does what is due, again and again, until it is dropped.
pub async fn run(site: Arc<Site>) {
    loop {
        tick(&site).await;
        tokio::time::sleep(PERIOD).await;
    }
}

/// Does what is due, once. What fails is tried again the next time.
pub async fn tick(site: &Site) {
    room::look(&site.app).await;
    for job in Job::ALL {
        if let Err(error) = attempt(&site.app, job).await {
            room_missing(&site.app, &error);
            tracing::warn!(job = job.name(), error = %with_causes(&error), "a job could not be claimed");
        }
    }
    if let Err(error) = measure(site).await {
        tracing::warn!(error = %with_causes(&error), "the jobs could not be measured");
    }
}

/// Does a job, if it is due and no other node does it; tells whether it did.
pub async fn attempt(app: &App, job: Job) -> Result<bool, Fault> {
    let (name, began) = (job.name(), app.now());
    let writing = app.database.note().await?;
    let claimed = jobs::claim(&writing, name, &app.node, (job.every(app), LEASE), began).await?;
    writing.commit().await?;
    if !claimed {
        return Ok(false);
    }
    let outcome = job.run(app).await;
    let outcome = outcome.map_err(|error| {
        room_missing(app, &error);
        let text = with_causes(&error);
        tracing::warn!(job = name, error = %text, "a job failed");
        text
    });
    let now = app.now();
    if let Ok(done @ 1..) = outcome {
        let milliseconds = u64::try_from(elapsed(began, now).as_millis()).unwrap_or(u64::MAX);
        tracing::info!(job = name, done, milliseconds, "a job was done");
    }
    let writing = app.database.note().await?;
    jobs::ended(&writing, name, &app.node, outcome, now).await?;
    writing.commit().await?;
    Ok(true)
}

fn room_missing(app: &App, error: &Fault) {
    if matches!(error, Fault::Database(DbError::Full(_))) {
        app.room.is_missing(app.now());
    }
}

/// Every node says of all jobs when they were last done, whichever node did it.
async fn measure(site: &Site) -> Result<(), Fault> {
    let reading = site.app.database.read().await?;
    for done in jobs::all(&reading).await? {
        let ended = done
            .ended
            .map_or(0, |ended| ended.0.div_euclid(1_000_000_000));
        site.metrics.job(
            &done.name,
            i64::try_from(ended).unwrap_or(0),
            i64::try_from(done.done).unwrap_or(i64::MAX),
            done.failed.is_some(),
        );
    }
    drop(reading);
    sinks::measure(site).await
}
