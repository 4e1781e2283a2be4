//! Finds an entry of a stored directory by its name.

use strongroom_format::FormatError;
use strongroom_format::content::{Content, ListItem};
use strongroom_format::tree::Entry;

use crate::archive::Archive;
use crate::error::ReadError;

/// Ends the reading of a directory early.
enum Halt {
    Enough,
    Failed(ReadError),
}

impl From<ReadError> for Halt {
    fn from(error: ReadError) -> Self {
        Self::Failed(error)
    }
}

impl Archive {
    /// Returns the entry with a name, of a directory of which as little is read as a search by halves needs.
    pub fn find_entry(&self, tree: &Content, name: &[u8]) -> Result<Option<Entry>, ReadError> {
        let mut part = tree.clone();
        while let Content::List { level, len, id } = part {
            let items = self.list(&id, level, len)?.items;
            let (mut low, mut high) = (0, items.len());
            while high - low > 1 {
                let middle = low + (high - low) / 2;
                let first = self.first_name(below(items[middle], level)?)?;
                if first.as_slice() <= name {
                    low = middle;
                } else {
                    high = middle;
                }
            }
            part = below(*items.get(low).ok_or_else(no_items)?, level)?;
        }
        let mut found = None;
        let read = self.read_tree(&part, &mut |entry| {
            if entry.name.as_slice() < name {
                return Ok(());
            }
            found = (entry.name == name).then_some(entry);
            Err(Halt::Enough)
        });
        match read {
            Ok(()) | Err(Halt::Enough) => Ok(found),
            Err(Halt::Failed(error)) => Err(error),
        }
    }

    fn first_name(&self, mut part: Content) -> Result<Vec<u8>, ReadError> {
        while let Content::List { level, len, id } = part {
            let items = self.list(&id, level, len)?.items;
            part = below(*items.first().ok_or_else(no_items)?, level)?;
        }
        let mut first = None;
        let read = self.read_tree(&part, &mut |entry| {
            first = Some(entry.name);
            Err(Halt::Enough)
        });
        match read {
            Ok(()) | Err(Halt::Enough) => first.ok_or_else(no_items),
            Err(Halt::Failed(error)) => Err(error),
        }
    }
}

/// Returns what an item of a directory's list stands for.
fn below(item: ListItem, level: u8) -> Result<Content, ReadError> {
    match item {
        ListItem::Part { len, id } if level > 1 => Ok(Content::List {
            level: level - 1,
            len,
            id,
        }),
        ListItem::Part { len, id } => Ok(Content::Chunk {
            len: u32::try_from(len).unwrap_or(u32::MAX),
            id,
        }),
        ListItem::Hole { .. } => Err(malformed("hole")),
    }
}

fn no_items() -> ReadError {
    malformed("tree")
}

fn malformed(field: &'static str) -> ReadError {
    FormatError::malformed("tree chunk")(strongroom_base::wire::invalid(field)).into()
}
