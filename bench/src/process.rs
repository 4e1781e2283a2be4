//! What a process took of this machine so far, as the kernel says it below `/proc`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};

/// How much memory of the machine a process has, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Memory {
    /// Now.
    pub(crate) now: u64,
    /// At most since it began.
    pub(crate) peak: u64,
}

/// Returns the folder that tells of a process.
pub(crate) fn folder(pid: u32) -> PathBuf {
    Path::new("/proc").join(pid.to_string())
}

/// Returns how much memory a process has.
pub(crate) fn memory(pid: u32) -> Result<Memory> {
    let path = folder(pid).join("status");
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    memory_in(&text).with_context(|| format!("{} names no memory", path.display()))
}

fn memory_in(status: &str) -> Option<Memory> {
    let bytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
        Some(kibibytes * 1024)
    };
    Some(Memory {
        now: bytes("VmRSS:")?,
        peak: bytes("VmHWM:")?,
    })
}

/// Returns how long a process was on a processor, and those of its children that ended, by its folder.
pub(crate) fn processor(folder: &Path) -> Result<Duration> {
    let path = folder.join("stat");
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let ticks = ticks_in(&text).with_context(|| format!("{} names no times", path.display()))?;
    let a_second = rustix::param::clock_ticks_per_second();
    Ok(Duration::from_nanos(ticks * 1_000_000_000 / a_second))
}

fn ticks_in(stat: &str) -> Option<u64> {
    // The name before it may hold anything.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut ticks = 0;
    for field in fields.split(' ').skip(11).take(4) {
        ticks += field.parse::<u64>().ok()?;
    }
    Some(ticks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_behind_any_name() {
        let stat = "42 (a) name) S 1 42 42 0 -1 4194560 9 9 0 0 7 5 2 1 20 0 9 0 1000 1 1";
        assert_eq!(ticks_in(stat), Some(15));
        assert_eq!(ticks_in("42 (x) S 1"), Some(0));
        assert_eq!(ticks_in("nothing"), None);
    }

    #[test]
    fn memory_is_that_of_now_and_the_most_there_was() {
        let status = "Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\nThreads:\t1\n";
        let (now, peak) = (1024 * 1024, 2048 * 1024);
        assert_eq!(memory_in(status), Some(Memory { now, peak }));
        assert_eq!(memory_in("Name:\tzombie\n"), None);
    }

    #[test]
    fn this_process_has_both() {
        let own = std::process::id();
        assert!(memory(own).unwrap().now > 0);
        assert!(processor(&folder(own)).is_ok());
        assert!(memory(u32::MAX).is_err());
    }
}
