//! The background service: it backs up what changes, as it changes.
//!
//! A watcher says which directories may have changed. When it is calm, or has not been for a while, a snapshot
//! is made of what it named. Once a day everything is looked at, whatever was noticed.

mod alarm;
mod announce;
mod control;
mod heartbeat;
mod hold;
mod hook;
mod install;
mod metrics;
mod moment;
mod note;
mod pace;
mod pending;
mod queues;
mod review;
mod scrape;
mod settings;
mod status;
mod supervisor;
mod unit;

use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use strongroom_base::clock::Timestamp;
use strongroom_base::ids::to_hex;
use strongroom_base::with_causes;
use strongroom_engine::backup::BackupSummary;
use strongroom_engine::backup::{Excludes, Hints};
use strongroom_engine::{EngineError, Progress, Stop};
use strongroom_watch::{Changes, Choice, Health, Place, Reason, Settings, Source, Watcher, Why};

pub use alarm::{Alarms, Condition, Matter, Notice, Severity};
pub use control::{Answer, Ask, ask};
pub use hook::{HookError, HookSettings};
pub use install::Manager;
pub use metrics::metrics;
pub use moment::{Moment, SystemUptime, Uptime};
pub use pending::Rhythm;
pub use settings::{ServiceSettings, change_settings};
pub use status::{
    DestinationState, LastSnapshot, QueueState, SourceStatus, State, Status, WorkDone,
};
pub use supervisor::{Supervisor, Unsupervised};
pub use unit::{Scope as UnitScope, Unit};

use crate::backup::{Round, backup_changes, never_entered, outermost};
use crate::guest::Guest;
use crate::profile::Profile;
use crate::{AgentError, BackupRequest, Tools, spool};
use announce::Announcer;
use control::{AtWork, Control, Household, Shared};

use heartbeat::Heartbeat;
use hold::Hold;
use pace::ServicePace;
use pending::{Pending, Scope};
use queues::Queues;
use scrape::Scrape;

/// How much the spool of each archive may take where nobody chose a limit.
pub const SPOOL_BYTES: u64 = 10 << 30;
/// How long to wait for what happened before somebody asked for a snapshot.
const SETTLE: Duration = Duration::from_secs(10);
/// What could not be read is tried again so often.
const UNREAD_EVERY: Duration = Duration::from_hours(1);
/// The longest that the service waits for something to happen. Waiting does not go on while the computer sleeps, but what is
/// due comes nearer.
const WAIT_MAX: Duration = Duration::from_mins(1);

/// What the service is to do.
pub struct ServiceRequest<'a> {
    /// What is backed up, and where to.
    pub backup: BackupRequest<'a>,
    /// When snapshots are due.
    pub rhythm: Rhythm,
    /// Who chooses how changes are noticed.
    pub choice: Choice,
    /// Asks the service to end: the same that its tools have.
    pub stop: Arc<Stop>,
    /// Counts what is done: the same that its tools have.
    pub progress: Arc<Progress>,
    /// Tells how time passes.
    pub uptime: Arc<dyn Uptime>,
    /// Whoever started it.
    pub supervisor: Arc<dyn Supervisor>,
    /// Where metrics are given to whoever asks, by HTTP.
    pub metrics: Option<SocketAddr>,
}

/// Runs until it is asked to stop: by `tools`, or by [`Ask::Stop`].
///
/// What goes wrong with a backup is told in the status, and the backup is tried again. Only what keeps the service from
/// beginning is an error.
pub fn run(
    profile: &Profile,
    request: &ServiceRequest<'_>,
    tools: &Tools<'_>,
) -> Result<(), AgentError> {
    let clock = Arc::clone(&tools.clock);
    let seconds = move || seconds_of(clock.now());
    let config = profile.config()?;
    let shared = Arc::new(Shared::new(profile, request, seconds(), config.hooks));
    let _control = Control::open(profile, &shared, seconds.clone())?;
    let _scrape = scrape(request, &shared, seconds)?;
    if profile.config()?.spool_bytes.is_none() {
        spool::set_limit(profile, SPOOL_BYTES)?;
    }
    let roots = outermost(&request.backup.paths);
    let settings = settings(profile, request, &roots, tools)?;
    let watcher = Watcher::start(settings).map_err(AgentError::Watch)?;
    let waker = watcher.waker();
    let (guest, _follower) = Guest::follow(config.guest, move || waker.wake());
    let house = Arc::new(Household(Arc::downgrade(&shared)));
    let queues = Queues::new(
        profile,
        Arc::clone(&tools.clock),
        Arc::clone(&tools.random),
        house,
    );
    shared.begin(AtWork {
        waker: watcher.waker(),
        guest: Arc::clone(&guest),
        destinations: queues.view(),
    });
    request.stop.set_pace(ServicePace {
        guest: Arc::clone(&guest),
        shared: Arc::clone(&shared),
    });
    {
        let mut status = shared.status();
        (status.pid, status.since) = (std::process::id(), seconds_of(tools.clock.now()));
        status.guest = guest.status();
    }
    let _heartbeat = Heartbeat::start(Arc::clone(&request.supervisor), &shared);
    let announcer = Announcer::start(&shared, &request.backup.host);
    let mut service = Service {
        profile,
        request,
        tools,
        shared: &shared,
        roots,
        watcher: &watcher,
        guest: &guest,
        pending: Pending::new(request.rhythm, request.uptime.now()),
        hold: Hold::No,
        insists: false,
        began: None,
        asked: 0,
        announcer: &announcer,
        queues,
    };
    request.supervisor.ready();
    let result = service.run();
    request.supervisor.stopping();
    result
}

/// Answers whoever asks for metrics, where that is wanted.
fn scrape(
    request: &ServiceRequest<'_>,
    shared: &Arc<Shared>,
    now: impl Fn() -> i64 + Send + Sync + 'static,
) -> Result<Option<Scrape>, AgentError> {
    let shared = Arc::clone(shared);
    let render = move || {
        let now = now();
        metrics(&shared.report(now), now)
    };
    let address = request.metrics;
    address
        .map(|address| Scrape::open(address, Arc::new(render)))
        .transpose()
}

/// Returns what the watcher watches: what a backup enters, and nothing else.
fn settings(
    profile: &Profile,
    request: &ServiceRequest<'_>,
    roots: &[PathBuf],
    tools: &Tools<'_>,
) -> Result<Settings, AgentError> {
    let excludes = Excludes::new(request.backup.excludes.iter().map(String::as_str))?;
    let never: Vec<PathBuf> = never_entered(profile, &profile.config()?)
        .into_iter()
        .map(resolved)
        .collect();
    let resolved_roots: Vec<PathBuf> = roots.iter().cloned().map(resolved).collect();
    let mut settings = Settings::new(roots.to_vec(), Arc::clone(&tools.clock));
    settings.choice = request.choice;
    let roots = roots.to_vec();
    settings.wants = Arc::new(move |place: &Place| {
        let path = path_of(&roots, place);
        let name = Path::new(path.file_name().unwrap_or_default());
        let is_never = never.contains(&path_of(&resolved_roots, place));
        place.is_root() || !(is_never || excludes.matches(&path, name))
    });
    Ok(settings)
}

/// Follows symbolic links, where the path is there.
fn resolved(path: PathBuf) -> PathBuf {
    path.canonicalize().unwrap_or(path)
}

fn path_of(roots: &[PathBuf], place: &Place) -> PathBuf {
    let root = roots
        .get(place.root())
        .map_or(Path::new("/"), PathBuf::as_path);
    if place.is_root() {
        return root.to_owned();
    }
    root.join(place.path())
}

/// The service under way.
struct Service<'a> {
    profile: &'a Profile,
    request: &'a ServiceRequest<'a>,
    tools: &'a Tools<'a>,
    shared: &'a Shared,
    roots: Vec<PathBuf>,
    watcher: &'a Watcher,
    guest: &'a Guest,
    pending: Pending,
    hold: Hold,
    /// Whether somebody asked for the next snapshot.
    insists: bool,
    /// When the last snapshot began.
    began: Option<Moment>,
    /// How many times somebody asked for one so far.
    asked: u64,
    announcer: &'a Announcer,
    queues: Queues,
}

impl Service<'_> {
    fn run(&mut self) -> Result<(), AgentError> {
        while !self.is_to_end() {
            let wait = self.next_look().min(self.queues.patience());
            let changes = self.watcher.wait(wait.min(WAIT_MAX));
            self.note(&changes);
            self.look_at_queues();
            if self.is_deaf() {
                return Err(AgentError::WatchEnded);
            }
            let asked = self.shared.asked_now();
            if asked > self.asked {
                self.asked = asked;
                self.hurry();
            }
            self.look_at_surroundings();
            self.look_for_alarms();
            if self.is_due() && !self.is_to_end() {
                let rounds = self.shared.status().rounds;
                self.back_up();
                let mut status = self.shared.status();
                if status.rounds > rounds {
                    status.answered = self.asked;
                }
                drop(status);
                self.look_at_surroundings();
                self.look_for_alarms();
            }
        }
        Ok(())
    }

    /// Tells what queues do. When one has come to its end, a round lets the spool lose what nobody waits for.
    fn look_at_queues(&mut self) {
        self.queues.look_at_mounts();
        if self.queues.take_ended() {
            self.pending.tend_soon(self.now());
        }
        self.tell_queues();
    }

    fn tell_queues(&self) {
        let now = seconds_of(self.tools.clock.now());
        let mut status = self.shared.status();
        status.take_destinations(self.queues.states());
        let status = &mut *status;
        for there in &status.destinations {
            let last = status.complete.entry(there.name.clone()).or_insert(now);
            if there.is_complete() {
                *last = now;
            }
        }
    }

    fn is_to_end(&self) -> bool {
        self.tools.stop.is_requested() || self.shared.is_stopped()
    }

    fn now(&self) -> Moment {
        self.request.uptime.now()
    }

    /// Says whether the watcher has ended, and will never tell of anything again.
    fn is_deaf(&self) -> bool {
        let sources = self.watcher.sources();
        let has_ended = |source: &Source| source.health.why() == Some(&Reason::Ended);
        sources.iter().any(has_ended)
    }

    /// Makes a snapshot due of all that happened until now, also where nothing tells of changes.
    fn hurry(&mut self) {
        self.watcher.settle(SETTLE);
        let changes = self.watcher.take();
        self.note(&changes);
        let mut hints = Hints::default();
        for source in self.watcher.sources() {
            if source.health != Health::Live {
                let path = path_of(&self.roots, &source.place);
                hints.subtree(path.as_os_str().as_bytes().to_vec());
            }
        }
        let now = self.now();
        if !hints.is_empty() {
            self.pending.note(hints, now);
        }
        self.pending.hurry(now);
        self.insists = true;
    }

    /// Returns the roots that are there. One that is blind is left alone: what an unmounted disk had is not gone.
    fn roots_in_sight(&self) -> Vec<PathBuf> {
        let sources = self.watcher.sources();
        let is_blind = |root: usize| {
            let mut of_root = sources
                .iter()
                .filter(|source| source.place == Place::of_root(root));
            of_root.any(|source| matches!(source.health, Health::BlindSince { .. }))
        };
        let roots = self.roots.iter().enumerate();
        let seen = roots.filter(|(number, _)| !is_blind(*number));
        seen.map(|(_, root)| root.clone()).collect()
    }

    /// Takes in what may have changed.
    fn note(&mut self, changes: &Changes) {
        if changes.is_empty() {
            return;
        }
        let mut hints = Hints::default();
        let bytes = |path: PathBuf| path.as_os_str().as_bytes().to_vec();
        for place in &changes.directories {
            hints.directory(bytes(path_of(&self.roots, place)));
        }
        let now = self.now();
        for tree in &changes.trees {
            if tree.why == Why::Started {
                self.pending.note_all(now);
            }
            hints.subtree(bytes(path_of(&self.roots, &tree.place)));
        }
        if !hints.is_empty() {
            self.pending.note(hints, now);
        }
        self.tell_sources();
    }

    fn tell_sources(&self) {
        let sources = self.watcher.sources().iter().map(source_status).collect();
        let mut status = self.shared.status();
        status.sources = sources;
        status.waiting = self.pending.len() as u64;
    }

    /// Makes the snapshot that is due.
    fn back_up(&mut self) {
        let began = self.now();
        self.began = Some(began);
        self.shared.insist(std::mem::take(&mut self.insists));
        let scope = self.pending.take(began);
        self.tell_begun(&scope);
        self.tools.progress.clear();
        if let Err(error) = self.run_before(&scope) {
            self.pending.failed(scope, self.now());
            self.tell_failed(&error);
            return;
        }
        let hints = match &scope {
            Scope::All => None,
            Scope::Hints(hints) => Some(hints.clone()),
        };
        let roots = self.roots_in_sight();
        let backup = &self.request.backup;
        let (tools, far_allowed) = (self.tools, self.guest.far_allowed());
        let hints = (hints, far_allowed);
        let result = backup_changes(self.profile, backup, &roots, hints, tools, &self.queues);
        self.queues.finished(&result);
        self.queues.note_newest();
        let now = self.now();
        self.run_after(&scope, &result);
        match result {
            Ok(done) => {
                if let (Scope::All, Some(done)) = (&scope, &done.snapshot) {
                    self.shared.status().full_bytes = Some(done.bytes_scanned);
                }
                // What lacks something is its queue's.
                self.pending.succeeded(&scope, true, began, now);
                if done.snapshot.as_ref().is_some_and(|done| done.failed > 0) {
                    self.pending.look_at_all_within(UNREAD_EVERY, now);
                }
                let linked = done.snapshot.as_ref().map_or(0, |done| done.files.linked);
                if linked > 0 {
                    // Their other names may be anywhere.
                    self.pending.look_at_all_soon(now);
                }
                self.tell_done(&done);
            }
            // Work was given up for a pause.
            Err(AgentError::Engine(EngineError::Interrupted)) => {
                self.pending.put_back(scope, now);
            }
            Err(error) => {
                self.pending.failed(scope, now);
                self.tell_failed(&error);
            }
        }
        self.tell_sources();
    }

    fn tell_begun(&self, scope: &Scope) {
        let mut status = self.shared.status();
        status.waiting = 0;
        status.busy_since = Some(seconds_of(self.tools.clock.now()));
        status.state = match scope {
            Scope::All => State::Scanning,
            Scope::Hints(_) => State::Synchronizing,
        };
        self.request.supervisor.status(status.state.words());
    }

    fn tell_done(&self, done: &Round) {
        self.tell_queues();
        let now = seconds_of(self.tools.clock.now());
        let mut status = self.shared.status();
        status.rounds += 1;
        status.unacknowledged = done.unacknowledged;
        if let Some(done) = &done.snapshot {
            status.snapshots += 1;
            status.bytes_stored += done.bytes_stored;
            status.last = Some(last_snapshot(done, now));
        }
        status.last_success = Some(now);
        status.spool_bytes = done.spool_bytes;
        status.reason = None;
        status.state = self.hold.state().unwrap_or_else(|| state_of(&status));
    }

    fn tell_failed(&self, error: &AgentError) {
        let mut status = self.shared.status();
        status.rounds += 1;
        status.state = match error {
            AgentError::Locked { .. } => State::UnderMaintenance,
            AgentError::Engine(EngineError::NoDestination { .. }) => State::WaitingForDestination,
            _ => State::Failing,
        };
        status.reason = Some(with_causes(error));
    }
}

/// Says what the service does when it does nothing.
fn state_of(status: &Status) -> State {
    let lacks = |there: &DestinationState| !there.is_complete();
    if status.rounds == 0 {
        State::Starting
    } else if status.reason.is_some() {
        State::Failing
    } else if status.destinations.iter().any(lacks) {
        State::WaitingForDestination
    } else {
        State::BackupComplete
    }
}

fn seconds_of(time: Timestamp) -> i64 {
    i64::try_from(time.0.div_euclid(1_000_000_000)).unwrap_or(i64::MAX)
}

fn last_snapshot(done: &BackupSummary, now: i64) -> LastSnapshot {
    LastSnapshot {
        snapshot: to_hex(&done.snapshot.hash),
        at: now,
        duration_seconds: done.duration.as_secs_f64(),
        files_new: done.files.new,
        files_changed: done.files.changed,
        files_failed: done.failed,
        bytes_stored: done.bytes_stored,
    }
}

fn source_status(source: &Source) -> SourceStatus {
    let (health, since) = match &source.health {
        Health::Live => ("live", None),
        Health::CatchingUp => ("catching-up", None),
        Health::Degraded { .. } => ("degraded", None),
        Health::BlindSince { time, .. } => ("blind", Some(seconds_of(*time))),
    };
    let why = source.health.why().or(source.passed_over.as_ref());
    SourceStatus {
        path: source.path.display().to_string(),
        mechanism: source.mechanism.map(|mechanism| mechanism.to_string()),
        health: health.to_owned(),
        why: why.map(ToString::to_string),
        blind_since: since,
    }
}
