//! How the engine tells what it does, and how it is told to stop.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Something that did not go as it should, while the work went on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The path or object it is about.
    pub subject: Vec<u8>,
    /// What happened.
    pub message: String,
    /// Whether something was left out because of it.
    pub left_out: bool,
}

/// Is told of warnings, from any thread.
pub trait Monitor: Sync {
    /// Takes a warning.
    fn warning(&self, warning: Warning);

    /// Is told of a path that would be deleted, were this not a rehearsal.
    fn would_delete(&self, _path: &[u8]) {}
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Counters of work in progress, which any thread may read.
        #[derive(Debug, Default)]
        pub struct Progress {
            $($(#[$doc])* pub $name: AtomicU64,)*
        }

        impl Progress {
            /// Begins to count anew.
            pub fn clear(&self) {
                $(self.$name.store(0, Ordering::Relaxed);)*
            }
        }
    };
}

counters! {
    /// Directories that were listed.
    directories,
    /// Entries other than directories that were seen.
    entries,
    /// Bytes of the files that were seen.
    bytes_scanned,
    /// Bytes that were read from files.
    bytes_read,
    /// Bytes of chunks that were new.
    bytes_new,
    /// Bytes that were sent to each destination.
    bytes_stored,
    /// Entries that were restored or verified.
    entries_done,
    /// Bytes that were restored or verified.
    bytes_done,
    /// Entries that are to be restored or objects that are to be verified.
    entries_total,
    /// Bytes that are to be restored or verified.
    bytes_total,
}

/// Adds to a counter.
pub(crate) fn count(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}

/// Asks the engine to stop at the next good point.
#[derive(Debug, Default)]
pub struct Stop(AtomicBool);

impl Stop {
    /// Asks to stop. Safe to call from a signal handler.
    pub fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Says whether somebody asked.
    pub fn is_requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
