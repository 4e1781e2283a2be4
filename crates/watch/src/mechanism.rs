//! How changes are noticed.

use std::fmt;

/// A way to notice changes, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mechanism {
    /// The kernel tells of every change in a file system. Needs privilege, and nothing for each directory.
    Fanotify,
    /// The kernel tells of changes in directories that were named one by one.
    Inotify,
    /// Nobody tells; everything is looked at now and then.
    Polling,
}

/// Who chooses the mechanism.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// The best one that works, for each file system by itself.
    #[default]
    Automatic,
    /// This one alone; where it does not work there is polling.
    Only(Mechanism),
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fanotify => "fanotify",
            Self::Inotify => "inotify",
            Self::Polling => "polling",
        })
    }
}
