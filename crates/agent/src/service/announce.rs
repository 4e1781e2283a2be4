//! Looks for alarms, and tells people of them: by a command of theirs, and on the desktop.
//!
//! It has a thread of its own, so that a round that takes long delays no alarm, and a mail program that hangs no round.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::Scope;
use std::time::{Duration, Instant};

use strongroom_base::with_causes;
use strongroom_engine::{Monitor, Warning};
use zbus::blocking::connection::Builder;
use zbus::zvariant::Value;

use super::alarm::Notice;
use super::condition::{Condition, conditions, is_undecided};
use super::control::Shared;
use super::hook::{Hook, HookSettings};
use super::matter::{Matter, Severity};
use super::status::{Status, WorkDone};

/// How often alarms are looked for while the service is busy.
const LOOK_EVERY: Duration = Duration::from_mins(1);
/// A snapshot that makes no progress for so many seconds is one that does not succeed.
const STANDSTILL: i64 = 600;
/// How long an alarm that could not be given waits, in seconds; the last one counts for all later attempts.
const RETRIES: [u64; 4] = [5, 60, 300, 1800];
/// The times of the note may be so much older than they are, in seconds, so that it is not written after each snapshot.
const NOTE_LAG: i64 = 3600;
/// A desktop that does not answer for so long is none.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest text that is given to a command, in bytes: less than a pipe holds.
const TEXT_LEN_MAX: usize = 32 << 10;

/// Looks for alarms until it is dropped.
pub(super) struct Announcer {
    sender: Sender<()>,
    is_closed: Arc<AtomicBool>,
}

impl Announcer {
    /// Begins to look; `host` names this computer. Without a thread nobody is told, and `status` says what is wrong.
    pub(super) fn start<'scope>(
        scope: &'scope Scope<'scope, '_>,
        shared: &'scope Arc<Shared>,
        monitor: &'scope dyn Monitor,
        host: &[u8],
    ) -> Self {
        let (sender, receiver) = channel();
        let is_closed = Arc::new(AtomicBool::new(false));
        let mut watch = Watch {
            shared,
            monitor,
            host: String::from_utf8_lossy(host).into_owned(),
            is_closed: Arc::clone(&is_closed),
            tried: BTreeMap::new(),
            progress: None,
        };
        let thread = std::thread::Builder::new().name("alarms".to_owned());
        if let Err(error) = thread.spawn_scoped(scope, move || watch.run(&receiver)) {
            shared.status().alarm_failed = Some(format!("nobody looks for alarms: {error}"));
        }
        Self { sender, is_closed }
    }

    /// Lets alarms be looked for soon.
    pub(super) fn look(&self) {
        let _ = self.sender.send(());
    }
}

impl Drop for Announcer {
    fn drop(&mut self) {
        self.is_closed.store(true, Ordering::Relaxed);
    }
}

/// The thread that looks.
struct Watch<'a> {
    shared: &'a Shared,
    monitor: &'a dyn Monitor,
    host: String,
    is_closed: Arc<AtomicBool>,
    /// What could not be given: how often it was tried, and when it is tried again.
    tried: BTreeMap<(Matter, String, Severity), (usize, Instant)>,
    /// How far the work had come, and since when it is there.
    progress: Option<(WorkDone, i64)>,
}

impl Watch<'_> {
    fn run(&mut self, calls: &Receiver<()>) {
        while calls.recv_timeout(self.patience()) != Err(RecvTimeoutError::Disconnected) {
            while calls.try_recv().is_ok() {}
            if self.is_closed.load(Ordering::Relaxed) {
                return;
            }
            self.look();
        }
    }

    /// Returns how long to wait where nobody calls.
    fn patience(&self) -> Duration {
        let now = Instant::now();
        let next = self
            .tried
            .values()
            .map(|(_, next)| next.saturating_duration_since(now));
        next.min().map_or(LOOK_EVERY, |next| next.min(LOOK_EVERY))
    }

    fn look(&mut self) {
        let now = self.shared.now();
        let mut status = self.shared.report(now);
        status.note_complete(now);
        self.shared.status().complete.clone_from(&status.complete);
        let mut wrong = conditions(&status, &status.complete);
        wrong.extend(self.standstill(&status, now));
        let undecided = |matter, subject: &str| is_undecided(&status, matter, subject);
        let mut notices = Vec::new();
        let result = self.shared.notebook().change(|note| {
            notices = note.alarms.judge(&wrong, &undecided, now);
            let is_old = |name: &str, at: i64| {
                let noted = note.complete.get(name);
                noted.is_none_or(|noted| (at - noted).abs() >= NOTE_LAG)
            };
            if status.complete.iter().any(|(name, at)| is_old(name, *at)) {
                (note.complete, note.last_success) = (status.complete.clone(), status.last_success);
            }
        });
        if let Err(error) = result {
            let why = with_causes(&error);
            self.shared.status().alarm_failed = Some(format!("alarms cannot be noted: {why}"));
        }
        for notice in notices {
            if self.is_closed.load(Ordering::Relaxed) {
                return;
            }
            self.tell(&notice, now);
        }
    }

    /// Returns that no backup succeeds, where the one that is made has come no further for long.
    fn standstill(&mut self, status: &Status, now: i64) -> Option<Condition> {
        let Some(done) = status.progress else {
            self.progress = None;
            return None;
        };
        let is_same = |known: &WorkDone| {
            let counts = |done: &WorkDone| {
                (
                    done.entries,
                    done.bytes_seen,
                    done.bytes_read,
                    done.bytes_stored,
                )
            };
            counts(known) == counts(&done)
        };
        let since = match &self.progress {
            Some((known, since)) if is_same(known) => *since,
            _ => now,
        };
        self.progress = Some((done, since));
        (status.failing_since.is_none() && now - since >= STANDSTILL).then(|| Condition {
            matter: Matter::BackupFailing,
            subject: String::new(),
            since: Some(since),
            why: Some("the one that is made comes no further".to_owned()),
        })
    }

    /// Tells people, and notes that they were told.
    fn tell(&mut self, notice: &Notice, now: i64) {
        let key = (notice.matter, notice.subject.clone(), notice.severity);
        let (tries, next) = self.tried.get(&key).copied().unwrap_or((0, Instant::now()));
        if Instant::now() < next {
            return;
        }
        let settings = self.shared.hooks();
        if tries == 0 {
            let word = notice.severity.word();
            self.monitor.warning(Warning {
                subject: Vec::new(),
                message: format!("{word}: {}", notice.text),
                left_out: false,
            });
            if settings.desktop {
                // Where nobody is logged in there is no desktop.
                let _ = show(notice);
            }
        }
        let is_to_stop = || self.is_closed.load(Ordering::Relaxed);
        let command = settings.alarm.as_deref();
        let result =
            command.map(|command| call(command, &settings, notice, &self.host).run(&is_to_stop));
        if is_to_stop() && matches!(result, Some(Err(_))) {
            // It is given when the service runs again.
            return;
        }
        if let Some(Err(error)) = result {
            let wait = Duration::from_secs(RETRIES[tries.min(RETRIES.len() - 1)]);
            self.tried.insert(key, (tries + 1, Instant::now() + wait));
            let why = format!("the command for alarms failed: {}", with_causes(&error));
            self.shared.status().alarm_failed = Some(why);
            return;
        }
        self.tried.remove(&key);
        self.shared.status().alarm_failed = None;
        // What cannot be noted is known until the service ends.
        let _ = self
            .shared
            .notebook()
            .change(|note| note.alarms.told(notice, now));
    }
}

fn call<'a>(command: &'a str, settings: &HookSettings, notice: &Notice, host: &str) -> Hook<'a> {
    let word = notice.severity.word();
    let mut input = format!("Strongroom on {host}: {word}: {}\n", notice.text);
    let end = input.floor_char_boundary(TEXT_LEN_MAX);
    input.truncate(end);
    Hook {
        command,
        seconds: settings.seconds,
        variables: vec![
            ("STRONGROOM_HOOK", "alarm".to_owned()),
            ("STRONGROOM_ALARM", notice.matter.word().to_owned()),
            ("STRONGROOM_SEVERITY", word.to_owned()),
            ("STRONGROOM_SUBJECT", notice.subject.clone()),
            ("STRONGROOM_SINCE", notice.since.to_string()),
        ],
        input,
    }
}

/// Shows a notice on the desktop of the session.
fn show(notice: &Notice) -> zbus::Result<()> {
    let bus = Builder::session()?.method_timeout(PATIENCE).build()?;
    let urgency: u8 = match notice.severity {
        Severity::Over => 0,
        Severity::Warning => 1,
        Severity::Critical => 2,
    };
    let summary = match notice.severity {
        Severity::Over => "Backup: well again",
        Severity::Warning => "Backup: a warning",
        Severity::Critical => "Backup: not working",
    };
    let hints = HashMap::from([("urgency", Value::U8(urgency))]);
    let actions: [&str; 0] = [];
    let name = "org.freedesktop.Notifications";
    bus.call_method(
        Some(name),
        "/org/freedesktop/Notifications",
        Some(name),
        "Notify",
        &(
            "Strongroom",
            0_u32,
            "",
            summary,
            as_text(&notice.text),
            &actions[..],
            hints,
            -1_i32,
        ),
    )?;
    Ok(())
}

/// Returns text without what a desktop would take for markup.
fn as_text(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
