//! The trees and files among which the attacker chooses, the same on every run.
//!
//! Their content is hexadecimal digits of random numbers: of the same length they compress to the same
//! length, nearly, and nothing is found twice.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use anyhow::Result;

use crate::random::{self, Rng};

/// Trees whose contents add up to the same length.
pub(super) struct Trees {
    /// How many bytes a tree has in its files, before compression.
    len: u32,
    /// How many files a tree has, at least and at most.
    files: (f64, f64),
}

/// Trees of which every length but that of the data is below the least one.
pub(super) const SMALL_TREES: Trees = Trees {
    len: 2 << 20,
    files: (20.0, 400.0),
};
/// Trees of which some are above it.
pub(super) const LARGE_TREES: Trees = Trees {
    len: 20 << 20,
    files: (200.0, 4_000.0),
};

/// Returns the content of a candidate by its number.
pub(super) type Candidates = fn(usize) -> Vec<u8>;

/// Writes a tree: some number of files whose lengths add up to that of every other tree.
pub(super) fn write_tree(folder: &Path, trees: &Trees, candidate: usize) -> Result<()> {
    let mut rng = random::seeded(1_000 + candidate as u64);
    let files = between(&mut rng, trees.files);
    let weights: Vec<f64> = (0..files).map(|_| 0.1 + unit(&mut rng)).collect();
    let total: f64 = weights.iter().sum();
    let content = digits(&mut rng, trees.len as usize);
    let mut rest = content.as_slice();
    for (number, weight) in weights.iter().enumerate() {
        let is_last = number + 1 == files;
        let len = if is_last {
            rest.len()
        } else {
            whole(f64::from(trees.len) * weight / total)
        };
        let (file, after) = rest.split_at(len.min(rest.len()));
        let sub = folder.join(format!("{:02}", number % 16));
        fs::create_dir_all(&sub)?;
        write(&sub.join(format!("file-{number}")), file)?;
        rest = after;
    }
    Ok(())
}

/// Writes what is in the archive before the candidates come.
pub(super) fn write_base(folder: &Path) -> Result<()> {
    for number in 0..50 {
        let mut rng = random::seeded(2_000 + number);
        write(
            &folder.join(format!("base-{number}")),
            &digits(&mut rng, 8 << 10),
        )?;
    }
    Ok(())
}

/// Writes a file.
pub(super) fn write(path: &Path, content: &[u8]) -> Result<()> {
    Ok(File::create(path)?.write_all(content)?)
}

/// Files of about one size: compressed 4 to 7 KiB.
pub(super) fn alike(candidate: usize) -> Vec<u8> {
    let mut rng = random::seeded(3_000 + candidate as u64);
    let len = between(&mut rng, (8_000.0, 12_000.0));
    digits(&mut rng, len)
}

/// Files of very different sizes: 1 to 256 KiB before compression.
pub(super) fn unlike(candidate: usize) -> Vec<u8> {
    let mut rng = random::seeded(4_000 + candidate as u64);
    let len = between(&mut rng, (1_024.0, 262_144.0));
    digits(&mut rng, len)
}

/// The numbers below `count` in an order that depends on `seed`.
pub(super) fn shuffled(count: usize, seed: usize) -> Vec<usize> {
    let mut rng = random::seeded(5_000 + seed as u64);
    let mut keyed: Vec<(u64, usize)> = (0..count).map(|number| (rng.next_u64(), number)).collect();
    keyed.sort_unstable();
    keyed.into_iter().map(|(_, number)| number).collect()
}

fn digits(rng: &mut impl Rng, len: usize) -> Vec<u8> {
    let mut text = String::with_capacity(len + 16);
    while text.len() < len {
        let _ = write!(text, "{:016x}", rng.next_u64());
    }
    text.truncate(len);
    text.into_bytes()
}

/// A number between two, small ones as often as large ones.
fn between(rng: &mut impl Rng, (least, most): (f64, f64)) -> usize {
    whole(least * (most / least).powf(unit(rng)))
}

fn unit(rng: &mut impl Rng) -> f64 {
    f64::from(rng.next_u32()) / f64::from(u32::MAX)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a length of a few megabytes, never negative"
)]
fn whole(value: f64) -> usize {
    value as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folders;

    #[test]
    fn trees_differ_in_files_and_not_in_total() {
        let extents: Vec<_> = (0..3)
            .map(|candidate| {
                let folder = tempfile::tempdir().unwrap();
                write_tree(folder.path(), &SMALL_TREES, candidate).unwrap();
                folders::extent(folder.path()).unwrap()
            })
            .collect();
        assert!(
            extents
                .iter()
                .all(|extent| extent.bytes == u64::from(SMALL_TREES.len))
        );
        assert!(extents[0].files != extents[1].files || extents[1].files != extents[2].files);
    }

    #[test]
    fn files_are_of_the_sizes_that_are_promised() {
        let lens: Vec<usize> = (0..100).map(|candidate| alike(candidate).len()).collect();
        assert!(lens.iter().all(|len| (8_000..=12_000).contains(len)));
        let lens: Vec<usize> = (0..100).map(|candidate| unlike(candidate).len()).collect();
        assert!(lens.iter().min() < Some(&2_048) && lens.iter().max() > Some(&131_072));
        let mut order = shuffled(100, 1);
        order.sort_unstable();
        assert_eq!(order, (0..100).collect::<Vec<_>>());
    }
}
