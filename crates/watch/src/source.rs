//! What is watched, how, and how well.

use std::fmt;
use std::mem::discriminant;
use std::path::PathBuf;

use strongroom_base::clock::Timestamp;

use crate::mechanism::Mechanism;
use crate::place::Place;

/// The part of a root that lies on one mounted file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Where it begins: the root, or where something is mounted below it.
    pub place: Place,
    /// The same as an absolute path, without symbolic links.
    pub path: PathBuf,
    /// The type of the file system, as the kernel names it; empty while the root is not there.
    pub file_system: String,
    /// How changes are noticed; `None` while the root is not there.
    pub mechanism: Option<Mechanism>,
    /// Why it is not a better mechanism, where one was tried.
    pub passed_over: Option<Reason>,
    /// How well.
    pub health: Health,
}

/// How well changes are noticed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// Every change is noticed at once.
    Live,
    /// Something may have been missed, and has to be walked yet; new changes are noticed.
    CatchingUp,
    /// Some changes are noticed only when it is time to look.
    Degraded {
        /// Why.
        why: Reason,
    },
    /// Nothing is noticed.
    BlindSince {
        /// Since when.
        time: Timestamp,
        /// Why.
        why: Reason,
    },
}

/// Why not every change is noticed at once. The text says what can be done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// Others may change the file system without this computer's kernel knowing.
    Remote {
        /// The type of the file system.
        file_system: String,
    },
    /// The settings say so.
    Chosen,
    /// The kernel refused the mechanism.
    Refused {
        /// What was refused.
        mechanism: Mechanism,
        /// The answer of the kernel.
        answer: String,
    },
    /// This user may have no more inotify watches.
    NoWatchesLeft {
        /// How many directories have a watch.
        watched: usize,
        /// How many trees have none and are polled.
        polled: usize,
    },
    /// This user may have no more inotify instances.
    NoInstancesLeft,
    /// Some directories could not be watched.
    Unwatched {
        /// How many trees are polled.
        polled: usize,
        /// The last answer of the kernel.
        answer: String,
    },
    /// The root is not there.
    RootGone,
    /// The file system that had the root is not mounted.
    RootUnmounted,
    /// The watcher has ended.
    Ended,
}

impl Source {
    /// Says whether something is different that is worth telling; numbers alone are not.
    pub(crate) fn differs_from(&self, other: &Self) -> bool {
        let kind = |health: &Health| (discriminant(health), health.why().map(discriminant));
        self.path != other.path
            || self.mechanism != other.mechanism
            || kind(&self.health) != kind(&other.health)
    }
}

impl Health {
    /// Returns why not every change is noticed at once.
    pub fn why(&self) -> Option<&Reason> {
        match self {
            Self::Live | Self::CatchingUp => None,
            Self::Degraded { why } | Self::BlindSince { why, .. } => Some(why),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Remote { file_system } => write!(
                f,
                "{file_system} does not tell of changes that other computers or programs make"
            ),
            Self::Chosen => f.write_str("polling was chosen"),
            Self::Refused { mechanism, answer } => write!(f, "{mechanism} was refused: {answer}"),
            Self::NoWatchesLeft { watched, polled } => write!(
                f,
                "no inotify watches are left after {watched} directories, so {polled} trees are polled: \
                 raise fs.inotify.max_user_watches"
            ),
            Self::NoInstancesLeft => f.write_str(
                "no inotify instances are left for this user: raise fs.inotify.max_user_instances",
            ),
            Self::Unwatched { polled, answer } => {
                write!(
                    f,
                    "{polled} trees could not be watched and are polled: {answer}"
                )
            }
            Self::RootGone => f.write_str("the folder is not there"),
            Self::RootUnmounted => f.write_str("the file system of the folder is not mounted"),
            Self::Ended => f.write_str("the watcher has ended"),
        }
    }
}
