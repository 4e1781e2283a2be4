//! What was noticed in one turn of the watcher, before it is handed out.

use crate::changes::Why;
use crate::place::Place;

/// One thing that was noticed.
#[derive(Debug)]
pub(crate) enum Hint {
    Directory(Place),
    Tree(Place, Why),
}

/// What was noticed in one turn.
#[derive(Debug, Default)]
pub(crate) struct Hints {
    list: Vec<Hint>,
}

impl Hints {
    /// Notes a directory. Many notices in a row are of the same one.
    pub(crate) fn directory(&mut self, place: &Place) {
        let is_last = matches!(self.list.last(), Some(Hint::Directory(last)) if last == place);
        if !is_last {
            self.list.push(Hint::Directory(place.clone()));
        }
    }

    /// Notes a directory with all below it.
    pub(crate) fn tree(&mut self, place: Place, why: Why) {
        self.list.push(Hint::Tree(place, why));
    }

    pub(crate) fn take(&mut self) -> Vec<Hint> {
        std::mem::take(&mut self.list)
    }
}
