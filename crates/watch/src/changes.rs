//! What the watcher hands out.

use crate::place::Place;

/// What may have changed since the last time it was asked.
///
/// All of it are hints: the truth is what listing finds. A directory that lies within one of the trees is not
/// listed by itself. Listing the directories first, and then walking the trees, finds new directories before what is in them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Directories that may have other entries, or entries in another state, than before, in the order of their
    /// paths. The state of the directory itself may have changed too.
    pub directories: Vec<Place>,
    /// Directories of which everything below may have changed as well, but for what lies on another file system, which is a
    /// [`Source`](crate::Source) of its own.
    pub trees: Vec<Tree>,
    /// Whether the health of a source has changed.
    pub health_changed: bool,
}

/// A directory with everything below it on the same file system, to be walked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// The directory.
    pub place: Place,
    /// Why it has to be walked.
    pub why: Why,
}

/// Why a tree has to be walked; where there are several reasons, the last one in this order is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// A directory was made there or moved there.
    New,
    /// So much has changed that single directories are no longer told apart.
    Crowded,
    /// Nothing tells of changes there, and it is time to look.
    Polled,
    /// A file system was mounted there, or is no longer.
    Mounted,
    /// The root was gone, and is there again.
    Returned,
    /// The watch has just begun.
    Started,
    /// A notice could not be understood.
    Lost,
    /// The kernel had more to tell than it keeps, and dropped the rest.
    Overflow,
}

impl Changes {
    /// Says whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.directories.is_empty() && self.trees.is_empty() && !self.health_changed
    }

    /// Says whether listing what this names would find a change in `place`.
    pub fn covers(&self, place: &Place) -> bool {
        let in_tree = |tree: &Tree| place.is_within(&tree.place);
        self.directories.contains(place) || self.trees.iter().any(in_tree)
    }
}

impl Why {
    /// Says whether changes may have gone unnoticed until the tree is walked.
    pub fn is_gap(self) -> bool {
        self >= Self::Mounted
    }
}
