//! What comes out of the walk.

use strongroom_format::body::Statistics;
use strongroom_format::tree::{Entry, Node};

use super::batch::Standing;
use super::summary::Counts;

/// What came out of the walk.
#[derive(Default)]
pub(crate) struct Assembled {
    /// The entries of the roots, in the order of the walk; none where a root was lost.
    pub(crate) roots: Vec<Option<Entry>>,
    pub(crate) statistics: Statistics,
    /// Whether any root is not as the last snapshot saw it.
    pub(crate) changed: bool,
    /// How many files are new and changed. What was not looked at is not counted.
    pub(crate) counts: Counts,
    /// How many files changed while they were read.
    pub(crate) unsettled: u64,
}

impl Assembled {
    /// Counts an entry, if it is a file.
    pub(super) fn count_file(&mut self, entry: &Entry, standing: Standing) {
        if !matches!(entry.node, Node::File { .. }) {
            return;
        }
        match standing {
            Standing::New => self.counts.new += 1,
            Standing::Changed => self.counts.changed += 1,
            Standing::Same => {}
        }
        self.unsettled += u64::from(entry.meta.unsettled);
    }
}
