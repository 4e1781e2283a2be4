//! What the storage shows of an archive: kinds and sizes of objects.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use walkdir::WalkDir;

/// The objects of each kind, by name, with their sizes in bytes.
#[derive(Clone, Default)]
pub(super) struct Sight {
    objects: BTreeMap<String, BTreeMap<String, u64>>,
}

impl Sight {
    /// Looks at a replica in a folder.
    pub(super) fn of(replica: &Path) -> Result<Self> {
        let mut sight = Self::default();
        for entry in WalkDir::new(replica) {
            let entry = entry?;
            if !entry.file_type().is_file() {
                continue;
            }
            let name = entry
                .path()
                .strip_prefix(replica)?
                .to_string_lossy()
                .into_owned();
            // Below the folder of the archive, whose name is its id, come folders of one kind.
            let kind = name.split('/').nth(1).unwrap_or_default().to_owned();
            let size = entry.metadata()?.len();
            sight.objects.entry(kind).or_default().insert(name, size);
        }
        Ok(sight)
    }

    /// Returns what was not there before.
    pub(super) fn since(&self, before: &Self) -> Self {
        let mut sight = self.clone();
        for (kind, objects) in &mut sight.objects {
            if let Some(earlier) = before.objects.get(kind) {
                objects.retain(|name, _| !earlier.contains_key(name));
            }
        }
        sight
    }

    /// Returns by how many bytes two differ, object by object of each kind, the largest first.
    pub(super) fn distance(&self, other: &Self) -> u64 {
        let kinds = self.objects.keys().chain(other.objects.keys());
        let kinds: std::collections::BTreeSet<&String> = kinds.collect();
        kinds
            .into_iter()
            .map(|kind| difference(&self.sizes(kind), &other.sizes(kind)))
            .sum()
    }

    /// The sizes of one kind, the largest first.
    fn sizes(&self, kind: &str) -> Vec<u64> {
        let objects = self.objects.get(kind).into_iter().flatten();
        let mut sizes: Vec<u64> = objects.map(|(_, size)| *size).collect();
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        sizes
    }

    /// A replica with packs of these sizes.
    #[cfg(test)]
    pub(super) fn made(sizes: &[u64]) -> Self {
        let packs = sizes
            .iter()
            .enumerate()
            .map(|(at, size)| (at.to_string(), *size));
        let objects = BTreeMap::from([("packs".to_owned(), packs.collect())]);
        Self { objects }
    }
}

fn difference(left: &[u64], right: &[u64]) -> u64 {
    let at = |sizes: &[u64], number| sizes.get(number).copied().unwrap_or(0);
    (0..left.len().max(right.len()))
        .map(|number| at(left, number).abs_diff(at(right, number)))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archives_are_compared_whatever_their_ids() {
        let looked_at = |id: &str, len: usize| {
            let folder = tempfile::tempdir().unwrap();
            let packs = folder.path().join(id).join("packs/00");
            std::fs::create_dir_all(&packs).unwrap();
            super::super::material::write(&packs.join("name"), &vec![0; len]).unwrap();
            Sight::of(folder.path()).unwrap()
        };
        let (one, other) = (looked_at("1a", 5), looked_at("2b", 8));
        assert_eq!(one.distance(&other), 3);
    }

    #[test]
    fn sizes_are_compared_the_largest_first_and_what_lacks_counts_whole() {
        let (left, right) = (Sight::made(&[5, 100]), Sight::made(&[90, 5, 3]));
        assert_eq!(left.distance(&right), 10 + 3);
        assert_eq!(left.distance(&left), 0);
    }
}
