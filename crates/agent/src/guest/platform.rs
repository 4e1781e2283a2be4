//! What only the C library can be asked for.
#![expect(
    unsafe_code,
    reason = "the class of the scheduler, the priority of disk accesses and the use of resources have no safe wrapper"
)]

use std::io;

/// `IOPRIO_WHO_PROCESS`: a thread, and those that it starts.
const WHO_PROCESS: libc::c_int = 1;
/// The best-effort class of disk accesses, with the lowest of its eight priorities.
const BEST_EFFORT_LAST: libc::c_int = (2 << 13) | 7;

/// Tells the scheduler that this thread, and those that it starts, work in the background.
pub(super) fn schedule_as_batch() -> io::Result<()> {
    // SAFETY: all bytes 0 are a valid value of this structure of integers, and it lives until the call returns.
    let result = unsafe {
        let parameters: libc::sched_param = std::mem::zeroed();
        libc::sched_setscheduler(0, libc::SCHED_BATCH, &raw const parameters)
    };
    check(result.into())
}

/// Lets this thread, and those that it starts, come last among those that want something of a disk.
pub(super) fn come_last_at_disks() -> io::Result<()> {
    // SAFETY: the call takes three integers and touches no memory of this process.
    let result = unsafe { libc::syscall(libc::SYS_ioprio_set, WHO_PROCESS, 0, BEST_EFFORT_LAST) };
    check(result)
}

/// Returns how many bytes all threads have read from disks and written to them. What the cache had does not count.
pub(super) fn bytes_moved() -> u64 {
    /// The unit in which the kernel tells them.
    const BLOCK_LEN: u64 = 512;
    // SAFETY: all bytes 0 are a valid value of this structure of integers, and it lives until the call returns.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &raw mut usage);
        usage
    };
    let blocks = |count: libc::c_long| u64::try_from(count).unwrap_or(0);
    (blocks(usage.ru_inblock) + blocks(usage.ru_oublock)).saturating_mul(BLOCK_LEN)
}

fn check(result: libc::c_long) -> io::Result<()> {
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
