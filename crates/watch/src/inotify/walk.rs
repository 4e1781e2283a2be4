//! A tree whose directories are being given watches.

use crate::changes::Why;

/// A tree whose directories are being given watches. Every one is listed after it has its watch: what is made
/// there before is found, and what is made later is told.
#[derive(Debug)]
pub(crate) struct Walk {
    /// Where it begins, below the top of the part.
    pub(crate) top: Vec<u8>,
    /// What will be said of the tree when all of it is watched.
    pub(crate) why: Why,
    /// What has to be visited.
    pub(crate) pending: Vec<Vec<u8>>,
}

impl Walk {
    pub(crate) fn new(top: Vec<u8>, why: Why) -> Self {
        let pending = vec![top.clone()];
        Self { top, why, pending }
    }
}
