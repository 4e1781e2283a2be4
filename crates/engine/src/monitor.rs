//! How the engine tells what it does, and how it is told to stop.

use std::fmt::Debug;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::error::EngineError;

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

    /// Is told of something that a person should know, and that is nothing wrong.
    fn note(&self, _text: &str) {}
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

/// What a thread may do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Go on.
    Go,
    /// Ask again after so long.
    Wait(Duration),
    /// Stop at this point, as if somebody had asked for it; what was done so far is recorded.
    End,
}

/// Says how fast the engine may work. It is asked often, by every thread of a backup, between pieces of work that take
/// some ten milliseconds at most.
pub trait Pace: Debug + Send + Sync {
    /// Says what the thread that asks may do next.
    fn turn(&self) -> Turn;

    /// Is told that somebody asked to stop.
    fn stop_is_requested(&self) {}
}

/// Nobody sleeps longer than this without looking whether there is somebody who wants it to stop.
const NAP_MAX: Duration = Duration::from_millis(50);

/// Asks the engine to stop at the next good point, or to go slowly.
#[derive(Debug, Default)]
pub struct Stop {
    is_requested: AtomicBool,
    pace: OnceLock<Box<dyn Pace>>,
}

impl Stop {
    /// Asks to stop.
    pub fn request(&self) {
        self.is_requested.store(true, Ordering::Relaxed);
        if let Some(pace) = self.pace.get() {
            pace.stop_is_requested();
        }
    }

    /// Says whether somebody asked.
    pub fn is_requested(&self) -> bool {
        self.is_requested.load(Ordering::Relaxed)
    }

    /// Lets backups go at this pace from now on. Only the first one counts.
    pub fn set_pace(&self, pace: impl Pace + 'static) {
        let _ = self.pace.set(Box::new(pace));
    }

    /// Waits as the pace wants it; fails where somebody asked to stop.
    pub fn await_turn(&self) -> Result<(), EngineError> {
        while !self.is_requested() {
            match self.pace.get().map_or(Turn::Go, |pace| pace.turn()) {
                Turn::Go => return Ok(()),
                Turn::Wait(time) => std::thread::sleep(time.min(NAP_MAX)),
                Turn::End => break,
            }
        }
        Err(EngineError::Interrupted)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Debug)]
    struct Script(Mutex<Vec<Turn>>);

    impl Pace for Script {
        fn turn(&self) -> Turn {
            self.0.lock().unwrap().pop().unwrap_or(Turn::End)
        }
    }

    #[test]
    fn a_turn_comes_when_the_pace_allows_it_and_never_after_a_stop() {
        let stop = Stop::default();
        assert!(stop.await_turn().is_ok(), "without a pace");
        let wait = Turn::Wait(Duration::from_nanos(1));
        stop.set_pace(Script(Mutex::new(vec![Turn::Go, Turn::Go, wait, wait])));
        assert!(stop.await_turn().is_ok());
        assert!(stop.await_turn().is_ok());
        assert!(matches!(stop.await_turn(), Err(EngineError::Interrupted)));
        let stop = Stop::default();
        stop.set_pace(Script(Mutex::new(vec![Turn::Go])));
        stop.request();
        assert!(matches!(stop.await_turn(), Err(EngineError::Interrupted)));
    }
}
