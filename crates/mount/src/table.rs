//! Inode numbers.
//!
//! What is in a stored directory has a number made of the directory's tree and the position in it: nothing is
//! kept of it, and what is the same in several snapshots is one inode, so that the kernel reads it once.
//! Folders are one inode each at each path, as the kernel wants it: their numbers come from the number of
//! the folder above and the name, and they are kept while the kernel knows them.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use strongroom_base::wire::Put as _;
use strongroom_format::content::Content;
use strongroom_format::tree::{Entry, Node};

use crate::history::Shown;

/// The number of the top folder.
pub(crate) const TOP: u64 = 1;

/// Bits of a number that say the position in a tree.
const POSITION_BITS: u32 = 36;
/// Trees are numbered up to this.
const TREES_MAX: usize = (1 << (63 - POSITION_BITS)) - 2;
/// Marks numbers of folders.
const FOLDER: u64 = 1 << 63;

/// Where an entry stands: the number of a tree, and a position in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) tree: u32,
    pub(crate) position: u64,
}

impl Place {
    /// Returns the inode number; `None` where the position is too large for one.
    fn ino(self) -> Option<u64> {
        let fits = self.position >> POSITION_BITS == 0;
        fits.then(|| (u64::from(self.tree) + 1) << POSITION_BITS | self.position)
    }

    /// Returns the place that an inode number stands for.
    pub(crate) fn of_ino(ino: u64) -> Option<Self> {
        if ino & FOLDER != 0 {
            return None;
        }
        let tree = (ino >> POSITION_BITS).checked_sub(1)?;
        Some(Self {
            tree: u32::try_from(tree).ok()?,
            position: ino & ((1 << POSITION_BITS) - 1),
        })
    }
}

/// What holds entries.
pub(crate) enum Holder {
    /// A stored directory.
    Tree(Content),
    /// The roots of a snapshot; the positions are their numbers.
    Roots(Arc<Shown>),
}

/// A holder, and its path on the computer where it was first met.
pub(crate) struct Tree {
    pub(crate) holder: Holder,
    pub(crate) path: Box<[u8]>,
}

/// A folder, or a link that is not in the archive.
#[derive(Clone)]
pub(crate) enum Folder {
    Top,
    ById,
    Tags,
    /// The snapshots with one tag; its name as a folder.
    Tag(Arc<str>),
    /// A link from these folders to a snapshot's.
    Link(Arc<str>),
    /// Leads to the roots of a snapshot.
    Above {
        shown: Arc<Shown>,
        path: Arc<[u8]>,
    },
    /// A stored directory.
    Stored(Place),
    /// All that ever was at a path.
    Versions {
        path: Arc<[u8]>,
    },
}

struct Known {
    folder: Folder,
    above: u64,
    name: Box<[u8]>,
    lookups: u64,
}

#[derive(Default)]
struct Trees {
    list: Vec<Arc<Tree>>,
    numbers: HashMap<Box<[u8]>, u32>,
}

/// The inode numbers of a mount.
pub(crate) struct Table {
    trees: RwLock<Trees>,
    folders: Mutex<HashMap<u64, Known>>,
    /// The first name of an inode that has several.
    links: Mutex<HashMap<(u64, u64), u64>>,
    hasher: RandomState,
}

impl Table {
    pub(crate) fn new(top: Folder) -> Self {
        let top = Known {
            folder: top,
            above: TOP,
            name: Box::default(),
            lookups: 1,
        };
        Self {
            trees: RwLock::default(),
            folders: Mutex::new(HashMap::from([(TOP, top)])),
            links: Mutex::default(),
            hasher: RandomState::new(),
        }
    }

    /// Returns the number of a stored directory's tree.
    pub(crate) fn number_tree(&self, tree: &Content, path: &[u8]) -> Option<u32> {
        let mut key = vec![0];
        tree.put(&mut key);
        self.number(key, path, || Holder::Tree(tree.clone()))
    }

    /// Returns the number of the roots of a snapshot.
    pub(crate) fn number_roots(&self, shown: &Arc<Shown>) -> Option<u32> {
        let mut key = vec![1];
        key.extend_from_slice(&shown.info.hash);
        self.number(key, b"", || Holder::Roots(shown.clone()))
    }

    fn number(&self, key: Vec<u8>, path: &[u8], make: impl FnOnce() -> Holder) -> Option<u32> {
        let trees = self.trees.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = trees.numbers.get(&key[..]) {
            return Some(*number);
        }
        drop(trees);
        let mut trees = self.trees.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = trees.numbers.get(&key[..]) {
            return Some(*number);
        }
        if trees.list.len() > TREES_MAX {
            return None;
        }
        let number = u32::try_from(trees.list.len()).ok()?;
        let (holder, path) = (make(), path.into());
        trees.list.push(Arc::new(Tree { holder, path }));
        trees.numbers.insert(key.into_boxed_slice(), number);
        Some(number)
    }

    /// Returns the tree with a number.
    pub(crate) fn tree(&self, number: u32) -> Option<Arc<Tree>> {
        let trees = self.trees.read().unwrap_or_else(PoisonError::into_inner);
        trees.list.get(number as usize).cloned()
    }

    /// Returns the number of an entry that is no directory; all names of one inode have one number.
    pub(crate) fn ino_of(&self, place: Place, entry: &Entry) -> Option<u64> {
        let ino = place.ino()?;
        let Some(link) = entry.meta.link else {
            return Some(ino);
        };
        let key = (link, self.hasher.hash_one(sameness(entry)));
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        Some(*links.entry(key).or_insert(ino))
    }

    /// Returns the number of a folder by the one above it and its name, and counts that the kernel knows it.
    pub(crate) fn enter(&self, above: u64, name: &[u8], folder: Folder) -> u64 {
        let mut folders = self.folders();
        let mut ino = self.number_of(above, name);
        loop {
            match folders.get_mut(&ino) {
                None => {
                    let name = name.into();
                    let known = Known {
                        folder,
                        above,
                        name,
                        lookups: 1,
                    };
                    folders.insert(ino, known);
                    return ino;
                }
                Some(known) if known.above == above && *known.name == *name => {
                    known.folder = folder;
                    known.lookups += 1;
                    return ino;
                }
                // Another one has this number.
                Some(_) => ino = ino.wrapping_add(1) | FOLDER,
            }
        }
    }

    /// Returns the number that a folder has, or will have.
    pub(crate) fn number_of(&self, above: u64, name: &[u8]) -> u64 {
        self.hasher.hash_one((above, name)) | FOLDER
    }

    /// Takes back what [`enter`](Self::enter) counted.
    pub(crate) fn forget(&self, ino: u64, lookups: u64) {
        if ino & FOLDER == 0 {
            // Of what is no folder nothing is kept, and the top stays.
            return;
        }
        let mut folders = self.folders();
        if let Some(known) = folders.get_mut(&ino) {
            known.lookups = known.lookups.saturating_sub(lookups);
            if known.lookups == 0 {
                folders.remove(&ino);
            }
        }
    }

    /// Returns a folder that the kernel knows.
    pub(crate) fn folder(&self, ino: u64) -> Option<Folder> {
        self.folders().get(&ino).map(|known| known.folder.clone())
    }

    /// Changes what the top folder is.
    pub(crate) fn set_top(&self, top: Folder) {
        if let Some(known) = self.folders().get_mut(&TOP) {
            known.folder = top;
        }
    }

    /// Returns the number of the folder above.
    pub(crate) fn above(&self, ino: u64) -> u64 {
        self.folders().get(&ino).map_or(TOP, |known| known.above)
    }

    fn folders(&self) -> MutexGuard<'_, HashMap<u64, Known>> {
        self.folders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns bytes that are the same for all names of an inode, and in all snapshots where it is the same.
fn sameness(entry: &Entry) -> Vec<u8> {
    let meta = &entry.meta;
    let mut bytes = Vec::new();
    bytes.put_zigzag(meta.mtime.0);
    bytes.put_varint(u128::from(meta.mode));
    bytes.put_varint(u128::from(meta.owner.uid));
    bytes.put_varint(u128::from(meta.owner.gid));
    for (name, value) in &meta.xattrs {
        bytes.put_bytes(name);
        value.put(&mut bytes);
    }
    match &entry.node {
        Node::File { content } => content.put(&mut bytes),
        Node::Symlink { target } => bytes.put_bytes(target),
        Node::CharDevice { major, minor } | Node::BlockDevice { major, minor } => {
            bytes.put_u32(*major);
            bytes.put_u32(*minor);
        }
        Node::Directory { .. } | Node::Fifo => {}
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_numbers_and_back() {
        for (tree, position) in [(0, 0), (7, 5), (TREES_MAX, (1 << POSITION_BITS) - 1)] {
            let tree = u32::try_from(tree).unwrap();
            let place = Place { tree, position };
            assert_eq!(Place::of_ino(place.ino().unwrap()), Some(place));
        }
        assert_eq!(Place::of_ino(TOP), None);
        assert_eq!(Place::of_ino(FOLDER | 5 << POSITION_BITS), None);
        let position = 1 << POSITION_BITS;
        assert_eq!(Place { tree: 0, position }.ino(), None);
    }

    #[test]
    fn folders_keep_their_numbers_and_go_when_they_are_forgotten() {
        let table = Table::new(Folder::Top);
        let first = table.enter(TOP, b"tags", Folder::Tags);
        assert_eq!(table.enter(TOP, b"tags", Folder::Tags), first);
        assert_ne!(table.enter(TOP, b"by-id", Folder::ById), first);
        table.forget(first, 1);
        assert!(table.folder(first).is_some());
        table.forget(first, 1);
        assert!(table.folder(first).is_none());
        assert_eq!(table.enter(TOP, b"tags", Folder::Tags), first);
        assert_eq!(table.folders().len(), 3);
    }
}
