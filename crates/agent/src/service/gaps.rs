//! Which sources are walked because something may have been missed there, and how often that was done.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use strongroom_watch::{Changes, Source, Tree, Why};

/// Sources, by where they begin.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    /// Those that the next round walks.
    open: BTreeSet<PathBuf>,
    /// Those that this round walks.
    under_way: BTreeSet<PathBuf>,
    walks: BTreeMap<PathBuf, u64>,
}

impl Gaps {
    /// Takes in where something may have been missed. What is walked because the watch has just begun is no gap.
    pub(super) fn note(&mut self, changes: &Changes, sources: &[Source]) {
        let is_gap = |tree: &&Tree| tree.why.is_gap() && tree.why != Why::Started;
        for tree in changes.trees.iter().filter(is_gap) {
            let around = sources
                .iter()
                .filter(|source| tree.place.is_within(&source.place));
            if let Some(source) = around.max_by_key(|source| source.place.bytes().len()) {
                self.open.insert(source.path.clone());
            }
        }
    }

    /// Notes that a round begins.
    pub(super) fn begin(&mut self) {
        self.under_way = std::mem::take(&mut self.open);
        for path in &self.under_way {
            *self.walks.entry(path.clone()).or_default() += 1;
        }
    }

    /// Notes that the round did not come to its end: what it walked is walked once more.
    pub(super) fn again(&mut self) {
        self.open.append(&mut self.under_way);
    }

    /// Notes that the round came to its end.
    pub(super) fn done(&mut self) {
        self.under_way.clear();
    }

    /// Says whether something may have been missed in a source, and no walk has come to its end since.
    pub(super) fn is_open(&self, path: &Path) -> bool {
        self.open.contains(path) || self.under_way.contains(path)
    }

    /// Returns how often a source was walked.
    pub(super) fn walks(&self, path: &Path) -> u64 {
        self.walks.get(path).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use strongroom_watch::{Health, Place};

    use super::*;

    fn source(path: &str, below: &str) -> Source {
        Source {
            place: Place::below(0, below.as_bytes()),
            path: path.into(),
            file_system: "ext4".to_owned(),
            mechanism: None,
            passed_over: None,
            health: Health::Live,
        }
    }

    fn changes(trees: &[(&str, Why)]) -> Changes {
        let tree = |&(below, why): &(&str, Why)| Tree {
            place: Place::below(0, below.as_bytes()),
            why,
        };
        Changes {
            trees: trees.iter().map(tree).collect(),
            ..Changes::default()
        }
    }

    #[test]
    fn walks_are_counted_at_the_file_system_that_is_walked() {
        let sources = [source("/home", ""), source("/home/disk", "disk")];
        let mut gaps = Gaps::default();
        gaps.note(&changes(&[("", Why::Started), ("new", Why::New)]), &sources);
        gaps.begin();
        assert_eq!(gaps.walks(Path::new("/home")), 0);
        gaps.note(&changes(&[("disk", Why::Overflow)]), &sources);
        gaps.note(&changes(&[("disk", Why::Overflow)]), &sources);
        gaps.begin();
        let walks = |gaps: &Gaps| ["/home", "/home/disk"].map(|path| gaps.walks(Path::new(path)));
        assert_eq!(walks(&gaps), [0, 1], "two that one walk settles");
        assert!(gaps.is_open(Path::new("/home/disk")) && !gaps.is_open(Path::new("/home")));
        gaps.again();
        gaps.begin();
        assert_eq!(walks(&gaps), [0, 2]);
        assert!(gaps.is_open(Path::new("/home/disk")));
        gaps.done();
        assert!(!gaps.is_open(Path::new("/home/disk")));
        gaps.begin();
        gaps.note(&changes(&[("", Why::Lost)]), &sources);
        gaps.begin();
        assert_eq!(walks(&gaps), [1, 2]);
    }
}
