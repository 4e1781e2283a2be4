//! Watches folders, and says which directories may have changed.
//!
//! What it says are hints: *this directory may have changed*, or *walk this tree, something may have been missed*.
//! The truth comes from listing. Whoever follows every hint has what the folders hold, as soon as they are calm.
//!
//! - By **fanotify** the kernel tells of every change in a file system, wherever it is. It needs `CAP_SYS_ADMIN` and
//!   `CAP_DAC_READ_SEARCH`, and a file system whose files have handles.
//! - By **inotify** it tells of changes in directories that were named one by one. A directory gets its watch first
//!   and is listed then; when all below it has watches too, the whole tree is hinted, so nothing that was made
//!   meanwhile is missed.
//! - By **polling** everything is hinted now and then: file systems that others change too, and what had no watch.
//!
//! The best that works is chosen for each mounted file system below a root. How well it works is the *health* of a
//! [`Source`]. A source is never silently less than live.
//!
//! What no mechanism tells: a write through a memory mapping, before the mapping and the file are closed; a write through a name
//! outside of the roots, or a name that was deleted meanwhile, to a file with several names. Of a file with several names that
//! directory is hinted through whose name it was changed, and no other: whoever remembers files by their names has to
//! look the others up by device and inode. Daily scans find the rest.
//!
//! Nothing stays open while nothing happens, so a watched file system can be unmounted.

mod changes;
mod dirty;
mod error;
mod fanotify;
mod field;
mod hints;
mod inotify;
mod mechanism;
mod mounts;
mod open;
mod place;
mod plan;
mod platform;
mod region;
mod root;
mod scope;
mod sentinel;
mod sentry;
mod settings;
mod shared;
mod source;
mod watcher;

pub use changes::{Changes, Tree, Why};
pub use error::WatchError;
pub use mechanism::{Choice, Mechanism};
pub use place::Place;
pub use settings::{Settings, Wants};
pub use source::{Health, Reason, Source};
pub use watcher::{Waker, Watcher};
