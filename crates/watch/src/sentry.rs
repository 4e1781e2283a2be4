//! The thread that watches.

use std::fs::File;
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::changes::Why;
use crate::field::Field;
use crate::hints::Hints;
use crate::inotify::Reader;
use crate::mounts::MountTable;
use crate::place::Place;
use crate::plan::Plan;
use crate::root::{Root, State, shown};
use crate::sentinel::Sentinel;
use crate::settings::Settings;
use crate::shared::{Shared, Wish};
use crate::source::{Health, Source};

/// How long to leave notices alone after some were taken in: the kernel puts equal ones together meanwhile.
const REST: Duration = Duration::from_millis(10);
/// How often to look at the roots where not all directories above them could be watched.
const LOOK_EVERY: Duration = Duration::from_mins(1);
/// How often a root that keeps changing is looked at in one turn.
const LOOKS_MAX: usize = 3;

/// The thread that watches: it waits until the kernel has something to tell, and takes it in.
pub(crate) struct Sentry {
    settings: Settings,
    shared: Arc<Shared>,
    roots: Vec<Root>,
    sentinel: Option<Sentinel>,
    mounts: File,
    field: Field,
    reader: Reader,
    hints: Hints,
    look_at: Option<Instant>,
}

/// What there is to do.
#[derive(Clone, Copy, Debug, Default)]
struct Turn {
    /// Notices were there.
    is_busy: bool,
    /// The table of mounts has changed.
    is_remounted: bool,
}

impl Sentry {
    /// Begins to watch. From here on nothing is missed where the mechanism is fanotify; elsewhere the thread has to give
    /// watches to all directories first.
    pub(crate) fn new(mut settings: Settings, shared: Arc<Shared>) -> std::io::Result<Self> {
        settings.wants = settings.all_wants();
        let mounts = MountTable::open_notice()?;
        let table = MountTable::read()?;
        let given = settings.roots.iter().cloned();
        let roots = given.map(|root| Root::new(root, &table, &*settings.clock));
        let mut sentry = Self {
            roots: roots.collect(),
            settings,
            shared,
            sentinel: None,
            mounts,
            field: Field::default(),
            reader: Reader::new(),
            hints: Hints::default(),
            look_at: None,
        };
        let all = (0..sentry.roots.len()).collect();
        sentry.watch_over_roots(&table);
        sentry.arrange(&table, &(all, Why::Started));
        sentry.publish(None);
        Ok(sentry)
    }

    /// Watches until the end.
    pub(crate) fn run(mut self) {
        let _ending = Ending {
            shared: Arc::clone(&self.shared),
            settings: self.settings.clone(),
        };
        let mut is_done = false;
        loop {
            let wish = self.shared.wish();
            if wish.is_closed {
                return;
            }
            if wish.is_paused {
                self.wait_for_wish(None);
                continue;
            }
            let timeout = self.timeout(is_done && !wish.is_awaited);
            let Ok(turn) = self.wait(timeout) else {
                return;
            };
            is_done = self.take_turn(turn, wish);
            if is_done && turn.is_busy && !wish.is_awaited {
                self.wait_for_wish(Some(REST));
            }
        }
    }

    fn take_turn(&mut self, turn: Turn, wish: Wish) -> bool {
        let is_due = self.look_at.is_some_and(|at| at <= Instant::now());
        let is_alarmed = match &self.sentinel {
            Some(sentinel) => sentinel.read(&mut self.reader).unwrap_or(true),
            None => false,
        };
        // Notices from before what is different now.
        let all = (self.field).read(&mut self.reader, &self.settings, &mut self.hints);
        if turn.is_remounted || is_alarmed || is_due {
            self.look(is_alarmed);
        }
        self.field.poll(&mut self.hints);
        let is_calm = self.field.step(&self.settings, &mut self.hints);
        let is_done = all && is_calm;
        self.publish(is_done.then_some(wish.asked));
        is_done
    }

    /// Looks whether the roots, and what is mounted below them, are still the same.
    fn look(&mut self, is_alarmed: bool) {
        let Ok(table) = MountTable::read() else {
            return;
        };
        let mut changed = self.look_at_roots(&table);
        if is_alarmed || !changed.is_empty() {
            // A watch may be gone with its directory, although another one is at the same place.
            changed.extend(self.watch_over_roots(&table));
        }
        self.arrange(&table, &(changed, Why::Returned));
    }

    fn look_at_roots(&mut self, table: &MountTable) -> Vec<usize> {
        let roots = self.roots.iter_mut().enumerate();
        let clock = &*self.settings.clock;
        let changed = roots.filter_map(|(number, root)| root.look(table, clock).then_some(number));
        changed.collect()
    }

    /// Watches over the roots as they are. They may change while that begins, so they are looked at again after; those
    /// that did are returned.
    fn watch_over_roots(&mut self, table: &MountTable) -> Vec<usize> {
        let mut all = Vec::new();
        for _ in 0..LOOKS_MAX {
            self.sentinel = Sentinel::new(&self.roots).ok();
            let changed = self.look_at_roots(table);
            if changed.is_empty() {
                break;
            }
            all.extend(changed);
        }
        all
    }

    fn arrange(&mut self, table: &MountTable, again: &(Vec<usize>, Why)) {
        let plan = Plan::new(&self.roots, table, &self.settings.wants);
        (self.field).arrange(plan, again, &self.settings, &mut self.hints);
        let is_complete = self.sentinel.as_ref().is_some_and(Sentinel::is_complete);
        let every = if self.roots.iter().any(Root::is_absent) {
            Some(self.settings.root_every)
        } else {
            (!is_complete).then_some(LOOK_EVERY)
        };
        self.look_at = every.map(|every| Instant::now() + every);
    }

    fn timeout(&mut self, is_done: bool) -> Option<Duration> {
        if !is_done {
            return Some(Duration::ZERO);
        }
        let next = self.field.next_poll(self.settings.poll_every);
        let next = next.into_iter().chain(self.look_at).min()?;
        Some(next.saturating_duration_since(Instant::now()))
    }

    /// Waits until there is something to do.
    fn wait(&self, timeout: Option<Duration>) -> rustix::io::Result<Turn> {
        let mut all = vec![
            PollFd::new(&*self.shared, PollFlags::IN),
            PollFd::new(&self.mounts, PollFlags::PRI),
        ];
        let notices = self.sentinel.iter().map(|sentinel| sentinel.as_fd());
        let notices = notices.chain(self.field.descriptors());
        all.extend(notices.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
        patient_poll(&mut all, timeout)?;
        let mounts = PollFlags::PRI | PollFlags::ERR;
        Ok(Turn {
            is_busy: all[2..].iter().any(|fd| !fd.revents().is_empty()),
            is_remounted: all[1].revents().intersects(mounts),
        })
    }

    fn wait_for_wish(&self, timeout: Option<Duration>) {
        // Where waiting fails, the next turn fails too and ends the thread.
        let _ = patient_poll(&mut [PollFd::new(&*self.shared, PollFlags::IN)], timeout);
    }

    fn publish(&mut self, settled: Option<u64>) {
        let absent = self.roots.iter().enumerate().filter_map(blind);
        let mut sources: Vec<_> = absent.chain(self.field.sources()).collect();
        sources.sort_by(|a, b| a.place.cmp(&b.place));
        self.shared.publish(self.hints.take(), sources, settled);
    }
}

fn blind((number, root): (usize, &Root)) -> Option<Source> {
    let State::Absent { since, why } = root.state() else {
        return None;
    };
    Some(Source {
        place: Place::of_root(number),
        path: shown(root),
        file_system: String::new(),
        mechanism: None,
        passed_over: None,
        health: Health::BlindSince {
            time: *since,
            why: why.clone(),
        },
    })
}

fn patient_poll(fds: &mut [PollFd<'_>], timeout: Option<Duration>) -> rustix::io::Result<()> {
    // A time that the kernel cannot count is as good as none.
    let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
    match poll(fds, timeout.as_ref()) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(errno) => Err(errno),
    }
}

/// Says that nothing is noticed any more, however the thread ends.
struct Ending {
    shared: Arc<Shared>,
    settings: Settings,
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.shared.end(self.settings.clock.now());
    }
}
