//! Interruption: the first signal asks to stop at the next good point, the second one ends the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use strongroom_agent::Stop;

use crate::failure::Failure;

/// Exit code of an interrupted process.
const INTERRUPTED: i32 = 130;

/// Whether the first signal ends the process.
static AT_ONCE: AtomicBool = AtomicBool::new(false);

/// Lets the first signal end the process: for commands that wait for a server, where no point is better than another.
pub(crate) fn end_at_once() {
    AT_ONCE.store(true, Ordering::Relaxed);
}

/// Listens for signals from now on.
pub(crate) fn listen(stop: &Arc<Stop>) -> Result<(), Failure> {
    let mut signals = Signals::new([SIGINT, SIGTERM]).map_err(Failure::Signals)?;
    let stop = Arc::clone(stop);
    let watch = move || {
        for _ in signals.forever() {
            if stop.is_requested() || AT_ONCE.load(Ordering::Relaxed) {
                std::process::exit(INTERRUPTED);
            }
            stop.request();
        }
    };
    let builder = thread::Builder::new().name("signals".to_owned());
    builder.spawn(watch).map_err(Failure::Signals)?;
    Ok(())
}
