//! The memory of this machine.

use std::fs;

use anyhow::Result;

/// What is left alone of the free memory, so that nobody else runs short of it, in bytes.
const LEFT_FREE: u64 = 1 << 30;

/// How much is asked for at a time, in bytes.
const BLOCK: usize = 256 << 20;

/// The least size of a page, in bytes.
const PAGE: usize = 4096;

/// What the kernel says can be used without swapping, in bytes.
pub(crate) fn available() -> Result<u64> {
    field("MemAvailable:")
}

/// Writes to all memory that nobody uses, and lets it go again.
///
/// The host of a virtual machine gives a page when it is touched for the first time, and that takes longer than to
/// copy it. Whoever runs first would pay for all.
pub(crate) fn touch() -> Result<()> {
    let wanted = usize::try_from(field("MemFree:")?.saturating_sub(LEFT_FREE))?;
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
