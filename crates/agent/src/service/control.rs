//! What the service is asked, and what it shares with whoever asks.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use strongroom_engine::{Progress, Stop, Turn};
use strongroom_watch::Waker;

use super::ServiceRequest;
use super::hook::HookSettings;
use super::moment::{Moment, Uptime};
use super::note::{Notebook, PauseNote};
use super::queues::{House, View};
use super::status::{State, Status, WorkDone};
use crate::AgentError;
use crate::guest::{Guest, METERED, NEARLY_EMPTY, Rarity};
use crate::profile::Profile;

/// What the service is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Ask {
    /// How it is.
    Status,
    /// Back up now.
    BackupNow,
    /// Make no snapshots for so long; until told otherwise where there is no time.
    Pause {
        /// In seconds.
        seconds: Option<u64>,
    },
    /// Go on.
    Resume,
    /// Read the settings again, and check in at the server.
    Settings,
    /// End.
    Stop,
}

/// What the service answers.
///
/// What one side does not know is left out or passed over: commands and service may be of different versions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Answer {
    /// How it is.
    pub status: Status,
    /// What was wrong with the question.
    pub error: Option<String>,
}

/// What the socket and the service share.
pub(super) struct Shared {
    status: Mutex<Status>,
    pause: Mutex<Pause>,
    asked_now: AtomicU64,
    /// Counts what the service does, so that it can be told from one that hangs.
    pulse: AtomicU64,
    /// Whether somebody waits for the snapshot that is made now.
    insisted: AtomicBool,
    stop: Arc<Stop>,
    closed: AtomicBool,
    uptime: Arc<dyn Uptime>,
    now: Box<dyn Fn() -> i64 + Send + Sync>,
    notebook: Notebook,
    hooks: Mutex<HookSettings>,
    profile: Profile,
    progress: Arc<Progress>,
    at_work: OnceLock<AtWork>,
}

/// What there is when the service has begun to watch.
#[derive(Debug)]
pub(super) struct AtWork {
    /// Ends the waiting of the service.
    pub(super) waker: Waker,
    /// What may be used.
    pub(super) guest: Arc<Guest>,
    /// How the destinations are.
    pub(super) destinations: View,
    /// Lets this computer check in at its server now.
    pub(super) check_in: Sender<()>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

/// Whether the service is paused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Pause {
    #[default]
    No,
    /// Until either clock is there: that of the computer may be wrong, and the other one does not outlive a restart.
    Until(Moment, i64),
    Always,
}

impl Shared {
    /// Returns the status, to read or change.
    pub(super) fn status(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the time, in seconds since 1970.
    pub(super) fn now(&self) -> i64 {
        (self.now)()
    }

    /// Returns how often somebody has asked to back up now.
    pub(super) fn asked_now(&self) -> u64 {
        self.asked_now.load(Ordering::Relaxed)
    }

    /// Notes that the service does something.
    pub(super) fn beat(&self) {
        self.pulse.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns a number that stays the same only where the service does nothing at all, and waits for nothing of its own
    /// accord.
    pub(super) fn pulse(&self) -> u64 {
        let Progress {
            directories,
            entries,
            bytes_scanned,
            bytes_read,
            bytes_new,
            bytes_stored,
            entries_done,
            bytes_done,
            ..
        } = &*self.progress;
        let seen = [directories, entries, bytes_scanned, bytes_read];
        let done = [
            bytes_new,
            bytes_stored,
            entries_done,
            bytes_done,
            &self.pulse,
        ];
        let all = seen.into_iter().chain(done);
        all.map(|counter| counter.load(Ordering::Relaxed))
            .fold(0, u64::wrapping_add)
    }

    /// Notes for how long the service has been still, where that is for too long; says whether it is not.
    pub(super) fn note_stillness(&self, lasted: Option<Duration>) -> bool {
        let now = self.now();
        let mut status = self.status();
        status.still_since = lasted.map(|lasted| {
            let began = now.saturating_sub_unsigned(lasted.as_secs());
            status.still_since.unwrap_or(began)
        });
        status.still_since.is_none()
    }

    /// Says whether somebody waits for the snapshot that is made now, whatever the battery holds.
    pub(super) fn is_insisted(&self) -> bool {
        self.insisted.load(Ordering::Relaxed)
    }

    /// Notes whether somebody waits for the snapshot that is made next.
    pub(super) fn insist(&self, insisted: bool) {
        self.insisted.store(insisted, Ordering::Relaxed);
    }

    /// Shares a status, and what asks to end. A pause that was not over when the service ended goes on.
    pub(super) fn new(
        profile: &Profile,
        request: &ServiceRequest<'_>,
        now: Box<dyn Fn() -> i64 + Send + Sync>,
        hooks: HookSettings,
    ) -> Self {
        let shared = Self {
            status: Mutex::default(),
            pause: Mutex::default(),
            asked_now: AtomicU64::default(),
            pulse: AtomicU64::default(),
            insisted: AtomicBool::default(),
            stop: Arc::clone(&request.stop),
            closed: AtomicBool::default(),
            uptime: Arc::clone(&request.uptime),
            now,
            notebook: Notebook::open(profile),
            hooks: Mutex::new(hooks),
            profile: profile.clone(),
            progress: Arc::clone(&request.progress),
            at_work: OnceLock::new(),
        };
        let note = shared.notebook.read();
        {
            let mut status = shared.status();
            (status.complete, status.last_success) = (note.complete, note.last_success);
        }
        if let Some(PauseNote { until, seconds }) = note.pause {
            let now = shared.now();
            let left = until.map(|until| u64::try_from(until - now).unwrap_or(0));
            // A clock that is behind would make it longer than it was.
            let left = left.map(|left| left.min(seconds.unwrap_or(u64::MAX)));
            shared.set_pause(left);
        }
        shared
    }

    /// Says that the service has begun to watch.
    pub(super) fn begin(&self, at_work: AtWork) {
        let _ = self.at_work.set(at_work);
    }

    /// Says in the status which process works, since when, and what it has been told of the machine.
    pub(super) fn say_who(&self, since: i64, guest: &Guest) {
        let mut status = self.status();
        (status.pid, status.since) = (std::process::id(), since);
        status.guest = guest.status();
    }

    /// Returns the profile that it works for.
    pub(super) fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Returns what is remembered between two runs.
    pub(super) fn notebook(&self) -> &Notebook {
        &self.notebook
    }

    /// Returns the commands of the user.
    pub(super) fn hooks(&self) -> HookSettings {
        let hooks = self.hooks.lock();
        hooks.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the status as it is now, with how far the work has come.
    pub(super) fn report(&self, now: i64) -> Status {
        let mut status = self.status().clone();
        if let Some(at_work) = self.at_work.get() {
            status.guest = at_work.guest.status();
            status.take_destinations(at_work.destinations.states());
        }
        let full = status
            .full_bytes
            .filter(|_| status.state == State::Scanning);
        let seconds = status
            .busy_since
            .map_or(0, |since| now.saturating_sub(since));
        let seconds = u64::try_from(seconds).unwrap_or(0);
        let done = || WorkDone::of(&self.progress, full, seconds);
        status.asked = self.asked_now();
        status.progress = status.state.is_busy().then(done);
        status
    }

    /// Lets the service look at what is wanted of it.
    pub(super) fn wake(&self) {
        if let Some(AtWork { waker, .. }) = self.at_work.get() {
            waker.wake();
        }
    }

    /// Says whether somebody asked to end.
    pub(super) fn is_stopped(&self) -> bool {
        self.stop.is_requested()
    }

    /// Says that nobody is answered any more.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    /// Says whether nobody is answered any more.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Says whether it is paused.
    pub(super) fn is_paused(&self) -> bool {
        self.pause_left() != Some(Duration::ZERO)
    }

    /// Returns how long a pause lasts from now on; `None` where it lasts until told otherwise.
    pub(super) fn pause_left(&self) -> Option<Duration> {
        match self.pause() {
            Pause::No => Some(Duration::ZERO),
            Pause::Until(until, time) => {
                let left = u64::try_from(time.saturating_sub(self.now())).unwrap_or(0);
                let left = Duration::from_secs(left);
                Some(left.min(until.saturating_duration_since(self.uptime.now())))
            }
            Pause::Always => None,
        }
    }

    fn pause(&self) -> Pause {
        *self.pause.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Pauses for so many seconds, or until told otherwise; returns until when.
    fn set_pause(&self, seconds: Option<u64>) -> Option<i64> {
        let now = self.now();
        let until = |seconds| now.checked_add_unsigned(seconds).unwrap_or(i64::MAX);
        let pause = seconds.map_or(Pause::Always, |seconds| {
            let moment = self.uptime.now() + Duration::from_secs(seconds);
            // The second that goes on is one more.
            Pause::Until(moment, until(seconds).saturating_add(1))
        });
        *self.pause.lock().unwrap_or_else(PoisonError::into_inner) = pause;
        let until = seconds.map(until);
        self.status().paused_until = until;
        until
    }

    /// Forgets a pause that is over, or that somebody ended.
    pub(super) fn end_pause(&self) -> Result<(), AgentError> {
        *self.pause.lock().unwrap_or_else(PoisonError::into_inner) = Pause::No;
        self.status().paused_until = None;
        self.call_queues();
        self.notebook.change(|note| note.pause = None)
    }

    /// Lets queues look whether what held them is over. The service may be busy, and see it late.
    fn call_queues(&self) {
        if let Some(AtWork { destinations, .. }) = self.at_work.get() {
            destinations.look_again();
        }
    }

    /// Does what is asked.
    pub(super) fn answer(&self, ask: Ask) -> Result<(), AgentError> {
        let result = self.obey(ask);
        if ask != Ask::Status {
            self.wake();
        }
        result
    }

    fn obey(&self, ask: Ask) -> Result<(), AgentError> {
        match ask {
            Ask::Status => {}
            Ask::BackupNow => {
                self.asked_now.fetch_add(1, Ordering::Relaxed);
                // Whoever asks has perhaps just mended what kept a destination away.
                self.call_queues();
            }
            Ask::Pause { seconds } => {
                let until = self.set_pause(seconds);
                let pause = Some(PauseNote { until, seconds });
                return self.notebook.change(|note| note.pause = pause);
            }
            Ask::Resume => return self.end_pause(),
            Ask::Settings => {
                let config = self.profile.config()?;
                *self.hooks.lock().unwrap_or_else(PoisonError::into_inner) = config.hooks;
                if let Some(AtWork {
                    guest, check_in, ..
                }) = self.at_work.get()
                {
                    guest.set(config.guest);
                    let _ = check_in.send(());
                }
                self.call_queues();
            }
            Ask::Stop => self.stop.request(),
        }
        Ok(())
    }
}

/// The service as its queues know it: it may have ended.
pub(super) struct Household(pub(super) Weak<Shared>);

impl House for Household {
    fn held(&self, is_far: bool) -> Option<String> {
        let shared = self.0.upgrade()?;
        if shared.is_paused() {
            return Some("the service is paused".to_owned());
        }
        let AtWork { guest, .. } = shared.at_work.get()?;
        if guest.rarity() == Rarity::None {
            return Some(NEARLY_EMPTY.to_owned());
        }
        (is_far && !guest.far_allowed()).then(|| METERED.to_owned())
    }

    fn turn(&self) -> Turn {
        let shared = self.0.upgrade();
        let at_work = shared.as_ref().and_then(|shared| shared.at_work.get());
        at_work.map_or(Turn::Go, |at_work| at_work.guest.turn())
    }

    fn tell(&self) {
        if let Some(shared) = self.0.upgrade() {
            shared.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_another_version_is_understood() {
        let text = r#"{"status":{"pid":7,"more":1,"sources":[{"path":"/a"}],"destinations":[{"name":"d",
            "queue":{"lane":"background"}}],"last":{"at":5},"guest":{"cpu_percent":20},"progress":{}},"more":2}"#;
        let answer: Answer = serde_json::from_str(text).unwrap();
        assert_eq!((answer.status.pid, answer.error), (7, None));
        assert_eq!(answer.status.destinations[0].queue.lane, "background");
    }
}
