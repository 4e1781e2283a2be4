//! What the last snapshot saw in a directory.

use std::collections::VecDeque;
use std::sync::Arc;

use strongroom_catalogue::{Lookup, PageEntry};
use strongroom_format::tree::Node;

use crate::error::EngineError;

/// The entries that the last snapshot saw in a directory, read page by page.
#[derive(Default)]
pub(super) struct OldEntries {
    path: Option<Arc<[u8]>>,
    next_page: u32,
    entries: VecDeque<PageEntry>,
    is_read: bool,
    /// Names of directories that nobody asked for: they are gone.
    removed: Vec<Vec<u8>>,
}

impl OldEntries {
    /// Reads those of the directory at a path, where the last snapshot had one.
    pub(super) fn of(path: Option<Arc<[u8]>>) -> Self {
        Self {
            path,
            ..Self::default()
        }
    }

    /// Returns the entry with this name; names are asked for in their order.
    pub(super) fn find(
        &mut self,
        name: &[u8],
        lookup: &Lookup,
    ) -> Result<Option<PageEntry>, EngineError> {
        loop {
            while let Some(first) = self.entries.front() {
                match first.entry.name.as_slice().cmp(name) {
                    std::cmp::Ordering::Less => self.pass_over(),
                    std::cmp::Ordering::Equal => return Ok(self.entries.pop_front()),
                    std::cmp::Ordering::Greater => return Ok(None),
                }
            }
            if !self.read_page(lookup)? {
                return Ok(None);
            }
        }
    }

    /// Returns the names of the directories that nobody asked for.
    pub(super) fn rest(&mut self, lookup: &Lookup) -> Result<Vec<Vec<u8>>, EngineError> {
        loop {
            while !self.entries.is_empty() {
                self.pass_over();
            }
            if !self.read_page(lookup)? {
                return Ok(std::mem::take(&mut self.removed));
            }
        }
    }

    fn pass_over(&mut self) {
        if let Some(first) = self.entries.pop_front()
            && matches!(first.entry.node, Node::Directory { .. })
        {
            self.removed.push(first.entry.name);
        }
    }

    /// Reads the next page; says whether there is one.
    fn read_page(&mut self, lookup: &Lookup) -> Result<bool, EngineError> {
        let Some(path) = self.path.as_ref().filter(|_| !self.is_read) else {
            return Ok(false);
        };
        let page = lookup.page(path, self.next_page)?;
        self.next_page += 1;
        self.is_read = page.is_none();
        self.entries = page.unwrap_or_default().into();
        Ok(!self.is_read)
    }
}
