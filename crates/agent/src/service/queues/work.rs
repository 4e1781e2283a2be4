//! The thread of one destination.

use std::cell::Cell;
use std::os::unix::fs::MetadataExt as _;
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use strongroom_base::clock::Clock;
use strongroom_base::ids::{ArchiveId, DestinationId};
use strongroom_base::random::RandomSource;
use strongroom_engine::queue::{Queue, Served};
use strongroom_engine::{
    Destination, EngineError, Memory as _, Monitor, Progress, Stop, Warning, refuse_newer,
};
use strongroom_replica::Replica;
use strongroom_store::bounded::Bounded;
use strongroom_store::{Folder, Store};

use super::desk::Teller;
use super::entry::{Entry, Lane, Office, Table};
use super::permit::Why;
use crate::backup::{CALL_BOUND, Tools};
use crate::destinations::{located, open_within};
use crate::locks::Locks;
use crate::memory::ProfileMemory;
use crate::profile::{Config, DestinationConfig, Profile};
use crate::wraps::{Wraps, settle};
use crate::{AgentError, wraps};

/// How often a destination that is up to date, or set aside, is looked at.
pub(super) const LOOK_EVERY: Duration = Duration::from_hours(1);
/// How often it is looked whether what holds a queue is over.
const ASK_EVERY: Duration = Duration::from_mins(1);
/// How often it is looked whether a missing folder is there again, and whether a better one has ended.
pub(super) const TICK: Duration = Duration::from_secs(1);

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
    /// How often the destination is looked at while rounds serve it, and none does.
    pub(super) look_near_every: Duration,
}

/// Until when a queue waits.
#[derive(Clone, Copy, Debug)]
pub(super) enum Next {
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
pub(super) struct State {
    pub(super) failures: usize,
    pub(super) looked: Option<Instant>,
    /// Whether it was up to date then.
    pub(super) is_well: bool,
    calls: u64,
    /// Whether sisters that are far away are asked as well: the near ones and the spool do not have what it lacks.
    pub(super) asks_far: bool,
    /// When what was left out before was looked for at the last time, and whether far away, too.
    pub(super) filled: Option<(Instant, bool)>,
    store: Option<Arc<dyn Store>>,
}

impl Work {
    /// Serves the destination until the service ends, or its settings change.
    pub(super) fn run(self) {
        self.office.lock().threads += 1;
        let mut state = State {
            failures: 0,
            looked: None,
            is_well: false,
            calls: 0,
            asks_far: false,
            filled: None,
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
    pub(super) fn tell(&self, change: impl FnOnce(&mut Entry, i64)) -> bool {
        let now = self.now();
        let mut table = self.office.lock();
        let Some(entry) = self.entry(&mut table) else {
            return false;
        };
        change(entry, now);
        true
    }

    pub(super) fn is_over(&self) -> bool {
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

    /// Does what there is to do, and returns what to wait for; `None` ends the thread.
    fn turn(&self, state: &mut State) -> Option<Next> {
        let (lane, look_now, looked) = {
            let mut table = self.office.lock();
            state.calls = table.calls;
            let entry = self.entry(&mut table)?;
            let look_now = std::mem::take(&mut entry.look_now);
            (entry.lane, look_now, entry.looked.max(state.looked))
        };
        if lane == Lane::Foreground {
            let due = looked.map(|at| at + self.look_near_every);
            let due = due.filter(|due| !look_now && *due > Instant::now());
            if due.is_some() || self.held().is_some() {
                // During a pause nobody looks either.
                let later = Instant::now() + self.look_near_every;
                return Some(Next::At(due.unwrap_or(later)));
            }
            return self.serve_and_judge(lane, state);
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
            // It is called when somebody ends that; a pause ends by itself.
            return Some(Next::At(Instant::now() + ASK_EVERY));
        }
        let is_fresh = state.looked.is_some_and(|at| at.elapsed() < LOOK_EVERY);
        if !look_now && is_fresh && state.is_well && !self.lacks().unwrap_or(true) {
            return Some(Next::At(Instant::now() + LOOK_EVERY));
        }
        self.serve_and_judge(lane, state)
    }

    fn serve_and_judge(&self, lane: Lane, state: &mut State) -> Option<Next> {
        let served = self.serve(lane, state);
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
    fn serve(&self, lane: Lane, state: &mut State) -> Result<Result<Served, Why>, AgentError> {
        // Whoever has a better priority goes first where something is copied; rounds serve the others.
        let why = match lane {
            Lane::Foreground => self.is_over().then_some(Why::Over),
            Lane::Background => self.reason_to_stop(),
        };
        if let Some(why) = why {
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
        self.learn_identity();
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
            fills_gaps: state
                .filled
                .is_none_or(|(at, _)| at.elapsed() >= LOOK_EVERY),
            wait: &std::thread::sleep,
        };
        let mut teller = Teller {
            work: self,
            begun: Instant::now(),
            why: None,
        };
        let fills_gaps = queue.fills_gaps;
        let served = queue.serve(&mut teller);
        self.tell(|entry, _| entry.copying = None);
        if fills_gaps && matches!(served, Ok(Served::Incomplete(_))) {
            state.filled = Some((Instant::now(), state.asks_far));
        }
        let (served, why) = (served?, teller.why);
        if let Some(why) = why {
            state.store = Some(store);
            return Ok(Err(why));
        }
        if matches!(served, Served::UpToDate(_))
            && let Some(why) = self.extend_locks(there, &store, authority)
        {
            state.store = Some(store);
            return Ok(Err(why));
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

    /// Notes which folder it is: rounds never enter it, and do not ask it themselves.
    fn learn_identity(&self) {
        let folder = {
            let mut table = self.office.lock();
            self.entry(&mut table)
                .and_then(|entry| entry.folder.clone())
        };
        let found = folder.and_then(|folder| folder.metadata().ok());
        if let Some(found) = found {
            self.tell(|entry, _| entry.identity = Some((found.dev(), found.ino())));
        }
    }

    /// Locks anew what is needed, and says why it stopped before the end.
    fn extend_locks(
        &self,
        there: &DestinationConfig,
        store: &Arc<dyn Store>,
        authority: [u8; 32],
    ) -> Option<Why> {
        let why = Cell::new(None);
        let is_to_stop = || {
            why.set(self.reason_to_stop());
            why.get().is_some()
        };
        let (progress, stop) = (Progress::default(), Stop::default());
        let tools = Tools {
            clock: Arc::clone(&self.clock),
            random: Arc::clone(&self.random),
            monitor: &Quiet,
            progress: &progress,
            stop: &stop,
        };
        let replica = Replica::new(Arc::clone(store), self.archive);
        let locks = Locks::load(&self.profile, self.archive, authority, &tools);
        // What could not be locked is looked at again the next time.
        let _ = locks
            .until(&is_to_stop)
            .extend_at(self.id, there.name.as_str(), &replica);
        why.get()
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
        let stores = there.filter_map(|there| {
            let location = located(config, there).ok()?;
            open_within(&location, CALL_BOUND).ok()
        });
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
}
