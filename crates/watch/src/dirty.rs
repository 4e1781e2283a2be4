//! The set of directories that may have changed, of bounded size.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use crate::changes::{Tree, Why};
use crate::place::{Place, way};

/// Directories, single or with all below them, each named once.
///
/// Where it would get too large, the deepest ones are put together: a tree takes the place of many directories. No tree
/// takes in what lies on another file system: it ends where that begins.
#[derive(Debug)]
pub(crate) struct DirtySet {
    roots: Vec<BTreeMap<Vec<u8>, Depth>>,
    /// Where other file systems begin within each root.
    tops: Vec<Tops>,
    len_max: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Depth {
    Directory,
    Tree(Why),
}

impl DirtySet {
    pub(crate) fn new(roots: usize, len_max: usize) -> Self {
        let tops = vec![Tops::default(); roots];
        let roots = vec![BTreeMap::new(); roots];
        Self {
            roots,
            tops,
            len_max,
        }
    }

    /// Says at which places parts of the roots begin that are watched each for itself.
    pub(crate) fn divide_at<'p>(&mut self, places: impl Iterator<Item = &'p Place>) {
        self.tops.iter_mut().for_each(|tops| tops.0.clear());
        for place in places.filter(|place| !place.is_root()) {
            self.tops[place.root()].0.insert(place.bytes().to_vec());
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.roots.iter().map(BTreeMap::len).sum()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.roots.iter().all(BTreeMap::is_empty)
    }

    pub(crate) fn add_directory(&mut self, place: &Place) {
        if self.put_directory(place.root(), place.bytes()) {
            self.bound();
        }
    }

    pub(crate) fn add_tree(&mut self, place: &Place, why: Why) {
        self.put_tree(place.root(), place.bytes(), why);
        self.bound();
    }

    /// Says whether a tree that overlaps `place`, on the same file system, waits because of a gap.
    pub(crate) fn has_gap_at(&self, place: &Place) -> bool {
        let tops = &self.tops[place.root()];
        let own = tops.of(place.bytes());
        self.trees().any(|tree| {
            let overlaps = place.is_within(&tree.place) || tree.place.is_within(place);
            tree.why.is_gap() && overlaps && tops.of(tree.place.bytes()) == own
        })
    }

    /// Empties the set.
    pub(crate) fn take(&mut self) -> (Vec<Place>, Vec<Tree>) {
        let trees = self.trees().collect();
        let mut directories = Vec::new();
        for (root, map) in self.roots.iter_mut().enumerate() {
            for (path, depth) in std::mem::take(map) {
                if depth == Depth::Directory {
                    directories.push(Place::new(root, path));
                }
            }
        }
        (directories, trees)
    }

    fn trees(&self) -> impl Iterator<Item = Tree> {
        let all = self.roots.iter().enumerate();
        let entries = all.flat_map(|(root, map)| map.iter().map(move |entry| (root, entry)));
        entries.filter_map(|(root, (path, depth))| match depth {
            Depth::Directory => None,
            Depth::Tree(why) => Some(Tree {
                place: Place::new(root, path.clone()),
                why: *why,
            }),
        })
    }

    fn put_directory(&mut self, root: usize, path: &[u8]) -> bool {
        let own = self.tops[root].of(path);
        let map = &mut self.roots[root];
        if map.contains_key(path) || covering(map, path, own).is_some() {
            return false;
        }
        map.insert(path.to_vec(), Depth::Directory);
        true
    }

    fn put_tree(&mut self, root: usize, path: &[u8], mut why: Why) {
        let tops = &self.tops[root];
        let own = tops.of(path);
        let map = &mut self.roots[root];
        if let Some(waiting) = covering(map, path, own) {
            *waiting = why.max(*waiting);
            return;
        }
        for (_, depth) in map.extract_if(within(path), |below, _| tops.of(below) == own) {
            if let Depth::Tree(absorbed) = depth {
                why = why.max(absorbed);
            }
        }
        map.insert(path.to_vec(), Depth::Tree(why));
    }

    fn bound(&mut self) {
        if self.len() > self.len_max {
            self.cut(self.depth_for(self.len_max / 2));
        }
    }

    /// Returns the depth at which cutting all paths leaves at most `len` of them, or 0.
    fn depth_for(&self, len: usize) -> usize {
        let deepest = |map: &BTreeMap<Vec<u8>, Depth>| map.keys().map(|path| depth(path)).max();
        let deepest = self.roots.iter().filter_map(deepest).max().unwrap_or(0);
        let mut left = vec![0; deepest + 1];
        for map in &self.roots {
            let mut before: &[u8] = b"";
            for path in map.keys() {
                let (shared, own) = (shared_depth(before, path), depth(path));
                // What is not deeper stays as it is; cut deeper, it is there once for each new name on its way.
                left[own..].iter_mut().for_each(|count| *count += 1);
                left[shared.min(own)..own]
                    .iter_mut()
                    .skip(1)
                    .for_each(|count| *count += 1);
                before = path;
            }
        }
        left.iter().rposition(|count| *count <= len).unwrap_or(0)
    }

    fn cut(&mut self, depth_max: usize) {
        for root in 0..self.roots.len() {
            for (path, found) in std::mem::take(&mut self.roots[root]) {
                let depth_max = depth_max.max(depth(&path[..self.tops[root].of(&path)]));
                let cut = way(&path).nth(depth_max).filter(|cut| *cut != path);
                match (cut, found) {
                    (None, Depth::Directory) => drop(self.put_directory(root, &path)),
                    (None, Depth::Tree(why)) => self.put_tree(root, &path, why),
                    (Some(cut), Depth::Directory) => self.put_tree(root, cut, Why::Crowded),
                    (Some(cut), Depth::Tree(why)) => {
                        self.put_tree(root, cut, why.max(Why::Crowded));
                    }
                }
            }
        }
    }
}

/// The places within a root at which other file systems begin.
#[derive(Clone, Debug, Default)]
struct Tops(BTreeSet<Vec<u8>>);

impl Tops {
    /// Returns the length of the path at which the file system of `path` begins.
    fn of(&self, path: &[u8]) -> usize {
        if self.0.is_empty() {
            return 0;
        }
        let tops = way(path).filter(|above| self.0.contains(*above));
        tops.last().map_or(0, <[u8]>::len)
    }
}

/// Returns the reason of the tree that has `path` within it, of a file system that begins after so many bytes of the path.
fn covering<'a>(
    map: &'a mut BTreeMap<Vec<u8>, Depth>,
    path: &[u8],
    own: usize,
) -> Option<&'a mut Why> {
    let is_tree = |above: &&[u8]| matches!(map.get(*above), Some(Depth::Tree(_)));
    let above = way(path).filter(|above| above.len() >= own).find(is_tree)?;
    match map.get_mut(above) {
        Some(Depth::Tree(why)) => Some(why),
        _ => None,
    }
}

/// Returns the range of keys that are `path` or below it; a few that only begin alike are not in it.
fn within(path: &[u8]) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
    if path.is_empty() {
        return (Bound::Unbounded, Bound::Unbounded);
    }
    let end = |last: u8| [path, &[last]].concat();
    (Bound::Included(end(b'/')), Bound::Excluded(end(b'/' + 1)))
}

fn depth(path: &[u8]) -> usize {
    way(path).count() - 1
}

fn shared_depth(a: &[u8], b: &[u8]) -> usize {
    way(a)
        .zip(way(b))
        .skip(1)
        .take_while(|(a, b)| a == b)
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(len_max: usize) -> DirtySet {
        DirtySet::new(2, len_max)
    }

    fn place(path: &str) -> Place {
        Place::new(0, path.as_bytes().to_vec())
    }

    fn taken(set: &mut DirtySet) -> (Vec<String>, Vec<(String, Why)>) {
        let (directories, trees) = set.take();
        assert!(set.is_empty());
        let text = |place: &Place| format!("{place:?}");
        let named = trees.iter().map(|tree| (text(&tree.place), tree.why));
        (directories.iter().map(text).collect(), named.collect())
    }

    #[test]
    fn a_directory_is_named_once_and_not_below_a_tree() {
        let mut set = set(100);
        for path in ["a", "a/b", "a-b", "a/b/c", "a", ""] {
            set.add_directory(&place(path));
        }
        set.add_tree(&place("a/b"), Why::New);
        set.add_directory(&place("a/b/d"));
        let (directories, trees) = taken(&mut set);
        assert_eq!(directories, ["0:", "0:a", "0:a-b"]);
        assert_eq!(trees, [("0:a/b".to_owned(), Why::New)]);
    }

    #[test]
    fn a_tree_takes_in_what_is_below_it_with_the_gravest_reason() {
        let mut set = set(100);
        set.add_tree(&place("a/b"), Why::Overflow);
        set.add_directory(&place("a"));
        set.add_directory(&place("ab"));
        set.add_tree(&place("a"), Why::New);
        assert!(set.has_gap_at(&place("a/x")));
        assert!(set.has_gap_at(&place("")));
        assert!(!set.has_gap_at(&place("ab")));
        let (directories, trees) = taken(&mut set);
        assert_eq!(directories, ["0:ab"]);
        assert_eq!(trees, [("0:a".to_owned(), Why::Overflow)]);

        set.add_tree(&place(""), Why::New);
        set.add_tree(&place("x"), Why::Started);
        let everything = [("0:".to_owned(), Why::Started)];
        assert_eq!(taken(&mut set), (vec![], everything.to_vec()));
    }

    #[test]
    fn a_tree_ends_where_another_file_system_begins() {
        let mut set = set(20);
        let tops = [place("disk"), place("disk/usb"), Place::of_root(1)];
        set.divide_at(tops.iter());
        for path in ["a", "disk", "disk/b", "disk/usb/c"] {
            set.add_directory(&place(path));
        }
        set.add_tree(&place(""), Why::Overflow);
        set.add_directory(&place("a/b"));
        set.add_directory(&place("disk/d"));
        assert!(set.has_gap_at(&place("")));
        assert!(!set.has_gap_at(&place("disk")));
        let (directories, trees) = taken(&mut set);
        assert_eq!(
            directories,
            ["0:disk", "0:disk/b", "0:disk/d", "0:disk/usb/c"]
        );
        assert_eq!(trees, [("0:".to_owned(), Why::Overflow)]);

        set.add_tree(&place("disk"), Why::Overflow);
        set.add_tree(&place(""), Why::New);
        assert!(!set.has_gap_at(&place("")));
        assert!(!set.has_gap_at(&place("disk/usb")));
        let (_, trees) = taken(&mut set);
        let both = [("0:", Why::New), ("0:disk", Why::Overflow)];
        assert_eq!(trees, both.map(|(name, why)| (name.to_owned(), why)));

        for number in 0..1000 {
            set.add_directory(&place(&format!("disk/{number}")));
            set.add_directory(&place(&format!("disk/usb/{number}")));
            assert!(set.len() <= 22, "{set:?}");
        }
        let (_, trees) = taken(&mut set);
        let names: Vec<_> = trees.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["0:disk", "0:disk/usb"]);
    }

    #[test]
    fn too_many_are_put_together_at_the_depth_that_suffices() {
        let mut set = set(20);
        set.add_directory(&place("top"));
        for number in 0..20 {
            set.add_directory(&place(&format!("a/{}/{number}", number % 4)));
        }
        set.add_directory(&Place::of_root(1));
        assert!(set.len() <= 20, "{set:?}");
        let (directories, trees) = taken(&mut set);
        assert_eq!(directories, ["0:top", "1:"]);
        let names: Vec<_> = trees.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["0:a/0", "0:a/1", "0:a/2", "0:a/3"]);
        assert!(trees.iter().all(|(_, why)| *why == Why::Crowded));
    }

    #[test]
    fn many_in_one_directory_become_that_directory() {
        let mut set = set(20);
        for number in 0..1000 {
            set.add_directory(&place(&format!("{number}")));
            assert!(set.len() <= 20);
        }
        let (directories, trees) = taken(&mut set);
        assert_eq!(directories, Vec::<String>::new());
        assert_eq!(trees, [("0:".to_owned(), Why::Crowded)]);
    }
}
