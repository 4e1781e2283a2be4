//! Progress: a bar or spinner on a terminal, a line now and then elsewhere.

use std::io::{self, IsTerminal as _};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};
use strongroom_agent::{Monitor, Progress, Warning};

use crate::output::Output;

/// Time between two looks at the counters.
const TICK: Duration = Duration::from_millis(100);
/// Time between two lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// What is shown of the counters.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// A backup: what was scanned, read and stored.
    Backup,
    /// A prune: which snapshots were walked, and what was copied.
    Prune,
    /// A restore or a verification: what is done, of how much.
    Goal(&'static str),
}

/// Runs `work` while its counters are shown.
pub(crate) fn show<T>(
    output: &Output,
    kind: Kind,
    progress: &Progress,
    work: impl FnOnce() -> T,
) -> T {
    if !output.shows_progress() {
        return work();
    }
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let watcher = scope.spawn(|| watch(output, kind, progress, &done));
        let result = work();
        done.store(true, Ordering::Release);
        watcher.thread().unpark();
        result
    })
}

fn watch(output: &Output, kind: Kind, progress: &Progress, done: &AtomicBool) {
    let terminal = io::stderr().is_terminal();
    let bar = terminal.then(|| output.bars().add(new_bar(kind)));
    let mut line_at = Instant::now() + LINE_EVERY;
    while !done.load(Ordering::Acquire) {
        thread::park_timeout(TICK);
        if let Some(bar) = &bar {
            update(bar, kind, progress);
        } else if Instant::now() >= line_at {
            output.note(&text(kind, progress));
            line_at += LINE_EVERY;
        }
    }
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
}

fn new_bar(kind: Kind) -> ProgressBar {
    let template = match kind {
        Kind::Backup | Kind::Prune => "{spinner} {elapsed_precise} {msg}",
        Kind::Goal(_) => "{spinner} {elapsed_precise} [{wide_bar}] {msg}",
    };
    let style = ProgressStyle::with_template(template);
    let style = style.unwrap_or_else(|_| ProgressStyle::default_spinner());
    ProgressBar::no_length().with_style(style)
}

fn update(bar: &ProgressBar, kind: Kind, progress: &Progress) {
    if let Kind::Goal(_) = kind {
        let total = get(&progress.bytes_total);
        bar.set_length(total.max(1));
        bar.set_position(get(&progress.bytes_done).min(total));
    }
    bar.tick();
    bar.set_message(text(kind, progress));
}

fn text(kind: Kind, progress: &Progress) -> String {
    match kind {
        Kind::Backup => format!(
            "{} files, {} scanned, {} read, {} new, {} stored",
            HumanCount(get(&progress.entries)),
            HumanBytes(get(&progress.bytes_scanned)),
            HumanBytes(get(&progress.bytes_read)),
            HumanBytes(get(&progress.bytes_new)),
            HumanBytes(get(&progress.bytes_stored)),
        ),
        Kind::Prune => format!(
            "{} of {} snapshots walked, {} of {} copied, {} written",
            HumanCount(get(&progress.entries_done)),
            HumanCount(get(&progress.entries_total)),
            HumanBytes(get(&progress.bytes_done)),
            HumanBytes(get(&progress.bytes_total)),
            HumanBytes(get(&progress.bytes_stored)),
        ),
        Kind::Goal(verb) => format!(
            "{verb} {} of {}, {} of {}",
            HumanCount(get(&progress.entries_done)),
            HumanCount(get(&progress.entries_total)),
            HumanBytes(get(&progress.bytes_done)),
            HumanBytes(get(&progress.bytes_total)),
        ),
    }
}

fn get(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

/// Prints warnings as they come.
pub(crate) struct Printer<'a>(pub(crate) &'a Output);

impl Monitor for Printer<'_> {
    fn warning(&self, warning: Warning) {
        let subject = String::from_utf8_lossy(&warning.subject);
        self.0.warning(&subject, &warning.message);
    }

    fn would_delete(&self, path: &[u8]) {
        self.0.would_delete(&String::from_utf8_lossy(path));
    }

    fn note(&self, text: &str) {
        self.0.note(text);
    }
}
