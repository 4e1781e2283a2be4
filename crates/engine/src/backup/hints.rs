//! Which directories may have changed since the last snapshot, where something watched them.

use std::collections::BTreeSet;
use std::ops::Bound;

use super::batch::join;

/// Directories that may have changed. Everything else is taken to be as the last snapshot saw it.
///
/// Paths are absolute, without a `/` at the end but for the root of all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    directories: BTreeSet<Vec<u8>>,
    subtrees: BTreeSet<Vec<u8>>,
    /// Where hints for what is around end.
    edges: BTreeSet<Vec<u8>>,
    /// The numbers of files of which any name may have changed.
    files: BTreeSet<u64>,
    /// Device and number of files that are known to have several names.
    linked: BTreeSet<(u64, u64)>,
}

/// How a directory is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Visit {
    /// Listed, and all below it.
    All,
    /// Listed; those below it as they need.
    List,
    /// Not listed: something below it may have changed.
    Pass,
    /// Not at all.
    Skip,
}

impl Hints {
    /// Says that entries of a directory may have changed.
    pub fn directory(&mut self, path: Vec<u8>) {
        self.directories.insert(path);
    }

    /// Says that a directory and anything below it may have changed.
    pub fn subtree(&mut self, path: Vec<u8>) {
        self.subtrees.insert(path);
    }

    /// Says that what was said of a directory around this one does not concern this one and what is below it.
    pub fn edge(&mut self, path: Vec<u8>) {
        self.edges.insert(path);
    }

    /// Says that a file with this number may have changed, by whatever names the last snapshot saw it.
    pub fn file(&mut self, number: u64) {
        self.files.insert(number);
    }

    /// Says whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns how many hints there are.
    pub fn len(&self) -> usize {
        self.directories.len() + self.subtrees.len() + self.files.len()
    }

    /// Says whether files are named by their numbers, so that their names have to be searched for.
    pub fn has_files(&self) -> bool {
        !self.files.is_empty()
    }

    /// Takes other hints in.
    pub fn merge(&mut self, other: Self) {
        self.directories.extend(other.directories);
        self.subtrees.extend(other.subtrees);
        self.edges.extend(other.edges);
        self.files.extend(other.files);
    }

    /// Returns the numbers of files of which any name may have changed.
    pub(super) fn files(&self) -> &BTreeSet<u64> {
        &self.files
    }

    /// Notes that a file is known to have several names.
    pub(super) fn note_linked(&mut self, dev: u64, ino: u64) {
        self.linked.insert((dev, ino));
    }

    /// Says whether a file is known to have several names.
    pub(super) fn is_linked(&self, dev: u64, ino: u64) -> bool {
        self.linked.contains(&(dev, ino))
    }

    /// Says how to look at a directory.
    pub(crate) fn visit(&self, path: &[u8]) -> Visit {
        if self.is_in_subtree(path) {
            Visit::All
        } else if self.directories.contains(path) {
            Visit::List
        } else if first_below(&self.directories, path)
            .or(first_below(&self.subtrees, path))
            .is_some()
        {
            Visit::Pass
        } else {
            Visit::Skip
        }
    }

    /// Says whether everything of a directory may have changed.
    fn is_in_subtree(&self, path: &[u8]) -> bool {
        for above in ancestors(path) {
            if self.subtrees.contains(above) {
                return true;
            }
            if self.edges.contains(above) {
                return false;
            }
        }
        false
    }

    /// Says whether what was said of the directory above does not concern this one.
    pub(crate) fn is_edge(&self, path: &[u8]) -> bool {
        self.edges.contains(path)
    }

    /// Returns the names in a directory at or below which something may have changed, in their order.
    pub(crate) fn names_below(&self, path: &[u8]) -> Vec<Vec<u8>> {
        let mut names = BTreeSet::new();
        for hints in [&self.directories, &self.subtrees] {
            let mut from = join(path, b"");
            while let Some(next) = hints
                .range::<[u8], _>((Bound::Included(&from[..]), Bound::Unbounded))
                .next()
                .filter(|found| is_below(found, path))
            {
                let name = first_name(next, path).to_vec();
                from = join(path, &name);
                // What is below it comes after names that begin with this one, as `a-` is between `a` and `a/b`.
                let is_itself = next.len() == from.len();
                from.push(if is_itself { 0 } else { b'/' + 1 });
                names.insert(name);
            }
        }
        names.into_iter().collect()
    }
}

/// Returns a path and all above it.
fn ancestors(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let slashes = path.iter().enumerate().rev();
    let above = slashes
        .filter(|(at, byte)| **byte == b'/' && at + 1 < path.len())
        .map(|(at, _)| &path[..at.max(1)]);
    std::iter::once(path).chain(above)
}

fn is_below(path: &[u8], above: &[u8]) -> bool {
    path.len() > above.len() && path.starts_with(&join(above, b""))
}

fn first_name<'p>(path: &'p [u8], above: &[u8]) -> &'p [u8] {
    let rest = &path[join(above, b"").len()..];
    rest.split(|byte| *byte == b'/').next().unwrap_or(rest)
}

fn first_below<'h>(hints: &'h BTreeSet<Vec<u8>>, path: &[u8]) -> Option<&'h Vec<u8>> {
    let from = join(path, b"");
    let mut after = hints.range::<[u8], _>((Bound::Excluded(&from[..]), Bound::Unbounded));
    after.next().filter(|found| is_below(found, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hints(directories: &[&str], subtrees: &[&str]) -> Hints {
        let mut hints = Hints::default();
        for path in directories {
            hints.directory(path.as_bytes().to_vec());
        }
        for path in subtrees {
            hints.subtree(path.as_bytes().to_vec());
        }
        hints
    }

    #[test]
    fn each_directory_is_looked_at_as_it_needs() {
        let hints = hints(&["/a/b", "/a-b"], &["/c/d"]);
        let cases = [
            ("/", Visit::Pass),
            ("/a", Visit::Pass),
            ("/a/b", Visit::List),
            ("/a/b/c", Visit::Skip),
            ("/a-b", Visit::List),
            ("/a-", Visit::Skip),
            ("/c", Visit::Pass),
            ("/c/d", Visit::All),
            ("/c/d/e/f", Visit::All),
            ("/c/dd", Visit::Skip),
        ];
        for (path, visit) in cases {
            assert_eq!(hints.visit(path.as_bytes()), visit, "{path}");
        }
        let mut all = Hints::default();
        all.subtree(b"/".to_vec());
        assert_eq!(all.visit(b"/x/y"), Visit::All);
        assert_eq!(all.visit(b"/"), Visit::All);
    }

    #[test]
    fn a_subtree_ends_at_an_edge() {
        let mut hints = hints(&["/a/disk/b/c"], &["/a", "/a/disk/usb"]);
        hints.edge(b"/a/disk".to_vec());
        hints.edge(b"/a/disk/usb".to_vec());
        let cases = [
            ("/a/b", Visit::All),
            ("/a/disk", Visit::Pass),
            ("/a/disk/b", Visit::Pass),
            ("/a/disk/b/c", Visit::List),
            ("/a/disk/d", Visit::Skip),
            ("/a/disk/usb/e", Visit::All),
        ];
        for (path, visit) in cases {
            assert_eq!(hints.visit(path.as_bytes()), visit, "{path}");
        }
        assert_eq!(hints.len(), 3, "an edge is no hint");
        // Whoever says so of the place itself means all of it.
        hints.subtree(b"/a/disk".to_vec());
        assert_eq!(hints.visit(b"/a/disk/d"), Visit::All);
    }

    #[test]
    fn names_that_lead_to_a_hint_are_found_once_and_in_order() {
        let found = hints(
            &["/r/b/x", "/r/b/y", "/r/b", "/r/b-", "/r/a/1", "/s"],
            &["/r/c/1/2"],
        );
        let names: Vec<_> = ["a", "b", "b-", "c"].map(|n| n.as_bytes().to_vec()).into();
        assert_eq!(found.names_below(b"/r"), names);
        let top: Vec<_> = ["r", "s"].map(|n| n.as_bytes().to_vec()).into();
        assert_eq!(found.names_below(b"/"), top);
        assert!(found.names_below(b"/s").is_empty());
        assert!(found.names_below(b"/r/b/x").is_empty());
    }
}
