//! Which watch is of which directory.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::place::{name, parent};

/// The watched directories of one mount, as a tree.
///
/// A directory knows the one above it and its own name; a path is put together when it is asked for. So
/// whatever moves, all below it moves with it.
#[derive(Debug, Default)]
pub(crate) struct WatchTree {
    nodes: HashMap<i32, Node>,
    children: BTreeMap<(i32, Arc<[u8]>), i32>,
    top: Option<i32>,
}

#[derive(Debug)]
struct Node {
    above: i32,
    name: Arc<[u8]>,
}

/// Numbers that are no watch's: they begin at 1.
const NONE: i32 = 0;

impl WatchTree {
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(crate) fn has(&self, watch: i32) -> bool {
        self.nodes.contains_key(&watch)
    }

    pub(crate) fn watches(&self) -> impl Iterator<Item = i32> {
        self.nodes.keys().copied()
    }

    /// Returns the path of a watched directory, as it is now.
    pub(crate) fn path(&self, watch: i32) -> Option<Vec<u8>> {
        let mut names = Vec::new();
        let mut node = self.nodes.get(&watch)?;
        while node.above != NONE {
            names.push(&*node.name);
            node = self.nodes.get(&node.above)?;
        }
        names.reverse();
        Some(names.join(&b'/'))
    }

    /// Returns the watch of the directory at `path`.
    pub(crate) fn at(&self, path: &[u8]) -> Option<i32> {
        let names = path.split(|byte| *byte == b'/');
        let mut names = names.filter(|name| !name.is_empty());
        names.try_fold(self.top?, |above, name| self.child(above, name))
    }

    /// Returns the watch of an entry of a watched directory.
    pub(crate) fn child(&self, above: i32, name: &[u8]) -> Option<i32> {
        self.children.get(&(above, name.into())).copied()
    }

    /// Notes that the directory at `path` has this watch. Returns the watches that are of no known directory any more, which may
    /// be this one: where the one above is not known, there is a notice on its way that will say more.
    pub(crate) fn put(&mut self, path: &[u8], watch: i32) -> Vec<i32> {
        let Some(above) = parent(path) else {
            return self.put_top(watch);
        };
        match self.at(above) {
            Some(above) => self.put_child(above, name(path), watch),
            None if self.has(watch) => Vec::new(),
            None => vec![watch],
        }
    }

    fn put_top(&mut self, watch: i32) -> Vec<i32> {
        if self.top == Some(watch) {
            return Vec::new();
        }
        let gone = self.top.map_or_else(Vec::new, |top| self.remove(top));
        let (above, name) = (NONE, Arc::from(&b""[..]));
        self.nodes.insert(watch, Node { above, name });
        self.top = Some(watch);
        gone
    }

    fn put_child(&mut self, above: i32, name: &[u8], watch: i32) -> Vec<i32> {
        if self.child(above, name) == Some(watch) {
            return Vec::new();
        }
        if self.is_within(above, watch) {
            // What is known is not how things are; the notices that say so are on their way.
            return self.remove(watch);
        }
        let replaced = self.child(above, name);
        let mut gone = replaced.map_or_else(Vec::new, |replaced| self.remove(replaced));
        gone.retain(|gone| *gone != watch);
        let name: Arc<[u8]> = name.into();
        let node = Node {
            above,
            name: Arc::clone(&name),
        };
        // A directory has one place: if it was known at another one, it has moved, with all below it.
        if let Some(before) = self.nodes.insert(watch, node) {
            self.children.remove(&(before.above, before.name));
        }
        self.children.insert((above, name), watch);
        gone
    }

    /// Says whether `watch` is of `top` or of something below it.
    fn is_within(&self, mut watch: i32, top: i32) -> bool {
        while watch != top {
            match self.nodes.get(&watch) {
                Some(node) if node.above != NONE => watch = node.above,
                _ => return false,
            }
        }
        true
    }

    /// Forgets a directory and all below it, and returns their watches.
    pub(crate) fn remove(&mut self, watch: i32) -> Vec<i32> {
        let mut gone = vec![watch];
        let mut done = 0;
        while let Some(&above) = gone.get(done) {
            let range = (above, Arc::from(&b""[..]))..(above + 1, Arc::from(&b""[..]));
            gone.extend(self.children.extract_if(range, |_, _| true).map(|(_, w)| w));
            done += 1;
        }
        for watch in &gone {
            if let Some(node) = self.nodes.remove(watch) {
                self.children.remove(&(node.above, node.name));
            }
        }
        if self.top == Some(watch) {
            self.top = None;
        }
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(paths: &[(&str, i32)]) -> WatchTree {
        let mut tree = WatchTree::default();
        for (path, watch) in paths {
            assert_eq!(tree.put(path.as_bytes(), *watch), Vec::<i32>::new());
        }
        tree
    }

    fn path(tree: &WatchTree, watch: i32) -> String {
        String::from_utf8(tree.path(watch).unwrap()).unwrap()
    }

    #[test]
    fn what_moves_takes_along_what_is_below() {
        let mut tree = tree(&[("", 1), ("a", 2), ("a/b", 3), ("a/b/c", 4), ("d", 5)]);
        assert_eq!(path(&tree, 4), "a/b/c");
        assert_eq!(tree.put(b"d/e", 3), Vec::<i32>::new());
        assert_eq!(path(&tree, 4), "d/e/c");
        assert_eq!(tree.at(b"d/e/c"), Some(4));
        assert_eq!(tree.at(b"a/b"), None);
        let mut gone = tree.remove(5);
        gone.sort_unstable();
        assert_eq!(gone, [3, 4, 5]);
        assert_eq!((tree.len(), tree.children.len()), (2, 1));
    }

    #[test]
    fn what_is_replaced_is_forgotten() {
        let mut tree = tree(&[("", 1), ("a", 2), ("a/b", 3)]);
        let mut gone = tree.put(b"a", 9);
        gone.sort_unstable();
        assert_eq!(gone, [2, 3]);
        assert_eq!(path(&tree, 9), "a");
        assert_eq!(tree.path(3), None);
        assert_eq!(tree.put(b"gone/c", 10), [10]);
        assert_eq!(tree.put(b"", 11).len(), 2);
        assert_eq!((tree.len(), tree.at(b"")), (1, Some(11)));
    }

    #[test]
    fn nothing_gets_below_itself() {
        let mut tree = tree(&[("", 1), ("a", 2), ("a/b", 3), ("a/b/c", 4)]);
        let mut gone = tree.put(b"a/b/x", 2);
        gone.sort_unstable();
        assert_eq!(gone, [2, 3, 4]);
        assert_eq!(tree.len(), 1);
        let mut nested = self::tree(&[("", 1), ("a", 2), ("a/b", 3)]);
        assert_eq!(nested.put(b"a", 3).len(), 1, "the outer one is replaced");
        assert_eq!(path(&nested, 3), "a");
    }
}
