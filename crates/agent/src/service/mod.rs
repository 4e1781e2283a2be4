//! The background service: it backs up what changes, as it changes.
//!
//! A watcher says which directories may have changed. When it is calm, or has not been for a while, a snapshot
//! is made of what it named. Once a day everything is looked at, whatever was noticed.

mod alarm;
mod announce;
mod check_ins;
mod condition;
mod control;
mod gaps;
mod heartbeat;
mod hold;
mod hook;
mod install;
mod matter;
mod metrics;
mod moment;
mod note;
mod pace;
mod pending;
mod queues;
mod review;
mod rounds;
mod scrape;
mod server_status;
mod settings;
mod single;
mod socket;
mod status;
mod supervisor;
mod unit;
mod watching;

use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use strongroom_base::clock::Timestamp;
use strongroom_base::ids::ArchiveId;
use strongroom_engine::backup::Hints;
use strongroom_engine::{Progress, Stop};
use strongroom_watch::{Choice, Health, Watcher};

pub use alarm::{Alarms, Notice};
pub use condition::Condition;
pub use control::{Answer, Ask};
pub use hook::{HookError, HookSettings};
pub use install::Manager;
pub use matter::{Matter, Severity};
pub use metrics::metrics;
pub use moment::{Moment, SystemUptime, Uptime};
pub use pending::Rhythm;
pub use server_status::{CheckInState, ServerChange, ServerStatus};
pub use settings::{ServiceSettings, change_settings};
pub use socket::ask;
pub use status::{
    Answered, DestinationState, LastSnapshot, QueueState, SourceStatus, State, Status, WorkDone,
};
pub use supervisor::{Supervisor, Unsupervised};
pub use unit::{Scope as UnitScope, Unit};

use crate::backup::outermost;
use crate::guest::Guest;
use crate::profile::Profile;
use crate::{AgentError, BackupRequest, Tools, spool};
use announce::Announcer;
use control::{AtWork, Household, Shared};

use gaps::Gaps;
use heartbeat::Heartbeat;
use hold::Hold;
use pace::ServicePace;
use pending::Pending;
use queues::Queues;
use scrape::Scrape;
use single::Singles;
use socket::Control;
use watching::{ClosedRoot, path_of, settings};

/// How much the spool of each archive may take where nobody chose a limit.
pub const SPOOL_BYTES: u64 = 10 << 30;
/// How long to wait for what happened before somebody asked for a snapshot.
const SETTLE: Duration = Duration::from_secs(10);
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
    let now = Box::new(seconds.clone());
    let shared = Arc::new(Shared::new(profile, request, now, config.hooks));
    let _control = Control::open(profile, &shared)?;
    let _scrape = scrape(request, &shared, seconds)?;
    if profile.config()?.spool_bytes.is_none() {
        spool::set_limit(profile, SPOOL_BYTES)?;
    }
    let roots = outermost(&request.backup.paths);
    let singles = Singles::of(&roots);
    let settings = settings(profile, request, (&roots, &singles), tools)?;
    let watcher = Watcher::start(settings).map_err(AgentError::Watch)?;
    let waker = watcher.waker();
    let (guest, _follower) = Guest::follow(config.guest, move || waker.wake());
    let house = Arc::new(Household(Arc::downgrade(&shared)));
    let queues = Queues::new(
        profile,
        Arc::clone(&tools.clock),
        Arc::clone(&tools.random),
        house,
        request.rhythm.look,
    );
    shared.begin(AtWork {
        waker: watcher.waker(),
        guest: Arc::clone(&guest),
        destinations: queues.view(),
        check_in: check_ins::begin(
            &shared,
            Arc::clone(&request.uptime),
            Arc::clone(&tools.random),
        ),
    });
    request.stop.set_pace(ServicePace {
        guest: Arc::clone(&guest),
        shared: Arc::clone(&shared),
    });
    shared.say_who(seconds_of(tools.clock.now()), &guest);
    let _heartbeat = Heartbeat::start(Arc::clone(&request.supervisor), &shared);
    std::thread::scope(|scope| {
        let host = &request.backup.host;
        let announcer = Announcer::start(scope, &shared, tools.monitor, host);
        let mut service = Service {
            profile,
            request,
            tools,
            shared: &shared,
            roots,
            singles,
            looks_at_kinds: true,
            closed: Vec::new(),
            gaps: Gaps::default(),
            watcher: &watcher,
            guest: &guest,
            pending: Pending::new(request.rhythm, request.uptime.now()),
            hold: Hold::No,
            insists: false,
            archive: None,
            began: None,
            asked: 0,
            announcer: &announcer,
            queues,
        };
        request.supervisor.ready();
        let result = service.run();
        request.supervisor.stopping();
        result
    })
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

/// The service under way.
struct Service<'a> {
    profile: &'a Profile,
    request: &'a ServiceRequest<'a>,
    tools: &'a Tools<'a>,
    shared: &'a Shared,
    roots: Vec<PathBuf>,
    singles: Singles,
    /// Whether a root may have become a file, or a folder.
    looks_at_kinds: bool,
    /// Those that could not be opened at the last look.
    closed: Vec<ClosedRoot>,
    gaps: Gaps,
    watcher: &'a Watcher,
    guest: &'a Guest,
    pending: Pending,
    hold: Hold,
    /// Whether somebody asked for the next snapshot.
    insists: bool,
    /// The archive, once that is known.
    archive: Option<ArchiveId>,
    /// When the last snapshot began.
    began: Option<Moment>,
    /// How many times somebody asked for one so far.
    asked: u64,
    announcer: &'a Announcer,
    queues: Queues,
}

impl Service<'_> {
    fn run(&mut self) -> Result<(), AgentError> {
        self.look_at_queues();
        while !self.is_to_end() {
            self.shared.beat();
            let wait = self.next_look().min(self.queues.patience());
            let changes = self.watcher.wait(wait.min(WAIT_MAX));
            self.note(&changes);
            self.look_at_closed_roots();
            self.look_at_queues();
            if self.is_deaf() {
                return Err(AgentError::WatchEnded);
            }
            self.refuse_other_kinds()?;
            let asked = self.shared.asked_now();
            if asked > self.asked {
                self.asked = asked;
                self.hurry();
            }
            self.look_at_surroundings();
            self.tell_others();
            if self.is_due() && !self.is_to_end() {
                if let Some(answer) = self.back_up() {
                    let mut status = self.shared.status();
                    (status.answered, status.answer) = (self.asked, Some(answer));
                }
                self.look_at_surroundings();
                self.tell_others();
            }
        }
        Ok(())
    }

    /// Tells what queues do. When one has come to its end, a round lets the spool lose what nobody waits for.
    fn look_at_queues(&mut self) {
        self.queues.look_at_settings(&self.request.backup);
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
        status.note_complete(now);
    }

    fn is_to_end(&self) -> bool {
        self.tools.stop.is_requested() || self.shared.is_stopped()
    }

    fn now(&self) -> Moment {
        self.request.uptime.now()
    }

    /// Makes a snapshot due of all that happened until now, also where nothing tells of changes.
    fn hurry(&mut self) {
        let is_settled = self.watcher.settle(SETTLE);
        let changes = self.watcher.take();
        self.note(&changes);
        if !is_settled {
            self.pending.note_all(self.now());
        }
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
    } else if status.has_blind_source() {
        State::SourceBlind
    } else {
        State::BackupComplete
    }
}

fn seconds_of(time: Timestamp) -> i64 {
    i64::try_from(time.0.div_euclid(1_000_000_000)).unwrap_or(i64::MAX)
}
