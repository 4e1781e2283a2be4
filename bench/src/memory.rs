//! The memory of this machine.

use std::process::Command;
use std::{env, fs};

use anyhow::Result;

use crate::say;

/// What is left alone of the memory, so that nobody else runs short of it, in bytes.
const LEFT_ALONE: u64 = 2 << 30;

/// How much is asked for at a time, in bytes.
const BLOCK: usize = 256 << 20;

/// The least size of a page, in bytes.
const PAGE: usize = 4096;

/// What the kernel says can be used without swapping, in bytes.
pub(crate) fn available() -> Result<u64> {
    field("MemAvailable:")
}

/// Sees to it that so many bytes of memory are free and were used before, as far as there are; tells where that fails.
///
/// The host of a virtual machine gives a page when it is touched for the first time, and that takes longer than to
/// copy it; to take memory from the page cache takes long, too. Whoever runs first would pay for all. Another process
/// does it, since what this one once took counts as the peak of every command that it starts.
pub(crate) fn make_ready(bytes: u64) {
    let touched = env::current_exe().and_then(|program| {
        let mut command = Command::new(program);
        command
            .arg("--touch-memory")
            .arg(bytes.to_string())
            .status()
    });
    if !touched.is_ok_and(|status| status.success()) {
        say::progress(&format!("  cannot make {bytes} bytes of memory ready"));
    }
}

/// Writes to so many bytes of memory, or to what there is but for [`LEFT_ALONE`].
pub(crate) fn touch(bytes: u64) -> Result<()> {
    let wanted = usize::try_from(bytes.min(available()?.saturating_sub(LEFT_ALONE)))?;
    let mut blocks: Vec<Vec<u8>> = Vec::new();
    for _ in 0..wanted / BLOCK {
        let mut block = vec![0; BLOCK];
        block.iter_mut().step_by(PAGE).for_each(|byte| *byte = 1);
        blocks.push(block);
    }
    std::hint::black_box(&blocks);
    Ok(())
}

/// Returns a line of what the kernel says of the memory, in bytes; 0 where it has no such line.
fn field(name: &str) -> Result<u64> {
    let text = fs::read_to_string("/proc/meminfo")?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let kibibytes = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    Ok(kibibytes.unwrap_or(0) * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_tells_what_is_there() {
        assert!(available().unwrap() > 0);
        assert_eq!(field("Nonsense:").unwrap(), 0);
    }
}
