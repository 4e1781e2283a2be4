//! The queues of the service: a thread for each destination, which serves it whenever no round does.
//! `docs/adr/0010-queues.md`.

mod desk;
mod entry;
mod judge;
mod permit;
mod place;
mod work;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use strongroom_base::clock::Clock;
use strongroom_base::ids::{ArchiveId, DestinationId};
use strongroom_base::random::RandomSource;
use strongroom_engine::{DestinationReport, DestinationStatus, EngineError, Queued, Turn};

use crate::AgentError;
use crate::backup::{BackupRequest, Dispatch, Lanes, Round, known_archive};
use crate::profile::{Config, DestinationConfig, Profile, Stamp};
use crate::service::status::DestinationState;
use entry::{Entry, Lane, Office};
use work::Work;

/// How long a round waits until every queue has looked at its destination for the first time.
const FIRST_LOOKS: Duration = Duration::from_secs(2);
/// How long to wait for threads that end.
const ENDING: Duration = Duration::from_secs(2);
/// How long a destination that let a call wait too long stays with its queue.
const PENALTY: Duration = Duration::from_mins(10);

/// How long the service may wait while a destination lacks something: a disk that comes is seen so soon.
const ALERT: Duration = Duration::from_secs(2);

/// The service that queues belong to.
pub(super) trait House: Send + Sync {
    /// Says why nothing may be copied now, to a destination beyond this computer or to one on it.
    fn held(&self, is_far: bool) -> Option<String>;

    /// Says whether the budget of the service allows more work now.
    fn turn(&self) -> Turn;

    /// Is told that something is different: a queue has come to its end, or failed.
    fn tell(&self);
}

/// How the destinations are, for whoever wants to know.
#[derive(Clone)]
pub(super) struct View(Arc<Office>);

impl std::fmt::Debug for View {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("View").finish_non_exhaustive()
    }
}

impl View {
    /// Says how the destinations are; none where no round has been made yet.
    pub(super) fn states(&self) -> Vec<DestinationState> {
        self.0.states()
    }

    /// Lets every queue look at its destination at once: what kept it from that may be over.
    pub(super) fn look_again(&self) {
        self.0.look_again();
    }
}

/// The queues of a service that runs.
pub(super) struct Queues {
    profile: Profile,
    clock: Arc<dyn Clock>,
    random: Arc<dyn RandomSource>,
    zone: TimeZone,
    office: Arc<Office>,
    /// Whether the next round serves every destination itself: the last one could not write anywhere.
    is_direct: bool,
    /// Whether nothing was cut short in the spool since it was tidied.
    is_spool_tidy: bool,
    /// Tells the settings that queues were begun for.
    followed: Option<Stamp>,
    /// How often a destination that rounds serve is looked at while no round does.
    look_near_every: Duration,
}

impl Queues {
    /// Has no queue yet.
    pub(super) fn new(
        profile: &Profile,
        clock: Arc<dyn Clock>,
        random: Arc<dyn RandomSource>,
        house: Arc<dyn House>,
        look_near_every: Duration,
    ) -> Self {
        Self {
            profile: profile.clone(),
            clock,
            random,
            zone: TimeZone::system(),
            office: Arc::new(Office::new(house)),
            is_direct: false,
            is_spool_tidy: false,
            followed: None,
            look_near_every,
        }
    }

    /// Begins a queue for each destination of an archive, and ends those of others.
    fn follow(&self, config: &Config, archive: ArchiveId) {
        let mut wanted = BTreeMap::new();
        let settings = config.archive(archive);
        for id in settings.iter().flat_map(|settings| &settings.destinations) {
            if let Some(there) = config.destination_by_id(*id) {
                wanted.insert(*id, there);
            }
        }
        let mut table = self.office.lock();
        if table.archive != Some(archive) {
            table.entries.clear();
            table.archive = Some(archive);
        }
        table.entries.retain(|id, entry| {
            let there = wanted.get(id);
            there.is_some_and(|there| there.url == entry.url)
        });
        let order = settings.map(|settings| settings.destinations.clone());
        table.order = order.unwrap_or_default();
        for (id, there) in wanted {
            if table.entries.contains_key(&id) {
                continue;
            }
            table.tickets += 1;
            let ticket = table.tickets;
            table.entries.insert(id, Entry::new(there, ticket));
            let work = Work {
                profile: self.profile.clone(),
                archive,
                id,
                ticket,
                office: Arc::clone(&self.office),
                clock: Arc::clone(&self.clock),
                random: Arc::clone(&self.random),
                zone: self.zone.clone(),
                look_near_every: self.look_near_every,
            };
            let begun = std::thread::Builder::new()
                .name("queue".to_owned())
                .spawn(move || work.run());
            if begun.is_err() {
                // It is tried again at the next round.
                table.entries.remove(&id);
            }
        }
        drop(table);
        self.office.wake();
    }

    /// Takes in what became of a round.
    pub(super) fn finished(&mut self, result: &Result<Round, AgentError>) {
        if let Err(error) = result
            && !has_no_place(error)
        {
            self.is_spool_tidy = false;
            if !matches!(error, AgentError::Locked { .. }) {
                self.look_at_near();
            }
        } else if let Ok(round) = result {
            self.is_direct = false;
            self.is_spool_tidy = round.is_spool_sound;
            self.profile.keep_reserve();
            if let Ok(config) = self.profile.config() {
                self.follow(&config, round.archive);
            }
            let now = super::seconds_of(self.clock.now());
            for report in &round.destinations {
                if matches!(report.status, DestinationStatus::Incomplete(_)) {
                    // What a queue noted before says otherwise. Where this fails, the memory of the round says it.
                    let (place, notebook) = ((&self.profile, round.archive), &self.office.notebook);
                    let _ = notebook.note_incomplete(place, report.id, true);
                }
                if let Some(entry) = self.office.lock().entries.get_mut(&report.id) {
                    take_report(entry, report, now);
                }
            }
        } else {
            self.is_spool_tidy = false;
            self.look_at_near();
            let table = self.office.lock();
            let is_near = |entry: &Entry| entry.lane == Lane::Foreground;
            let is_served = table.entries.values().any(is_near);
            // What copies now makes room, and comes first.
            self.is_direct = !is_served && !table.entries.values().any(Entry::is_moving);
        }
        self.office.wake();
    }

    /// Lets the queues of what rounds serve look at it: a round that failed says nothing of how it is.
    fn look_at_near(&self) {
        let mut table = self.office.lock();
        let near = table.entries.values_mut();
        for entry in near.filter(|entry| entry.lane == Lane::Foreground) {
            entry.look_now = true;
        }
    }

    /// Begins queues, and ends them, where the settings have changed: for the archive that rounds write, once it has begun.
    pub(super) fn look_at_settings(&mut self, request: &BackupRequest<'_>) {
        let stamp = self.profile.config_stamp();
        if stamp == self.followed {
            return;
        }
        // What cannot be read now is the next round's.
        if let Ok(config) = self.profile.config()
            && let Some(archive) = known_archive(&config, request).filter(|archive| archive.begun)
        {
            self.follow(&config, archive.id);
            self.note_newest();
        }
        self.followed = stamp;
    }

    /// Says, once for each time, whether a queue has come to its end: the spool may lose what it holds.
    pub(super) fn take_ended(&self) -> bool {
        std::mem::take(&mut self.office.lock().has_ended)
    }

    /// Looks whether the table of mounts has changed: a disk may have come back.
    pub(super) fn look_at_mounts(&self) {
        if self.office.mounts.has_changed() {
            self.look_again();
        }
    }

    /// Lets every queue look at its destination at once: what kept it from that may be over.
    pub(super) fn look_again(&self) {
        self.office.look_again();
    }

    /// Returns how long the service may wait before it looks at the queues again.
    pub(super) fn patience(&self) -> Duration {
        let lacks = |there: &DestinationState| !there.is_complete();
        if self.states().iter().any(lacks) {
            ALERT
        } else {
            Duration::MAX
        }
    }

    /// Lets others see how the destinations are.
    pub(super) fn view(&self) -> View {
        View(Arc::clone(&self.office))
    }

    /// Says how the destinations are.
    pub(super) fn states(&self) -> Vec<DestinationState> {
        self.office.states()
    }

    /// Notes the newest record that there is, so that it can be said how far a destination is behind.
    pub(super) fn note_newest(&self) {
        let mut table = self.office.lock();
        let Some(archive) = table.archive else { return };
        let memory = crate::memory::ProfileMemory::new(&self.profile, archive);
        let state = strongroom_engine::Memory::load(&memory);
        table.newest = state.ok().and_then(|state| state.head);
    }
}

impl Dispatch for Queues {
    fn lanes(&self, config: &Config, archive: ArchiveId) -> Result<Option<Lanes>, AgentError> {
        if !config.archive(archive).is_some_and(|there| there.begun) {
            return Ok(None);
        }
        self.follow(config, archive);
        if self.is_direct {
            return Ok(None);
        }
        let begin = Instant::now();
        let mut table = self.office.lock();
        while table.entries.values().any(|entry| !entry.was_looked_at) {
            let Some(left) = FIRST_LOOKS.checked_sub(begin.elapsed()) else {
                break;
            };
            table = self.office.wait(table, left);
        }
        for entry in table.entries.values_mut() {
            // One that hangs is waited for once, and never again.
            entry.was_looked_at = true;
        }
        if let Some(fenced) = table
            .entries
            .values()
            .find_map(|entry| entry.fenced.clone())
        {
            return Err(EngineError::Fenced {
                destination: fenced.destination,
                found: fenced.found,
                known: fenced.known,
            }
            .into());
        }
        let is_foreground = |(_, entry): &(&DestinationId, &Entry)| entry.lane == Lane::Foreground;
        let (near, far): (Vec<_>, Vec<_>) = table.entries.iter().partition(is_foreground);
        let queued = far.into_iter().map(|(id, entry)| Queued {
            id: *id,
            name: entry.name.clone(),
            may_catch_up: !entry.is_aside,
        });
        let known = |entry: &Entry| Some((entry.folder.clone()?, entry.identity));
        Ok(Some(Lanes {
            identities: table.entries.values().filter_map(known).collect(),
            foreground: near.into_iter().map(|(id, _)| *id).collect(),
            queues: strongroom_engine::Queues {
                destinations: queued.collect(),
                is_spool_tidy: self.is_spool_tidy,
            },
        }))
    }

    fn refusal(&self, there: &DestinationConfig) -> Option<String> {
        let location = crate::Location::parse(&there.url, std::path::Path::new("/")).ok()?;
        if permit::opens_at(&location, &*self.clock, &self.zone).is_some() {
            return Some("it is not one of its hours".to_owned());
        }
        self.office.held(location.folder().is_none())
    }
}

impl Drop for Queues {
    fn drop(&mut self) {
        let begin = Instant::now();
        let mut table = self.office.lock();
        table.is_over = true;
        table.entries.clear();
        self.office.changed.notify_all();
        // One that hangs ends with the process: whatever it does may be cut short.
        while table.threads > 0 {
            let Some(left) = ENDING.checked_sub(begin.elapsed()) else {
                return;
            };
            table = self.office.wait(table, left);
        }
    }
}

/// Says whether a round failed for want of a place to write to.
fn has_no_place(error: &AgentError) -> bool {
    matches!(error, AgentError::Engine(EngineError::NoDestination { .. }))
}

/// Takes in what a round says of a destination that it served; one that it could not serve goes to its queue.
fn take_report(entry: &mut Entry, report: &DestinationReport, now: i64) {
    let (status, reason) = match &report.status {
        DestinationStatus::Queued => return,
        DestinationStatus::UpToDate | DestinationStatus::CaughtUp => {
            entry.is_aside = false;
            entry.acknowledged_at = Some(now);
            entry.has_newest = true;
            entry.looked = Some(Instant::now());
            entry.set("up-to-date", None, now);
            return;
        }
        DestinationStatus::Unreachable(why) => ("unreachable", why),
        DestinationStatus::Incomplete(why) => ("not-complete", why),
        DestinationStatus::SetAside(why) => ("set-aside", why),
    };
    entry.is_aside = matches!(report.status, DestinationStatus::SetAside(_));
    entry.lane = Lane::Background;
    entry.has_newest = false;
    entry.look_now = true;
    if reason.contains("did not answer in time") {
        entry.not_foreground_before = Some(Instant::now() + PENALTY);
    }
    entry.set(status, Some(reason.clone()), now);
}

/// Returns the folder of a destination, where it is one.
fn folder_of(url: &str) -> Option<PathBuf> {
    let location = crate::Location::parse(url, std::path::Path::new("/")).ok()?;
    location.folder().map(std::path::Path::to_owned)
}
