//! A part with its mechanism.

use std::time::{Duration, Instant};

use rustix::io::Errno;

use crate::changes::Why;
use crate::fanotify::Group;
use crate::inotify::Watches;
use crate::mechanism::{Choice, Mechanism};
use crate::mounts::Kind;
use crate::open::as_path;
use crate::scope::Part;
use crate::settings::Settings;
use crate::source::{Health, Reason, Source};

/// A part with its mechanism.
#[derive(Debug)]
pub(crate) struct Region {
    pub(crate) part: Part,
    pub(crate) engine: Engine,
    passed_over: Option<Reason>,
    /// When to look next, where looking is needed.
    poll_at: Option<Instant>,
}

/// How changes of a part are noticed.
#[derive(Debug)]
pub(crate) enum Engine {
    /// By the group of its file system.
    Fanotify,
    /// By watches of its own.
    Inotify(Box<Watches>),
    /// Not at all, for this reason.
    Polling(Reason),
}

impl Region {
    /// Begins to watch a part, by the best mechanism that works.
    pub(crate) fn open(part: Part, groups: &mut Vec<Group>, why: Why, settings: &Settings) -> Self {
        let (engine, passed_over) = engine(&part, groups, why, settings);
        Self {
            part,
            engine,
            passed_over,
            poll_at: None,
        }
    }

    /// Says whether nothing has to be done before all that happened is known.
    pub(crate) fn is_calm(&self) -> bool {
        match &self.engine {
            Engine::Inotify(watches) => watches.is_calm(),
            Engine::Fanotify | Engine::Polling(_) => true,
        }
    }

    /// Returns when to look next, if looking is needed.
    pub(crate) fn poll_at(&mut self, every: Duration) -> Option<Instant> {
        let is_needed = match &self.engine {
            Engine::Fanotify => false,
            Engine::Inotify(watches) => watches.needs_polling(),
            Engine::Polling(_) => true,
        };
        if !is_needed {
            self.poll_at = None;
        } else if self.poll_at.is_none() {
            self.poll_at = Some(Instant::now() + every);
        }
        self.poll_at
    }

    /// Says whether it is time to look, once.
    pub(crate) fn is_due(&mut self) -> bool {
        self.poll_at.take_if(|due| *due <= Instant::now()).is_some()
    }

    /// Describes the region.
    pub(crate) fn source(&self) -> Source {
        let (mechanism, health) = match &self.engine {
            Engine::Fanotify => (Mechanism::Fanotify, Health::Live),
            Engine::Inotify(watches) => (Mechanism::Inotify, watches.health()),
            Engine::Polling(why) => {
                let why = why.clone();
                (Mechanism::Polling, Health::Degraded { why })
            }
        };
        Source {
            place: self.part.place.clone(),
            path: as_path(&self.part.top).to_path_buf(),
            file_system: self.part.file_system.clone(),
            mechanism: Some(mechanism),
            passed_over: self.passed_over.clone(),
            health,
        }
    }
}

/// Returns the best mechanism that works, and why a better one does not.
fn engine(
    part: &Part,
    groups: &mut Vec<Group>,
    why: Why,
    settings: &Settings,
) -> (Engine, Option<Reason>) {
    if Kind::of(&part.file_system) == Kind::Remote {
        let file_system = part.file_system.clone();
        return (Engine::Polling(Reason::Remote { file_system }), None);
    }
    let mut refused = None;
    if may(settings, Mechanism::Fanotify) {
        match join_group(part, groups) {
            Ok(()) => return (Engine::Fanotify, None),
            Err(errno) => refused = Some(refusal(Mechanism::Fanotify, errno)),
        }
    }
    if may(settings, Mechanism::Inotify) {
        match Watches::open(settings.watches_max, why) {
            Ok(watches) => return (Engine::Inotify(Box::new(watches)), refused),
            Err(errno) => refused = Some(refusal(Mechanism::Inotify, errno)),
        }
    }
    let why = refused.clone().unwrap_or(Reason::Chosen);
    (Engine::Polling(why), refused)
}

fn may(settings: &Settings, mechanism: Mechanism) -> bool {
    [Choice::Automatic, Choice::Only(mechanism)].contains(&settings.choice)
}

fn join_group(part: &Part, groups: &mut Vec<Group>) -> Result<(), Errno> {
    if let Some(group) = groups.iter_mut().find(|group| group.has(part)) {
        group.forget();
        return group.admit(part);
    }
    groups.push(Group::open(part)?);
    Ok(())
}

fn refusal(mechanism: Mechanism, errno: Errno) -> Reason {
    match (mechanism, errno) {
        (Mechanism::Inotify, Errno::MFILE) => Reason::NoInstancesLeft,
        (mechanism, errno) => Reason::Refused {
            mechanism,
            answer: errno.to_string(),
        },
    }
}
