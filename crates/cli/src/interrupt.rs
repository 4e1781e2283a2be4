//! Interruption: the first signal asks to stop at the next good point, the second one ends the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use strongroom_agent::Stop;

use crate::failure::Failure;
use crate::process;

/// Exit code of an interrupted process.
const INTERRUPTED: i32 = 130;

/// Whether the first signal ends the process.
static AT_ONCE: AtomicBool = AtomicBool::new(false);

/// Lets the first signal end the process: for commands that wait for a server, where no point is better than another.
pub(crate) fn end_at_once() {
    AT_ONCE.store(true, Ordering::Relaxed);
}

/// Listens for signals from now on.
///
/// That the terminal was closed asks to stop, too, and is never the second signal: the shell and the system may both tell
/// it, and nobody meant the second one. Whoever was told to outlive the terminal (`nohup`) does.
pub(crate) fn listen(stop: &Arc<Stop>) -> Result<(), Failure> {
    let hangup = (!process::outlives_terminal()).then_some(SIGHUP);
    let wanted = [SIGINT, SIGTERM].into_iter().chain(hangup);
    let mut signals = Signals::new(wanted).map_err(Failure::Signals)?;
    let stop = Arc::clone(stop);
    let watch = move || {
        for signal in signals.forever() {
            let is_second = stop.is_requested() && signal != SIGHUP;
            if is_second || AT_ONCE.load(Ordering::Relaxed) {
                std::process::exit(INTERRUPTED);
            }
            stop.request();
        }
    };
    let builder = thread::Builder::new().name("signals".to_owned());
    builder.spawn(watch).map_err(Failure::Signals)?;
    Ok(())
}
