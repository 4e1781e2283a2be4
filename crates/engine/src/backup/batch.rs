//! What travels from the walk through the workers to the assembly.

use std::sync::Arc;

use strongroom_base::clock::Timestamp;
use strongroom_catalogue::{DirectoryRow, Local, PageEntry, Sums};
use strongroom_files::{Dir, Stat};
use strongroom_format::tree::{Entry, Meta};

/// A run of steps of the walk, numbered in the order of the walk.
pub(crate) struct Batch<S> {
    pub(crate) number: u64,
    pub(crate) steps: Vec<S>,
}

/// A directory that the walk enters.
pub(crate) struct Enter {
    pub(crate) path: Arc<[u8]>,
    pub(crate) name: Box<[u8]>,
    pub(crate) dir: Arc<Dir>,
    pub(crate) stat: Stat,
    /// What the last snapshot saw of it.
    pub(crate) row: Option<DirectoryRow>,
    /// Where the last snapshot saw it, if not here.
    pub(crate) moved_from: Option<Arc<[u8]>>,
    /// Whether its entries other than directories are as the last snapshot saw them.
    pub(crate) clean: bool,
    /// Whether every directory in it is looked at.
    pub(crate) all: bool,
    pub(crate) fingerprint: [u8; 32],
    pub(crate) newest: Timestamp,
    pub(crate) scanned: Timestamp,
}

/// A step of the walk, before the workers.
pub(crate) enum Step {
    /// A directory begins.
    Enter(Box<Enter>),
    /// The directory ends.
    Leave,
    /// An entry is as the last snapshot saw it.
    Same(Box<PageEntry>),
    /// A directory is as the last snapshot saw it, with everything below.
    SameDirectory(Box<PageEntry>, Sums),
    /// The directory with this path is gone, with everything below.
    Removed(Box<[u8]>),
    /// An entry is to be read.
    Read(Box<ToRead>),
    /// The entry of this name cannot be read.
    Lost(Box<[u8]>),
}

/// An entry that is to be read.
pub(crate) struct ToRead {
    pub(crate) dir: Arc<Dir>,
    pub(crate) dir_path: Arc<[u8]>,
    pub(crate) name: Box<[u8]>,
    pub(crate) stat: Stat,
    /// What the last snapshot has in its place.
    pub(crate) known: Option<Box<Entry>>,
}

/// How an entry compares with the last snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The last snapshot has nothing in its place.
    New,
    /// The last snapshot has it in another state.
    Changed,
    /// The last snapshot has it in this state.
    Same,
}

impl Standing {
    /// Compares an entry that was read with what the last snapshot has.
    pub(crate) fn of(entry: &Entry, known: Option<&Entry>) -> Self {
        match known {
            None => Self::New,
            Some(known) if is_same(entry, known) => Self::Same,
            Some(_) => Self::Changed,
        }
    }
}

/// Whether something changed while it was read does not tell two states apart.
fn is_same(entry: &Entry, known: &Entry) -> bool {
    if entry.meta.unsettled == known.meta.unsettled {
        return entry == known;
    }
    let mut entry = entry.clone();
    entry.meta.unsettled = known.meta.unsettled;
    entry == *known
}

/// A step of the walk, after the workers.
pub(crate) enum Done {
    /// A directory begins.
    Enter(Box<Enter>, Box<Meta>),
    /// The directory ends.
    Leave,
    /// A directory is as the last snapshot saw it, with everything below.
    SameDirectory(Box<PageEntry>, Sums),
    /// The directory with this path is gone, with everything below.
    Removed(Box<[u8]>),
    /// An entry of the directory.
    Entry {
        entry: Box<Entry>,
        local: Local,
        /// Whether the next snapshot must look at it again whatever its state.
        unsure: bool,
        standing: Standing,
    },
    /// The entry of this name was there and could not be read, or is a directory that could not be listed.
    Lost(Box<[u8]>),
    /// An entry was there and is gone, or is not kept.
    Gone,
}

/// Joins a directory's path and a name.
pub(crate) fn join(path: &[u8], name: &[u8]) -> Vec<u8> {
    let mut joined = Vec::with_capacity(path.len() + 1 + name.len());
    joined.extend_from_slice(path);
    if path.last() != Some(&b'/') {
        joined.push(b'/');
    }
    joined.extend_from_slice(name);
    joined
}
