//! What the thread that watches and those who ask it share.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, eventfd};
use strongroom_base::clock::Timestamp;

use crate::changes::Changes;
use crate::dirty::DirtySet;
use crate::hints::Hint;
use crate::source::{Health, Reason, Source};

/// What the thread that watches and those who ask it share.
#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    news: Condvar,
    wake: OwnedFd,
}

#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one thing that may be so or not"
)]
struct State {
    dirty: DirtySet,
    sources: Vec<Source>,
    health_changed: bool,
    /// Whether somebody wants those who wait to look at something else.
    is_woken: bool,
    /// How often somebody has asked that all be noticed that has happened, and up to which time that was done.
    asked: u64,
    settled: u64,
    is_paused: bool,
    /// Whether the thread has noticed that.
    is_resting: bool,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Open,
    /// The thread is asked to end.
    Closed,
    /// It has ended.
    Ended,
}

/// What is wanted of the thread that watches.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish {
    pub(crate) asked: u64,
    /// Whether somebody waits for an answer to that.
    pub(crate) is_awaited: bool,
    pub(crate) is_paused: bool,
    pub(crate) is_closed: bool,
}

impl AsFd for Shared {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }
}

impl Shared {
    pub(crate) fn new(dirty: DirtySet) -> rustix::io::Result<Self> {
        let state = State {
            dirty,
            sources: Vec::new(),
            health_changed: false,
            is_woken: false,
            asked: 0,
            settled: 0,
            is_paused: false,
            is_resting: false,
            stage: Stage::Open,
        };
        Ok(Self {
            state: Mutex::new(state),
            news: Condvar::new(),
            wake: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        // It fails where the thread has been woken more often than can be counted.
        let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
    }

    // What the thread calls.

    /// Returns what is wanted, and lets the next wish wake the thread again.
    pub(crate) fn wish(&self) -> Wish {
        let _ = rustix::io::read(&self.wake, &mut [0; 8]);
        let mut state = self.lock();
        if state.is_resting != state.is_paused {
            state.is_resting = state.is_paused;
            self.news.notify_all();
        }
        Wish {
            asked: state.asked,
            is_awaited: state.asked > state.settled,
            is_paused: state.is_paused,
            is_closed: state.stage != Stage::Open,
        }
    }

    /// Hands out what was noticed. Where `settled` says so, that is all that had happened when that was asked.
    pub(crate) fn publish(&self, hints: Vec<Hint>, sources: Vec<Source>, settled: Option<u64>) {
        let mut state = self.lock();
        let places = sources.iter().map(|source| &source.place);
        state.dirty.divide_at(places);
        for hint in hints {
            match hint {
                Hint::Directory(place) => state.dirty.add_directory(&place),
                Hint::Tree(place, why) => state.dirty.add_tree(&place, why),
            }
        }
        state.show(sources);
        state.settled = settled.unwrap_or(state.settled);
        drop(state);
        self.news.notify_all();
    }

    /// Says that from now on nothing is noticed.
    pub(crate) fn end(&self, time: Timestamp) {
        let mut state = self.lock();
        let mut sources = state.sources.clone();
        for source in &mut sources {
            let why = Reason::Ended;
            source.health = Health::BlindSince { time, why };
        }
        state.show(sources);
        state.stage = Stage::Ended;
        drop(state);
        self.news.notify_all();
    }

    // What the others call.

    pub(crate) fn wait(&self, timeout: Duration) -> Changes {
        let is_quiet =
            |state: &mut State| !state.has_news() && !state.is_woken && state.stage == Stage::Open;
        let waited = self
            .news
            .wait_timeout_while(self.lock(), timeout, is_quiet)
            .unwrap_or_else(PoisonError::into_inner);
        let (mut state, _) = waited;
        state.is_woken = false;
        state.take()
    }

    pub(crate) fn take(&self) -> Changes {
        self.lock().take()
    }

    /// Ends the waiting of whoever waits now, or else of whoever waits next.
    pub(crate) fn end_waiting(&self) {
        self.lock().is_woken = true;
        self.news.notify_all();
    }

    pub(crate) fn settle(&self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let mut state = self.lock();
        state.asked += 1;
        let asked = state.asked;
        drop(state);
        self.wake();
        let left = deadline.saturating_duration_since(Instant::now());
        let is_open = |state: &mut State| state.settled < asked && state.stage == Stage::Open;
        let waited = self
            .news
            .wait_timeout_while(self.lock(), left, is_open)
            .unwrap_or_else(PoisonError::into_inner);
        waited.0.settled >= asked
    }

    pub(crate) fn sources(&self) -> Vec<Source> {
        let state = self.lock();
        let mut sources = state.sources.clone();
        for source in &mut sources {
            if source.health == Health::Live && state.dirty.has_gap_at(&source.place) {
                source.health = Health::CatchingUp;
            }
        }
        sources
    }

    pub(crate) fn pause(&self) {
        let mut state = self.lock();
        state.is_paused = true;
        self.wake();
        let is_at_work = |state: &mut State| !state.is_resting && state.stage == Stage::Open;
        drop(self.news.wait_while(state, is_at_work));
    }

    pub(crate) fn resume(&self) {
        self.lock().is_paused = false;
        self.wake();
    }

    pub(crate) fn close(&self) {
        let mut state = self.lock();
        if state.stage == Stage::Open {
            state.stage = Stage::Closed;
        }
        drop(state);
        self.wake();
        self.news.notify_all();
    }
}

impl State {
    fn has_news(&self) -> bool {
        self.health_changed || !self.dirty.is_empty()
    }

    fn take(&mut self) -> Changes {
        let (directories, trees) = self.dirty.take();
        Changes {
            directories,
            trees,
            health_changed: std::mem::take(&mut self.health_changed),
        }
    }

    fn show(&mut self, sources: Vec<Source>) {
        let differ = self.sources.len() != sources.len()
            || std::iter::zip(&self.sources, &sources).any(|(a, b)| a.differs_from(b));
        self.health_changed |= differ;
        self.sources = sources;
    }
}
