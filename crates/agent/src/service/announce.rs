//! Tells people of alarms: by a command of theirs, and on the desktop.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use strongroom_base::with_causes;
use zbus::blocking::connection::Builder;
use zbus::zvariant::Value;

use super::alarm::{Notice, Severity};
use super::control::Shared;
use super::hook::{Hook, HookSettings};

/// A desktop that does not answer for so long is none.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest text that is given to a command, in bytes: less than a pipe holds.
const TEXT_LEN_MAX: usize = 32 << 10;

/// Tells people, one notice after the other, while the service goes on.
pub(super) struct Announcer {
    sender: Option<Sender<Notice>>,
    is_closed: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Announcer {
    /// Begins to tell; `host` names this computer. Without a thread nobody is told, and `status` says what is wrong.
    pub(super) fn start(shared: &Arc<Shared>, host: &[u8]) -> Self {
        let (sender, receiver) = channel();
        let is_closed = Arc::new(AtomicBool::new(false));
        let (theirs, closed) = (Arc::downgrade(shared), Arc::clone(&is_closed));
        let host = String::from_utf8_lossy(host).into_owned();
        let thread = std::thread::Builder::new().name("alarms".to_owned());
        let thread = thread.spawn(move || tell_all(&receiver, &theirs, &host, &closed));
        Self {
            sender: Some(sender),
            is_closed,
            thread: thread.ok(),
        }
    }

    /// Tells people soon.
    pub(super) fn tell(&self, notice: Notice) {
        if let Some(sender) = &self.sender {
            let _ = sender.send(notice);
        }
    }
}

impl Drop for Announcer {
    fn drop(&mut self) {
        self.is_closed.store(true, Ordering::Relaxed);
        self.sender = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn tell_all(notices: &Receiver<Notice>, shared: &Weak<Shared>, host: &str, is_closed: &AtomicBool) {
    for notice in notices {
        let Some(shared) = shared.upgrade() else {
            return;
        };
        let settings = shared.hooks();
        if settings.desktop {
            // Where nobody is logged in there is no desktop.
            let _ = show(&notice);
        }
        if let Some(command) = &settings.alarm {
            let is_to_stop = || is_closed.load(Ordering::Relaxed);
            let result = call(command, &settings, &notice, host).run(&is_to_stop);
            let failed = result.err().map(|error| {
                let why = with_causes(&error);
                format!("the command for alarms failed: {why}")
            });
            shared.status().hook_failed = failed;
        }
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
