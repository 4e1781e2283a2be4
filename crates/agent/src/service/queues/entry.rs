//! What queues and rounds know of destinations together.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use strongroom_base::ids::{ArchiveId, DestinationId};
use strongroom_base::object::RecordId;
use strongroom_engine::{Head, Turn};

use super::place::Mounts;
use super::{House, folder_of};
use crate::Location;
use crate::acknowledged::Notebook;
use crate::profile::DestinationConfig;
use crate::service::status::{DestinationState, QueueState};

/// The priority of who has none.
const PRIORITY: u8 = 5;

/// Whoever copied nothing for so long lets others go first.
const HANGS: Duration = Duration::from_secs(30);

/// Who serves a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// The round that makes a snapshot.
    Foreground,
    /// Its queue.
    Background,
}

/// Somebody has begun a later generation at a destination.
#[derive(Clone, Debug)]
pub(super) struct Fenced {
    pub(super) destination: String,
    pub(super) found: RecordId,
    pub(super) known: Option<RecordId>,
}

/// What is known of a destination.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is noted by another one, at another time"
)]
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) url: String,
    /// Tells its thread from that of an entry before it.
    pub(super) ticket: u64,
    pub(super) folder: Option<PathBuf>,
    pub(super) priority: u8,
    pub(super) lane: Lane,
    pub(super) was_looked_at: bool,
    /// When somebody looked at it for the last time, its queue or a round, and it answered.
    pub(super) looked: Option<Instant>,
    /// Device and inode of its folder, as they were then.
    pub(super) identity: Option<(u64, u64)>,
    /// It is to be looked at, whatever time it is.
    pub(super) look_now: bool,
    /// It is set aside.
    pub(super) is_aside: bool,
    pub(super) fenced: Option<Fenced>,
    /// It copies, or is about to: when it last did.
    pub(super) copying: Option<Instant>,
    pub(super) has_newest: bool,
    pub(super) not_foreground_before: Option<Instant>,
    /// Seconds since 1970, as all times here.
    pub(super) acknowledged_at: Option<i64>,
    pub(super) acknowledged: Option<Head>,
    status: &'static str,
    reason: Option<String>,
    since: Option<i64>,
    pub(super) until: Option<i64>,
    pub(super) next_try: Option<i64>,
    pub(super) bytes_waiting: Option<u64>,
    pub(super) bytes_per_second: Option<u64>,
}

impl Entry {
    pub(super) fn new(there: &DestinationConfig, ticket: u64) -> Self {
        let location = Location::parse(&there.url, std::path::Path::new("/"));
        let priority = location.ok().and_then(|there| there.options().priority);
        Self {
            name: there.name.to_string(),
            url: there.url.clone(),
            ticket,
            folder: folder_of(&there.url),
            priority: priority.unwrap_or(PRIORITY),
            lane: Lane::Background,
            was_looked_at: false,
            looked: None,
            identity: None,
            look_now: true,
            is_aside: false,
            fenced: None,
            copying: None,
            has_newest: false,
            not_foreground_before: None,
            acknowledged_at: None,
            acknowledged: None,
            status: "starting",
            reason: None,
            since: None,
            until: None,
            next_try: None,
            bytes_waiting: None,
            bytes_per_second: None,
        }
    }

    /// Says whether it copies, and does not hang.
    pub(super) fn is_moving(&self) -> bool {
        self.copying.is_some_and(|last| last.elapsed() < HANGS)
    }

    /// Notes how it is, and since when where that is new.
    pub(super) fn set(&mut self, status: &'static str, reason: Option<String>, now: i64) {
        if self.status != status {
            self.since = Some(now);
        }
        (self.status, self.reason) = (status, reason);
        (self.until, self.next_try) = (None, None);
        (self.bytes_waiting, self.bytes_per_second) = (None, None);
    }

    /// Says how it is; `newest` is the newest record that there is.
    pub(super) fn state(&self, newest: Option<Head>) -> DestinationState {
        let seq = |head: Option<Head>| head.map_or(0, |head| head.id.seq.0);
        let acknowledged = match self.lane {
            Lane::Foreground if self.has_newest => newest,
            _ => self.acknowledged,
        };
        let waiting = seq(newest).saturating_sub(seq(acknowledged));
        // Its queue has not begun with what was just written.
        let is_new = waiting > 0 && self.status == "up-to-date";
        let status = if is_new { "catching-up" } else { self.status };
        DestinationState {
            name: self.name.clone(),
            status: status.to_owned(),
            reason: self.reason.clone(),
            queue: QueueState {
                lane: match self.lane {
                    Lane::Foreground => "foreground",
                    Lane::Background => "background",
                }
                .to_owned(),
                records_waiting: waiting,
                bytes_waiting: self.bytes_waiting,
                bytes_per_second: self.bytes_per_second,
                since: self.since,
                until: self.until,
                next_try: self.next_try,
                newest: acknowledged.map(|head| head.id.seq.0),
                acknowledged_at: self.acknowledged_at,
            },
        }
    }
}

/// What is on the table.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) archive: Option<ArchiveId>,
    pub(super) entries: BTreeMap<DestinationId, Entry>,
    pub(super) order: Vec<DestinationId>,
    pub(super) newest: Option<Head>,
    pub(super) tickets: u64,
    pub(super) threads: usize,
    /// Counts what should wake who waits.
    pub(super) calls: u64,
    /// A queue has brought its destination up to date.
    pub(super) has_ended: bool,
    pub(super) is_over: bool,
}

/// Where queues and rounds meet.
pub(super) struct Office {
    table: Mutex<Table>,
    pub(super) changed: Condvar,
    pub(super) notebook: Notebook,
    pub(super) mounts: Mounts,
    house: Arc<dyn House>,
}

impl Office {
    pub(super) fn new(house: Arc<dyn House>) -> Self {
        Self {
            table: Mutex::default(),
            changed: Condvar::default(),
            notebook: Notebook::default(),
            mounts: Mounts::default(),
            house,
        }
    }

    /// Says why nothing may be copied now.
    pub(super) fn held(&self, is_far: bool) -> Option<String> {
        self.house.held(is_far)
    }

    /// Says whether the budget of the service allows more work now.
    pub(super) fn turn(&self) -> Turn {
        self.house.turn()
    }

    /// Tells the service that something is different.
    pub(super) fn tell(&self) {
        self.house.tell();
    }

    /// Says how the destinations are.
    pub(super) fn states(&self) -> Vec<DestinationState> {
        let table = self.lock();
        let entries = table.order.iter().filter_map(|id| table.entries.get(id));
        entries.map(|entry| entry.state(table.newest)).collect()
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets every queue look at its destination at once.
    pub(super) fn look_again(&self) {
        let mut table = self.lock();
        for entry in table.entries.values_mut() {
            entry.look_now = true;
        }
        drop(table);
        self.wake();
    }

    /// Wakes everybody who waits.
    pub(super) fn wake(&self) {
        self.lock().calls += 1;
        self.changed.notify_all();
    }

    /// Waits for a change, but not longer.
    pub(super) fn wait<'a>(
        &self,
        held: MutexGuard<'a, Table>,
        time: Duration,
    ) -> MutexGuard<'a, Table> {
        let waited = self.changed.wait_timeout(held, time);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }
}
