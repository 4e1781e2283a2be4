//! The priority of the process.

use std::io;

use super::platform;

/// How much nicer the service is than others: half of the way.
const NICE: i32 = 10;

/// Lowers the priority of this thread, and of all that it starts, at processors and disks.
///
/// Returns what was refused: a name and the reason. The rest is lowered all the same.
pub fn lower_priority() -> Vec<(&'static str, io::Error)> {
    let nice = rustix::process::setpriority_process(None, NICE).map_err(io::Error::from);
    let steps = [
        ("the priority of the process", nice),
        ("the class of the scheduler", platform::schedule_as_batch()),
        ("the priority at disks", platform::come_last_at_disks()),
    ];
    let refused = steps.into_iter();
    refused
        .filter_map(|(name, result)| Some((name, result.err()?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_priority_is_lowered() {
        // Of its own thread: other tests go on as they are.
        let thread = std::thread::spawn(|| {
            let refused = lower_priority();
            let id = rustix::thread::gettid().as_raw_nonzero();
            let stat = std::fs::read_to_string(format!("/proc/self/task/{id}/stat")).unwrap();
            let (_, fields) = stat.rsplit_once(") ").unwrap();
            let fields: Vec<String> = fields.split(' ').map(str::to_owned).collect();
            (refused, fields)
        });
        let (refused, fields) = thread.join().unwrap();
        assert!(refused.is_empty(), "{refused:?}");
        // Fields 19 and 41 of proc(5): nice and policy, of which 3 is SCHED_BATCH.
        assert_eq!((&*fields[16], &*fields[38]), ("10", "3"));
    }
}
