//! The thread of one destination.

use std::path::Path;
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use strongroom_base::clock::Clock;
use strongroom_base::ids::{ArchiveId, DestinationId};
use strongroom_base::random::RandomSource;
use strongroom_base::with_causes;
use strongroom_engine::queue::{Queue, Served};
use strongroom_engine::{
    Destination, EngineError, Memory as _, Monitor, Progress, Stop, Warning, refuse_newer,
};
use strongroom_replica::Replica;
use strongroom_store::bounded::Bounded;
use strongroom_store::{Folder, Store};

use super::desk::Teller;
use super::entry::{Entry, Fenced, Lane, Office, Table};
use super::place::is_near;
use crate::backup::{CALL_BOUND, Tools};
use crate::destinations::located;
use crate::locks::Locks;
use crate::memory::ProfileMemory;
use crate::profile::{Config, DestinationConfig, Profile};
use crate::wraps::{Wraps, settle};
use crate::{AgentError, wraps};

/// How long a destination that failed waits, in seconds; the last one counts for all later ones.
const RETRIES: [u64; 5] = [5, 15, 30, 60, 300];
/// How often a destination that is up to date, or set aside, is looked at.
const LOOK_EVERY: Duration = Duration::from_hours(1);
/// How often it is looked whether a missing folder is there again, and whether a better one has ended.
const TICK: Duration = Duration::from_secs(1);

/// Why a queue stops while it copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// The service ends, or the destination has other settings now.
    Over,
    /// A command wants to be alone with the archive.
    Turn,
    /// Its hours are over.
    Hours,
    /// The service is paused, or the network costs money.
    Held,
    /// One with a better priority has something to copy.
    Priority,
}

/// What the thread of one destination works with.
pub(super) struct Work {
    pub(super) profile: Profile,
    pub(super) archive: ArchiveId,
    pub(super) id: DestinationId,
    pub(super) ticket: u64,
    pub(super) office: Arc<Office>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn RandomSource>,
    pub(super) zone: TimeZone,
}

/// Until when a queue waits.
#[derive(Clone, Copy, Debug)]
enum Next {
    At(Instant),
    /// Until the folder of its destination is there, or then.
    Folder(Instant),
    Now,
}

struct Quiet;

impl Monitor for Quiet {
    fn warning(&self, _: Warning) {}
}

/// How a queue is.
struct State {
    failures: usize,
    looked: Option<Instant>,
    calls: u64,
    /// Whether sisters that are far away are asked as well: the near ones and the spool do not have what it lacks.
    asks_far: bool,
    store: Option<Arc<dyn Store>>,
}

impl Work {
    /// Serves the destination until the service ends, or its settings change.
    pub(super) fn run(self) {
        self.office.lock().threads += 1;
        let mut state = State {
            failures: 0,
            looked: None,
            calls: 0,
            asks_far: false,
            store: None,
        };
        while let Some(next) = self.turn(&mut state) {
            if !self.wait(next, &mut state) {
                break;
            }
        }
        self.office.lock().threads -= 1;
        self.office.changed.notify_all();
    }

    pub(super) fn now(&self) -> i64 {
        crate::service::seconds_of(self.clock.now())
    }

    /// Returns the entry of the destination, where it is still this thread's.
    pub(super) fn entry<'t>(&self, table: &'t mut MutexGuard<'_, Table>) -> Option<&'t mut Entry> {
        let entry = table.entries.get_mut(&self.id)?;
        (entry.ticket == self.ticket).then_some(entry)
    }

    /// Changes what is known of the destination; says whether it is still this thread's.
    fn tell(&self, change: impl FnOnce(&mut Entry, i64)) -> bool {
        let now = self.now();
        let mut table = self.office.lock();
        let Some(entry) = self.entry(&mut table) else {
            return false;
        };
        change(entry, now);
        true
    }

    fn is_over(&self) -> bool {
        let mut table = self.office.lock();
        table.is_over || self.entry(&mut table).is_none()
    }

    /// Waits; says whether the thread goes on.
    fn wait(&self, next: Next, state: &mut State) -> bool {
        let mut table = self.office.lock();
        loop {
            if table.is_over {
                return false;
            }
            let calls = table.calls;
            let Some(entry) = self.entry(&mut table) else {
                return false;
            };
            let (until, folder) = match next {
                Next::Now => return true,
                Next::At(until) => (until, None),
                Next::Folder(until) => (until, entry.folder.clone()),
            };
            let is_called = calls != state.calls && state.failures == 0;
            if is_called || entry.look_now || Instant::now() >= until {
                state.calls = calls;
                return true;
            }
            let left = until.saturating_duration_since(Instant::now());
            let left = if folder.is_some() {
                left.min(TICK)
            } else {
                left
            };
            table = self.office.wait(table, left);
            if let Some(folder) = folder {
                drop(table);
                if folder.symlink_metadata().is_ok() {
                    state.failures = 0;
                    return true;
                }
                table = self.office.lock();
            }
        }
    }

    /// Says whether copying is to stop.
    pub(super) fn reason_to_stop(&self) -> Option<Why> {
        if self.is_over() {
            return Some(Why::Over);
        }
        if self.profile.is_turn_taken(self.archive) {
            return Some(Why::Turn);
        }
        if self.opens_at().is_some() {
            return Some(Why::Hours);
        }
        if self.held().is_some() {
            return Some(Why::Held);
        }
        self.better().map(|_| Why::Priority)
    }

    /// Returns the name of a destination with a better priority that copies.
    fn better(&self) -> Option<String> {
        let mut table = self.office.lock();
        let own = self.entry(&mut table)?.priority;
        let mut entries = table.entries.values();
        let better = entries.find(|entry| entry.is_moving() && entry.priority < own);
        better.map(|entry| entry.name.clone())
    }

    /// Returns where the destination is.
    fn location(&self) -> Option<crate::Location> {
        let url = {
            let mut table = self.office.lock();
            self.entry(&mut table)?.url.clone()
        };
        crate::Location::parse(&url, Path::new("/")).ok()
    }

    /// Says why the service wants nothing to be copied now.
    fn held(&self) -> Option<String> {
        let is_far = self.location()?.folder().is_none();
        self.office.held(is_far)
    }

    /// Returns when the hours of the destination begin, where it is not one of them.
    fn opens_at(&self) -> Option<i64> {
        let location = self.location()?;
        let hours = location.options().schedule?;
        let now = jiff::Timestamp::from_nanosecond(self.clock.now().0).ok()?;
        hours.opens_at(&now.to_zoned(self.zone.clone()))
    }

    /// Does what there is to do, and returns what to wait for; `None` ends the thread.
    fn turn(&self, state: &mut State) -> Option<Next> {
        let (lane, look_now) = {
            let mut table = self.office.lock();
            state.calls = table.calls;
            let entry = self.entry(&mut table)?;
            (entry.lane, std::mem::take(&mut entry.look_now))
        };
        if lane == Lane::Foreground && !look_now {
            return Some(Next::At(Instant::now() + LOOK_EVERY));
        }
        if let Some(opens) = self.opens_at() {
            let wait = u64::try_from(opens - self.now()).unwrap_or(1).clamp(1, 60);
            self.tell(|entry, now| {
                entry.was_looked_at = true;
                entry.set("scheduled", None, now);
                entry.until = Some(opens);
            });
            return Some(Next::At(Instant::now() + Duration::from_secs(wait)));
        }
        if let Some(why) = self.held() {
            self.tell(|entry, now| {
                entry.was_looked_at = true;
                entry.set("waiting", Some(why), now);
            });
            self.office.changed.notify_all();
            // It is called when that is over.
            return Some(Next::At(Instant::now() + LOOK_EVERY));
        }
        let is_fresh = state.looked.is_some_and(|at| at.elapsed() < LOOK_EVERY);
        if !look_now && is_fresh && state.failures == 0 && !self.lacks().unwrap_or(true) {
            return Some(Next::At(Instant::now() + LOOK_EVERY));
        }
        let served = self.serve(state);
        self.office.changed.notify_all();
        let next = self.judge(served, state);
        self.office.tell();
        next
    }

    /// Says whether there is something that the destination did not acknowledge.
    fn lacks(&self) -> Result<bool, AgentError> {
        let memory = ProfileMemory::new(&self.profile, self.archive);
        let state = memory.load().map_err(EngineError::from)?;
        Ok(state.heads.get(&self.id) != state.head.as_ref())
    }

    /// Looks at the destination, and copies what it lacks.
    fn serve(&self, state: &mut State) -> Result<Result<Served, Why>, AgentError> {
        if let Some(why) = self.reason_to_stop() {
            return Ok(Err(why));
        }
        let Some(_working) = self.profile.share_archive(self.archive)? else {
            return Ok(Err(Why::Turn));
        };
        let config = self.profile.config()?;
        let Some(there) = config.destination_by_id(self.id) else {
            return Ok(Err(Why::Over));
        };
        let store = match state.store.take() {
            Some(store) => store,
            None => located(&config, there)?.open()?,
        };
        let destination = Destination {
            id: self.id,
            name: there.name.to_string(),
            replica: Ok(Replica::new(Arc::clone(&store), self.archive)),
        };
        let (_, authority) = wraps::descriptor(&self.profile, self.archive)?;
        let memory = ProfileMemory::new(&self.profile, self.archive);
        self.bring_keys(&destination, &authority);
        let lacks = self.lacks()?;
        self.tell(|entry, _| entry.copying = lacks.then(Instant::now));
        let queue = Queue {
            archive: self.archive,
            authority,
            sisters: self.sisters(&config, state.asks_far),
            spool: self.spool(),
            destination,
            memory: &memory,
            wait: &std::thread::sleep,
        };
        let mut teller = Teller {
            work: self,
            begun: Instant::now(),
            why: None,
        };
        let served = queue.serve(&mut teller);
        self.tell(|entry, _| entry.copying = None);
        let (served, why) = (served?, teller.why);
        if let Some(why) = why {
            state.store = Some(store);
            return Ok(Err(why));
        }
        if matches!(served, Served::UpToDate(_)) {
            self.extend_locks(there, &store, authority);
        }
        if store.is_far() && !matches!(served, Served::Unreachable(_)) {
            // A folder is opened anew: another disk may be there.
            state.store = Some(store);
        }
        Ok(Ok(served))
    }

    /// Brings the newest keys; what fails here shows when the destination is written.
    fn bring_keys(&self, destination: &Destination, authority: &[u8; 32]) {
        let (Ok(replica), Ok(wraps)) = (
            &destination.replica,
            Wraps::load(&self.profile, self.archive),
        ) else {
            return;
        };
        let fence = || {
            let memory = ProfileMemory::new(&self.profile, self.archive);
            let looked_at = std::slice::from_ref(destination);
            Ok(refuse_newer(looked_at, authority, &memory)?)
        };
        let _ = settle(replica, &wraps, &fence);
    }

    fn extend_locks(&self, there: &DestinationConfig, store: &Arc<dyn Store>, authority: [u8; 32]) {
        let (progress, stop) = (Progress::default(), Stop::default());
        let tools = Tools {
            clock: Arc::clone(&self.clock),
            random: Arc::clone(&self.random),
            monitor: &Quiet,
            progress: &progress,
            stop: &stop,
        };
        let replica = Replica::new(Arc::clone(store), self.archive);
        let mut locks = Locks::load(&self.profile, self.archive, authority, &tools);
        // What could not be locked is looked at again the next time.
        let _ = locks.extend_at(self.id, there.name.as_str(), &replica);
    }

    /// Returns the spool, where there is one.
    fn spool(&self) -> Option<Replica> {
        let folder = Folder::open(&self.profile.spool_dir(self.archive)).ok()?;
        Some(Replica::new(Arc::new(folder), self.archive))
    }

    /// Returns other destinations that have the newest record: those that rounds write to, else those far away.
    fn sisters(&self, config: &Config, asks_far: bool) -> Vec<Replica> {
        let ids: Vec<DestinationId> = {
            let table = self.office.lock();
            let others = table.entries.iter().filter(|(id, _)| **id != self.id);
            let near = others.clone().filter(|(_, it)| it.lane == Lane::Foreground);
            let far = others.filter(|(_, it)| it.lane == Lane::Background && it.has_newest);
            let far = far.filter(|_| asks_far);
            near.chain(far).map(|(id, _)| *id).collect()
        };
        let there = ids.iter().filter_map(|id| config.destination_by_id(*id));
        let stores = there.filter_map(|there| located(config, there).ok()?.open().ok());
        let bounded = stores.map(|store| -> Arc<dyn Store> {
            if store.is_far() {
                return store;
            }
            Arc::new(Bounded::new(store, CALL_BOUND))
        });
        bounded
            .map(|store| Replica::new(store, self.archive))
            .collect()
    }

    /// Notes what became of serving, and returns what to wait for.
    fn judge(
        &self,
        served: Result<Result<Served, Why>, AgentError>,
        state: &mut State,
    ) -> Option<Next> {
        let is_near = matches!(served, Ok(Ok(Served::UpToDate(_)))) && self.may_come_forward();
        let outcome = match served {
            Ok(Err(why)) => return self.pause(why),
            Ok(Ok(served)) => Ok(served),
            Err(AgentError::Engine(EngineError::Fenced {
                destination,
                found,
                known,
            })) => {
                let fenced = Fenced {
                    destination,
                    found,
                    known,
                };
                self.tell(|entry, _| entry.fenced = Some(fenced));
                let why = "it is ahead of this profile: somebody else has written there";
                Err(("ahead", why.to_owned()))
            }
            Err(error) => Err(("unreachable", with_causes(&error))),
        };
        state.looked = Some(Instant::now());
        let (status, reason) = match outcome {
            Ok(Served::UpToDate(head)) => {
                (state.failures, state.asks_far) = (0, false);
                let told = self.tell(|entry, now| {
                    entry.was_looked_at = true;
                    (entry.fenced, entry.is_aside, entry.has_newest) = (None, false, true);
                    entry.acknowledged = Some(head);
                    entry.acknowledged_at = entry.acknowledged_at.or(Some(now));
                    if is_near {
                        entry.lane = Lane::Foreground;
                    }
                    entry.set("up-to-date", None, now);
                });
                self.office.lock().has_ended = true;
                return told.then(|| Next::At(Instant::now() + LOOK_EVERY));
            }
            Ok(Served::CaughtUp(_)) => {
                // It is looked at once more: somebody may have begun a generation there meanwhile.
                (state.failures, state.asks_far, state.looked) = (0, false, None);
                return Some(Next::Now);
            }
            Ok(Served::Stopped) => return Some(Next::Now),
            Ok(Served::Waiting(why)) => {
                state.asks_far = !state.asks_far;
                if state.asks_far {
                    return Some(Next::Now);
                }
                ("waiting", why)
            }
            Ok(Served::Unreachable(why)) => ("unreachable", why),
            Ok(Served::Incomplete(why)) => ("not-complete", why),
            Ok(Served::SetAside(why)) => ("set-aside", why),
            Err(failed) => failed,
        };
        self.fail(status, reason, state)
    }

    /// Says whether rounds may serve it: it is near, and has no limit and no hours.
    fn may_come_forward(&self) -> bool {
        let (url, not_before) = {
            let mut table = self.office.lock();
            let Some(entry) = self.entry(&mut table) else {
                return false;
            };
            (entry.url.clone(), entry.not_foreground_before)
        };
        let Ok(location) = crate::Location::parse(&url, Path::new("/")) else {
            return false;
        };
        let options = location.options();
        let is_free = options.limit_upload.is_none()
            && options.limit_download.is_none()
            && options.schedule.is_none();
        let is_over = not_before.is_none_or(|not_before| not_before <= Instant::now());
        is_free && is_over && location.folder().is_some_and(is_near)
    }

    fn pause(&self, why: Why) -> Option<Next> {
        let soon = Instant::now() + TICK;
        match why {
            Why::Over => return None,
            Why::Hours | Why::Held => return Some(Next::Now),
            Why::Turn => self.tell(|entry, now| {
                entry.was_looked_at = true;
                entry.look_now = false;
                entry.set("under-maintenance", None, now);
            }),
            Why::Priority => {
                let reason = self.better().map(|name| format!("{name} goes first"));
                self.tell(|entry, now| {
                    entry.was_looked_at = true;
                    entry.set("waiting", reason, now);
                })
            }
        };
        Some(Next::At(soon))
    }

    fn fail(&self, status: &'static str, reason: String, state: &mut State) -> Option<Next> {
        let seconds = RETRIES[state.failures.min(RETRIES.len() - 1)];
        state.failures += 1;
        let mut is_gone = false;
        let told = self.tell(|entry, now| {
            entry.was_looked_at = true;
            entry.is_aside = status == "set-aside";
            entry.has_newest = false;
            entry.lane = Lane::Background;
            entry.set(status, Some(reason), now);
            entry.next_try = now.checked_add_unsigned(seconds);
            is_gone = entry
                .folder
                .as_ref()
                .is_some_and(|folder| folder.symlink_metadata().is_err());
        });
        let next = Instant::now() + Duration::from_secs(seconds);
        told.then_some(if is_gone {
            Next::Folder(next)
        } else {
            Next::At(next)
        })
    }
}
